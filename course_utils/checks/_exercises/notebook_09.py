"""Exercises of notebook 09."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def first_to_fit(features: list[int], training: list[float]) -> int:
    fits = [n for n, accuracy in zip(features, training, strict=True) if accuracy == 100]
    return min(fits, default=0)


def _training(rng: np.random.Generator) -> Arguments:
    features = rng.choice([10, 100, 300, 900, 1000, 3000], rng.integers(1, 6), replace=False)
    return features.tolist(), rng.choice([60.0, 99.9, 100.0], len(features)).tolist()


def pictures_needed(a: float, b: float, c: float, error: float) -> float:
    return math.inf if error <= c else (a / (error - c)) ** (1 / b)


def _law(rng: np.random.Generator) -> Arguments:
    a, c, error = (int(rng.integers(*ends)) for ends in ((50, 300), (0, 12), (4, 30)))
    return a, float(rng.choice([0.2, 0.25, 0.5, 1])), c, error


def _is_shortest(fit: Any, rng: np.random.Generator) -> str | None:
    for n, p in ((20, 5), (6, 15), (8, 30), (12, 4)):
        seen, targets = rng.normal(size=(n, p)), rng.normal(size=(n, 3))
        given = fit(seen.copy(), targets.copy())
        weights, what = np.asarray(given, float), f"With {n} pictures and {p} features"
        if weights.shape != (p, 3):
            return f"{what}, and 3 targets, the weights have the shape {weights.shape}."
        if not np.isfinite(weights).all():
            return f"{what}, some of the weights are no numbers."
        left = targets - seen @ weights
        if np.abs(seen.T @ left).max() > 1e-6:
            return f"{what}, the squared error is {(left**2).sum():.4g}; a smaller one is possible."
        shortest = np.linalg.pinv(seen) @ seen @ weights  # the same on these pictures
        if np.abs(weights - shortest).max() > 1e-6:
            return (
                f"{what}, the squares of the weights sum to {(weights**2).sum():.4g}. There are "
                "weights that say the same of every picture, and theirs sum to less."
            )
    return None


EXERCISES: Exercises = {
    "first_to_fit": Exercise(
        first_to_fit,
        _training,
        (
            ([3000, 1000, 300], [100.0, 100.0, 83.0]),
            ([10, 100], [41.0, 60.0]),
            ([900, 1000], [99.9, 100.0]),
        ),
        "The numbers of features may come in any order, and perhaps none of them fits.",
    ),
    "pictures_needed": Exercise(
        pictures_needed,
        _law,
        ((90, 0.2, 0, 10), (300, 0.5, 8, 8), (300, 0.5, 8, 5), (300, 0.5, 8, 9), (100, 1, 0, 10)),
        "Bring c to the side of the error first. What if nothing is left there, or less?",
    ),
    "shortest_fit": Behaviour(
        _is_shortest,
        "With more features than pictures, the shortest weights are a sum of pictures: the "
        "transposed features times one number for each picture and target. Which numbers?",
    ),
}
