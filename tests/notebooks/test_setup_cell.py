"""The set-up cell's start: the same in every notebook; finds the course, or installs it."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib import util
from pathlib import Path

import nbformat
import pytest

PATHS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))
LOCAL = "git+file:///path/to/clone"
RELEASE = "git+https://github.com/a-school/overfit@v1.0.0"


def setup_cell(path: Path = PATHS[0], release: str = RELEASE) -> str:
    """What stands before the check of the parameters, with the address of a release in it."""
    cells = nbformat.read(path, as_version=4).cells
    source = next(cell.source for cell in cells if "setup" in cell.metadata.get("tags", []))
    start = source.split("from course_utils import")[0].strip()
    start, found = re.subn(r'"git\+https://[^"]+"', f'"{release}"', start)
    assert found == 1
    return start


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the cell would run, on a machine without the course; each run ends with 0, then 1."""
    made: list[list[str]] = []

    def run(words: list[str]) -> subprocess.CompletedProcess:
        made.append(words)
        return subprocess.CompletedProcess(words, len(made) - 1)

    here = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda n: None if n == "course_utils" else here(n))
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)
    return made


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_same_in_every_notebook(path: Path) -> None:
    assert setup_cell(path) == setup_cell()


def test_nothing_happens_where_the_course_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    exec(setup_cell(), {})


@pytest.mark.parametrize("chosen", [None, LOCAL])
def test_it_installs_the_release_or_what_you_choose_and_says_where_pip_fails(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    if chosen:
        monkeypatch.setenv("COURSE_REPOSITORY", chosen)
    exec(setup_cell(), {})
    ((python, *words),) = calls
    assert python == sys.executable and words[:3] == ["-m", "pip", "install"]
    assert (chosen or RELEASE) in words
    assert not {"-U", "--upgrade", "--force-reinstall"} & set(words)  # what Colab brings stays
    with pytest.raises(ModuleNotFoundError, match=r"make setup.*COURSE_REPOSITORY"):
        exec(setup_cell(), {})


def test_without_an_address_it_says_what_to_do(calls: list[list[str]]) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"make setup.*COURSE_REPOSITORY"):
        exec(setup_cell(release="git+https://github.com/OWNER/overfit@v1.0.0"), {})
    assert not calls


def test_tensorflow_is_no_requirement(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    assert not [name for name in project["project"]["dependencies"] if "tensorflow" in name]
