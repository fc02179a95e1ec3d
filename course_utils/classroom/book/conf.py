"""Sphinx's configuration of the book."""

import sys
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from myst_nb.core.render import NbElementRenderer
from sphinx.application import Sphinx
from sphinx.ext.autodoc.mock import MockFinder, ismock

from course_utils import __version__
from course_utils.classroom import book, claims

# Nothing is computed where docstrings are read, so that what computes is not imported.
sys.meta_path.insert(0, MockFinder(["tensorflow", "keras"]))
project = "Overfit on Purpose"
author = copyright = "the Overfit on Purpose authors"
html_title = project
html_theme = "sphinx_book_theme"
html_theme_options: dict[str, Any] = {"navbar_persistent": []}  # the search has a place already
html_context = {"default_mode": "auto"}
repository, release = book.address(), __version__
if repository:  # the buttons that lead there
    html_theme_options |= {
        "repository_url": repository,
        "repository_branch": f"v{release}",
        "path_to_docs": "notebooks",
        "use_repository_button": True,
        "launch_buttons": {
            "colab_url": "https://colab.research.google.com",
            "binderhub_url": "https://mybinder.org",
            "notebook_interface": "jupyterlab",
        },
    }
html_static_path = ["_static"]
html_css_files = ["book.css"]
html_js_files = [("runs.js", {"defer": "defer"})]
html_extra_path = [f"../../reference/{name}.jsonl" for name in claims.RECORDS]
html_last_updated_fmt = ""
html_show_sphinx = False
html_show_search_summary = False  # read by requests, which a page from disk may not make
html_math_renderer = "mathml"  # by the browser itself: no script, and none from elsewhere
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "sphinxcontrib.bibtex",
]
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}
nb_code_prompt_show = "Show the code"
nb_code_prompt_hide = "Hide the code"
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
bibtex_bibfiles = ["pages/references.bib"]
autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False


def _formula(writer: Any, node: nodes.Element) -> None:
    block = isinstance(node, nodes.math_block)
    writer.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    """Hand on the alternative texts of pictures, and leave formulas to the browser."""
    plain = NbElementRenderer.render_image

    def with_words(self: NbElementRenderer, data: Any) -> list[nodes.Element]:
        (image,) = plain(self, data)
        image["alt"] = data.output_metadata.get(data.mime_type, {}).get("alt", "")
        return [image]

    def unknown(app: Sphinx, what: str, name: str, member: Any, skip: bool, given: Any) -> Any:
        return name in ("build", "call") or ismock(member) or None  # Keras's hooks

    NbElementRenderer.render_image = with_words
    app.connect("autodoc-skip-member", unknown)
    app.add_html_math_renderer("mathml", (_formula, None), (_formula, None))
