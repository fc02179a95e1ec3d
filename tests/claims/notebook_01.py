"""Claims of notebook 01."""

from __future__ import annotations

import numpy as np
from measures import (
    Claims,
    after_the_turn,
    differences,
    gap,
    last_gap,
    next_run,
    on_test,
    rise,
    runs,
    says,
    validation_accuracy,
)

from course_utils import ledger

NOTEBOOK = "01_baseline_overfit"


def full() -> list[ledger.Record]:
    return runs(NOTEBOOK, "F1", "full")


CLAIMS: Claims = {
    "01-gap": lambda: min(map(last_gap, runs(NOTEBOOK, "F1"))) > 10,
    "01-rise": lambda: min(map(rise, runs(NOTEBOOK, "F1"))) >= 1.6,
    "01-silent": lambda: max(abs(after_the_turn(r)) for r in runs(NOTEBOOK, "F1")) < 2,
    "01-relu-noise": lambda: says(
        differences(NOTEBOOK, "F1", "relu", validation_accuracy), 0.7, -0.4, 1.9
    ),
    "01-relu-later": lambda: bool(
        (differences(NOTEBOOK, "F1", "relu", lambda r: r["best_epoch"]) > 0).sum() == 5
        and (differences(NOTEBOOK, "F1", "relu", rise) < 0).all()
    ),
    "01-relu-overfits": lambda: (
        min(map(last_gap, runs(NOTEBOOK, "relu"))) > 10
        and min(map(rise, runs(NOTEBOOK, "relu"))) >= 1.3
    ),
    "01-full-turns": lambda: (
        all(4 <= r["best_epoch"] <= 8 for r in full()) and min(map(rise, full())) >= 1.4
    ),
    "01-full-gap": lambda: (
        says(np.array([gap(r) for r in full()]), 7.3, 6.9, 7.6)
        and max(map(gap, full())) < min(map(gap, runs(NOTEBOOK, "F1")))
    ),
    "01-full-same": lambda: (
        says(np.array([on_test(r) for r in full()]), 89.3, 88.8, 89.7)
        and next_run(np.array([on_test(r) for r in full()])) == (88.1, 90.4)
    ),
}
