"""The book as it opens from disk, with the network off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from click.testing import CliRunner
from lab import BUILD, ROOT
from playwright.sync_api import Browser, Page, expect

from course_utils.classroom import cli

PAGES = sorted(path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"))
PAGES += ["index", "search", "remedies", "results", "claims", "runs", "glossary", "bibliography"]
PAGES += ["instructors", "api"]
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
OVERFLOW = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture(scope="session")
def book() -> Path:
    folder = BUILD / "book"
    done = CliRunner().invoke(cli.main, ["report", str(ROOT / "notebooks"), "--to", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(params=WIDTHS)
def page(book: Path, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = WIDTHS[request.param]
    # colours fade for 0.15 s while a theme is set: axe would judge what no reader stays with
    context = browser.new_context(
        viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((book / "index.html").as_uri())
    yield page
    page.screenshot(path=BUILD / f"{request.node.name.translate({91: '-', 93: None})}.png")
    context.close()
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def show(page: Page, book: Path, name: str) -> None:
    page.goto((book / f"{name}.html").as_uri())


def test_the_search_finds_a_term(page: Page, book: Path) -> None:
    page.goto(f"{(book / 'search.html').as_uri()}?q=temperature")
    expect(page.locator("ul.search a").filter(has_text="Glossary").first).to_be_visible()


def test_one_page_leads_to_the_next_and_back(page: Page, book: Path) -> None:
    show(page, book, "00_start_here")
    page.locator("a.right-next").click()
    expect(page.locator("article h1")).to_contain_text("01 · ")
    page.locator("a.left-prev").click()
    expect(page.locator("article h1")).to_contain_text("00 · ")


def test_a_solution_unfolds(page: Page, book: Path) -> None:
    show(page, book, "00_start_here")
    folded = page.locator("details", has_text="Show the solution").first
    expect(folded.locator("pre").first).to_be_hidden()
    folded.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(folded.locator("pre").first).to_be_visible()


def test_a_conclusion_leads_to_its_runs_and_back(page: Page, book: Path) -> None:
    show(page, book, "01_baseline_overfit")
    page.locator("article a[href^='claims.html#']", has_text="01-decisions").first.click()
    told = page.get_by_role("heading", name="01-decisions")
    page.locator("section", has=told).last.locator("a[href^='runs.html#']").first.click()
    row = page.locator("tr:target")
    expect(row).to_be_in_viewport()
    row.get_by_role("link", name="01-decisions").click()
    expect(told).to_be_in_viewport()


def test_the_runs_are_filtered_and_sorted(page: Page, book: Path) -> None:
    show(page, book, "runs")
    page.get_by_label("Rows with").fill("01_baseline relu embedded")
    rows = page.locator(".runs tbody tr:visible")
    expect(page.get_by_role("status")).to_contain_text(f"{rows.count()} of ")
    page.get_by_role("button", name="validation %").press("Enter")
    shown = [float(text) for text in rows.locator("td:nth-child(7)").all_inner_texts()]
    assert len(shown) >= 6 and shown == sorted(shown)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_are_accessible(name: str, theme: str, page: Page, book: Path) -> None:
    page.evaluate("theme => localStorage.setItem('mode', theme)", theme)
    show(page, book, name)
    expect(page.locator("html")).to_have_attribute("data-theme", theme)
    if name == "runs":  # all rows are alike
        page.get_by_label("Rows with").fill("01_baseline relu")
    assert page.evaluate(OVERFLOW) <= 1
    assert not page.locator("img:not([alt]), img[alt='']:not([role=presentation])").count()
    found = Axe().run(page).response["violations"]
    grave = [v for v in found if v["impact"] in ("serious", "critical")]
    assert not grave, [(v["id"], v["nodes"][0]["html"][:200], len(v["nodes"])) for v in grave]
