"""The set-up cell's start: the same in every notebook; finds the course, or installs it."""

from __future__ import annotations

import subprocess
import sys
from importlib import util
from pathlib import Path

import nbformat
import pytest

from course_utils.classroom import badges

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
LOCAL = "git+file:///path/to/clone"


def setup_cell(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    source = next(cell.source for cell in cells if "setup" in cell.metadata.get("tags", []))
    return source.split("from course_utils import")[0].strip()  # then the parameters are checked


@pytest.fixture(autouse=True)
def no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COURSE_REPOSITORY", raising=False)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the cell would run, on a machine without the course."""
    made: list[list[str]] = []
    here = util.find_spec
    monkeypatch.setattr(
        util, "find_spec", lambda name: None if name == "course_utils" else here(name)
    )
    ends = subprocess.CompletedProcess([], 0)
    monkeypatch.setattr(subprocess, "run", lambda words: made.append(words) or ends)
    return made


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_same_in_every_notebook(path: Path) -> None:
    assert setup_cell(path) == setup_cell(PATHS[0])


def test_it_holds_the_release() -> None:
    address, version = badges.repository()
    assert f'release = "git+{address}@v{version}"' in setup_cell(PATHS[0]), (
        "run: course badges --write"
    )


def test_nothing_happens_where_the_course_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("something was run"))
    exec(setup_cell(PATHS[0]), {})


def test_without_an_address_it_says_what_to_do(calls: list[list[str]]) -> None:
    cell = badges.renewed(setup_cell(PATHS[0]), "https://github.com/OWNER/overfit", "1.0.0")
    with pytest.raises(ModuleNotFoundError, match=r"make setup.*COURSE_REPOSITORY"):
        exec(cell, {})
    assert not calls


@pytest.mark.parametrize("chosen", [None, LOCAL])
def test_it_installs_the_release_or_what_you_choose(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch, chosen: str | None
) -> None:
    address = "https://github.com/a-school/overfit"
    if chosen:
        monkeypatch.setenv("COURSE_REPOSITORY", chosen)
        address = "https://github.com/OWNER/overfit"  # then it does not matter
    exec(badges.renewed(setup_cell(PATHS[0]), address, "1.0.0"), {})
    ((python, *words),) = calls
    assert python == sys.executable and words[:3] == ["-m", "pip", "install"]
    assert (chosen or f"git+{address}@v1.0.0") in words
    assert not {"-U", "--upgrade", "--force-reinstall"} & set(words)  # what Colab brings stays


def test_where_pip_fails_it_says_what_to_do(
    calls: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_REPOSITORY", LOCAL)
    monkeypatch.setattr(subprocess, "run", lambda words: subprocess.CompletedProcess(words, 1))
    with pytest.raises(ModuleNotFoundError, match=r"make setup.*COURSE_REPOSITORY"):
        exec(setup_cell(PATHS[0]), {})


def test_tensorflow_is_no_requirement() -> None:
    import tomllib

    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert not [name for name in project["project"]["dependencies"] if "tensorflow" in name]
