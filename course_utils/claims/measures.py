"""Measures that the claims of several notebooks take."""

from __future__ import annotations

import math

from course_utils.claims.measured import Change, Measure, Measured, Record, Runs, epochs_of


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


def _rise(record: Record) -> float:
    losses = record["history"]["val_loss"]
    return losses[-1] / min(losses)


validation_accuracy = Measure(
    lambda r: 100 * r["validation"]["accuracy"], "%", better=True, margin="accuracy"
)
training_accuracy = Measure(lambda r: 100 * r["train"]["accuracy"], "%", margin="accuracy")
test_accuracy = Measure(lambda r: 100 * r["test"]["accuracy"], "%", better=True, margin="accuracy")
# Both accuracies measured on the final network, with dropout off.
gap = Measure(
    lambda r: 100 * (r["train"]["accuracy"] - r["validation"]["accuracy"]), "points", margin="gap"
)
cross_entropy = Measure(
    lambda r: r["validation"]["cross_entropy"],
    "nats",
    better=False,
    margin="cross-entropy",
    digits=2,
)
turning_epoch = Measure(turn, "epochs", margin="epochs")
rise = Measure(_rise, "times")  # the last validation loss over the lowest


def all_of(*changes: Change) -> Measured:
    """A verdict that several changes share: each of them must say the word."""
    reads = tuple(dict.fromkeys(arm for change in changes for arm in change.reads))

    def say(spec: str) -> str:
        return [change.say(spec) for change in changes][-1]

    return Measured(reads, say)
