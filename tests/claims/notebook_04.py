"""Claims of notebook 04."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from measures import Claims, differences, on_test, rise, runs, says, validation_accuracy

from course_utils import ledger

NOTEBOOK = "04_small_data_cats_vs_dogs"


def turning_epoch(record: ledger.Record) -> float:
    return record["best_epoch"]


def last_validation_accuracy(record: ledger.Record) -> float:
    return 100 * record["last"]["validation"]["accuracy"]


def cats(arm: str, measure: Callable[[ledger.Record], float] = on_test) -> np.ndarray:
    """Differences to C1, seed by seed."""
    return differences(NOTEBOOK, "C1", arm, measure)


def near_the_lowest(record: ledger.Record) -> np.ndarray:
    """Epochs whose validation loss is within one standard error of the lowest."""
    losses = np.array(record["history"]["val_loss"])
    return np.flatnonzero(losses <= losses.min() + record["val_loss_error"]) + 1


def turns(arm: str) -> tuple[int, int]:
    epochs = [record["best_epoch"] for record in runs(NOTEBOOK, arm)]
    return min(epochs), max(epochs)


CLAIMS: Claims = {
    "04-by-heart": lambda: all(
        r["last"]["train"]["accuracy"] >= 0.99 and r["history"]["val_loss"][-1] > 2
        for r in runs(NOTEBOOK, "C1")
    ),
    "04-rescued": lambda: (
        min(map(rise, runs(NOTEBOOK, "C1"))) > 3
        and says(
            np.array(
                [validation_accuracy(r) - last_validation_accuracy(r) for r in runs(NOTEBOOK, "C1")]
            ),
            -1.1,
            -4.4,
            2.2,
        )
    ),
    "04-augmentation": lambda: (
        says(cats("augmentation"), 6.5, 3.9, 9.1)
        and says(cats("augmentation", turning_epoch), 25.7, 15.2, 36.2)
        and bool((cats("augmentation", turning_epoch) > 0).all())
    ),
    "04-dropout": lambda: (
        says(cats("dropout"), 3.9, 1.2, 6.6)
        and says(cats("dropout", turning_epoch), 9.0, 3.6, 14.4)
        and bool((cats("dropout", turning_epoch) > 0).all())
    ),
    "04-dropout-on-top": lambda: (
        says(differences(NOTEBOOK, "augmentation", "C2", on_test), 0.0, -0.9, 0.9)
        and says(differences(NOTEBOOK, "augmentation", "C2", turning_epoch), 14.7, 4.5, 24.8)
    ),
    "04-not-a-sum": lambda: (
        says(cats("C2"), 6.5, 4.6, 8.5)
        and says(cats("augmentation") + cats("dropout") - cats("C2"), 3.9, 0.6, 7.2)
    ),
    "04-last-epoch": lambda: says(cats("augmentation", last_validation_accuracy), 3.7, 0.6, 6.7),
    "04-start-varies": lambda: turns("C1") == (5, 14) and turns("augmentation") == (20, 48),
    "04-flat-valley": lambda: all(
        len(epochs) >= 8 and epochs[-1] - epochs[0] >= 27
        for epochs in map(near_the_lowest, runs(NOTEBOOK, "augmentation"))
    ),
}
