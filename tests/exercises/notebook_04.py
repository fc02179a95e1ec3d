"""Wrong answers to the exercises of notebook 04, and right ones."""

from __future__ import annotations

import itertools
from typing import Any

import keras
import numpy as np
from keras import layers


def saved_against_the_previous(losses: list[float]) -> int:
    return 1 + sum(b < a for a, b in itertools.pairwise(losses))


def missing_is_none(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(n for n in one | other if one.get(n) != other.get(n))


def right_names(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    gone = object()
    return sorted(n for n in {**one, **other} if one.get(n, gone) != other.get(n, gone))


def moves(*more: Any, flip: str = "horizontal") -> Any:
    return lambda: keras.Sequential([layers.RandomFlip(flip), *more])


def each(labels: Any, n: int, rng: Any) -> Any:
    return np.concatenate([rng.permutation(np.flatnonzero(labels == k))[: n // 2] for k in (0, 1)])


def in_turn(labels: Any, n: int, rng: Any) -> list[int]:
    """Right: a cat, a dog, a cat, …"""
    cats, dogs = (rng.choice(np.flatnonzero(labels == k), n // 2, replace=False) for k in (0, 1))
    return [int(row) for pair in zip(cats, dogs, strict=True) for row in pair]


def of_each_first(labels: Any, n: int, rng: Any) -> Any:
    return np.concatenate([np.flatnonzero(labels == k)[: n // 2] for k in (0, 1)])


WRONG: dict[str, list[Any]] = {
    "times_saved": [
        saved_against_the_previous,
        lambda losses: sum(loss <= min(losses[: i + 1]) for i, loss in enumerate(losses)),
        lambda losses: len(set(losses)),
        lambda losses: int(np.argmin(losses)) + 1,
        lambda losses: sum(b < a for a, b in itertools.pairwise(losses)),
        lambda losses: sum(all(x < y for y in losses[:i]) for i, x in enumerate(losses)) - 1,
    ],
    "what_differs": [
        missing_is_none,
        lambda one, other: [n for n in one if n in other and one[n] != other[n]],
        lambda one, other: sorted(one.keys() ^ other.keys()),
        lambda one, other: [n for n in one if one[n] != other.get(n)],
        lambda one, other: right_names(one, other)[::-1],
        lambda one, other: len(right_names(one, other)),
        lambda one, other: ["dropout", "epochs"],
    ],
    "gentle_moves": [
        moves(),
        moves(layers.RandomRotation(0.5)),
        moves(layers.RandomRotation(0.1), flip="vertical"),
        moves(layers.RandomRotation(0.1), flip="horizontal_and_vertical"),
        moves(layers.RandomRotation(0.05), layers.Rescaling(1 / 255)),
        moves(layers.RandomRotation(0.05), layers.CenterCrop(24, 24)),
        lambda: keras.Sequential([layers.RandomRotation(0.05)]),
        lambda: keras.Sequential([layers.Rescaling(1.0)]),
        lambda: lambda batch, training: moves(layers.RandomRotation(0.05))()(batch, training=True),
    ],
    "some_of_each": [
        lambda labels, n, rng: np.arange(n),
        lambda labels, n, rng: rng.permutation(len(labels))[:n],
        lambda labels, n, rng: np.linspace(0, len(labels) - 1, n).astype(int),
        lambda labels, n, rng: rng.choice(len(labels), n),
        of_each_first,
        lambda labels, n, rng: each(labels, n, np.random.default_rng(0)),
        lambda labels, n, rng: each(labels, n, np.random.default_rng()),
        lambda labels, n, rng: each(labels, n, rng)[1:],
        lambda labels, n, rng: each(labels, 2 * n, rng),
    ],
}
RIGHT: dict[str, list[Any]] = {
    "what_differs": [right_names],
    "gentle_moves": [
        moves(layers.RandomRotation(0.05), layers.RandomZoom(0.1)),
        moves(layers.RandomTranslation(0.08, 0.08)),
    ],
    "some_of_each": [each, in_turn],
}
