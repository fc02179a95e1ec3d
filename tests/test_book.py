"""The book of a folder of notebooks: whole, folded, linked, and nothing in it from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
from commands import run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils import ledger

pytest.importorskip("sphinx_book_theme")
pytest.importorskip("sphinxcontrib.bibtex")
PIXELS = [f"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk{x}" for x in (
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")]  # fmt: skip
BADGE = "[![Colab](https://example.org/badge.svg)](https://example.org/x)\n\n"
FIRST = f"""# A <b>bold</b> & small one

{BADGE}Now $\\lambda w^2$. Next: [another](01_b.ipynb), [none](09_none.ipynb), [words](glossary.md),
[sources](../README.md#sources).

- **[[01-gap]](../course_utils/reference/claims.md#01-gap)** In each run.
"""
RECORD = {
    "notebook": "00_a", "arm": "<script>alert(1)</script>", "seed": 0, "protocol": "honest",
    "data": {"name": "mnist", "scale": "embedded"}, "history": {"loss": [2, 1], "val_loss": [2, 3]},
}  # fmt: skip


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two executed notebooks, one of which failed, beside things that are none."""
    folder = tmp_path_factory.mktemp("run")
    pictures = new_code_cell("draw()")
    for pixel, alt in zip(PIXELS, ("a <red> dot", "a blue dot"), strict=True):
        metadata = {"image/png": {"alt": alt}}
        pictures.outputs += [new_output("display_data", {"image/png": pixel}, metadata=metadata)]
    answer = new_code_cell("answer = 42", metadata={"tags": ["solution"]})
    nbformat.write(
        new_notebook(cells=[new_markdown_cell(FIRST), pictures, answer]), folder / "00_a.ipynb"
    )
    failed = new_notebook(cells=[new_markdown_cell("# B")])
    failed.metadata["course"] = {"error": "cell 4 `x`: epochs = <-3> is not allowed."}
    nbformat.write(failed, folder / "01_b.ipynb")
    (folder / "Untitled.ipynb").touch()
    (folder / "mine.html").touch()
    ledger.append(RECORD, folder / "ledger.jsonl")
    for _ in range(2):  # it replaces its own
        done = run("report", str(folder))
        assert done.exit_code == 0, done.output
        assert "Untitled.ipynb is empty" in done.output
    assert done.output.rstrip().endswith("index.html") and (folder / "mine.html").exists()
    return folder


def text(folder: Path, name: str) -> str:
    return (folder / "book" / f"{name}.html").read_text(encoding="utf-8")


def test_each_picture_has_its_words(folder: Path) -> None:
    page = text(folder, "00_a")
    for alt in ("a &lt;red&gt; dot", "a blue dot"):
        assert page.count(f'alt="{alt}"') == 1


def test_a_solution_is_folded(folder: Path) -> None:
    (before, after) = text(folder, "00_a").split("Show the solution")
    assert before.count("<details") == after.count("</details") == 1 and "42" in after


def test_a_failed_notebook_says_why_and_the_front_page_too(folder: Path) -> None:
    for name in ("01_b", "index"):
        assert "epochs = &lt;-3&gt; is not allowed." in text(folder, name)


def test_runs_of_the_folder_stand_beside_the_recorded_ones(folder: Path) -> None:
    page = text(folder, "runs")
    assert "&lt;script&gt;alert" in page and "<script>alert" not in page
    assert 'aria-label="validation loss: lowest 2, last 3"' in page
    recorded = sum(len(ledger.recorded(scale)) for scale in ("embedded", "full", "settings", "map"))
    assert page.count("<tr id=") == 1 + recorded


def test_a_conclusion_leads_to_its_runs_and_back(folder: Path) -> None:
    (anchor,) = re.findall(r'href="claims\.html#([\w-]+)"', text(folder, "00_a"))
    section = text(folder, "claims").split(f'id="{anchor}"')[1].split("<h3")[1]
    (one, *others) = re.findall(r'href="runs\.html#(\w{12})"', section)
    assert len(others) == 5
    row = text(folder, "runs").split(f'<tr id="{one}">')[1].split("</tr>")[0]
    assert 'href="claims.html#01-gap"' in row


def test_links_lead_somewhere_and_nothing_is_loaded_from_elsewhere(folder: Path) -> None:
    pages = {path.name: Tags(path).found for path in (folder / "book").glob("*.html")}
    ids = {name: {a["id"] for _, a in tags if "id" in a} for name, tags in pages.items()}
    for name, tags in pages.items():
        for tag, attributes in tags:
            target = attributes.get("href" if tag in ("a", "link") else "src")
            parts = urlsplit(target or "data:")
            if parts.scheme == "data" or (tag == "a" and parts.scheme):
                continue
            assert not parts.netloc and not parts.path.startswith("/"), (name, target)
            path, anchor = unquote(parts.path), unquote(parts.fragment)
            assert not path or (folder / "book" / path).exists(), (name, target)
            if anchor and path in ("", *pages):
                assert anchor in ids[path or name], (name, target)
    page = text(folder, "00_a")
    assert "<math" in page and "[none]" not in page and "badge.svg" not in page
    assert 'href="bibliography.html"' in page and 'href="glossary.html"' in page


def test_pages_tell_what_the_records_say(folder: Path) -> None:
    assert "{{" not in text(folder, "remedies") and "six pairs" in text(folder, "remedies")
    assert "Srivastava" in text(folder, "bibliography")
    assert "course_utils.stats.compare_runs" in text(folder, "api")
    assert "_exercises" not in text(folder, "api") and "_hunt" not in text(folder, "api")
    assert "term-Arm" in text(folder, "glossary")
