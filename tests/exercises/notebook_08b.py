"""Wrong answers to the exercises of notebook 08b, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Answer = Callable[[Any], Any]


def windows(
    answer: Answer, image: np.ndarray, side: int, step: int = 1, last: int = 1, keep: bool = True
) -> np.ndarray:
    """The map, one square after the other; or with the square erased."""
    rows, columns = (range(0, length - side + last, step) for length in image.shape)
    found = []
    for i in rows:
        for j in columns:
            mask = np.zeros(image.shape, bool)
            mask[i : i + side, j : j + side] = True
            found.append(answer(np.where(mask == keep, image, 0)[None])[0])
    return np.array(found).reshape(len(rows), len(columns))


def without_beginning_anew(answer: Answer, image: np.ndarray, side: int) -> np.ndarray:
    rows, columns = (length - side + 1 for length in image.shape)
    found, shown = np.zeros((rows, columns)), np.zeros_like(image)
    for i, j in np.ndindex(rows, columns):
        shown[i : i + side, j : j + side] = image[i : i + side, j : j + side]
        found[i, j] = answer(shown[None])[0]
    return found


def erases_in_place(answer: Answer, image: np.ndarray, side: int) -> np.ndarray:
    found = windows(answer, image, side)
    image[:] = 0
    return found


def square_only(answer: Answer, image: np.ndarray, side: int) -> np.ndarray:
    found = windows(answer, image, side)
    return found.ravel()[: len(found) ** 2].reshape(len(found), -1)


def by_cosine(
    features: np.ndarray,
    index: int,
    n: int,
    sign: int = -1,
    itself: bool = False,
    norm: bool = True,
) -> np.ndarray:
    length = np.linalg.norm(features, axis=1) if norm else 1
    order = np.argsort(sign * (features @ features[index]) / length, kind="stable")
    return (order if itself else order[order != index])[:n]


def by_distance(features: np.ndarray, index: int, n: int) -> np.ndarray:
    return np.argsort(np.linalg.norm(features - features[index], axis=1), kind="stable")[1 : n + 1]


def by_absolute_cosine(features: np.ndarray, index: int, n: int) -> np.ndarray:
    order = np.argsort(-np.abs(features @ features[index]) / np.linalg.norm(features, axis=1))
    return order[order != index][:n]


def by_angle(features: np.ndarray, index: int, n: int) -> list[int]:
    """Right: sorts the rows by the angle itself."""
    one = features[index]

    def angle(row: int) -> float:
        other = features[row]
        return float(np.arctan2(abs(one[0] * other[1] - one[1] * other[0]), one @ other))

    return sorted((row for row in range(len(features)) if row != index), key=angle)[:n]


WRONG: dict[str, list[Any]] = {
    "mended_and_broken": [
        lambda a, b, y: (int((b == y).sum()), int((a == y).sum())),
        lambda a, b, y: (int((b == y).sum() - (a == y).sum()), 0),
        lambda a, b, y: (int((a != b).sum()), int((a != b).sum())),
        lambda a, b, y: (int(((a == y) & (b != y)).sum()), int(((b == y) & (a != y)).sum())),
        lambda a, b, y: int(((b == y) & (a != y)).sum()),
        lambda a, b, y: (
            float(((b == y) & (a != y)).mean()),
            float(((a == y) & (b != y)).mean()),
        ),
        lambda a, b, y: (2, 1),
    ],
    "enough_map": [
        lambda answer, image, side: windows(answer, image, side, keep=False),
        lambda answer, image, side: answer(image[None])[0] - windows(answer, image, side),
        lambda answer, image, side: (
            answer(image[None])[0] - windows(answer, image, side, keep=False)
        ),
        lambda answer, image, side: windows(answer, image, side, step=2),
        lambda answer, image, side: windows(answer, image, side, last=0),
        lambda answer, image, side: windows(answer, image, side).T,
        lambda answer, image, side: windows(answer, image, side).round(),
        lambda answer, image, side: windows(answer, image, side).astype(str),
        lambda answer, image, side: windows(answer, image, side).ravel(),
        lambda answer, image, side: np.full(np.array(image.shape) - side + 1, 0.5),
        lambda answer, image, side: windows(answer, image, max(1, side - 1)),
        without_beginning_anew,
        erases_in_place,
        square_only,
    ],
    "alike": [
        lambda x, i, n: by_cosine(x, i, n, norm=False),
        lambda x, i, n: by_cosine(x, i, n, sign=1),
        lambda x, i, n: by_cosine(x, i, n, itself=True),
        lambda x, i, n: by_cosine(x, i, n, sign=1, norm=False, itself=True),
        lambda x, i, n: by_cosine(x, i, n, norm=False, itself=True),
        lambda x, i, n: by_cosine(x, i, n + 1),
        lambda x, i, n: by_cosine(x, i, n)[::-1],
        lambda x, i, n: np.sort(by_cosine(x, i, n)),
        lambda x, i, n: by_cosine(x, 0, n),
        lambda x, i, n: np.arange(n),
        by_distance,
        by_absolute_cosine,
    ],
}

RIGHT: dict[str, list[Any]] = {
    "enough_map": [windows, lambda answer, image, side: windows(answer, image, side).tolist()],
    "alike": [by_cosine, by_angle],
}
