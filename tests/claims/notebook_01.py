"""Claims of notebook 01."""

from __future__ import annotations

from measures import (
    Claims,
    after_the_turn,
    differences,
    last_gap,
    rise,
    runs,
    says,
    validation_accuracy,
)

NOTEBOOK = "01_baseline_overfit"
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
}
