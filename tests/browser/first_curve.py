"""Seconds from `make lab` to the first point of notebook 01's live curve, by stage.

Run it from the repository, on an idle machine, twice: the first run warms the page cache.

    .venv/bin/python tests/browser/first_curve.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nbformat
from lab import HEIGHT, NO_SAVING, ROOT, WIDTH, cells, chromium, lab, run_all, wait_until_idle

PATH = ROOT / "notebooks" / "01_baseline_overfit.ipynb"
LIMIT = 600_000  # milliseconds


def place(text: str) -> int:
    """Place of the first code cell with a text in it."""
    found = nbformat.read(PATH, as_version=4).cells
    return next(i for i, c in enumerate(found) if c.cell_type == "code" and text in c.source)


def main() -> None:
    """Print the seconds of each stage, and the clicks."""
    stages: list[tuple[str, float]] = []
    last = time.perf_counter()

    def done(stage: str) -> None:
        nonlocal last
        now = time.perf_counter()
        stages.append((stage, now - last))
        last = now

    with chromium() as browser, tempfile.TemporaryDirectory() as home:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(LIMIT)
        last = time.perf_counter()  # a student's browser is open already
        with lab(Path(home), settings=NO_SAVING) as server:
            done("server up")
            page.goto(server.opened)
            page.get_by_role("heading", name="00 · Start here").wait_for()
            done("notebook 00 shown")
            page.get_by_role("listitem", name="01_baseline").dblclick()
            page.get_by_role("heading", name="01 · ").wait_for()
            done("notebook 01 shown (2 clicks)")
            wait_until_idle(page)
            done("kernel ready")
            drawn = cells(page).nth(place("LiveCurves")).locator(".jp-OutputArea-output img")
            stored = drawn.get_attribute("src")
            imports = cells(page).nth(place("import keras")).locator(".jp-InputArea-prompt")
            waiting = imports.filter(has_text="*")
            run_all(page)
            waiting.wait_for()
            waiting.wait_for(state="detached")
            done("imports done (2 clicks)")
            page.wait_for_function(
                "([e, src]) => ![undefined, src].includes(e.querySelector('img')?.src)",
                arg=[cells(page).nth(place("LiveCurves")).element_handle(), stored],
            )
            done("first epoch drawn")
    for stage, seconds in stages:
        print(f"{stage:30} {seconds:6.1f} s")
    print(f"{'from make lab to the curve':30} {sum(s for _, s in stages):6.1f} s, 4 clicks")


if __name__ == "__main__":
    main()
