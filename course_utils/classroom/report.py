"""``course report``: HTML pages of executed notebooks and an index that needs no server."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils.classroom import tables

if TYPE_CHECKING:
    from nbformat import NotebookNode

LINKS = re.compile("<!-- course links -->.*?<!-- end of course links -->", re.S)

# nbconvert's page for JupyterLab, with the figures' own alternative texts, code that scrolls where
# a screen is narrow, and a place for links to the other pages. It is without the scripts that only
# widgets and formulas need: they come from the network, and a page must open without one.
PAGE = """
{%- extends 'index.html.j2' -%}
{% block html_head_js_requirejs %}{% if "widgets" in nb.metadata %}{{ super() }}{% endif %}
{% endblock %}
{% block html_head_js_mathjax %}{% if nb.metadata.has_formulas %}{{ super() }}{% endif %}
{% endblock %}
{% block extra_css %}<style>
.jp-RenderedImage img { max-width: 100%; height: auto }
body .jp-InputArea-editor .highlight pre { overflow-x: auto }
body .jp-RenderedHTML > div { overflow-x: auto }
.course-links { display: flex; flex-wrap: wrap; justify-content: space-between; gap: .3rem 1.5rem;
  padding: .7rem .3rem; font: 1rem/1.5 system-ui, sans-serif }
.course-links a { color: #0550ae }
</style>
{% endblock %}
{% block body_header %}{{ super() }}
<!-- course links --><!-- end of course links -->
{% endblock %}
{% block body_footer %}<!-- course links --><!-- end of course links -->
{{ super() }}{% endblock %}
{% block data_png scoped %}
<div class="jp-RenderedImage jp-OutputArea-output {{ extra_class }}">
<img src="data:image/png;base64,{{ output.data['image/png'] | escape_html }}"
alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{% endblock data_png %}
"""

INDEX = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Overfit on Purpose</title>
<style>
:root {{ color-scheme: light; --line: #d0d7de; --soft: #57606a }}
* {{ box-sizing: border-box }}
body {{ margin: 0 auto; max-width: 84rem; padding: 1.5rem 1rem 3rem; color: #1f2328;
  background: #fff; font: 1rem/1.5 system-ui, sans-serif }}
h1 {{ font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem }}
h2 {{ font-size: 1.2rem; margin: 2.2rem 0 .8rem }}
.soft {{ color: var(--soft) }}
.cards {{ display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)) }}
.card {{ border: 1px solid var(--line); border-radius: .5rem; overflow: hidden;
  display: flex; flex-direction: column }}
.card img {{ display: block; width: 100%; height: 10rem; object-fit: contain;
  border-bottom: 1px solid var(--line); background: #fff }}
.card div {{ padding: .8rem 1rem 1rem }}
.card h3 {{ font-size: 1rem; margin: 0 0 .3rem }}
.card p {{ margin: .3rem 0 0; font-size: .9rem; overflow-wrap: anywhere }}
.failed {{ border-color: #b35900 }}
.failed strong {{ color: #8a4300 }}
.wide {{ overflow-x: auto }}
table {{ border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums }}
th, td {{ padding: .35rem .55rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line) }}
th:nth-child(-n+4), td:nth-child(-n+4) {{ text-align: left }}
th {{ white-space: normal; vertical-align: bottom }}
a {{ color: #0550ae }}
</style>
</head>
<body>
<h1>Overfit on Purpose</h1>
<p class="soft">{summary}</p>
<h2>Notebooks</h2>
<div class="cards">
{cards}
</div>
<h2>Results</h2>
{table}
</body>
</html>
"""


def write_page(notebook: Path) -> Path:
    """Write the HTML page of an executed notebook beside it.

    Parameters
    ----------
    notebook : pathlib.Path
        The executed notebook.

    Returns
    -------
    pathlib.Path
        The page.
    """
    import nbformat

    from course_utils.classroom import claims

    nb = nbformat.read(notebook, as_version=4)
    claims.link_beside(nb, ".html")
    target = notebook.with_suffix(".html")
    target.write_text(page(nb, notebook.stem), encoding="utf-8")
    return target


def page(nb: NotebookNode, name: str = "") -> str:
    """HTML of a notebook; without a heading in it, `name` is the title."""
    from jinja2 import DictLoader
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(
        template_name="lab",
        template_file="course.html.j2",
        extra_loaders=[DictLoader({"course.html.j2": PAGE})],
    )
    nb.metadata["title"] = title(nb) or name
    prose = (cell.source for cell in nb.cells if cell.cell_type == "markdown")
    nb.metadata["has_formulas"] = any(re.search(r"\$|\\[(\[]", text) for text in prose)
    return exporter.from_notebook_node(nb)[0]


def title(nb: NotebookNode) -> str:
    """First heading of a notebook, as plain text."""
    for cell in nb.cells:
        # Papermill puts a note about an error above the title.
        if cell.cell_type == "markdown" and (
            found := re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.M)
        ):
            return re.sub(r"[*_`]", "", found[1])
    return ""


