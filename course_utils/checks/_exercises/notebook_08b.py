"""Exercises of notebook 08b."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def mended_and_broken(first: Any, second: Any, labels: Any) -> tuple[int, int]:
    was, now = np.array(first) == labels, np.array(second) == labels
    return int((now & ~was).sum()), int((was & ~now).sum())


def alike(features: np.ndarray, index: int, n: int) -> np.ndarray:
    directions = features / np.linalg.norm(features, axis=1, keepdims=True)
    order = np.argsort(-directions @ directions[index], kind="stable")
    return order[order != index][:n]


def _features(rng: np.random.Generator) -> Arguments:
    n_pictures = int(rng.integers(2, 6))
    angles = rng.permutation(40)[:n_pictures] * np.pi / 21  # no two as far from a third
    index = int(rng.integers(n_pictures))
    lengths = rng.integers(1, 9, n_pictures)
    features = lengths[:, None] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    turned = np.abs((angles - angles[index] + np.pi) % (2 * np.pi) - np.pi)
    if len(np.unique(turned.round(6))) < n_pictures:
        return _features(rng)
    return features.round(2), index, int(rng.integers(1, n_pictures))


class _Toy:
    """A network whose answer is a sigmoid of a sum over pixels, some of them needed together."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, int]) -> None:
        self.weights = rng.normal(0, 1, shape)
        self.pair = rng.integers(0, shape[0], 2), rng.integers(0, shape[1], 2)
        self.shape = shape

    def __call__(self, images: Any) -> np.ndarray:
        images = np.asarray(images)
        if images.shape[1:] != self.shape:
            raise ValueError(f"images must be (n, {self.shape[0]}, {self.shape[1]})")
        both = images[:, self.pair[0], self.pair[1]].min(axis=1)
        return 1 / (1 + np.exp(-(images * self.weights).sum(axis=(1, 2)) - 2 * both + 0.5))


def _shows_what_is_enough(make: Any, rng: np.random.Generator) -> str | None:
    for height, width, side in [(3, 3, 2), (2, 4, 2), (4, 4, 4), *rng.integers(1, 8, (30, 3))]:
        height, width, side = int(height), int(width), min(int(side), int(height), int(width))
        image = rng.integers(1, 10, (height, width)) / 10
        answer, before = _Toy(rng, image.shape), image.copy()
        places = height - side + 1, width - side + 1
        wanted = np.zeros(places)
        for i, j in np.ndindex(*places):
            shown = np.zeros_like(image)
            shown[i : i + side, j : j + side] = image[i : i + side, j : j + side]
            wanted[i, j] = answer(shown[None])[0]
        given = make(answer, image, side)
        told = f"For an image of {height} by {width} pixels and squares of {side},"
        if not np.array_equal(image, before):
            return f"{told} the image that it was given is changed."
        if np.shape(given) != places:
            return f"{told} the map has the shape {np.shape(given)}."
        if (given := np.asarray(given)).dtype.kind not in "fiu":
            return f"{told} the map holds {given.dtype} values."
        if not np.allclose(given, wanted, atol=1e-4):
            i, j = np.argwhere(~np.isclose(given, wanted, atol=1e-4))[0]
            return f"{told} row {i}, column {j} of the map is not {given[i, j]:.4g}."
    return None


EXERCISES: Exercises = {
    "mended_and_broken": Exercise(
        mended_and_broken,
        lambda rng: tuple(rng.integers(0, 3, (3, rng.integers(2, 7)))),
        ((np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([1, 1, 1])),),
        "Mended: wrong in the first, right in the second. Pictures wrong in both are neither.",
    ),
    "enough_map": Behaviour(
        _shows_what_is_enough,
        "Begin each time with a picture of zeros, and copy one square into it. How many places "
        "has a square in a row of the image?",
    ),
    "alike": Exercise(
        alike,
        _features,
        (
            (np.array([[1.0, 0.0], [5.0, 5.0], [2.0, 1.0]]), 0, 2),
            (np.array([[1.0, 0.0], [-1.0, 0.1], [0.1, 1.0]]), 0, 1),
            (np.array([[0.5, 0.5], [9.0, 0.0], [1.0, 0.9]]), 0, 2),
        ),
        "What does the length of a row do to its products? In which order does argsort sort? And "
        "who is nearest to a picture of all?",
    ),
}
