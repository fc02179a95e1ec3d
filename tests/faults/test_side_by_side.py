"""Two commands in one folder at once, and a command beside an open notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from test_cli import RECORD, course, outputs, parameters_cell, run, write  # noqa: F401

from course_utils import ledger
from course_utils.classroom import notebooks
from course_utils.classroom import run as running

pytestmark = pytest.mark.usefixtures("course", "no_book")
FILES = """
from pathlib import Path
folder = Path(output_dir)
held = sorted(path.name for path in folder.glob("*"))
folder.mkdir(exist_ok=True)
_ = (folder / "state").write_text("of this run")
print(held)
"""


def recording(stem: str) -> Path:
    record = RECORD | {"notebook": stem}
    code = f"from course_utils import ledger\n_ = ledger.append({record!r} | {{'seed': epochs}})"
    return write(Path(f"notebooks/{stem}.ipynb"), parameters_cell(), new_code_cell(code))


@pytest.mark.parametrize("other", ["03_b", "02_a"])
def test_a_second_run_begins_and_ends_within_the_first(
    other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whose records come first does not matter; that each is there once does."""
    for stem in ("02_a", "03_b"):
        recording(stem)
    execute, begun = running.execute, []

    def with_another(*arguments: Any, **more: Any) -> Any:
        if not begun:
            begun.append(True)
            # A command in another terminal, which has not this one's environment.
            with pytest.MonkeyPatch.context() as elsewhere:
                elsewhere.delenv("COURSE_LEDGER", raising=False)
                within = run("run", other, "-p", "epochs", "4", "--to", "out")
            assert within.exit_code == 0, within.output
        return execute(*arguments, **more)

    monkeypatch.setattr(running, "execute", with_another)
    done = run("run", "02", "-p", "epochs", "5", "--to", "out")
    assert done.exit_code == 0, done.output
    held = sorted((r["notebook"], r["seed"]) for r in ledger.read("out/ledger.jsonl"))
    assert held == sorted({("02_a", 5), (other, 4 if other == "03_b" else 5)})
    assert not [path for path in Path("out").glob(".course-*") if path.suffix != ".lock"]


def with_files(name: str = "02_files") -> Path:
    cell = parameters_cell()
    cell.source += "\noutput_dir: str = 'runs'  # folder"
    last = new_code_cell("epochs")
    return write(Path(f"notebooks/{name}.ipynb"), cell, new_code_cell(FILES.strip()), last)


def test_in_place_leaves_the_readers_files_alone() -> None:
    """`make outputs` beside an open notebook: its broken-off training waits in runs/."""
    path = with_files()
    mine = Path("notebooks/runs/state")
    mine.parent.mkdir()
    mine.write_text("mine")
    for _ in range(2):
        assert run("run", "--in-place", "02").exit_code == 0
    assert mine.read_text() == "mine" and outputs(path) == ["[]\n"]
    nb = nbformat.read(path, as_version=4)
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert [o.execution_count for o in code[-1].outputs] == [3]
    assert "output_dir: str = 'runs'" in code[0].source and len(code) == 3
    assert all(cell.metadata.source_sha == notebooks.digest(cell.source) for cell in code)


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_a_command_leaves_the_readers_files_alone(command: str, monkeypatch: Any) -> None:
    import os
    import sys

    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    with_files()
    for place in (Path("runs"), Path("notebooks/runs")):
        place.mkdir()
        for name in ("state", "ledger.jsonl", "predictions.jsonl"):
            (place / name).write_text("mine")
    grid = ["-g", "epochs=2"] if command == "sweep" else []
    done = run(command, "02", *grid, "--to", "out")
    assert done.exit_code == 0, done.output
    for place in (Path("runs"), Path("notebooks/runs")):
        assert {path.read_text() for path in place.iterdir()} == {"mine"}
        assert len(list(place.iterdir())) == 3
