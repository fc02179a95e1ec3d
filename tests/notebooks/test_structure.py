"""Rules that every notebook of the course keeps, as it is committed."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from course_utils import ledger
from course_utils.classroom import notebooks as rules

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PROFILES = yaml.safe_load((FOLDER / "profiles.yaml").read_text(encoding="utf-8"))
PARAMETER = re.compile(r"^[a-z][a-z0-9_]*: (?P<type>\w[\w\[\], ]*) = (?P<value>.+?)  # \S.*$")
LONGEST_CELL = 20
MOST = {"code cells": 30, "lines of code": 300, "words": 2800}  # without the exercises at the end
MOST_OF_PRACTICE = 1600  # words, code and solutions with them
LONGEST_LINE = 108  # at 1280 pixels JupyterLab breaks a longer one, in the middle of a word

every_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def parts(path: Path) -> tuple[list[NotebookNode], list[NotebookNode]]:
    """The cells of the lesson, and those from the heading "Exercises" to the next heading."""
    lesson: list[NotebookNode] = []
    practice: list[NotebookNode] = []
    within = False
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            within = cell.source.startswith("## Exercises")
        (practice if within else lesson).append(cell)
    return lesson, practice


@every_notebook
def test_format(path: Path) -> None:
    nb = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(nb)
    assert (nb.nbformat, nb.nbformat_minor) >= (4, 5)
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert nb.metadata.kernelspec.name == "python3"
    again = rules.cleaned(nbformat.from_dict(nb))
    assert nb == again, "something in it changes from run to run; run: make outputs"


@every_notebook
def test_one_parameters_cell_that_papermill_reads(path: Path) -> None:
    (cell,) = (c for c in code_cells(path) if "parameters" in c.metadata.get("tags", []))
    for line in cell.source.splitlines():
        match = PARAMETER.match(line)
        assert match, f"not of the form 'name: type = literal  # help': {line}"
        ast.literal_eval(match["value"])
    found = rules.parameters(path)
    assert len(found) == len(cell.source.splitlines())
    assert all(parameter["inferred_type_name"] not in ("", "None") for parameter in found.values())
    for profile in ("smoke", "full"):
        assert set(PROFILES[path.stem][profile] or {}) <= set(found), profile


@every_notebook
def test_cells_are_short(path: Path) -> None:
    for cell in code_cells(path):
        n_lines = len(cell.source.splitlines())
        assert 0 < n_lines <= LONGEST_CELL, f"{n_lines} lines:\n{cell.source}"


@every_notebook
def test_a_notebook_is_short(path: Path) -> None:
    cells, practice = parts(path)
    assert sum(len(cell.source.split()) for cell in practice) <= MOST_OF_PRACTICE
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    has = {
        "code cells": len(code),
        "lines of code": sum(bool(line.strip()) for text in code for line in text.splitlines()),
        "words": sum(len(text.split()) for text in prose),
    }
    over = {name: (n, MOST[name]) for name, n in has.items() if n > MOST[name]}
    assert not over


@every_notebook
def test_set_up_is_folded_in_jupyterlab_and_in_the_book_alike(path: Path) -> None:
    for cell in code_cells(path):
        tags = set(cell.metadata.get("tags", []))
        hidden = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert hidden == bool(tags & {"hide-input", "solution"}), cell.source
        assert hidden or "setup" not in tags


@every_notebook
def test_outputs_belong_to_the_code(path: Path) -> None:
    cells = code_cells(path)
    counts = [cell.execution_count for cell in cells]
    assert counts == list(range(1, len(counts) + 1)), "run: make outputs"
    for cell in cells:
        assert cell.metadata.get("source_sha") == rules.digest(cell.source), (
            f"changed after it was run; run: make outputs\n{cell.source}"
        )


@every_notebook
def test_outputs_read_well(path: Path) -> None:
    """No error, nothing red, no line that is too long; each figure has an alt text and words."""
    assert not list(rules.machine_paths(nbformat.read(path, as_version=4)))
    for cell in code_cells(path):
        where = f"In [{cell.execution_count}] {cell.source[:80]}"
        for output, following in zip(cell.outputs, [*cell.outputs[1:], {}], strict=False):
            assert output.output_type != "error" and output.get("name") != "stderr", where
            longest = max(map(len, output.get("text", "").splitlines()), default=0)
            assert longest <= LONGEST_LINE, where
            if "image/png" in output.get("data", {}):
                assert output.metadata.get("image/png", {}).get("alt", "").strip(), where
                words = "".join(following.get("data", {}).get("text/html", ""))
                assert words.startswith("<details>"), f"drawn without course_utils.plots: {where}"


@pytest.mark.parametrize("scale", ["embedded", "full"])
def test_recorded_runs_of_the_capstone_have_its_recipes(scale: str) -> None:
    cells = code_cells(FOLDER / "07_capstone.ipynb")
    (source,) = (cell.source for cell in cells if cell.id == "recipes")
    (assignment, *_) = ast.parse(source).body
    assert isinstance(assignment, ast.Assign)
    recipes = json.loads(json.dumps(ast.literal_eval(assignment.value)))  # lists, as in the ledger
    records = ledger.recorded(scale, "07_capstone")
    lengths: dict[str, set[int]] = {}
    for record in records:
        recipe = recipes[record["data"]["name"]]
        recorded = {name: record["parameters"].get(name) for name in recipe}
        assert recorded == recipe, f"{record['arm']}, seed {record['seed']}: record it again"
        if not record["arm"].endswith(("_short", "_muon")):  # these have cycles of other lengths
            lengths.setdefault(record["data"]["name"], set()).add(record["epochs"])
    assert lengths and all(len(of_set) == 1 for of_set in lengths.values()), lengths
