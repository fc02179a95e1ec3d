"""The map of overfitting from a file on disk, with the network off."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from course_utils import interactive, ledger

CHANGES = {"images": 2000, "width": 2, "remedy": "augmentation", "noise": 20}


@pytest.mark.parametrize("keyboard", [False, True])
def test_each_knob_changes_the_numbers_that_are_told(
    browser: Browser, tmp_path: Path, keyboard: bool
):
    records = ledger.recorded("map")
    table = interactive.points(records)
    file = tmp_path / "map.html"
    file.write_text(interactive.overfitting_map(records), encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    at = {"images": 750, "width": 1, "remedy": "none", "noise": 0}
    for name, value in CHANGES.items():
        knob = page.locator(f'input[name="{name}"][value="{value}"]')
        if keyboard:
            others = page.locator(f'input[name="{name}"]')
            page.locator(f'input[name="{name}"]:checked').focus()
            for _ in range(others.count()):
                if knob.is_checked():
                    break
                page.keyboard.press("ArrowRight")
        else:
            knob.check()
        at[name] = value
        here = table
        for knob_name, chosen in at.items():
            here = here[here[knob_name] == chosen]
        (point,) = here.to_dict("records")
        page.wait_for_timeout(500)  # the curves are drawn anew
        said = page.locator("svg").text_content() or ""
        gap, last = re.search(r"gap ([−\d.]+) points", said), re.search(r"last ([\d.]+)", said)
        assert gap and float(gap[1].replace("−", "-")) == pytest.approx(point["gap"], abs=0.051)
        assert last and float(last[1]) == pytest.approx(point["last"], abs=0.0051)
    context.close()
