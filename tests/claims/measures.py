"""What the claims measure on recorded runs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy.stats import t

from course_utils import ledger, stats

ENOUGH = 6
Claims = dict[str, Callable[[], bool]]


# The records that the readers below have handed out, by id; the page of claims is made from them.
_handed_out: dict[str, ledger.Record] = {}


@cache
def _arm(notebook: str, arm: str, scale: str, protocol: str | None) -> tuple[ledger.Record, ...]:
    found = [
        record
        for record in ledger.recorded(scale, notebook, arm)
        if protocol in (None, record["protocol"])
    ]
    assert len(found) >= ENOUGH, f"a claim needs {ENOUGH} seeds; {arm} has {len(found)}"
    assert len({record["seed"] for record in found}) == len(found)
    return tuple(found)


def runs(
    notebook: str, arm: str, scale: str = "embedded", protocol: str | None = None
) -> list[ledger.Record]:
    """The recorded runs of an arm, in the order of their seeds."""
    found = list(_arm(notebook, arm, scale, protocol))
    _handed_out.update({record["id"]: record for record in found})
    return found


def run(notebook: str, arm: str, seed: int) -> ledger.Record:
    """The recorded run of an arm with one seed."""
    (found,) = (r for r in _arm(notebook, arm, "embedded", None) if r["seed"] == seed)
    _handed_out[found["id"]] = found
    return found


def reads(claim: Callable[[], bool]) -> tuple[bool, list[ledger.Record]]:
    """Whether a claim holds, and the records that it was given to find out."""
    _handed_out.clear()
    holds = claim()
    return holds, list(_handed_out.values())


def next_run(values: np.ndarray) -> tuple[float, float]:
    """Interval in which one further run ends, 19 times out of 20 (t distribution)."""
    low, high = t.interval(
        0.95,
        len(values) - 1,
        loc=values.mean(),
        scale=values.std(ddof=1) * np.sqrt(1 + 1 / len(values)),
    )
    return round(float(low), 1), round(float(high), 1)


def on_test(record: ledger.Record) -> float:
    return 100 * record["test"]["accuracy"]


def rise(record: ledger.Record) -> float:
    losses = record["history"]["val_loss"]
    return losses[-1] / min(losses)


def last_gap(record: ledger.Record) -> float:
    history = record["history"]
    return 100 * (history["accuracy"][-1] - history["val_accuracy"][-1])


def gap(record: ledger.Record) -> float:
    return 100 * (record["train"]["accuracy"] - record["validation"]["accuracy"])


def validation_accuracy(record: ledger.Record) -> float:
    return 100 * record["validation"]["accuracy"]


def compare(
    notebook: str, before: str, after: str, measure: Callable[[ledger.Record], float]
) -> stats.Comparison:
    first, second = runs(notebook, before), runs(notebook, after)
    assert [r["seed"] for r in first] == [r["seed"] for r in second]
    return stats.paired_runs(first, second, measure)


def differences(
    notebook: str, before: str, after: str, measure: Callable[[ledger.Record], float]
) -> np.ndarray:
    return np.array(compare(notebook, before, after, measure).differences)


def after_the_turn(record: ledger.Record) -> float:
    """Points of validation accuracy from the turning epoch to the last."""
    accuracy = record["history"]["val_accuracy"]
    return 100 * (accuracy[-1] - accuracy[record["best_epoch"] - 1])


def says(change: np.ndarray, mean: float, low: float, high: float) -> bool:
    """Whether the mean and the interval are those of the sentence, to a tenth."""
    found = stats.paired(np.zeros(len(change)), change)
    return tuple(round(v, 1) for v in (found.mean, found.low, found.high)) == (mean, low, high)


def says_fine(change: np.ndarray, mean: float, low: float, high: float) -> bool:
    """As `says`, to a hundredth."""
    found = stats.paired(np.zeros(len(change)), change)
    return tuple(round(v, 2) for v in (found.mean, found.low, found.high)) == (mean, low, high)
