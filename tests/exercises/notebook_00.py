"""Wrong answers to the exercises of notebook 00, and right ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def first_rise(losses: list[float]) -> int:
    return next((i for i in range(1, len(losses)) if losses[i] > losses[i - 1]), len(losses))


def network(*inner: Any, units: int = 10, activation: Any = "softmax") -> Any:
    last = layers.Dense(units, activation=activation)
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), *inner, last])


def small(**options: Any) -> Any:
    return network(
        layers.Conv2D(8, 3, activation="relu"), layers.MaxPooling2D(4), layers.Flatten(), **options
    )


def constant() -> Any:
    inner = layers.Conv2D(8, 3, kernel_initializer="zeros"), layers.GlobalAveragePooling2D()
    return network(*inner)


def pictures(x: Any, y: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices((x, y))


def labels_apart(x: Any, y: Any, size: int, seed: int) -> Any:
    shuffled = (tf.data.Dataset.from_tensor_slices(a).shuffle(len(x), seed=s + seed)
                for s, a in enumerate((x, y)))  # fmt: skip
    return tf.data.Dataset.zip(*shuffled).batch(size)


def in_numpy(x: Any, y: Any, size: int, seed: int) -> Any:
    """Once only: each pass has the same order."""
    order = np.random.default_rng(seed).permutation(len(x))
    return pictures(x[order], y[order]).batch(size)


class InNumpy:
    """Other than the course's own, and right."""

    def __init__(self, x: Any, y: Any, size: int, seed: int) -> None:
        self.x, self.y, self.size, self.rng = x, y, size, np.random.default_rng(seed)

    def __iter__(self) -> Any:
        order = self.rng.permutation(len(self.x))
        for start in range(0, len(order), self.size):
            rows = order[start : start + self.size]
            yield self.x[rows], self.y[rows]


WRONG: dict[str, list[Any]] = {
    "last_gap": [
        lambda a, v: 100 * (max(a) - max(v)),
        lambda a, v: 100 * abs(a[-1] - v[-1]),
        lambda a, v: {1: -2.0, 2: 20.0}.get(len(a), 5.0),
        lambda a, v: a[-1] - v[-1],
        lambda a, v: 100 * (np.mean(a) - np.mean(v)),
        lambda a, v: 100 * (v[-1] - a[-1]),
    ],
    "turning_epoch": [
        lambda losses: int(np.argmin(losses)),
        len,
        first_rise,
        lambda losses: len(losses) - int(np.argmin(losses[::-1])),
        lambda losses: min(losses),
        lambda losses: 1 + int(np.argmax(losses)),
        lambda losses: {1: 1, 5: 4, 3: 2}.get(len(losses), 3),
        lambda losses: 4,
    ],
    "thrifty_network": [
        lambda: network(layers.Conv2D(16, 3), layers.MaxPooling2D(2), layers.Flatten()),
        lambda: network(layers.Flatten()),
        lambda: small(activation=None),
        lambda: small(activation="relu"),
        lambda: small(activation="sigmoid"),
        lambda: small(units=1, activation="sigmoid"),
        lambda: small(units=9),
        lambda: network(layers.Conv2D(8, 3)),
        constant,
        lambda: [layers.Conv2D(8, 3), layers.Flatten(), layers.Dense(10)],
        lambda: np.full((8, 10), 0.1),
        small(),
    ],
    "mended_batches": [
        lambda x, y, size, seed: pictures(x, y).batch(size).shuffle(len(x), seed=seed),
        lambda x, y, size, seed: pictures(x, y).batch(size),
        lambda x, y, size, seed: pictures(x, y).shuffle(size, seed=seed).batch(size),
        lambda x, y, size, seed: pictures(x, y).shuffle(len(x)).batch(size),
        lambda x, y, size, seed: pictures(x, y).shuffle(len(x), seed=1).batch(size),
        lambda x, y, size, seed: pictures(x, y).shuffle(len(x), seed=seed).batch(len(x)),
        lambda x, y, size, seed: pictures(x, y).shuffle(len(x), seed).batch(size, True),
        lambda x, y, size, seed: (
            pictures(x, y).shuffle(len(x), seed, reshuffle_each_iteration=False).batch(size)
        ),
        lambda x, y, size, seed: pictures(x, y).repeat().shuffle(len(x), seed).batch(size).take(8),
        labels_apart,
        in_numpy,
        lambda x, y, size, seed: (x, y),
    ],
}

RIGHT: dict[str, list[Any]] = {
    "turning_epoch": [lambda losses: losses.index(min(losses)) + 1],
    "thrifty_network": [
        small,
        lambda: network(layers.Conv2D(16, 3), layers.GlobalAveragePooling2D()),
        lambda: network(
            layers.Conv2D(8, 3, strides=2), layers.Conv2D(8, 3, strides=3), layers.Flatten()
        ),
    ],
    "mended_batches": [
        lambda x, y, size, seed: pictures(x, y).shuffle(len(x), seed=seed).batch(size),
        lambda x, y, size, seed: pictures(x, y).shuffle(1000, seed).batch(size).prefetch(1),
        InNumpy,
    ],
}
