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


def beside(nb: NotebookNode, folder: str = "") -> dict[str, str]:
    """Point a notebook's links to copies in a folder; return them, none if there is no link."""
    found = 0
    for cell in nb.cells:
        if cell.cell_type == "markdown":
            cell.source, n = LINK.subn(f"]({folder}claims.md#", cell.source)
            found += n
    return {name: read(name) for name in FILES} if found else {}


def read(name: str) -> str:
    """Text of the page of claims, or of the records that it links to."""
    return (resources.files("course_utils") / "reference" / name).read_text(encoding="utf-8")
