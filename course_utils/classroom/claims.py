"""The page of claims, laid beside notebooks that are copied out of their folder.

In the notebooks, each conclusion links to ``../course_utils/reference/claims.md``, and that page to
the lines of the recorded runs. Beside a copy of a notebook stand copies of all of them.
"""

from __future__ import annotations

import re
from importlib import resources

from nbformat import NotebookNode

RECORDS = ("embedded", "full", "settings", "map")
FILES = ("claims.md", *(f"{name}.jsonl" for name in RECORDS))
LINK = re.compile(r"\]\([\w./]*\bclaims\.md#")


def link_beside(nb: NotebookNode, suffix: str = ".md", folder: str = "") -> bool:
    """Point a notebook's links to a copy of the page near it; return whether there are any."""
    found = 0
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source, n = LINK.subn(f"]({folder}claims{suffix}#", cell.source)
            found += n
    return found > 0


def beside(nb: NotebookNode) -> dict[str, str]:
    """Point a notebook's links to a copy beside it; return the files, none if there is no link."""
    return {name: read(name) for name in FILES} if link_beside(nb) else {}


def read(name: str) -> str:
    """Text of the page of claims, or of the records that it links to."""
    return (resources.files("course_utils") / "reference" / name).read_text(encoding="utf-8")
