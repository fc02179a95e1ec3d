"""The way from a conclusion to its runs, where notebooks are copied out of their folder."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from commands import run
from nbformat.v4 import new_markdown_cell, new_notebook

import course_utils
from course_utils.classroom import book

pytestmark = pytest.mark.usefixtures("no_book")
REFERENCE = Path(course_utils.__file__).parent / "reference"
LINK = "../course_utils/reference/claims.md#01-gap"
FILES = ("claims.md", "embedded.jsonl", "full.jsonl", "map.jsonl", "settings.jsonl")


def notebook(path: Path, link: str = LINK) -> Path:
    cells = [new_markdown_cell(f"# A\n\n- **[[01-gap]]({link})** In each run.")]
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_headings_are_the_anchors() -> None:
    text = (REFERENCE / "claims.md").read_text(encoding="utf-8")
    assert "### 01-gap\n" in text
    places = re.findall(r"^\[(\w+)\]: (\w+\.jsonl)#L(\d+)$", text, re.M)
    assert {name for name, *_ in places} == set(re.findall(r"\[([0-9a-f]{12})\]", text))
    for name, file, number in places:
        lines = (REFERENCE / file).read_text(encoding="utf-8").split("\n")
        assert f'"id": "{name}"' in lines[int(number) - 1]


@pytest.mark.parametrize("command", ["prepare", "run", "student"])
def test_a_copied_notebook_brings_the_page(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = notebook(tmp_path / "notebooks" / "01_a.ipynb")
    (tmp_path / "notebooks" / "profiles.yaml").write_text("01_a: {smoke: {}}\n")
    monkeypatch.chdir(tmp_path)
    assert run(command, "--to", "out").exit_code == 0
    text = Path("out/01_a.ipynb").read_text(encoding="utf-8")
    assert "(claims.md#01-gap)" in text and LINK not in text
    assert LINK in source.read_text(encoding="utf-8")
    for name in FILES:
        assert Path("out", name).read_bytes() == (REFERENCE / name).read_bytes()


def test_nothing_is_written_for_notebooks_without_conclusions(tmp_path: Path) -> None:
    path = notebook(tmp_path / "01_a.ipynb", "https://example.org/")
    done = run("run", str(path), "--to", str(tmp_path / "out"))
    assert done.exit_code == 0 and not (tmp_path / "out" / "claims.md").exists()


def test_the_book_tells_claims_that_there_are() -> None:
    pages = "".join(path.read_text(encoding="utf-8") for path in book.HERE.glob("pages/*.md"))
    told = re.findall(r"\{\{ (\S+) \}\}", pages)
    assert told and set(told) <= book.sentences().keys()
