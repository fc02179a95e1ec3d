"""Wrong answers to the exercises of notebook 08, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def noise(
    labels: np.ndarray,
    share: float,
    n: int,
    rng: np.random.Generator,
    rows: Callable[[Any, int, int], Any] = lambda rng, n, k: rng.permutation(n)[:k],
    steps: Callable[[Any, int, int], Any] = lambda rng, n, k: rng.integers(1, n, k),
) -> np.ndarray:
    given = labels.copy()
    chosen = rows(rng, len(labels), round(share * len(labels)))
    given[chosen] = (labels[chosen] + steps(rng, n, len(chosen))) % n
    return given


def in_place(labels: np.ndarray, share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    labels[:] = noise(labels, share, n, rng)
    return labels


def any_class(labels: np.ndarray, share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    given = labels.copy()
    rows = rng.permutation(len(labels))[: round(share * len(labels))]
    given[rows] = rng.integers(0, n, len(rows))
    return given


def by_choice(labels: np.ndarray, share: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Right: chooses each wrong label from a list of the others."""
    given = list(labels)
    for row in rng.choice(len(labels), round(share * len(labels)), replace=False):
        given[row] = rng.choice([c for c in range(n) if c != labels[row]])
    return np.array(given)


WRONG: dict[str, list[Any]] = {
    "honest_accuracy": [
        lambda share, accuracy, n: (1 - share) * accuracy,
        lambda share, accuracy, n: (1 - share) * accuracy + share * (1 - accuracy),
        lambda share, accuracy, n: (1 - share) * accuracy + share * accuracy / n,
        lambda share, accuracy, n: (1 - share) * accuracy + share / 10,
        lambda share, accuracy, n: accuracy,
        lambda share, accuracy, n: 100 * ((1 - share) * accuracy + share / n),
    ],
    "memorisation_of": [
        lambda right, on: 2 * ((right & on).sum(1) - (right & ~on).sum(1)) / right.shape[1],
        lambda right, on: (right & on).mean(1) - (right & ~on).mean(1),
        lambda right, on: (right & on).sum(1) / on.sum(1),
        lambda right, on: ((right & on).sum(1) / on.sum(1)) - right.mean(1),
        lambda right, on: (right & on).sum(0) / np.maximum(1, on.sum(0)),
        lambda right, on: right[:, on[0]].mean(1) - right[:, ~on[0]].mean(1),
        lambda right, on: (right & ~on).sum(1) / (~on).sum(1) - (right & on).sum(1) / on.sum(1),
        lambda right, on: np.zeros(len(right)),
    ],
    "wrong_labels": [
        any_class,
        in_place,
        lambda y, share, n, rng: noise(y, share, n, rng, steps=lambda rng, n, k: 1),
        lambda y, share, n, rng: noise(
            y, share, n, rng, steps=lambda rng, n, k: rng.integers(1, max(2, n - 1), k)
        ),
        lambda y, share, n, rng: noise(
            y, share, n, rng, steps=lambda rng, n, k: rng.integers(1, n + 1, k)
        ),
        lambda y, share, n, rng: noise(
            y, share, n, rng, rows=lambda rng, n, k: rng.integers(0, n, k)
        ),
        lambda y, share, n, rng: noise(y, share, n, rng, rows=lambda rng, n, k: np.arange(k)),
        lambda y, share, n, rng: noise(
            y, share, n, rng, rows=lambda rng, n, k: np.flatnonzero(rng.random(n) < k / n)
        ),
        lambda y, share, n, rng: noise(y, share, n, np.random.default_rng(0)),
        lambda y, share, n, rng: noise(y, share, n, np.random.default_rng()),
        lambda y, share, n, rng: noise(y, share, 10, rng),
        lambda y, share, n, rng: noise(y, share, n, rng).astype(str),
        lambda y, share, n, rng: noise(y, share, n, rng).astype(float),
        lambda y, share, n, rng: noise(y, 0.2, n, rng),
        lambda y, share, n, rng: rng.permutation(y),
        lambda y, share, n, rng: y.copy(),
    ],
    "doubtful": [
        lambda a, y, on: ((a != y[:, None]) & on).mean(1) > 0.5,
        lambda a, y, on: ((a != y[:, None]) & ~on).mean(1) > 0.5,
        lambda a, y, on: ((a != y[:, None]) & on).sum(1) > on.sum(1) / 2,
        lambda a, y, on: (a != y[:, None]).mean(1) > 0.5,
        lambda a, y, on: ((a != y[:, None]) & ~on).sum(1) >= (~on).sum(1) / 2,
        lambda a, y, on: ((a != y[:, None]) & ~on).any(1),
        lambda a, y, on: ((a == y[:, None]) & ~on).sum(1) > (~on).sum(1) / 2,
        lambda a, y, on: ((a != y[:, None]) & ~on).sum(1) > a.shape[1] / 4,
        lambda a, y, on: ((a != y[:, None]) & ~on).sum(1) / (~on).sum(1),
        lambda a, y, on: np.zeros(len(y), bool),
    ],
}

RIGHT: dict[str, list[Any]] = {
    "wrong_labels": [noise, by_choice],
    "doubtful": [
        lambda a, y, on: np.array([np.mean(a[i][~on[i]] != y[i]) > 0.5 for i in range(len(y))]),
    ],
}
