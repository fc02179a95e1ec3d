"""Claims of notebook 07."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from measures import (
    Claims,
    compare,
    differences,
    gap,
    on_test,
    runs,
    says,
    says_fine,
    validation_accuracy,
)

from course_utils import ledger, stats

NOTEBOOK = "07_capstone"
SETS = ("cifar10", "fashion_mnist", "cats_vs_dogs", "mnist")
STEPS = (
    "published",
    "batch_norm",
    "one_cycle",
    "augmentation",
    "network",
    "whitening",
    "weight_decay",
    "ours",
)


def one_view(record: ledger.Record) -> float:
    return 100 * record["one_view"]["accuracy"]


def ladder(name: str) -> dict[str, stats.Comparison]:
    """What each step changes in validation accuracy, with one view, by the step."""
    steps = [s for s in STEPS if name != "mnist" or s not in ("batch_norm", "whitening")]
    return {
        after: compare(NOTEBOOK, f"{name}_{before}", f"{name}_{after}", one_view)
        for before, after in pairwise(steps)
    }


def step(name: str, after: str) -> np.ndarray:
    return np.array(ladder(name)[after].differences)


def steps_with(name: str, verdict: str) -> set[str]:
    return {after for after, change in ladder(name).items() if change.verdict == verdict}


def ahead(name: str, measure: Callable[[ledger.Record], float] = validation_accuracy) -> np.ndarray:
    """Ours, with its two views, minus the published recipe, seed by seed."""
    return differences(NOTEBOOK, f"{name}_published", f"{name}_ours", measure)


def two_views(name: str) -> np.ndarray:
    """What the mirrored view adds."""
    records = runs(NOTEBOOK, f"{name}_ours")
    return np.array([validation_accuracy(r) - one_view(r) for r in records])


def less_sure(name: str) -> np.ndarray:
    """What label smoothing adds to the validation cross-entropy, with one view, in nats."""
    return differences(
        NOTEBOOK, f"{name}_weight_decay", f"{name}_ours", lambda r: r["one_view"]["cross_entropy"]
    )


def not_by_sign_flips() -> dict[tuple[str, str], float]:
    """Changes that are clear by the interval and not by the sign-flip test: its p."""
    changes = {(name, after): c for name in SETS for after, c in ladder(name).items()}
    for name in ("cifar10", "fashion_mnist", "cats_vs_dogs"):
        gains = two_views(name)
        changes[name, "two views"] = stats.paired(np.zeros(len(gains)), gains)
    return {
        step: round(c.p, 2)
        for step, c in changes.items()
        if c.verdict != "within noise" and c.p > 0.05
    }


CLAIMS: Claims = {
    "07-ahead": lambda: (
        min(ahead(name).min() for name in SETS) > 0
        and says(ahead("cifar10"), 21.6, 20.0, 23.3)
        and says(ahead("fashion_mnist"), 5.5, 4.4, 6.5)
        and says(ahead("cats_vs_dogs"), 5.8, 4.0, 7.6)
        and says(ahead("mnist"), 4.0, 3.4, 4.5)
        and says(ahead("cifar10", on_test), 21.0, 19.8, 22.1)
        and says(ahead("fashion_mnist", on_test), 5.2, 4.0, 6.4)
        and says(ahead("cats_vs_dogs", on_test), 5.3, 3.6, 7.0)
        and says(ahead("mnist", on_test), 3.7, 3.1, 4.3)
    ),
    "07-steps": lambda: (
        steps_with("cifar10", "better")
        == {"batch_norm", "one_cycle", "augmentation", "network", "whitening"}
        and says(step("cifar10", "batch_norm"), 5.0, 2.9, 7.1)
        and says(step("cifar10", "one_cycle"), 4.3, 1.7, 7.0)
        and says(step("cifar10", "augmentation"), 2.7, 0.8, 4.6)
        and says(step("cifar10", "network"), 5.1, 4.5, 5.6)
        and says(step("cifar10", "whitening"), 4.5, 2.8, 6.2)
    ),
    "07-nothing": lambda: (
        steps_with("cifar10", "within noise") == {"weight_decay", "ours"}
        and says(step("cifar10", "weight_decay"), 0.0, -1.2, 1.1)
        and says(step("cifar10", "ours"), -0.4, -1.9, 1.1)
    ),
    "07-clothes": lambda: (
        steps_with("fashion_mnist", "worse") == {"batch_norm", "one_cycle", "augmentation"}
        and steps_with("fashion_mnist", "better") == {"network", "whitening"}
        and says(step("fashion_mnist", "batch_norm"), -1.2, -1.9, -0.6)
        and says(step("fashion_mnist", "one_cycle"), -2.6, -4.0, -1.2)
        and says(step("fashion_mnist", "augmentation"), -3.6, -5.2, -2.1)
        and says(step("fashion_mnist", "network"), 12.1, 10.6, 13.7)
        and says(step("fashion_mnist", "whitening"), 0.6, 0.2, 1.1)
        and says_fine(step("fashion_mnist", "weight_decay"), 0.31, -0.02, 0.64)
        and says_fine(step("fashion_mnist", "ours"), -0.25, -0.6, 0.1)
    ),
    "07-animals": lambda: (
        steps_with("cats_vs_dogs", "better") == {"network", "whitening"}
        and steps_with("cats_vs_dogs", "worse") == {"augmentation"}
        and says(step("cats_vs_dogs", "network"), 3.7, 1.3, 6.1)
        and says(step("cats_vs_dogs", "whitening"), 2.2, 0.8, 3.6)
        and says(step("cats_vs_dogs", "augmentation"), -1.8, -3.6, -0.1)
        and says(step("cats_vs_dogs", "batch_norm"), -1.8, -8.5, 5.0)
        and says(step("cats_vs_dogs", "one_cycle"), 2.7, -3.3, 8.7)
        and says(step("cats_vs_dogs", "weight_decay"), 1.5, -0.1, 3.2)
        and says(step("cats_vs_dogs", "ours"), -1.4, -4.2, 1.5)
    ),
    "07-digits": lambda: (
        steps_with("mnist", "better") == {"one_cycle", "network"}
        and steps_with("mnist", "within noise") == {"augmentation", "weight_decay", "ours"}
        and says(step("mnist", "one_cycle"), 2.1, 1.5, 2.6)
        and says(step("mnist", "network"), 1.7, 1.2, 2.1)
        and says_fine(step("mnist", "augmentation"), -0.27, -1.07, 0.54)
        and says_fine(step("mnist", "weight_decay"), 0.17, -0.11, 0.45)
        and says_fine(step("mnist", "ours"), 0.33, -0.02, 0.69)
    ),
    "07-smoothing": lambda: (
        says_fine(less_sure("cifar10"), 0.15, 0.14, 0.16)
        and says_fine(less_sure("fashion_mnist"), 0.06, 0.05, 0.06)
        and says_fine(less_sure("mnist"), 0.09, 0.08, 0.10)
        and says_fine(less_sure("cats_vs_dogs"), -0.08, -0.11, -0.05)
    ),
    "07-two-views": lambda: (
        says_fine(two_views("cifar10"), 0.52, 0.01, 1.03)
        and (two_views("cifar10") < 0).sum() == 1
        and says_fine(two_views("fashion_mnist"), 0.09, -0.36, 0.54)
        and says_fine(two_views("cats_vs_dogs"), 0.67, -0.72, 2.05)
    ),
    "07-gap": lambda: (
        says(
            differences(NOTEBOOK, "cifar10_one_cycle", "cifar10_augmentation", gap),
            -27.4,
            -29.3,
            -25.6,
        )
        and says(differences(NOTEBOOK, "cifar10_network", "cifar10_whitening", gap), 3.2, 1.3, 5.0)
        and step("cifar10", "whitening").mean() > 0
    ),
    "07-barely": lambda: (
        not_by_sign_flips()
        == {
            ("cifar10", "two views"): 0.09,
            ("cats_vs_dogs", "augmentation"): 0.06,
            ("cats_vs_dogs", "network"): 0.06,
        }
    ),
}
