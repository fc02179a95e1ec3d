"""Exercises of notebook 10."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def points_lost(validation: np.ndarray, test: np.ndarray) -> float:
    best = validation.mean(axis=1).argmax()
    return float(100 * (validation[best].mean() - test[best].mean()))


def what_is_left(accuracies: np.ndarray, noise_sd: float) -> float:
    mean, variance = float(np.mean(accuracies)), float(np.var(accuracies))
    kept = max(0.0, 1 - noise_sd**2 / variance)
    return mean + kept * (float(np.max(accuracies)) - mean)


def _right(rng: np.random.Generator) -> Arguments:
    n_configurations = rng.integers(2, 5)
    n_validation, n_test = rng.integers(3, 7, 2)
    return tuple(rng.random((n_configurations, n)) < 0.6 for n in (n_validation, n_test))


def _accuracies(rng: np.random.Generator) -> Arguments:
    accuracies = rng.integers(70, 85, rng.integers(3, 6)).astype(float)
    accuracies[0] += 0.5  # they are not all the same
    return accuracies, float(rng.integers(1, 60) / 10)


def nested_accuracy(right: np.ndarray, fold: np.ndarray) -> float:
    n_right = 0
    for k in np.unique(fold):
        best = right[:, fold != k].mean(axis=1).argmax()
        n_right += int(right[best, fold == k].sum())
    return n_right / len(fold)


def _in_folds(rng: np.random.Generator) -> Arguments:
    n_folds = int(rng.integers(2, 4))
    fold = np.concatenate([np.arange(n_folds), rng.integers(0, n_folds, rng.integers(1, 4))])
    return rng.integers(0, 2, (rng.integers(2, 4), len(fold))), rng.permutation(fold)


def _keeps_groups(split: Any, rng: np.random.Generator) -> str | None:
    for n_groups, n_folds in [(40, 5), (3, 3), (7, 2), (11, 4), *rng.integers(4, 30, (20, 2))]:
        n_groups, n_folds = int(max(n_groups, n_folds)), int(min(n_groups, n_folds))
        names = rng.permutation(1000)[:n_groups] if n_groups % 2 else np.arange(n_groups)
        names = np.array([f"dog {name}" for name in names]) if n_groups % 3 else names
        groups = rng.permutation(np.repeat(names, rng.integers(1, 6, n_groups)))
        before, seed = groups.copy(), int(rng.integers(1 << 30))
        first, again, *others = (
            split(groups, n_folds, np.random.default_rng(seed + i)) for i in (0, 0, 1, 2)
        )
        told = f"With {len(groups)} pictures in {n_groups} groups, and {n_folds} folds,"
        if not np.array_equal(groups, before):
            return f"{told} the groups that it was given are changed."
        fold = np.asarray(first)
        if fold.shape != groups.shape or fold.dtype.kind not in "iu":
            return f"{told} it gives {fold.dtype} values of shape {fold.shape}."
        if fold.min() < 0 or fold.max() >= n_folds:
            return f"{told} it gives folds from {fold.min()} to {fold.max()}."
        folds_of = {str(name): np.unique(fold[groups == name]) for name in names}
        if leaks := [name for name, own in folds_of.items() if len(own) > 1]:
            return f"{told} group {leaks[0]!r} lies in folds {folds_of[leaks[0]].tolist()}."
        counts = np.bincount([own[0] for own in folds_of.values()], minlength=n_folds)
        if np.ptp(counts) > 1:
            return f"{told} a fold has {counts.min()} groups, and another {counts.max()}."
        if not np.array_equal(first, again):
            return f"{told} two generators of the same seed give different folds."
        if n_groups >= 40 and all(np.array_equal(first, other) for other in others):
            return f"{told} generators of other seeds give the same folds."
    return None


EXERCISES: Exercises = {
    "points_lost": Exercise(
        points_lost,
        _right,
        (
            (
                np.array([[True, True, False, True], [True, False, False, True]]),
                np.array([[True, False], [True, True]]),
            ),
            (np.array([[True, False], [True, False]]), np.array([[False], [True]])),
        ),
        "Who wins is decided by the validation pictures alone, and the first one wins a tie. Then "
        "subtract, in points.",
    ),
    "what_is_left": Exercise(
        what_is_left,
        _accuracies,
        ((np.array([80.0, 82.0, 84.0]), 1.0), (np.array([80.0, 82.0, 84.0]), 5.0)),
        "The variance of what you see is that of the truth plus that of the noise. What share of "
        "it is truth? It is never below nothing.",
    ),
    "grouped_folds": Behaviour(
        _keeps_groups,
        "Make a list of the groups, each once, and deal it out as you would deal cards. Then "
        "each picture looks up the fold of its group.",
    ),
    "nested_accuracy": Exercise(
        nested_accuracy,
        _in_folds,
        (
            (np.array([[1, 1, 0, 0], [0, 0, 1, 1]]), np.array([0, 0, 1, 1])),
            (np.array([[1, 0, 1], [1, 1, 0]]), np.array([0, 0, 1])),
            (np.array([[0, 1, 1, 1], [1, 0, 0, 0]]), np.array([1, 0, 0, 0])),
        ),
        "Which pictures may the choice for a fold look at? And should a picture of a small fold "
        "count for more than another?",
    ),
}
