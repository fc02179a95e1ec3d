"""What a reader gets in JupyterLab: each notebook opened, and some of them run."""

from __future__ import annotations

import os
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from lab import (
    BIN,
    BUILD,
    PATIENCE,
    ROOT,
    Lab,
    cells,
    picture,
    run_all,
    wait_for_another_picture,
    wait_until_idle,
)
from papermill import execute_notebook
from playwright.sync_api import Page, expect

from course_utils.classroom import cli

PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RUN = [path for path in PATHS if os.environ.get("ALL") == "1" or path.name[:2] in ("01", "03")]
RUN_SECONDS = 900
expect.set_options(timeout=PATIENCE)
RED = (
    '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.error"],'
    '.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]'
)
# What is wider than its frame, and so needs a horizontal scroll bar or is cut off.
WIDE = """() => [...document.querySelectorAll(
    'html, .jp-WindowedPanel-outer, .jp-OutputArea, .jp-OutputArea-output, .jp-MarkdownOutput,'
    + '.jp-Cell-inputArea .cm-scroller')]
  .filter(e => e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
  .map(e => `${e.className}, ${e.scrollWidth} in ${e.clientWidth}: ${e.innerText.slice(0, 80)}`)"""
# Pictures without words: neither an alt nor a folded text in the output below.
WORDLESS = """() => [...document.querySelectorAll('.jp-Notebook img')].filter(image => {
    const below = image.closest('.jp-OutputArea-child')?.nextElementSibling;
    const folded = below?.querySelector('details');
    const said = folded?.innerText.startsWith('Figure in words')
      ? folded.textContent.replace('Figure in words', '') : image.alt;
    return !said.trim();
  }).map(image => image.closest('.jp-Cell').innerText.slice(0, 80))"""


@pytest.fixture(scope="session")
def copies() -> Path:
    """The notebooks with small settings, and their stored outputs."""
    folder = BUILD / "notebooks"
    done = CliRunner().invoke(cli.main, ["prepare", "--profile", "smoke", "--to", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


def show(page: Page, server: Lab, path: Path) -> None:
    page.goto(server.address(path))
    wait_until_idle(page)


def indices(path: Path, *, tag: str = "", text: str = "") -> list[int]:
    """Places of the code cells that have a tag, or else a text in them."""
    found = enumerate(nbformat.read(path, as_version=4).cells)
    code = [(i, cell) for i, cell in found if cell.cell_type == "code"]
    if tag:
        return [i for i, cell in code if tag in cell.metadata.get("tags", [])]
    return [i for i, cell in code if text in cell.source]


def wait_until_run(page: Page) -> None:
    waiting = cells(page).locator(".jp-InputArea-prompt").filter(has_text="*")
    waiting.first.wait_for(timeout=PATIENCE)
    waiting.first.wait_for(state="detached", timeout=RUN_SECONDS * 1000)
    wait_until_idle(page)


def assert_reads_well(page: Page, path: Path) -> None:
    assert page.locator(RED).all_inner_texts() == []
    assert page.evaluate(WIDE) == []
    assert page.evaluate(WORDLESS) == []
    for i in indices(path, tag="solution"):
        solution = cells(page).nth(i)
        expect(solution.locator(".jp-InputPlaceholder")).to_be_visible()
        expect(solution.locator(".jp-InputArea-editor")).to_be_hidden()


def photograph(page: Page, name: str) -> None:
    """Keep a picture of every screen of the notebook."""
    frame = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    height, step = frame.evaluate("e => [e.scrollHeight, e.clientHeight]")
    for number, top in enumerate(range(0, height, step)):
        frame.evaluate("(e, top) => e.scrollTop = top", top)
        page.screenshot(path=BUILD / f"{name}_{number:02}.png")


def test_make_lab_opens_the_first_notebook_in_the_courses_own_kernel(
    page: Page, server: Lab
) -> None:
    page.goto(server.opened)
    wait_until_idle(page)
    expect(page.get_by_role("heading", name="00 · Start here")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    (kernel,) = server.kernels()
    assert Path(kernel[0]).parent == BIN
    assert "other" not in kernel, "a kernel that the user has elsewhere under the name python3"


def test_links_of_conclusions_open_the_page_of_claims(page: Page, server: Lab) -> None:
    show(page, server, ROOT / "notebooks" / "01_baseline_overfit.ipynb")
    page.get_by_role("link", name="[01-decisions]").click()  # the headline, which is not folded
    expect(page.get_by_role("tab", name="claims.md")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_opened_it_reads_well(path: Path, copies: Path, page: Page, server: Lab) -> None:
    copy = copies / path.name
    show(page, server, copy)
    photograph(page, f"opened_{path.stem}")
    assert_reads_well(page, copy)


def test_the_words_of_a_figure_unfold(copies: Path, page: Page, server: Lab) -> None:
    path = copies / "01_baseline_overfit.ipynb"
    show(page, server, path)
    words = cells(page).nth(indices(path, text="LiveCurves")[0]).locator("details").first
    words.locator("summary").click()
    expect(words).to_contain_text("validation loss is lowest at epoch")
    assert words.evaluate("e => e.open")


@pytest.mark.parametrize("path", RUN, ids=lambda path: path.stem)
def test_run_it_reads_well(path: Path, copies: Path, page: Page, server: Lab) -> None:
    copy = copies / path.name
    show(page, server, copy)
    run_all(page)
    wait_until_run(page)
    photograph(page, f"run_{path.stem}")
    assert_reads_well(page, copy)
    assert "[ ]:" not in cells(page).locator(".jp-InputArea-prompt").all_inner_texts()


def test_the_curves_grow_while_fit_runs(copies: Path, page: Page, server: Lab) -> None:
    path = BUILD / "notebooks" / "01_longer.ipynb"
    longer = {"train_size": 500, "epochs": 40, "run_solutions": False, "arms": ["F1"]}
    source = copies / "01_baseline_overfit.ipynb"
    execute_notebook(str(source), str(path), parameters=longer, prepare_only=True)
    show(page, server, path)
    training = cells(page).nth(indices(path, text="LiveCurves")[0])
    drawn = picture(training)
    run_all(page)
    for _ in range(2):
        drawn = wait_for_another_picture(training, drawn, RUN_SECONDS * 1000)
        assert "*" in training.locator(".jp-InputArea-prompt").inner_text(), "drawn at the end only"