def figure(nb: NotebookNode) -> tuple[bytes, str] | None:
    """The figure that stands for a notebook.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    tuple of (bytes, str) or None
        PNG and alternative text of the first figure of a cell tagged ``thumbnail``, else of the
        first figure; None where there is no figure.
    """
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    marked = [cell for cell in cells if "thumbnail" in cell.metadata.get("tags", [])]
    for cell in marked + cells:
        for output in cell.outputs:
            data = output.get("data", {}).get("image/png")
            if data:
                alt = output.metadata.get("image/png", {}).get("alt", "")
                return base64.b64decode("".join(data)), alt
    return None


def _error(nb: NotebookNode) -> str:
    """Why a notebook failed: as `course run` noted it, else the first error in its outputs."""
    if noted := nb.metadata.get("course", {}).get("error"):
        return noted
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return f"cell {cell.execution_count}: {output.ename}: {output.evalue}"
    return ""


def write_index(folder: Path, records: Iterable[dict[str, Any]]) -> Path:
    """Write ``index.html`` for the executed notebooks of a folder, and link their pages.

    Where one of them links to the page of claims, that page is written too.

    Parameters
    ----------
    folder : pathlib.Path
        Folder with executed notebooks and their pages.
    records : iterable of dict
        Runs for the table of results.

    Returns
    -------
    pathlib.Path
        The index.
    """
    import nbformat

    from course_utils.classroom import claims

    cards, failed, linked, titles = [], 0, False, {}
    thumbnails = folder / "thumbnails"
    shutil.rmtree(thumbnails, ignore_errors=True)
    paths = sorted(folder.glob("*.ipynb"))
    for path in paths:
        nb = nbformat.read(path, as_version=4)
        failed += bool(_error(nb))
        linked |= claims.link_beside(nb)
        titles[path.with_suffix(".html")] = title(nb) or path.stem
        cards.append(_card(path, nb, thumbnails))
    if linked:
        claims.copy(folder)
        claims.write_pages(folder)
    _link({page: text for page, text in titles.items() if page.is_file()})
    summary = f"{len(paths)} notebooks" + (f", {failed} failed" if failed else "")
    index = folder / "index.html"
    text = INDEX.format(summary=summary, cards="\n".join(cards), table=tables.html_table(records))
    index.write_text(text, encoding="utf-8")
    return index


def _link(titles: dict[Path, str]) -> None:
    """Link each page to the one before it, the index and the one after it."""
    pages = list(titles)
    for i, page in enumerate(pages):
        links = ['<a href="index.html">All notebooks</a>']
        if i > 0:
            before = pages[i - 1]
            text = escape(titles[before])
            links.insert(0, f'<a rel="prev" href="{escape(before.name)}">← {text}</a>')
        if i + 1 < len(pages):
            after = pages[i + 1]
            text = escape(titles[after])
            links.append(f'<a rel="next" href="{escape(after.name)}">{text} →</a>')
        block = (
            '<!-- course links --><nav class="course-links" aria-label="Notebooks">'
            f"{' '.join(links)}</nav><!-- end of course links -->"
        )
        html = page.read_text(encoding="utf-8")
        page.write_text(LINKS.sub(lambda _, block=block: block, html), encoding="utf-8")


def _card(path: Path, nb: NotebookNode, thumbnails: Path) -> str:
    image = ""
    target = escape(f"{path.stem}.html")
    if found := figure(nb):
        thumbnails.mkdir(exist_ok=True)
        (thumbnails / f"{path.stem}.png").write_bytes(found[0])
        source = escape(f"thumbnails/{path.stem}.png")
        image = f'<a href="{target}"><img src="{source}" alt="{escape(found[1])}"></a>\n'
    seconds = nb.metadata.get("course", {}).get("seconds")
    notes = [path.stem] + ([f"{seconds:.0f} s"] if seconds is not None else [])
    error = _error(nb)
    return (
        f'<article class="card{" failed" if error else ""}">\n{image}<div>'
        f'<h3><a href="{target}">{escape(title(nb) or path.stem)}</a></h3>'
        + (f"<p><strong>Failed</strong> in {escape(error)}</p>" if error else "")
        + f'<p class="soft">{escape(" · ".join(notes))} · '
        f'<a href="{escape(path.name)}">notebook</a></p></div>\n</article>'
    )


@click.command("report", short_help="Write the pages and the index of a run again.")
@click.argument(
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("build/course"),
)
def command(folder: Path) -> None:
    """Write the HTML page of every executed notebook in FOLDER, and index.html, again.

    FOLDER is what `course run` wrote, build/course if not given; its ledger.jsonl makes the table.
    """
    from course_utils import ledger
    from course_utils.classroom.run import relative

    for path in sorted(folder.glob("*.ipynb")):
        write_page(path)
    index = write_index(folder, ledger.read(folder / "ledger.jsonl"))
    click.echo(f"Index: {relative(index)}")
