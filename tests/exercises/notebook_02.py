"""Wrong answers to the exercises of notebook 02, and right ones."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import layers

from course_utils import training


def steps(m: float, part: float) -> float:
    return math.log(part) / math.log(m)


def own(x: Any, axes: Any = (0, 1, 2), **options: Any) -> Any:
    mean, variance = x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True, **options)
    return (x - mean) / np.sqrt(variance + 0.001)


def stored(x: Any, m: Any, v: Any) -> Any:
    return (x - m) / (v + 0.001) ** 0.5


def by_keras(x: Any, m: Any, v: Any, training: bool) -> Any:
    norm = layers.BatchNormalization(dtype="float64")
    norm.build(x.shape)
    norm.moving_mean.assign(m)
    norm.moving_variance.assign(v)
    return np.asarray(norm(x, training=training))


def deeper(
    *,
    filters: tuple[int, ...] = (8, 16, 32),
    activation: Any = "relu",
    norm: Any = layers.BatchNormalization,
    inside: float = 0.0,
    end: float = 0.5,
    size: int = 3,
    padding: str = "same",
    scale: float = 1 / 255,
    pairs: int = 2,
) -> Any:
    blocks = []
    for n in filters:
        for _ in range(pairs):
            blocks += [layers.Conv2D(n, size, padding=padding), norm()]
            blocks += [layers.Activation(activation)]
        blocks += [layers.Dropout(inside), layers.MaxPooling2D(2)]
    front = keras.Input((28, 28, 1)), layers.Rescaling(scale)
    head = layers.Flatten(), layers.Dropout(end), layers.Dense(10, "softmax")
    return keras.Sequential([*front, *blocks, *head])


def relu_first() -> Any:
    blocks = []
    for n in (8, 16, 32):
        for _ in range(2):
            blocks += [layers.Conv2D(n, 3, padding="same", activation="relu")]
            blocks += [layers.BatchNormalization(momentum=0.9)]
        blocks += [layers.AveragePooling2D(2)]
    end = layers.Dropout(0.3), layers.GlobalAveragePooling2D(), layers.Dense(10, "softmax")
    return keras.Sequential([keras.Input((28, 28, 1)), layers.Rescaling(1 / 255), *blocks, *end])


def seeded_twice(a: Any, b: Any, seed: int) -> Any:
    networks = []
    for build in (a, b):
        keras.utils.set_random_seed(seed)
        networks.append(build())
    return tuple(networks)


def seeded_once(a: Any, b: Any, seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    return a(), b()


def copied(a: Any, b: Any, seed: Any, copy: Any = None) -> Any:
    if seed is not None:
        keras.utils.set_random_seed(seed)
    one, other = a(), b()
    (copy or (lambda x, y: y.set_weights(x.get_weights())))(one, other)
    return one, other


def last_layer(one: Any, other: Any) -> None:
    other.layers[-1].set_weights(one.layers[-1].get_weights())


def kernels(one: Any, other: Any) -> None:
    """A layer further on where there is a dropout: only some find a partner."""
    for x, y in zip(one.layers, other.layers, strict=False):
        if [w.shape for w in x.weights] == [w.shape for w in y.weights]:
            y.set_weights(x.get_weights())


def zeros(one: Any, other: Any) -> None:
    for network in (one, other):
        network.set_weights([0 * w for w in network.get_weights()])


WRONG: dict[str, list[Any]] = {
    "steps_until": [
        lambda m, part: math.ceil(steps(m, part)),
        lambda m, part: math.floor(steps(m, part)),
        steps,
        lambda m, part: {(0.99, 0.01): 459, (0.9, 0.01): 44, (0.5, 0.3): 2}.get((m, part), 3),
        lambda m, part: round(steps(m, part)) + 1,
        lambda m, part: math.ceil(1 / (1 - m) * math.log(1 / part)),
        lambda m, part: math.floor(math.log(m) / math.log(part)) + 1,
        lambda m, part: 459,
    ],
    "normalised": [
        lambda x, m, v, training: own(x),
        lambda x, m, v, training: stored(x, m, v),
        lambda x, m, v, training: stored(x, m, v) if training else own(x),
        lambda x, m, v, training: own(x, 0) if training else stored(x, m, v),
        lambda x, m, v, training: own(x, None) if training else stored(x, m, v),
        lambda x, m, v, training: own(x, (1, 2)) if training else stored(x, m, v),
        lambda x, m, v, training: own(x, ddof=1) if training and len(x) > 1 else stored(x, m, v),
        lambda x, m, v, training: own(x) if training else (x - m) / (v + 0.001),
        lambda x, m, v, training: own(x) if training else (x - m) / v**0.5,
        lambda x, m, v, training: own(x) if training else (x - m) / (v**0.5 + 0.001),
        lambda x, m, v, training: (own(x) if training else stored(x, m, v)).ravel(),
        lambda x, m, v, training: np.zeros_like(x),
    ],
    "deeper_network": [
        lambda: deeper(inside=0.5),
        lambda: deeper(inside=0.5, end=0.0),
        lambda: deeper(end=0.0),
        lambda: deeper(activation=None),
        lambda: deeper(norm=lambda: layers.Activation("linear")),
        lambda: deeper(padding="valid", filters=(8, 16)),
        lambda: deeper(filters=(8, 16)),
        lambda: deeper(filters=(64, 64, 64)),
        lambda: deeper(size=5),
        lambda: deeper(pairs=1),
        lambda: deeper(scale=1),
        lambda: deeper(norm=lambda: layers.BatchNormalization(trainable=False)),
        lambda: deeper().layers,
    ],
    "mended_start": [
        seeded_twice,
        seeded_once,
        lambda a, b, seed: copied(a, b, seed, last_layer),
        lambda a, b, seed: copied(a, b, seed, kernels),
        lambda a, b, seed: copied(a, b, seed, zeros),
        lambda a, b, seed: copied(a, b, None),
        lambda a, b, seed: copied(a, b, 0),
        lambda a, b, seed: (a(), a()),
        lambda a, b, seed: copied(a, b, seed)[::-1],
        lambda a, b, seed: copied(a, b, seed)[0],
    ],
}


RIGHT: dict[str, list[Any]] = {
    "steps_until": [lambda m, part: math.floor(steps(m, part)) + 1],
    "normalised": [by_keras, lambda x, m, v, on: own(x) if on else stored(x, m, v)],
    "deeper_network": [deeper, relu_first],
    "mended_start": [copied, lambda a, b, s: copied(a, b, s, training.copy_matching_weights)],
}
