"""Claims of notebook 06."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from measures import (
    Claims,
    compare,
    differences,
    gap,
    on_test,
    rise,
    run,
    runs,
    says,
    says_fine,
    validation_accuracy,
)

from course_utils import ledger, stats

NOTEBOOK = "06_dropout_early_stopping"
SEEDS = range(6)
PAIRS = list(combinations(("D1", "D2", "D3", "D4"), 2))  # rows that differ in dropout or stopping


def cross_entropy(record: ledger.Record) -> float:
    return record["validation"]["cross_entropy"]


def series(record: ledger.Record, name: str) -> np.ndarray:
    return 100 * np.array(record["history"][name])


def crossing(record: ledger.Record) -> int | None:
    """Epoch at which the printed training accuracy first exceeds the validation accuracy."""
    above = series(record, "accuracy") > series(record, "val_accuracy")
    return int(above.argmax()) + 1 if above.any() else None


def crossings(arm: str) -> list[int | None]:
    return [crossing(record) for record in runs(NOTEBOOK, arm)]


def lost_at_the_crossing(record: ledger.Record) -> float:
    accuracy = series(record, "val_accuracy")
    return accuracy[record["best_epoch"] - 1] - accuracy[(crossing(record) or 0) - 1]


def unearned(record: ledger.Record) -> float:
    """Test accuracy at the epoch that the test set chose, minus that at validation's choice."""
    test = series(record, "test_accuracy")
    return test.max() - test[series(record, "val_accuracy").argmax()]


def within_noise(rate: str, measure: Callable[[ledger.Record], float]) -> bool:
    found = compare(NOTEBOOK, "dropout_0.1", f"dropout_{rate}", measure)
    return found.verdict == "within noise"


def mistakes(rate: float, seed: int) -> set[int]:
    return set(run(NOTEBOOK, f"dropout_{rate:g}", seed)["mistakes"])


def landing(seed: int, first: int = 0, last: int = 2000) -> float:
    """Where the notebook's search lands, judged by the validation images from first to last."""

    def right(rate: float) -> int:
        return -sum(first <= image < last for image in mistakes(round(rate, 4), seed))

    low, high = 0.1, 0.2
    for _ in range(3):
        middle = (low + high) / 2
        low, high = (low, middle) if right(low) >= right(high) else (middle, high)
    return round(low if right(low) >= right(high) else high, 4)


def mean_disagreement(pairs: list[tuple[set[int], set[int]]]) -> float:
    return float(np.mean([len(one ^ other) for one, other in pairs]))


def full(row: str, protocol: str) -> list[ledger.Record]:
    return runs(NOTEBOOK, row, "full", protocol)


def full_change(
    before: str,
    after: str,
    protocol: str = "published",
    measure: Callable[[ledger.Record], float] = on_test,
) -> stats.Comparison:
    return stats.paired_runs(full(before, protocol), full(after, protocol), measure)


def more_images(row: str) -> list[float]:
    """Points of test accuracy, as published (60,000 images) minus honest (50,000)."""
    sides = full(row, "honest"), full(row, "published")
    return list(stats.paired_runs(*sides, on_test).differences)


CLAIMS: Claims = {
    "06-crossing-artefact": lambda: (
        all(6 <= (epoch or 0) <= 8 for epoch in crossings("watch"))
        and all(
            len(series(r, "off_accuracy")) == 30
            and (series(r, "off_accuracy") > series(r, "val_accuracy")).all()
            for r in runs(NOTEBOOK, "watch")
        )
    ),
    "06-crossing-rate": lambda: (
        set(crossings("dropout_0")) == {2}
        and all(18 <= (epoch or 0) <= 24 for epoch in crossings("dropout_0.4"))
        and set(crossings("dropout_0.5")) == {None}
    ),
    "06-crossing-early": lambda: says(
        np.array([lost_at_the_crossing(r) for r in runs(NOTEBOOK, "watch")]), 2.1, 1.6, 2.7
    ),
    "06-stop-loss": lambda: (
        says_fine(
            differences(NOTEBOOK, "peek", "stop", lambda r: r["test"]["cross_entropy"]),
            -0.04,
            -0.06,
            -0.02,
        )
        and says(
            differences(NOTEBOOK, "peek", "stop", lambda r: 100 * r["test"]["accuracy"]),
            0.1,
            -0.4,
            0.5,
        )
    ),
    "06-unearned": lambda: (
        round(float(np.mean([unearned(r) for r in runs(NOTEBOOK, "peek")])), 1) == 0.5
        and round(min(unearned(r) for r in runs(NOTEBOOK, "peek")), 2) == 0
        and round(max(unearned(r) for r in runs(NOTEBOOK, "peek")), 2) == 1.15
    ),
    "06-plateau": lambda: all(
        within_noise(rate, measure)
        for rate in ("0", "0.15", "0.2", "0.3")
        for measure in (validation_accuracy, cross_entropy)
    ),
    "06-half-dropout": lambda: says(
        differences(NOTEBOOK, "dropout_0.1", "dropout_0.5", validation_accuracy), -1.4, -2.3, -0.5
    ),
    "06-dropout-slows": lambda: says(
        differences(NOTEBOOK, "dropout_0", "dropout_0.5", lambda r: r["best_epoch"]),
        12.5,
        8.3,
        16.7,
    ),
    "06-gap-wrong-side": lambda: (
        says(differences(NOTEBOOK, "dropout_0", "dropout_0.2", gap), -1.2, -1.7, -0.6)
        and says(
            differences(NOTEBOOK, "dropout_0", "dropout_0.2", validation_accuracy), 0.2, -0.4, 0.9
        )
    ),
    "06-landings": lambda: (
        sorted({landing(seed) for seed in SEEDS}) == [0.1, 0.125, 0.175, 0.1875]
        and sum(landing(seed, 0, 1000) != landing(seed, 1000, 2000) for seed in SEEDS) == 4
    ),
    "06-full-order": lambda: (
        [pair for pair in PAIRS if full_change(*pair, "honest").verdict != "within noise"] == []
        and [pair for pair in PAIRS if full_change(*pair).verdict != "within noise"]
        == [("D2", "D3"), ("D2", "D4")]
        and says_fine(np.array(full_change("D2", "D3").differences), -0.20, -0.32, -0.08)
        and says_fine(np.array(full_change("D2", "D4").differences), -0.23, -0.45, -0.01)
    ),
    "06-full-string": lambda: says(np.array(full_change("D4", "D5").differences), -1.6, -1.7, -1.5),
    "06-full-turns": lambda: (
        all(7 <= r["best_epoch"] <= 13 and rise(r) >= 1.15 for r in full("D4", "honest"))
        and all(r["best_epoch"] >= 19 and rise(r) <= 1.15 for r in full("D1", "honest"))
    ),
    "06-full-sure": lambda: says_fine(
        np.array(
            full_change("D4", "D2", "honest", lambda r: r["test"]["cross_entropy"]).differences
        ),
        -0.03,
        -0.04,
        -0.02,
    ),
    "06-full-images": lambda: says(
        np.mean([more_images(row) for row in ("D1", "D2", "D4")], axis=0), 0.3, 0.1, 0.4
    ),
    "06-seed-over-rate": lambda: (
        round(mean_disagreement([(mistakes(0.1, s), mistakes(0.1, (s + 1) % 6)) for s in SEEDS]))
        == 97
        and round(mean_disagreement([(mistakes(0.1, s), mistakes(0.15, s)) for s in SEEDS])) == 67
    ),
}
