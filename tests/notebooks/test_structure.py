"""Rules that every notebook of the course keeps, as it is committed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode

from course_utils.classroom import notebooks as rules

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PROFILES = yaml.safe_load((FOLDER / "profiles.yaml").read_text(encoding="utf-8"))
PARAMETER = re.compile(r"^[a-z][a-z0-9_]*: (?P<type>\w[\w\[\], ]*) = (?P<value>.+?)  # \S.*$")
LONGEST_CELL = 20
LONGEST_LINE = 107

pytestmark = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=nbformat.NO_CONVERT)


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def tagged(path: Path, tag: str) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if tag in cell.metadata.get("tags", [])]


def test_name_and_format(path: Path) -> None:
    nb = read(path)
    assert re.fullmatch(r"\d\d_[a-z0-9_]+", path.stem)
    nbformat.validate(nb)
    assert (nb.nbformat, nb.nbformat_minor) >= (4, 5)
    ids = [cell.id for cell in nb.cells]
    assert len(set(ids)) == len(ids)
    assert nb.metadata.kernelspec.name == "python3"


def test_written_by_make_outputs(path: Path) -> None:
    nb = read(path)
    again = rules.cleaned(nbformat.from_dict(nb))
    assert nb == again, "something in it changes from run to run; run: make outputs"


def test_one_parameters_cell(path: Path) -> None:
    cells = tagged(path, "parameters")
    assert len(cells) == 1
    assert not tagged(path, "injected-parameters")
    lines = cells[0].source.splitlines()
    for line in lines:
        match = PARAMETER.match(line)
        assert match, f"not of the form 'name: type = literal  # help': {line}"
        ast.literal_eval(match["value"])
    found = rules.parameters(path)
    assert len(found) == len(lines), "papermill does not see every parameter"
    for name, parameter in found.items():
        assert parameter["inferred_type_name"] not in ("", "None"), name
        assert parameter["help"], name


def test_profiles_name_parameters_of_the_notebook(path: Path) -> None:
    assert path.stem in PROFILES
    known = rules.parameters(path)
    for profile in ("smoke", "full"):
        assert profile in PROFILES[path.stem]
        assert set(PROFILES[path.stem][profile] or {}) <= set(known), profile


def test_executed_top_to_bottom(path: Path) -> None:
    counts = [cell.execution_count for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1)), "run: make outputs"


def test_no_errors(path: Path) -> None:
    for cell in code_cells(path):
        kinds = [output.output_type for output in cell.outputs]
        assert "error" not in kinds, cell.source


def test_outputs_belong_to_the_code(path: Path) -> None:
    for cell in code_cells(path):
        stored = cell.metadata.get("source_sha")
        assert stored == rules.digest(cell.source), (
            f"changed after it was run; run: make outputs\n{cell.source}"
        )


def test_no_machine_paths(path: Path) -> None:
    found = list(rules.machine_paths(read(path)))
    assert not found


def test_figures_have_alternative_text(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                assert alt.strip(), f"In [{cell.execution_count}] {cell.source[:80]}"


def test_every_figure_stands_in_words_below_it(path: Path) -> None:
    for cell in code_cells(path):
        shown = [output.get("data", {}) for output in cell.outputs]
        for output, following in zip(shown, [*shown, {}][1:], strict=True):
            if "image/png" in output:
                words = "".join(following.get("text/html", ""))
                assert words.startswith("<details>"), "drawn without course_utils.plots, or old"


def test_cells_are_short(path: Path) -> None:
    for cell in code_cells(path):
        n_lines = len(cell.source.splitlines())
        assert 0 < n_lines <= LONGEST_CELL, f"{n_lines} lines:\n{cell.source}"


def test_nothing_on_stderr(path: Path) -> None:
    for cell in code_cells(path):
        for output in cell.outputs:
            assert output.get("name") != "stderr", f"In [{cell.execution_count}]: {output.text}"


def test_printed_lines_fit(path: Path) -> None:
    """At 1280 pixels JupyterLab breaks a longer line, in the middle of a word."""
    for cell in code_cells(path):
        for output in cell.outputs:
            for line in output.get("text", "").splitlines():
                assert len(line) <= LONGEST_LINE, f"In [{cell.execution_count}]: {line}"
