"""The map of overfitting: its page holds what the records say, and needs nothing else."""

from __future__ import annotations

import json
import re

import pytest

from course_utils import interactive, ledger
from course_utils.errors import CourseError

RECORDS = ledger.recorded("map")
PAGE = interactive.overfitting_map(RECORDS)


def drawn():
    """The rows of data that the page draws, by what they hold."""
    start = PAGE.rindex(" spec = {") + len(" spec = ")
    spec, _ = json.JSONDecoder().raw_decode(PAGE[start:])
    return {("gap" if "gap" in rows[0] else "curve"): rows for rows in spec["datasets"].values()}


def test_the_pages_numbers_are_the_records():
    names = {label: arm for arm, label in interactive.REMEDIES.items()}
    points = drawn()["gap"]
    assert sum(point["runs"] for point in points) == len(RECORDS)
    assert min(point["runs"] for point in points) >= 3
    for point in points:
        runs = [
            record
            for record in RECORDS
            if record["arm"] == names[point["remedy"]]
            and record["data"]["train"] == point["images"]
            and record["parameters"]["width"] == point["width"]
            and round(100 * record["parameters"]["label_noise"]) == point["noise"]
        ]
        gaps = [100 * (r["train"]["accuracy"] - r["validation"]["accuracy"]) for r in runs]
        assert point["gap"] == pytest.approx(sum(gaps) / len(gaps), abs=1e-3)
        assert point["gap_low"] == pytest.approx(min(gaps), abs=1e-3)
        last = [r["history"]["val_cross_entropy"][-1] for r in runs]
        assert point["last"] == pytest.approx(sum(last) / len(last), abs=1e-3)


def test_every_combination_of_the_knobs_is_there():
    table = interactive.points(RECORDS)
    values = [table[name].nunique() for name in interactive.KNOBS]
    assert len(table) == values[0] * values[1] * values[2] * values[3]


def test_the_page_loads_nothing_and_is_small():
    assert len(PAGE.encode()) < 3e6
    assert not re.findall(r'(?:src|href)="https?://', PAGE)


def test_no_run_is_a_sentence():
    with pytest.raises(CourseError, match="course sweep 09b"):
        interactive.overfitting_map([])
