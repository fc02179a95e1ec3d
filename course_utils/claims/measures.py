"""Measures that the claims of several notebooks take."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from course_utils import ledger
from course_utils.claims.measured import Change, Measure, Measured, Record, Runs, epochs_of


def mean_of(measure: Measure) -> Callable[[list[Record]], float]:
    """The mean of a measure over runs, for `computed`."""
    return lambda records: float(np.mean([measure.of(record) for record in records]))


def turn(record: Record) -> float:
    """Epoch of the lowest validation loss; infinite where it may have gone on falling.

    That is where it is lowest in the last tenth of the training, or in its last two epochs.
    """
    last = record["epochs"] - max(2, math.ceil(record["epochs"] / 10))
    best = record["best_epoch"]
    return best if best is not None and best <= last else math.inf


def turns(arm: Runs) -> Measured:
    """When the validation loss of each run of an arm turned."""
    return epochs_of(arm, turn)


def _image_scores(part: str, key: str, factor: float) -> Callable[[Record], np.ndarray | None]:
    """What each image of a part adds to the measure, where the run's predictions were kept."""

    def scores(record: Record) -> np.ndarray | None:
        kept = ledger.predictions(record)
        return factor * kept[part][key] if kept and part in kept else None

    return scores


accuracy_of = partial(Measure, unit="%", better=True, margin="accuracy")
entropy_of = partial(Measure, unit="nats", better=False, margin="cross-entropy", digits=2)


def _accuracy(part: str) -> Measure:
    scores = _image_scores(part, "correct", 100)
    return accuracy_of(lambda r: 100 * r[part]["accuracy"], scores=scores)


def _cross_entropy(part: str) -> Measure:
    scores = _image_scores(part, "cross_entropy", 1)
    return entropy_of(lambda r: r[part]["cross_entropy"], scores=scores)


def lowest(key: str) -> Measure:
    """The lowest of the losses that a history holds under a name."""
    return entropy_of(lambda r: min(r["history"][key]))


training_accuracy = Measure(lambda r: 100 * r["train"]["accuracy"], "%", margin="accuracy")
validation_accuracy, test_accuracy = _accuracy("validation"), _accuracy("test")
cross_entropy, test_cross_entropy = _cross_entropy("validation"), _cross_entropy("test")
# Validation accuracy at the lowest validation loss.
accuracy_at_turn = accuracy_of(lambda r: 100 * r["history"]["val_accuracy"][r["best_epoch"] - 1])
# Both accuracies are measured on the final network, with dropout off.
gap = Measure(
    lambda r: 100 * (r["train"]["accuracy"] - r["validation"]["accuracy"]), "points", margin="gap"
)
turning_epoch = Measure(turn, "epochs", margin="epochs")
# The last validation loss over the lowest.
rise = Measure(lambda r: r["history"]["val_loss"][-1] / min(r["history"]["val_loss"]), "times")


def all_of(*changes: Change) -> Measured:
    """A verdict that several changes share: each of them must say the word."""
    reads = tuple(dict.fromkeys(arm for change in changes for arm in change.reads))

    def say(spec: str) -> str:
        return [change.say(spec) for change in changes][-1]

    return Measured(reads, say)


def decisions(record: Record) -> float:
    """Points of validation accuracy from the turning epoch to the mean of the last five."""
    accuracy = record["history"]["val_accuracy"]
    return 100 * (np.mean(accuracy[-5:]) - accuracy[record["best_epoch"] - 1])
