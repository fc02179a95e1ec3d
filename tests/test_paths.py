"""No command loses a file that it did not write, nor the last good run."""

from __future__ import annotations

import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from commands import run
from nbformat.v4 import new_code_cell, new_markdown_cell
from test_cli import CHECK, course, outputs, parameters_cell, write  # noqa: F401

from course_utils import ledger
from course_utils.classroom import paths
from course_utils.errors import CourseError

SOLVED = "if run_solutions:\n    def solution_gap(): return 3"
INTERRUPT = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)"
RECORD = (
    "from course_utils import ledger\n"
    "ledger.append({'notebook': '02_recorded', 'arm': 'a', 'seed': epochs, 'protocol': 'honest',"
    " 'data': {'name': 'x', 'scale': 'x'}});"
)
pytestmark = pytest.mark.usefixtures("course", "no_book")


@pytest.fixture(autouse=True)
def hears_ctrl_c() -> Iterator[None]:
    """A shell starts what stands behind an & with Ctrl-C ignored, and these tests with it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def snapshot(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tagged(source: str, tag: str) -> nbformat.NotebookNode:
    return new_code_cell(source, metadata={"tags": [tag]})


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """A notebook with a conclusion and a solution, outside of the course."""
    link = "- **[[02-a]](../course_utils/reference/claims.md#02-a)** So it is."
    cells = parameters_cell(), new_markdown_cell(link), tagged(SOLVED, "solution")
    return write(tmp_path / "x" / "02_taught.ipynb", *cells)


EVERY = [["run", "00"], ["prepare", "00"], ["student", "00"], ["data", "mnist"]]
EVERY += [["sweep", "00", "-g", "epochs=1,2", "--dry-run"]]


@pytest.mark.parametrize("target", [".", "..", "notebooks", "notebooks/new", "course_utils", "env"])
@pytest.mark.parametrize("command", EVERY, ids=lambda command: command[0])
def test_folders_that_are_nobodys_target(command: list[str], target: str, tmp_path: Path) -> None:
    (tmp_path / "env" / ".venv").mkdir(parents=True)
    before = snapshot(tmp_path)
    done = run(*command, "--to", target)
    assert done.exit_code == 2, done.output
    assert "choose another folder with --to" in done.output
    assert snapshot(tmp_path) == before and not tmp_path.with_suffix(".zip").exists()


@pytest.mark.parametrize("command", EVERY[:4], ids=lambda command: command[0])
def test_a_file_in_the_way_ends_in_one_sentence(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for target in ("file", "file/below"):
        done = run(*command, "--to", target)
        assert done.exit_code == 2 and isinstance(done.exception, SystemExit)
        assert "file" in done.output and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("command", "theirs"),
    [
        (["run", "00"], "00_good.ipynb"),
        (["run", "00"], "ledger.jsonl"),
        (["run", "00"], "book"),
        (["prepare", "00"], "00_good.ipynb"),
        (["prepare", "00"], "profiles.yaml"),
        (["student", "x/02_taught.ipynb"], "embedded.jsonl"),
        (["student", "00"], "00_good.ipynb"),
        (["student", "00"], "../teacher.zip"),
        (["report"], "book"),
    ],
    ids=" ".join,
)
def test_a_teachers_file_is_named_and_stays(
    command: list[str], theirs: str, taught: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "teacher"
    folder.mkdir()
    (folder / theirs).write_text("theirs")
    (folder / "2025_lecture.ipynb").write_bytes(taught.read_bytes())
    before = snapshot(tmp_path)
    done = run(*command, *(["--to"] if command[0] != "report" else []), "teacher")
    assert done.exit_code == 2, done.output
    assert f"{Path(theirs).name} is there already, and `course" in done.output
    assert snapshot(tmp_path) == before


def test_an_edition_replaces_its_own_files_and_packs_no_others(taught: Path) -> None:
    for name in ("2025_lecture.ipynb", "00_good-Copy1.ipynb", "solutions.txt"):
        write(Path("D", name))
    others = snapshot(Path("D"))
    assert run("student", "00", str(taught), "--to", "D").exit_code == 0
    assert "solution_gap" not in Path("D/02_taught.ipynb").read_text(encoding="utf-8")
    assert run("student", str(taught), "--to", "D").exit_code == 0
    assert not Path("D/00_good.ipynb").exists()
    assert others.items() <= snapshot(Path("D")).items()
    with zipfile.ZipFile("D.zip") as archive:
        names = {name.removeprefix("D/") for name in archive.namelist()}
    assert names == {
        "02_taught.ipynb",
        "claims.md",
        "embedded.jsonl",
        "full.jsonl",
        "map.jsonl",
        "settings.jsonl",
    }
    # a notebook that was worked on is not replaced, nor removed; nor is another command's folder
    worked_on = Path("D/02_taught.ipynb")
    write(worked_on, new_code_cell("my_gap = 3"))
    for names_ in ([str(taught)], ["00"]):
        done = run("student", *names_, "--to", "D")
        assert done.exit_code == 2 and "02_taught.ipynb was changed since" in done.output
    assert "my_gap" in worked_on.read_text(encoding="utf-8")
    done = run("run", "00", "--to", "D")
    assert done.exit_code == 2 and "holds what `course student` wrote" in done.output


def test_a_prepared_notebook_that_was_worked_on_stays() -> None:
    command = ("prepare", "00", "--to", "P")
    assert run(*command).exit_code == 0 and run(*command).exit_code == 0
    write(Path("P/00_good.ipynb"), new_code_cell("mine"))
    assert "00_good.ipynb was changed since" in run(*command).output
    assert "mine" in Path("P/00_good.ipynb").read_text(encoding="utf-8")


def test_a_solution_without_its_tag_is_not_handed_out(taught: Path) -> None:
    nb = nbformat.read(taught, as_version=4)
    nb.cells[-1].metadata.tags = []
    nbformat.write(nb, taught)
    done = run("student", str(taught), "--to", "D")
    assert done.exit_code == 2 and "lacks the tag 'solution'" in done.output
    assert not Path("D").exists() and not Path("D.zip").exists()


@pytest.mark.parametrize("command", ["run", "prepare", "student", "parameters"])
@pytest.mark.parametrize("path", ["build/short/00_good.ipynb", "00_good.ipynb", "x/00_good"])
def test_a_path_that_does_not_exist_is_named(command: str, path: str) -> None:
    done = run(command, path)
    assert done.exit_code == 2 and f"There is no notebook '{path}'" in done.output
    assert not Path("build").exists()


def test_two_commands_that_begin_together_share_a_folder(tmp_path: Path) -> None:
    first, second = (paths.claim(tmp_path / "sweep", "sweep") for _ in range(2))
    first.note("runs")
    (tmp_path / "sweep/runs").mkdir()
    second.note("runs")
    second.write_all({"runs/a": "1"})
    paths.claim(tmp_path / "whole", "report").note(".")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/essay.md").touch()
    with pytest.raises(CourseError, match="did not write it"):
        paths.claim(tmp_path / "mine", "report").note(".")


def test_the_last_good_run_stays_where_a_new_one_is_refused_or_stopped() -> None:
    check = tagged(CHECK.replace("None", "None, {}"), "setup")
    hidden = new_code_cell(CHECK.replace("epochs=epochs", "epochs=min(epochs, 9)"))
    stop = new_code_cell(f"if epochs == 7:\n    {INTERRUPT.replace(chr(10), chr(10) + '    ')}")
    recorded = Path("notebooks/02_recorded.ipynb")
    write(recorded, parameters_cell(), check, hidden, stop, new_code_cell(RECORD))
    first = run("run", "02", "00", "--to", "out")
    assert first.exit_code == 0, first.output
    before = snapshot(Path("out"))
    for values in (["epochs", "0"], ["data", "ful"], ["epoch", "1"]):
        done = run("run", "02", "00", "-p", *values, "--to", "out")
        assert done.exit_code == 2 and f"{values[0]}" in done.output
        assert snapshot(Path("out")) == before
    # Ctrl-C in the first of two
    done = run("run", "02", "00", "-p", "epochs", "7", "--to", "out")
    assert done.exit_code == 1 and "the run that is there stays; cell" in done.output
    after = snapshot(Path("out"))
    assert {path for path in before if before[path] != after[path]} <= {Path("out/.course.json")}
    assert [r["seed"] for r in ledger.read("out/ledger.jsonl") if r["notebook"][:2] == "02"] == [3]
    # and a run that ends replaces page and record together, and says so
    done = run("run", "02", "-p", "epochs", "5", "--to", "out")
    assert done.exit_code == 0 and "replaces the run that was there, 1 records" in done.output
    assert [r["seed"] for r in ledger.read("out/ledger.jsonl") if r["notebook"][:2] == "02"] == [5]
    assert outputs(Path("out/00_good.ipynb")) == ["3 embedded\n"]
    left = {path.name for path in Path("out").iterdir() if path.name.startswith(".course-")}
    assert left <= {".course-recording.lock"}  # nothing that was staged


def test_a_stopped_first_run_is_kept_as_far_as_it_came() -> None:
    write(Path("notebooks/02_stop.ipynb"), new_code_cell("print(1)"), new_code_cell(INTERRUPT))
    done = run("run", "02", "--to", "out")
    assert done.exit_code == 1 and "cell 2 `import os, signal, time`: stopped by" in done.output
    assert outputs(Path("out/02_stop.ipynb")) == ["1\n"]


def test_what_a_notebook_writes_goes_beside_its_page(tmp_path: Path) -> None:
    own = parameters_cell()
    own.source += "\noutput_dir: str = 'runs'"
    code = "import pathlib\nfolder = pathlib.Path(output_dir)\nfolder.mkdir(exist_ok=True)\n"
    code += "(folder / 'a').write_text('')"
    write(Path("notebooks/02_files.ipynb"), own, new_code_cell(code))
    for _ in range(2):
        assert run("run", "02", "--to", "out").exit_code == 0
    assert Path("out/files/a").is_file() and not list(tmp_path.glob("**/runs"))
    assert str(tmp_path) not in Path("out/02_files.ipynb").read_text(encoding="utf-8")


@pytest.mark.parametrize("target", ["runs", "runs/", "./runs"])
def test_the_readers_own_ledger_is_kept(target: str) -> None:
    mine = {"notebook": "x", "arm": "mine", "seed": 0, "protocol": "honest"}
    ledger.append(mine | {"data": {"name": "x", "scale": "x"}})
    done = run("run", "00", "--to", target)
    assert done.exit_code == 2 and "is your own ledger" in done.output
    assert len(ledger.read()) == 1


def test_a_home_is_written_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for command in ("prepare", "student"):
        done = run(command, "00", f"--to=~/{command}")
        assert done.exit_code == 0 and f"home/{command}" in done.output
        assert (tmp_path / "home" / command / "00_good.ipynb").is_file()
    sweep = run("sweep", "00", "-g", "epochs=1", "--dry-run", "--to=~/x")
    assert sweep.exit_code == 0 and "home/x" in sweep.output
    assert run("run", "~/prepare/00_good.ipynb", "--to=~/out").exit_code == 0
    assert run("report", "~/out").exit_code == 0
    assert not Path("~").exists()
