"""Exercises of notebook 08."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def honest_accuracy(share: float, accuracy: float, n_classes: int) -> float:
    return (1 - share) * accuracy + share / n_classes


def memorisation_of(right: np.ndarray, trained_on: np.ndarray) -> np.ndarray:
    inside = (right & trained_on).sum(axis=1) / trained_on.sum(axis=1)
    return inside - (right & ~trained_on).sum(axis=1) / (~trained_on).sum(axis=1)


def _networks(rng: np.random.Generator) -> Arguments:
    n_images, n_networks = rng.integers(1, 4), rng.integers(3, 7)
    right, trained_on = rng.random((2, n_images, n_networks)) < 0.6
    trained_on[:, 0], trained_on[:, 1] = True, False  # each is in one, and out of one
    return right, trained_on


def doubtful(answers: np.ndarray, labels: np.ndarray, trained_on: np.ndarray) -> np.ndarray:
    others = (answers != labels[:, None]) & ~trained_on
    return 2 * others.sum(axis=1) > (~trained_on).sum(axis=1)


def _answers(rng: np.random.Generator) -> Arguments:
    n_images, n_networks = rng.integers(1, 4), rng.integers(3, 7)
    labels = rng.integers(0, 3, n_images)
    other = rng.random((n_images, n_networks)) < 0.6
    trained_on = rng.random((n_images, n_networks)) < 0.5
    trained_on[:, 0], trained_on[:, 1] = True, False
    return (labels[:, None] + other) % 3, labels, trained_on


def _makes_wrong_labels(make: Any, rng: np.random.Generator) -> str | None:
    settings = [(10, 0.2, 6000), (2, 0.25, 8), (3, 1.0, 9), (10, 0.0, 5), (4, 0.5, 20)]
    for n_classes, share, n_labels in settings:
        labels = rng.permutation(np.arange(n_labels) % n_classes)
        seed = int(rng.integers(1 << 30))
        before = labels.copy()
        first, again, other = (
            make(labels, share, n_classes, np.random.default_rng(seed + i)) for i in (0, 0, 1)
        )
        told = f"Of {n_labels} labels in {n_classes} classes, with a share of {share},"
        if not np.array_equal(labels, before):
            return f"{told} the labels that it was given are changed."
        given = np.asarray(first)
        if given.shape != labels.shape or given.dtype.kind not in "iu":
            return f"{told} it makes {given.dtype} numbers of shape {given.shape}."
        if given.min() < 0 or given.max() >= n_classes:
            return f"{told} it gives labels from {given.min()} to {given.max()}."
        if (n_wrong := int((given != labels).sum())) != round(share * n_labels):
            return f"{told} {n_wrong} are wrong."
        if not np.array_equal(first, again):
            return f"{told} two generators of the same seed give different labels."
        if n_labels > 1000:
            touched = np.flatnonzero(given != labels)
            if np.array_equal(first, other):
                return f"{told} two generators of different seeds give the same labels."
            if abs((touched < n_labels / 2).mean() - 0.5) > 0.1:  # seven standard deviations
                part = (touched < n_labels / 2).mean()
                return f"{told} {100 * part:.0f} % of the wrong ones are in the first half."
            steps = np.bincount((given - labels)[touched] % n_classes, minlength=n_classes)[1:]
            if steps.min() < 60 or steps.max() > 210:  # of 133 each; over six of them, too
                most = int(steps.argmax()) + 1
                return f"{told} {steps.max()} of {steps.sum()} wrong ones are {most} classes on."
    return None


EXERCISES: Exercises = {
    "honest_accuracy": Exercise(
        honest_accuracy,
        lambda rng: (
            float(rng.integers(0, 21) / 20),
            float(rng.integers(2, 21) / 20),
            int(rng.integers(2, 12)),
        ),
        ((0.0, 0.9, 10), (1.0, 0.9, 10), (0.5, 0.8, 2), (0.2, 1.0, 10)),
        "What does it get right of the pictures with their own label? And of those with a random "
        "one, whatever it answers?",
    ),
    "memorisation_of": Exercise(
        memorisation_of,
        _networks,
        (
            (np.array([[True, False, True]]), np.array([[True, True, False]])),
            (np.array([[False, True], [True, False]]), np.array([[True, False], [True, False]])),
        ),
        "For each picture, two means over networks: over those that were trained on it, and over "
        "the others. The networks of a picture are a row.",
    ),
    "wrong_labels": Behaviour(
        _makes_wrong_labels,
        "How far is it, in a circle of all classes, from a label to another one? At least one "
        "step, and at most how many? And a row that is drawn twice counts once.",
    ),
    "doubtful": Exercise(
        doubtful,
        _answers,
        (
            (np.array([[1, 1, 0, 0]]), np.array([0]), np.array([[False, False, True, True]])),
            (np.array([[0, 1, 1, 1]]), np.array([0]), np.array([[False, True, True, True]])),
            (np.array([[1, 0, 0]]), np.array([0]), np.array([[False, False, True]])),
            (np.array([[1, 0, 0, 0]]), np.array([0]), np.array([[False, True, True, True]])),
        ),
        "What does a network say of a picture that it has learned by heart? And how many "
        "networks are there whose word counts?",
    ),
}
