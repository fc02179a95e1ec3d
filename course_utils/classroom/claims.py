"""The page of claims, laid beside notebooks that are copied out of their folder.

In the notebooks, each conclusion links to ``../course_utils/reference/claims.md``, and that page to
the lines of the recorded runs. Beside a copy of a notebook stand copies of all of them.
"""

from __future__ import annotations

import re
from html import escape
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

RECORDS = ("embedded", "full")
LINK = re.compile(r"\]\([\w./]*\bclaims\.md#")
LINES = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Recorded runs</title>
<style>
li {{ margin-bottom: 1rem; overflow-wrap: anywhere }}
:target {{ background: #fff8c5 }}
</style>
</head>
<body>
<ol>
{lines}
</ol>
</body>
</html>
"""


def link_beside(nb: NotebookNode, suffix: str = ".md", folder: str = "") -> bool:
    """Point the links to the page of claims to a copy of it near the notebook, in place.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook.
    suffix : {".md", ".html"}
        Which copy.
    folder : str
        Where the copy is, from the notebook, with ``/`` at its end; empty for beside it.

    Returns
    -------
    bool
        Whether the notebook has such links.
    """
    found = 0
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source, n = LINK.subn(f"]({folder}claims{suffix}#", cell.source)
            found += n
    return found > 0


def texts() -> dict[str, str]:
    """``claims.md`` and the records that it links to, by the names of their files."""
    return {name: _read(name) for name in ("claims.md", *(f"{run}.jsonl" for run in RECORDS))}


def copy(folder: Path) -> None:
    """Write ``claims.md`` and the records that it links to into a folder."""
    for name, text in texts().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def write_pages(folder: Path) -> None:
    """Write ``claims.html``, and pages of the records with an anchor at each, into a folder."""
    from nbformat.v4 import new_markdown_cell, new_notebook

    from course_utils.classroom import report

    text = _read("claims.md")
    for name in RECORDS:
        text = text.replace(f"{name}.jsonl#", f"{name}.html#")
        text = text.replace(f"({name}.jsonl)", f"({name}.html)")
    page = report.page(new_notebook(cells=[new_markdown_cell(text)]))
    (folder / "claims.html").write_text(page, encoding="utf-8")
    for name in RECORDS:
        lines = [
            f'<li id="L{number}"><code>{escape(line, quote=False)}</code></li>'
            for number, line in enumerate(_read(f"{name}.jsonl").rstrip("\n").split("\n"), 1)
        ]
        page = LINES.format(lines="\n".join(lines))
        (folder / f"{name}.html").write_text(page, encoding="utf-8")


def _read(name: str) -> str:
    return (resources.files("course_utils") / "reference" / name).read_text(encoding="utf-8")
