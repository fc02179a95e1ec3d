"""The students' edition, and the exercises that it keeps."""

from __future__ import annotations

import ast
import json
import re
import textwrap
import zipfile
from pathlib import Path

import nbformat
import pytest
from commands import run

from course_utils.checks._exercises import EXERCISES
from course_utils.classroom import claims, notebooks, student
from course_utils.classroom.mark import inside

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def edition(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("out") / "student"
    done = run("student", "--to", str(target))
    assert done.exit_code == 0, done.output
    return target


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_no_outputs_and_no_solutions(path: Path, edition: Path) -> None:
    original = nbformat.read(path, as_version=4)
    nb = nbformat.read(edition / path.name, as_version=4)
    nbformat.validate(nb)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not [cell for cell in nb.cells if "solution" in notebooks.tags(cell)]
    assert "def solution_" not in "".join(cell.source for cell in nb.cells)
    # everything else is there, in the same order
    claims.beside(original)
    assert [cell.id for cell in nb.cells] == [cell.id for cell in original.cells]
    kept = {cell.id: cell.source for cell in nb.cells}
    assert all(
        kept[c.id] == c.source for c in original.cells if "solution" not in notebooks.tags(c)
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_an_exercise_is_a_stub_a_check_and_a_solution(path: Path) -> None:
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    stubs = [i for i, cell in enumerate(cells) if "exercise" in notebooks.tags(cell)]
    solutions = [i for i, cell in enumerate(cells) if "solution" in notebooks.tags(cell)]
    assert stubs, "no exercise asks for a line of code"
    assert len(stubs) == len(solutions)
    for stub, solution in zip(stubs, solutions, strict=True):
        assert stub < solution
        between = cells[stub + 1 : solution]
        said = "".join(o.get("text", "") for cell in between for o in cell.outputs)
        assert "not done yet" in said, "the stub's check says nothing, or it is not a stub"
        source = cells[solution].source
        assert source.startswith("if run_solutions:")
        assert re.search(r"    assert (check|exam\.(check|name)\()", source)
        assert cells[solution].metadata.jupyter.source_hidden


def test_the_smoke_profile_runs_every_solution() -> None:
    for path in PATHS:
        assert notebooks.profile_values(path, "smoke")["run_solutions"] is True


# Judging a whole examination takes minutes.
JUDGED = [
    pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * path.stem.startswith("11"))
    for path in PATHS
]


@pytest.mark.parametrize("path", JUDGED)
def test_a_stub_fails_its_check_and_the_solution_put_in_its_place_passes(
    path: Path,
    edition: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(tmp_path / "ledger.jsonl"))
    removed = {c.id: c.source for c in nbformat.read(path, as_version=4).cells}
    cells = nbformat.read(edition / path.name, as_version=4).cells
    for start in [i for i, cell in enumerate(cells) if "exercise" in notebooks.tags(cell)]:
        end = next(i for i in range(start, len(cells)) if cells[i].source == student.GONE)
        code = [cell.source for cell in cells[:end] if cell.cell_type == "code"]
        check = [cell.source for cell in cells[start + 1 : end] if cell.cell_type == "code"]
        stub = cells[start].source
        (name,) = inside.bound(ast.parse(stub))
        body = removed[cells[end].id].partition("\n")[2].rpartition("assert")[0]
        solved = re.sub(r"\bsolution_\w+", name, textwrap.dedent(body))
        small = notebooks.profile_values(path, "smoke")
        known: dict[str, object] = {}
        above = [ast.parse(source) for source in code[: code.index(stub)]]
        wanted = ast.parse("\n".join([stub, *check, solved]))
        for cell in inside.before(above, wanted):  # hardly any of them trains
            exec(compile(cell, path.name, "exec"), known)
            known |= {name: small[name] for name in inside.bound(cell) & set(small)}
        capsys.readouterr()
        for source in (stub, *check):
            exec(source, known)
        assert not known["_"]
        assert "not done yet" in capsys.readouterr().out
        for source in (solved, *check):
            exec(source, known)
        assert known["_"], capsys.readouterr().out


def test_the_zip_holds_the_folder(edition: Path) -> None:
    with zipfile.ZipFile(edition.with_suffix(".zip")) as archive:
        held = {Path(name).name for name in archive.namelist() if name.endswith(".ipynb")}
    assert held == {path.name for path in PATHS}


def test_the_edition_holds_no_answer(edition: Path) -> None:
    files = {path: path.read_bytes() for path in edition.rglob("*") if path.is_file()}
    with zipfile.ZipFile(edition.with_suffix(".zip")) as archive:
        files |= {Path(name): archive.read(name) for name in archive.namelist()}
    texts = {path: content.decode("utf-8", "replace") for path, content in files.items()}
    lines: set[str] = set()
    lesson: set[str] = set()
    for path in PATHS:
        for cell in nbformat.read(path, as_version=4).cells:
            to = lines if "solution" in notebooks.tags(cell) else lesson
            to |= {line.strip() for line in cell.source.splitlines()}
    # as they stand in JSON; what a line of some lesson holds too is no answer
    taught = "\n".join(lesson)
    secret = {json.dumps(line)[1:-1] for line in lines if len(line) > 25 and line not in taught}
    secret |= {
        repr(case)
        for asked in EXERCISES.values()
        for case in getattr(asked, "cases", ())
        if len(repr(case)) > 25
    }
    assert len(secret) > 20
    assert not [
        (path.name, each) for path, text in texts.items() for each in secret if each in text
    ]
