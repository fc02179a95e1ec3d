"""What people give to the commands: odd values, odd notebooks, odd disks; one sentence for each."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import filelock
import joblib
import nbformat
import papermill
import pytest
from click.testing import Result
from nbformat.v4 import new_code_cell, new_notebook
from test_cli import course, outputs, parameters_cell, run, write  # noqa: F401

from course_utils import machine, predictions
from course_utils.classroom import notebooks
from course_utils.errors import CourseError

pytestmark = pytest.mark.usefixtures("course", "no_book")
NOTEBOOKS = Path("notebooks")


def refused(done: Result, words: str) -> None:
    """It ended in a sentence that holds these words, and in no traceback."""
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit), done.output
    assert words in done.output and done.output.rstrip().endswith((".", "'")), done.output
    assert "Traceback" not in done.output
    assert sum(not line.startswith(("Usage", "Try", " ")) for line in done.output.splitlines()) < 4


PROFILES: dict[str, tuple[bytes, str]] = {
    "a number for a notebook": (b"05: {smoke: {epochs: 2}}", "5 is no name; put it in quotes"),
    "a part of its name": (b"'00': {smoke: {epochs: 2}}", "'00' is no notebook; write its whole"),
    "a small number": (b"00_good: {smoke: {epochs: 1e-4}}", "got 0.0001"),
    "what the notebook refuses": (b"00_good: {smoke: {epochs: 0}}", "epochs must be a whole"),
    "a value misspelt": (b"00_good: {smoke: {data: ful}}", "data must be one of"),
    "a name misspelt": (b"00_good: {smoke: {epoch: 1}}", "did you mean 'epochs'"),
    "a tab": (b"00_good:\n\tsmoke: {epochs: 1}", "line 2: found character"),
    "an empty notebook": (b"00_good:", "00_good must be YAML of the form"),
    "no profiles": (b"00_good: [smoke]", "00_good must be YAML of the form"),
    "an empty profile": (b"00_good: {smoke: }", "smoke must be YAML of the form"),
    "a list": (b"[1, 2]", "it is [1, 2]"),
    "a profile named 1": (b"00_good: {1: {epochs: 1}}", "1 is no name; put it in quotes"),
    "Latin-1": (b"00_good: {sm\xe9: {epochs: 1}}", "in UTF-8"),
    "nothing": (b"", "has no profile 'smoke'"),
    "another notebook": (b"01_bad: {smoke: {epochs: 1}}", "no profile 'smoke' for 00_good"),
    "code": (b"00_good: {smoke: {epochs: !!python/name:os.system }}", "could not determine"),
    "a zero byte": (b"00_good: {smoke: {epochs: 1\x00}}", "special characters"),
    "two documents": (b"00_good: {smoke: {}}\n---\nb: 1", "found another document"),
    "a date": (b"00_good: {smoke: {epochs: 2026-01-01}}", "got '2026-01-01'"),
    "itself": (b"00_good: &x {smoke: *x}", "no parameter 'smoke'"),
    "a list as a name": (b"? [1, 2]\n: 3", "unhashable key"),
    "a profile twice": (
        b"00_good:\n  smoke: {epochs: 1}\n  smoke: {epochs: 2}",
        "line 2: smoke stands there twice",
    ),
    "a value twice": (b"00_good: {smoke: {epochs: 1, epochs: 2}}", "epochs stands there twice"),
}
COMMANDS = {
    "prepare": ["prepare", "00"],
    "run": ["run", "00", "--profile", "smoke"],
    "sweep": ["sweep", "00", "--profile", "smoke", "-g", "data=embedded", "--dry-run"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("what", PROFILES)
def test_profiles(what: str, command: str) -> None:
    content, words = PROFILES[what]
    if what == "a value misspelt" and command == "sweep":
        pytest.skip("the grid has a value of its own")
    (NOTEBOOKS / "profiles.yaml").write_bytes(content)
    refused(run(*COMMANDS[command], "--to", "out"), words)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    "content",
    [
        "00_good: {smoke: {epochs: 7}}".encode("utf-16"),
        b"\xef\xbb\xbf00_good: {smoke: {epochs: 7}}",
        b"00_good: {smoke: {epochs: 07}}",
        b"00_good: {smoke: {<<: {epochs: 7}}}",
        b"all: &all {epochs: 7}\n00_good: {smoke: *all}".replace(b"all:", b"01_bad:", 1),
    ],
    ids=["UTF-16", "UTF-8 with a mark", "an old octal", "merged", "an anchor"],
)
def test_profiles_that_are_odd_and_right(content: bytes) -> None:
    if b"&all" in content:
        content = b"01_bad: {smoke: &all {epochs: 7}}\n00_good: {smoke: *all}"
    (NOTEBOOKS / "profiles.yaml").write_bytes(content)
    assert run("prepare", "00", "--to", "out").exit_code == 0
    nb = nbformat.read("out/00_good.ipynb", as_version=4)
    (cell,) = (c for c in nb.cells if "injected-parameters" in notebooks.tags(c))
    assert "epochs = 7" in cell.source


GIVEN: dict[str, tuple[list[str], str]] = {
    "a number for a name": (["-y", "1: 2"], "-y '1: 2': 1 is no name"),
    "no name": (["-y", "yes: 3"], "no parameter 'yes'"),
    "no mapping": (["-y", "[1]"], "of the form 'name: value'; it is [1]"),
    "half": (["-y", "epochs: ["], "of the form 'name: value'"),
    "two colons": (["-y", "epochs: 1: 2"], "mapping values are not allowed"),
    "a set": (["-y", "epochs: !!set {a}"], "got {'a'}"),
    "in itself": (["-y", "epochs: &a [*a]"], "got [[...]]"),
    "twice": (["-y", "{epochs: 1, epochs: 2}"], "epochs stands there twice"),
    "a comma for a point": (["-p", "epochs", "1,5"], "got '1,5'"),
    "words": (["-p", "epochs", "three"], "got 'three'"),
    "an expression": (["-p", "epochs", "2*3"], "got '2*3'"),
    "a path": (["-p", "data", "C:\\data\\full"], "data must be one of"),
    "None": (["-p", "epochs", "None"], "got None"),
    "infinity": (["-p", "epochs", ".inf"], "got inf"),
    "1e3": (["-p", "epochs", "1e3"], "got 1000.0"),
    "outside": (["-p", "epochs", "0"], "epochs must be a whole number from 1 to 1,000; got 0."),
    "misspelt": (["-p", "epoch", "3"], "has no parameter 'epoch'; did you mean 'epochs'?"),
    "another's": (["-y", "rate: 3"], "has no parameter 'rate'. It has epochs, data."),
    "no such profile": (["--profile", "smoke2"], "no profile 'smoke2' for 00_good; it has full, s"),
    "in place": (["--in-place", "-p", "epochs", "3"], "--in-place stores outputs"),
}


@pytest.mark.parametrize("what", GIVEN)
def test_values_on_the_command_line(what: str) -> None:
    options, words = GIVEN[what]
    refused(run("run", "00", *options, "--to", "out"), words)
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"epochs: 1 # \xe9", "in UTF-8"),
        ("epochs: 1".encode("utf-16-le"), "in UTF-8"),
        (bytes(range(256)), "in UTF-8"),
        (b"epochs:\t- 1", "in UTF-8; line 1: found character"),
        (b"a", "it is 'a'"),
    ],
)
def test_a_file_of_values_that_cannot_be_read(content: bytes, words: str) -> None:
    Path("values.yaml").write_bytes(content)
    done = run("run", "00", "-f", "values.yaml", "--to", "out")
    refused(done, "values.yaml must be YAML of the form 'name: value'")
    assert words in done.output


GRIDS: dict[str, tuple[list[str], str]] = {
    "outside": (["epochs=0,5"], "-g epochs=0: epochs must be a whole number"),
    "a point": (["epochs=1.5"], "epochs must be a whole number from 1 to 1,000; got 1.5."),
    "sexagesimal": (["epochs=1:30"], "got '1:30'"),
    "nothing": (["epochs="], "of the form NAME=VALUES"),
    "no values": (["epochs"], "of the form NAME=VALUES"),
    "no name": (["=1"], "of the form NAME=VALUES"),
    "backwards": (["epochs=5..1"], "the range 5..1 is empty; write 1..5."),
    "two ranges": (["epochs=1..3..5"], "got '1..3..5'"),
    "letters": (["epochs=a..b"], "got 'a..b'"),
    "semicolon": (["epochs=1;2"], "got '1;2'"),
    "a mapping": (["epochs={a: 1}"], "got {'a': 1}"),
    "truth": (["epochs=true"], "got True"),
    "twice": (["epochs=1,2,1.0"], "the value 1.0 stands there twice"),
    "given twice": (["epochs=1", "epochs=2"], "-g epochs is given twice"),
    "without end": (["epochs=1..999999999"], "of more than 10,000 values"),
    "too many together": (["epochs=1..1000", "data=" + ",".join("abcdefghijkl")], "12,000 points"),
    "misspelt": (["data=full,ful"], "-g data=ful"),
}


@pytest.mark.parametrize("what", GRIDS)
def test_grids(what: str) -> None:
    grids, words = GRIDS[what]
    options = [part for grid in grids for part in ("-g", grid)]
    refused(run("sweep", "00", *options, "--to", "out", "--dry-run"), words)


NO_NOTEBOOKS: dict[str, tuple[str, str]] = {
    "a merge": ('{\n<<<<<<< HEAD\n"a": 1\n=======\n"a": 2\n>>>>>>> x\n}', "marks of a merge"),
    "text": ("no notebook", "cannot be read as a notebook"),
    "nothing": ("", "is empty, and no notebook"),
    "a web page": ("<!DOCTYPE html>", "cannot be read as a notebook"),
    "a list": ("[]", "cannot be read as a notebook"),
    "cells of another kind": ('{"cells": 1, "nbformat": 4, "metadata": {}}', "cannot be read"),
    "zeros": ("\0\0", "is empty, and no notebook"),
    "version 5": ('{"cells": [], "nbformat": 5, "metadata": {}}', "cannot be read"),
}
READERS = {
    "run": ["run", "02_x", "--to", "out"],
    "prepare": ["prepare", "02_x", "--to", "out"],
    "student": ["student", "02_x", "--to", "out"],
    "parameters": ["parameters", "02_x"],
    "sweep": ["sweep", "02_x", "-g", "epochs=1", "--to", "out", "--dry-run"],
    "in place": ["run", "--in-place", "02_x"],
    "badges": ["badges"],
}


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("what", NO_NOTEBOOKS)
def test_files_that_are_no_notebook(what: str, command: str) -> None:
    content, words = NO_NOTEBOOKS[what]
    (NOTEBOOKS / "02_x.ipynb").write_text(content)
    with (NOTEBOOKS / "profiles.yaml").open("a") as file:
        file.write("02_x: {smoke: {}}\n")
    address = '[project.urls]\nRepository = "https://github.com/a/b"\n'
    Path("pyproject.toml").write_text(f"[project]\n{address}")
    refused(run(*READERS[command]), words)
    assert "02_x.ipynb" in run(*READERS[command]).output
    assert (NOTEBOOKS / "02_x.ipynb").read_text() == content and not Path("out").exists()


def bare() -> nbformat.NotebookNode:
    """As Colab saves it: an old minor version, no ids of cells, no name of a kernel."""
    nb = new_notebook(cells=[parameters_cell(), new_code_cell("print(epochs)")])
    for cell in nb.cells:
        del cell["id"]
    nb.nbformat_minor = 0
    return nb


def old() -> dict[str, Any]:
    cell = {"cell_type": "code", "collapsed": False, "language": "python", "metadata": {}}
    cell |= {"input": ["print(3)"], "outputs": []}
    sheet = {"cells": [cell], "metadata": {}}
    return {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [sheet]}


def elsewhere() -> nbformat.NotebookNode:
    """Saved in an environment of somebody else's: its kernel is not here."""
    nb = new_notebook(cells=[parameters_cell(), new_code_cell("print(epochs)")])
    nb.metadata["kernelspec"] = {"name": "py39_new", "display_name": "mine", "language": "python"}
    return nb


