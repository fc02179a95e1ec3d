"""The recorded runs of notebook 07 belong to the recipes that stand in it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_utils import ledger

NOTEBOOK = "07_capstone"


@pytest.fixture
def recipes(root: Path) -> dict[str, Any]:
    cells = nbformat.read(root / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4).cells
    (source,) = (cell.source for cell in cells if cell.get("id") == "recipes")
    found = ast.parse(source).body[0]
    assert isinstance(found, ast.Assign)
    return json.loads(json.dumps(ast.literal_eval(found.value)))  # tuples as the ledger has them


@pytest.mark.parametrize("scale", ["embedded", "full"])
def test_recorded_runs_have_the_recipes_of_the_notebook(
    recipes: dict[str, Any], scale: str
) -> None:
    records = ledger.recorded(scale, NOTEBOOK)
    assert records
    for record in records:
        recipe = recipes[record["data"]["name"]]
        recorded = {name: record["parameters"].get(name) for name in recipe}
        assert recorded == recipe, f"{record['arm']}, seed {record['seed']}: record it again"


@pytest.mark.parametrize("scale", ["embedded", "full"])
def test_the_steps_of_a_ladder_were_trained_equally_long(scale: str) -> None:
    lengths: dict[str, set[int]] = {}
    for record in ledger.recorded(scale, NOTEBOOK):
        if not record["arm"].endswith("_short"):  # a fifth of the epochs, for the race only
            lengths.setdefault(record["data"]["name"], set()).add(record["epochs"])
    assert lengths
    assert all(len(of_set) == 1 for of_set in lengths.values()), lengths
