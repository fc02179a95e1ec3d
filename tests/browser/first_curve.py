"""Seconds from `make lab` to the first point of notebook 01's live curve, by stage.

Run it from the repository, on an idle machine, twice: the first run warms the page cache.

    .venv/bin/python tests/browser/first_curve.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import lab
import nbformat

SOURCE = nbformat.read(lab.ROOT / "notebooks" / "01_baseline_overfit.ipynb", as_version=4).cells
LIMIT = 600_000  # milliseconds


def main() -> None:
    """Print the seconds of each stage, and the clicks."""
    moments: list[float] = []

    def done(stage: str) -> None:
        moments.append(time.perf_counter())
        if len(moments) > 1:
            print(f"{stage:30} {moments[-1] - moments[-2]:6.1f} s")

    with lab.chromium() as browser, tempfile.TemporaryDirectory() as home:
        page = browser.new_page(viewport={"width": lab.WIDTH, "height": lab.HEIGHT})
        page.set_default_timeout(LIMIT)

        def cell(text: str) -> lab.Locator:
            place = (i for i, c in enumerate(SOURCE) if c.cell_type == "code" and text in c.source)
            return lab.cells(page).nth(next(place))

        done("a student's browser is open already")
        with lab.lab(Path(home), settings=lab.NO_SAVING) as server:
            done("server up")
            page.goto(server.opened)
            page.get_by_role("heading", name="00 · Start here").wait_for()
            done("notebook 00 shown")
            page.get_by_role("listitem", name="01_baseline").dblclick()
            page.get_by_role("heading", name="01 · ").wait_for()
            done("notebook 01 shown (2 clicks)")
            lab.wait_until_idle(page)
            done("kernel ready")
            training = cell("LiveCurves")
            stored = lab.picture(training)
            waiting = cell("import keras").locator(".jp-InputArea-prompt").filter(has_text="*")
            lab.run_all(page)
            waiting.wait_for()
            waiting.wait_for(state="detached")
            done("imports done (2 clicks)")
            lab.wait_for_another_picture(training, stored, LIMIT)
            done("first epoch drawn")
    print(f"{'from make lab to the curve':30} {moments[-1] - moments[0]:6.1f} s, 4 clicks")


if __name__ == "__main__":
    main()
