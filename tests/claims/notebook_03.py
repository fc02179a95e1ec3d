"""Claims of notebook 03, data augmentation."""

from __future__ import annotations

import numpy as np
from measures import Claims, differences, gap, rise, runs, says, says_fine, validation_accuracy

from course_utils import ledger, stats

AUGMENTATION = "03_data_augmentation"


def too_good(arm: str) -> np.ndarray:
    """Points of validation accuracy above test accuracy, one for each seed."""
    return np.array(
        [
            100 * (r["validation"]["accuracy"] - r["test"]["accuracy"])
            for r in runs(AUGMENTATION, arm)
        ]
    )


def share(run: ledger.Record, key: str, first: int, last: int) -> float:
    """Mean over epochs `first` to `last` of the history."""
    return float(np.mean(run["history"][key][first - 1 : last]))


def long_gain(key: str, first: int, last: int) -> np.ndarray:
    return differences(
        AUGMENTATION, "plain_long", "augmented_long", lambda r: share(r, key, first, last)
    )


def same_seconds() -> np.ndarray:
    """Points of validation accuracy, when the augmented arm has had the plain arm's seconds."""
    changes = []
    for plain, augmented in zip(
        runs(AUGMENTATION, "plain"), runs(AUGMENTATION, "augmented"), strict=True
    ):
        epochs = int(plain["seconds"] / (augmented["seconds"] / augmented["epochs"]))
        reached = augmented["history"]["val_accuracy"][min(epochs, augmented["epochs"]) - 1]
        changes.append(100 * (reached - plain["history"]["val_accuracy"][-1]))
    return np.array(changes)


CLAIMS: Claims = {
    "03-copies": lambda: all(r["copies"] == r["validated"] > 0 for r in runs(AUGMENTATION, "F4")),
    "03-leak": lambda: too_good("F4").min() >= 6 and says(too_good("F4"), 8.7, 7.3, 10.2),
    "03-renamed": lambda: (
        all(r["copies"] == 0 for r in runs(AUGMENTATION, "F4_renamed"))
        and says(too_good("F4_renamed"), -16.7, -19.1, -14.2)
    ),
    "03-split-first": lambda: says(too_good("F4_split_first"), -1.1, -2.7, 0.4),
    "03-plain-gap": lambda: min(map(gap, runs(AUGMENTATION, "plain"))) > 10,
    "03-gap-closes": lambda: says(
        differences(AUGMENTATION, "plain", "augmented", gap), -4.5, -5.9, -3.0
    ),
    "03-costs": lambda: says(
        differences(AUGMENTATION, "plain", "augmented", validation_accuracy), -2.7, -4.1, -1.3
    ),
    "03-same-seconds": lambda: says(same_seconds(), -3.3, -4.6, -1.9),
    "03-loss-begins": lambda: all(
        stats.paired(np.zeros(6), long_gain("val_loss", epoch, epoch)).high < 0
        for epoch in range(26, 101)
    ),
    "03-begins": lambda: (
        stats.paired(np.zeros(6), 100 * long_gain("val_accuracy", 41, 60)).verdict == "within noise"
        and says(100 * long_gain("val_accuracy", 61, 80), 0.4, 0.1, 0.8)
        and says(100 * long_gain("val_accuracy", 81, 100), 0.7, 0.3, 1.0)
    ),
    "03-rise": lambda: (
        min(map(rise, runs(AUGMENTATION, "plain_long"))) >= 2
        and max(map(rise, runs(AUGMENTATION, "augmented_long"))) <= 1.6
    ),
    "03-lowest": lambda: says_fine(
        differences(
            AUGMENTATION,
            "plain_long",
            "augmented_long",
            lambda record: min(record["history"]["val_loss"]),
        ),
        -0.01,
        -0.02,
        0.01,
    ),
}
