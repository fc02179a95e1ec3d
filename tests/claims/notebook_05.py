"""Claims of notebook 05."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from measures import (
    Claims,
    compare,
    differences,
    gap,
    runs,
    says,
    says_fine,
    validation_accuracy,
)

from course_utils import ledger

NOTEBOOK = "05_l2_regularization"
PENALISED = ("conv1b", "conv2b", "conv3b", "dense")
Measure = Callable[[ledger.Record], float]


def training_accuracy(record: ledger.Record) -> float:
    return 100 * record["train"]["accuracy"]


def last_entropy(record: ledger.Record) -> float:
    """Validation cross-entropy after the last epoch, without the penalty."""
    return record["history"]["val_cross_entropy"][-1]


def entropy_rise(record: ledger.Record) -> float:
    return last_entropy(record) / min(record["history"]["val_cross_entropy"])


def lowest(key: str) -> Measure:
    return lambda record: min(record["history"][key])


def cifar(arm: str, measure: Measure) -> np.ndarray:
    """Differences to the arm without L2, seed by seed."""
    return differences(NOTEBOOK, "l2_0", arm, measure)


def digits(arm: str, measure: Measure) -> np.ndarray:
    return differences(NOTEBOOK, "D5_none", arm, measure)


def shrinkage(arm: str) -> np.ndarray:
    """Length of each penalised kernel, without L2 = 1; one row a seed, one column a layer."""
    before, after = runs(NOTEBOOK, "l2_0"), runs(NOTEBOOK, arm)
    return np.array(
        [
            [second["weight_norms"][name] / first["weight_norms"][name] for name in PENALISED]
            for first, second in zip(before, after, strict=True)
        ]
    )


CLAIMS: Claims = {
    "05-narrows": lambda: (
        says(cifar("l2_1e-3", gap), -3.4, -5.7, -1.2)
        and min(map(gap, runs(NOTEBOOK, "l2_1e-3"))) > 40
    ),
    "05-still-rises": lambda: min(map(entropy_rise, runs(NOTEBOOK, "l2_1e-3"))) >= 1.4,
    "05-less-sure": lambda: says_fine(cifar("l2_1e-3", last_entropy), -0.58, -1.10, -0.07),
    "05-accuracy-noise": lambda: all(
        compare(NOTEBOOK, "l2_0", arm, validation_accuracy).verdict == "within noise"
        for arm in ("l2_1e-4", "l2_1e-3", "l2_1e-2", "adamw")
    ),
    "05-learns-less": lambda: (
        says(cifar("l2_1e-2", gap), -32.0, -36.4, -27.6)
        and says(cifar("l2_1e-2", training_accuracy), -32.6, -37.2, -28.0)
    ),
    "05-loss-lies": lambda: (
        says_fine(cifar("l2_1e-3", lowest("val_loss")), 0.15, 0.11, 0.20)
        and says_fine(cifar("l2_1e-3", lowest("val_cross_entropy")), 0.01, -0.02, 0.05)
    ),
    "05-shrinks": lambda: bool(
        (shrinkage("l2_1e-3")[:, -1] < 0.6).all()
        and (shrinkage("l2_1e-3")[:, 0] > 0.8).all()
        and (np.abs(shrinkage("adamw") - 0.65) < 0.1).all()
    ),
    "05-string": lambda: (
        says(digits("D5_l2_string", training_accuracy), -1.2, -1.4, -1.0)
        and says(digits("D5_l2_string", validation_accuracy), 0.0, -0.4, 0.4)
    ),
    "05-string-where": lambda: (
        says(digits("D5_hidden_only", training_accuracy), -1.1, -1.7, -0.5)
        and says(digits("D5_last_only", training_accuracy), -0.2, -0.3, -0.1)
    ),
    "05-small-noise": lambda: all(
        compare(NOTEBOOK, "D5_none", "D5_1e-4", measure).verdict == "within noise"
        for measure in (training_accuracy, validation_accuracy)
    ),
}
