"""Every conclusion of the notebooks, asserted against the recorded runs.

A conclusion is a bullet in a Markdown cell tagged ``verdict``; its id stands in bold at its start.
A bullet without a claim here fails, and so does a claim without its bullet.
"""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
BULLET = re.compile(r"^- \*\*\[(?P<id>\d\d-[a-z-]+)\]\*\* ", re.MULTILINE)
# Each notebook's claims stand in a module of its own, beside this one.
CLAIMS = {
    name: claim
    for path in sorted(Path(__file__).parent.glob("notebook_*.py"))
    for name, claim in import_module(path.stem).CLAIMS.items()
}


def bullets() -> dict[str, str]:
    """Every conclusion, by id, with the name of its notebook."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "verdict" in cell.metadata.get("tags", []):
                for match in BULLET.finditer(cell.source):
                    assert match["id"] not in found, f"{match['id']} stands twice"
                    found[match["id"]] = path.stem
    return found


def test_every_conclusion_is_a_bullet_with_an_id() -> None:
    for path in sorted(FOLDER.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "verdict" in cell.metadata.get("tags", []):
                lines = [line for line in cell.source.splitlines() if line.startswith("- ")]
                assert lines, f"{path.stem}: a verdict without a bullet"
                assert all(BULLET.match(line) for line in lines), path.stem


def test_bullets_and_claims_are_the_same() -> None:
    assert set(bullets()) == set(CLAIMS)
    for name, notebook in bullets().items():
        assert notebook.startswith(name[:2])


@pytest.mark.parametrize("name", CLAIMS)
def test_claim_holds(name: str) -> None:
    assert CLAIMS[name]()
