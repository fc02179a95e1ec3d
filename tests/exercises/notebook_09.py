"""Wrong answers to the exercises of notebook 09, and right ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def by_normal_equations(seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    n, p = seen.shape
    if p > n:
        return seen.T @ np.linalg.solve(seen @ seen.T, targets)
    return np.linalg.solve(seen.T @ seen, seen.T @ targets)


def by_descent(seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """From zero, steps down the gradient find the shortest weights, if there are enough."""
    weights, rate = np.zeros((seen.shape[1], targets.shape[1])), 1 / np.linalg.norm(seen, 2) ** 2
    for _ in range(20_000):
        weights -= rate * seen.T @ (seen @ weights - targets)
    return weights


def not_the_shortest(seen: np.ndarray, targets: np.ndarray) -> np.ndarray:
    start = np.ones((seen.shape[1], targets.shape[1]))
    return start + np.linalg.pinv(seen) @ (targets - seen @ start)


WRONG: dict[str, list[Any]] = {
    "first_to_fit": [
        lambda features, training: next(
            (n for n, a in zip(features, training, strict=True) if a == 100), 0
        ),
        lambda features, training: min(
            (n for n, a in zip(features, training, strict=True) if a > 99), default=0
        ),
        lambda features, training: features[int(np.argmax(training))],
        lambda features, training: max(
            (n for n, a in zip(features, training, strict=True) if a == 100), default=0
        ),
        lambda features, training: min(
            n for n, a in zip(features, training, strict=True) if a == 100
        ),
        lambda features, training: 1000,
    ],
    "pictures_needed": [
        lambda a, b, c, error: (a / error) ** (1 / b),
        lambda a, b, c, error: math.inf if error <= c else (a / (error - c)) ** b,
        lambda a, b, c, error: math.inf if error <= c else ((error - c) / a) ** (1 / b),
        lambda a, b, c, error: (a / (error - c)) ** (1 / b),
        lambda a, b, c, error: math.inf if error < c else (a / abs(error - c + 1e-9)) ** (1 / b),
        lambda a, b, c, error: math.inf if error <= c else a / (error - c) ** (1 / b),
        lambda a, b, c, error: 0 if error <= c else (a / (error - c)) ** (1 / b),
    ],
    "shortest_fit": [
        lambda seen, targets: np.linalg.solve(
            seen.T @ seen + np.eye(seen.shape[1]), seen.T @ targets
        ),
        not_the_shortest,
        lambda seen, targets: np.zeros((seen.shape[1], targets.shape[1])),
        lambda seen, targets: np.linalg.pinv(seen).T @ targets,
        lambda seen, targets: (np.linalg.pinv(seen) @ targets).T,
        lambda seen, targets: seen.T @ np.linalg.solve(seen @ seen.T + 1e-3 * np.eye(len(seen)),
                                                       targets),
        lambda seen, targets: np.linalg.pinv(seen) @ targets[:, :1],
        lambda seen, targets: seen.T @ targets,
    ],
}  # fmt: skip
RIGHT: dict[str, list[Any]] = {
    "shortest_fit": [
        lambda seen, targets: np.linalg.pinv(seen) @ targets,
        lambda seen, targets: np.linalg.lstsq(seen, targets, rcond=None)[0],
        by_normal_equations,
        by_descent,
    ],
}
