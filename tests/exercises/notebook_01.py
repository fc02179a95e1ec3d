"""Wrong answers to the exercises of notebook 01, and right ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers


def rows(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    return p[p.argmax(axis=1) != y]


def scores(p: np.ndarray, y: np.ndarray, t: float) -> float:
    return float(np.sum(rows(p, y).max(axis=1) > t) / max(1, len(rows(p, y))))


def networks(
    *,
    scale: float = 1 / 255,
    activation: Any = "relu",
    last_activation: Any = "relu",
    pool: Any = layers.MaxPooling2D,
    filters: tuple[int, ...] = (16, 24, 32),
    dense: int = 32,
    said: Any = "softmax",
) -> Any:
    inner = []
    for number, n in enumerate(filters):
        last = number == len(filters) - 1
        inner += [layers.Conv2D(n, 3, activation=last_activation if last else activation)]
        inner += [] if last else [pool(2)]
    hidden = [layers.Dense(dense, activation="relu")] if dense else []
    front = keras.Input((28, 28, 1)), layers.Rescaling(scale)
    end = layers.Dropout(0.3), layers.Dense(10, activation=said)
    return keras.Sequential([*front, *inner, layers.Flatten(), *hidden, *end])


def with_batch_norm() -> Any:
    layer, inner = layers.BatchNormalization, []
    for filters in (8, 16, 32):
        inner += [layers.Conv2D(filters, 3, use_bias=False), layer(), layers.ReLU()]
        inner += [layers.AveragePooling2D(2)]
    front = keras.Input((28, 28, 1)), layers.Rescaling(1 / 127.5, offset=-1)
    end = layers.GlobalMaxPooling2D(), layers.Dense(32, "tanh"), layers.Dense(10, "softmax")
    return keras.Sequential([*front, *inner, *end])


def softmax(x: np.ndarray) -> np.ndarray:
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def broken_accuracy(p: np.ndarray, y: np.ndarray) -> float:
    return float((p.argmax(axis=1) == y).mean())


def scored(p: np.ndarray, y: np.ndarray) -> float:
    return sum(row.argmax() == label for row, label in zip(p, y.flatten(), strict=True)) / len(p)


def at(p: np.ndarray, t: float) -> np.ndarray:
    return np.stack([row ** (1 / t) / sum(row ** (1 / t)) for row in p])


def models_functional() -> Any:
    start = keras.Input((28, 28, 1))
    said = layers.Dense(10, "softmax")(layers.GlobalMaxPooling2D()(layers.Conv2D(8, 3)(start)))
    return keras.Model(start, said)


WRONG: dict[str, list[Any]] = {
    "sure_mistakes": [
        lambda p, y, t: {0.9: 2 / 3, 0.96: 1 / 3}.get(t, 0.5),
        lambda p, y, t: float(np.mean(rows(p, y).max(axis=1) >= t)),
        lambda p, y, t: scores(p[:, :2], np.minimum(y, 1), t),
        lambda p, y, t: float(np.mean(1 - p[range(len(y)), y] > t)),
        lambda p, y, t: float(np.mean(1 - p[range(len(y)), y][p.argmax(1) != y] > t)),
        lambda p, y, t: float(np.mean(p.max(axis=1) > t)),
        lambda p, y, t: float(np.sum(rows(p, y).max(axis=1) > t) / len(y)),
        lambda p, y, t: float(np.sum(rows(p, y).max(axis=1) > t)),
    ],
    "at_temperature": [
        lambda p, t: p / t,
        lambda p, t: p ** (1 / t),
        lambda p, t: p**t / (p**t).sum(axis=1, keepdims=True),
        lambda p, t: softmax(p / t),
        lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(),
        lambda p, t: p ** (1 / t) / (p ** (1 / t)).sum(axis=0),
        lambda p, t: np.log(p) / t,
        lambda p, t: p,
        lambda p, t: np.full(p.shape, 1 / p.shape[1]),
        lambda p, t: np.array([[0.75, 0.25]]),
    ],
    "bending_network": [
        lambda: networks(activation=None, last_activation=None),
        lambda: networks(last_activation=None),
        lambda: networks(activation=None, pool=layers.AveragePooling2D),
        lambda: networks(last_activation="linear", dense=16),
        lambda: networks(scale=1),
        lambda: networks(said=None),
        lambda: networks(said="sigmoid"),
        lambda: networks(filters=(32, 64, 128), dense=128),
        lambda: networks(filters=(16, 32), dense=8),
        lambda: networks(dense=0),
        lambda: 7,
        models_functional,
    ],
    "mended_accuracy": [
        broken_accuracy,
        lambda p, y: float((p.argmax(axis=1) == y[:, 0]).mean()),
        lambda p, y: float((p.argmax(axis=1)[:, None] == y).mean()),
        lambda p, y: float((p.argmax(axis=1) == y.ravel()).sum()),
        lambda p, y: 100 * scored(p, y),
        lambda p, y: 1 - scored(p, y),
        lambda p, y: float((p.argmax(axis=0) == y.ravel()[: p.shape[1]]).mean()),
        lambda p, y: float(p[range(len(p)), y.ravel()].mean()),
        lambda p, y: {1: 1.0, 2: 1.0, 3: 1 / 3}.get(len(p), 0.0),
    ],
}


RIGHT: dict[str, list[Any]] = {
    "sure_mistakes": [scores],
    "at_temperature": [at, lambda p, t: softmax(np.log(p) / t)],
    "bending_network": [
        networks,
        lambda: networks(activation=None),  # the max poolings bend
        lambda: networks(last_activation="gelu", dense=16),
        with_batch_norm,
    ],
    "mended_accuracy": [scored, lambda p, y: np.mean(p.argmax(1)[:, None] == y.reshape(-1, 1))],
}
