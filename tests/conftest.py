from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import fake_sets
import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that other users may enter too (pytest's own may not), with nothing set."""
    for variable in ("COURSE_DATA_DIR", "COURSE_LEDGER", "XDG_CACHE_HOME", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(variable, raising=False)
    for scheme in ("http", "https", "all"):
        for variable in (f"{scheme}_proxy", f"{scheme}_proxy".upper()):
            monkeypatch.delenv(variable, raising=False)
    folder = Path(tempfile.mkdtemp(prefix="course-faults-")).resolve()
    folder.chmod(0o755)
    yield folder
    for root, _, _ in os.walk(folder):
        os.chmod(root, 0o755)
    shutil.rmtree(folder)


@pytest.fixture
def cache(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_CACHE", str(place / "cache"))
    return place / "cache"


@pytest.fixture
def server(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[fake_sets.Server]:
    with fake_sets.serving() as running:
        fake_sets.install(monkeypatch, running.url)
        yield running


@pytest.fixture
def shared(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = place / "shared"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    return folder


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    """Leave no precision of a test to the next one, which may be of another file."""
    yield
    if keras := sys.modules.get("keras"):
        keras.config.set_dtype_policy("float32")


@pytest.fixture
def no_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Sphinx is not installed: the book takes seconds, and has tests of its own."""
    monkeypatch.setattr("course_utils.classroom.book.NEEDED", ("no_sphinx",))