ODD: dict[str, Callable[[], Any]] = {"bare": bare, "version 3": old, "another kernel": elsewhere}


@pytest.mark.parametrize("what", ODD)
def test_odd_notebooks_run(what: str) -> None:
    (NOTEBOOKS / "02_odd.ipynb").write_text(json.dumps(ODD[what]()))
    done = run("run", "02", "--to", "out")
    assert done.exit_code == 0, done.output
    assert outputs(Path("out/02_odd.ipynb")) == ["3\n"]
    assert run("student", "02", "--to", "student").exit_code == 0
    told = run("parameters", "02")
    assert told.exit_code == 0 and ("not checked" in told.output) == (what != "version 3")


@pytest.mark.parametrize("what", ["bare", "another kernel"])
def test_odd_notebooks_are_swept(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    (NOTEBOOKS / "02_odd.ipynb").write_text(json.dumps(ODD[what]()))
    done = run("sweep", "02", "-g", "epochs=5", "--to", "swept")
    assert done.exit_code == 0, done.output
    (executed,) = Path("swept/runs").glob("*/02_odd.ipynb")
    assert outputs(executed) == ["5\n"]


@pytest.mark.parametrize("name", ["out {epochs}", "out {0} {}", "o#u?t%20 $HOME"])
def test_names_of_folders_that_papermill_would_fill_in(name: str) -> None:
    done = run("run", "00", "--to", name)
    assert done.exit_code == 0, done.output
    assert outputs(Path(name, "00_good.ipynb")) == ["3 embedded\n"]


def test_a_kernel_that_is_killed_is_noticed() -> None:
    kill = new_code_cell("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    write(NOTEBOOKS / "02_killed.ipynb", new_code_cell("print(1)"), kill)
    done = run("run", "02", "--to", "out")
    assert done.exit_code == 1
    assert "cell 2 `import os, signal`: the kernel died; the usual cause is too little memory." in (
        done.output
    )


@pytest.mark.parametrize("error", [NotImplementedError("no flock"), OSError(37, "No locks")])
@pytest.mark.parametrize("command", ["run", "prepare", "student", "sweep"])
def test_a_disk_that_knows_no_locks(
    command: str, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def acquire(self: Any, *arguments: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    monkeypatch.setattr(papermill, "execute_notebook", lambda nb, *a, **k: nb)
    grid = ["-g", "epochs=1"] if command == "sweep" else []
    done = run(command, "00", *grid, "--to", "out")
    refused(done, f"This disk knows no locks ({error}); choose a folder on another one.")


def test_what_is_no_fault_of_the_disk_is_not_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(*arguments: Any, **more: Any) -> None:
        raise NotImplementedError("of a library")

    monkeypatch.setattr(filelock.FileLock, "acquire", execute)
    done = run("prepare", "00", "--to", "out")
    assert str(done.exception) == "of a library" and "locks" not in done.output


@pytest.mark.parametrize("error", [ValueError("not enough values"), OSError(5, "input/output")])
def test_cores_where_the_files_of_a_container_are_empty(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count() -> int:
        raise error

    monkeypatch.setattr(joblib, "cpu_count", count)
    assert 1 <= machine.cores() <= (os.cpu_count() or 1)
    assert 1 <= machine.kernels(100) <= machine.cores()
    assert run("sweep", "00", "-g", "epochs=1,2", "--to", "out", "--dry-run").exit_code == 0


FOREIGN = {
    "lacks all": {"schema": 1, "notebook": "x", "arm": "x"},
    "lacks the data": {"schema": 1, "notebook": "x", "arm": "x", "seed": 0, "protocol": "y"},
    "a newer schema": {"schema": 9, "notebook": "x", "arm": "x", "seed": 0, "protocol": "y"},
}


@pytest.mark.parametrize("what", FOREIGN)
def test_a_foreign_line_in_a_ledger(what: str) -> None:
    assert run("run", "00", "--to", "out").exit_code == 0
    with Path("out/ledger.jsonl").open("a") as file:
        file.write(json.dumps(FOREIGN[what]) + "\n")
    done = run("report", "out")
    assert done.exit_code == 0, done.output
    (line,) = (line for line in done.output.splitlines() if "left out" in line)
    assert line.startswith("ledger.jsonl: 1 of 2 lines left out, for they are no whole records")
    assert "ledger.read(" not in done.output and ".py:" not in done.output


@pytest.mark.parametrize("guess", [(12, 5), [1], {"a": 1}, {1}, object(), lambda: 1, 1j])
def test_a_guess_that_is_no_guess(guess: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(Path("kept") / "ledger.jsonl"))
    with pytest.raises(CourseError) as caught:
        predictions.write_down("01_x", gap=guess)
    said = str(caught.value)
    assert said.startswith("gap must be one number, a text, True or False; got ")
    assert ("decimal number with a point" in said) == isinstance(guess, tuple)
    assert not Path("kept").exists()


COPIES = ["00_good-Copy1.ipynb", "00_good copy.ipynb", "00_good (1).ipynb", "Untitled.ipynb"]
COPIES += ["00_good.nbconvert.ipynb", "Copy of 00_good.ipynb", "00_good-checkpoint.ipynb"]
COPIES += ["2025_lecture.ipynb", "notes.ipynb"]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_not_the_original(name: str) -> None:
    write(NOTEBOOKS / name, new_code_cell("print('a copy')"))
    assert [path.name for path in notebooks.find(["00"])] == ["00_good.ipynb"]
    assert [path.name for path in notebooks.find([])] == ["00_good.ipynb", "01_bad.ipynb"]
    assert run("prepare", "--to", "out").exit_code == 0
    assert not Path("out", name).exists()


def test_every_command_was_thought_of() -> None:
    from course_utils.classroom import cli

    tried = {"run", "prepare", "student", "sweep", "parameters", "badges", "report"}
    others = {"reproduce", "results", "publish", "claims", "data", "doctor", "mark"}
    assert tried | others == set(cli.main.commands) and isinstance(cli.main, click.Group)
