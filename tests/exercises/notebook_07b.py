"""Wrong answers to the exercises of notebook 07b, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers


def conv(filters: int, kernel: Any, **options: Any) -> layers.Layer:
    return layers.Conv2D(filters, kernel, **{"padding": "same", "activation": "relu"} | options)


def bottleneck(filters: int) -> list[layers.Layer]:
    return [
        conv(filters // 2, 1),
        conv(filters // 2, 5),
        layers.BatchNormalization(),
        conv(filters, 1),
    ]


def bridged(filters: int) -> keras.Model:
    """Right: one small network of two convolutions with a bridge around the second."""
    x = inputs = keras.Input((None, None, filters))
    x = conv(filters, 3)(x)
    return keras.Model(inputs, layers.add([x, conv(filters, 3)(x)]))


def timed(
    step: Callable[[], None],
    clock: Callable[[], float],
    n: int,
    mean: Callable[[Any], Any] = np.median,
    first: int = 1,
    within: bool = True,
) -> Any:
    for _ in range(first):
        step()
    seconds, started = [], clock()
    for _ in range(n):
        started = clock() if within else started
        step()
        seconds.append(clock() - started)
    return mean(seconds)


def drops_the_first(step: Callable[[], None], clock: Callable[[], float], n: int) -> float:
    """Right: times the first call like the others, and leaves it out at the end."""
    stamps = [clock()]
    for _ in range(n + 1):
        step()
        stamps.append(clock())
    return float(np.median(np.diff(stamps)[1:]))


WRONG: dict[str, list[Any]] = {
    "convolution_operations": [
        lambda k, c, f, n: k * k * c * f * n,
        lambda k, c, f, n: 2 * k * c * f * n,
        lambda k, c, f, n: 2 * k * k * f * n,
        lambda k, c, f, n: 2 * (k * k * c + 1) * f * n,
        lambda k, c, f, n: 2 * k * k * c * f,
        lambda k, c, f, n: 3 * 2 * k * k * c * f * n,
        lambda k, c, f, n: 2 * 9 * c * f * n,
        lambda k, c, f, n: {676: 389376, 1: 2}.get(n, 553536),
    ],
    "lighter_block": [
        lambda f: [conv(f, 5)],
        lambda f: [conv(f, 3)],
        lambda f: [conv(f, 1)],
        lambda f: [conv(f, 3)] * 1 + [conv(f, 3, dilation_rate=2)],
        lambda f: [conv(f, 3, dilation_rate=2)],
        lambda f: [conv(f, 3) for _ in range(3)],
        lambda f: [conv(f // 3, 3) for _ in range(2)] + [conv(f, 3)],
        lambda f: [conv(2 * f, 3), conv(f, 3)],
        lambda f: [conv(f, 3, padding="valid"), conv(f, 3, padding="valid")],
        lambda f: [conv(f, 3, strides=2), conv(f, 3)],
        lambda f: [conv(f // 2, 3), conv(f // 2, 3)],
        lambda f: [layers.DepthwiseConv2D(5, padding="same")],
        lambda f: [conv(f, (5, 1))],
        lambda f: [layers.Conv2D(16, 3, padding="same"), layers.Conv2D(16, 3, padding="same")],
        lambda f: [],
        lambda f: "two small ones",
    ],
    "seconds_a_step": [
        lambda s, c, n: timed(s, c, n, first=0, within=False),
        lambda s, c, n: timed(s, c, n, within=False),
        lambda s, c, n: timed(s, c, n, first=0),
        lambda s, c, n: timed(s, c, n + 1, first=0),
        lambda s, c, n: timed(s, c, n - 1),
        lambda s, c, n: timed(s, c, n, first=2),
        lambda s, c, n: timed(s, c, n, mean=np.mean),
        lambda s, c, n: timed(s, c, n, mean=np.sum),
        lambda s, c, n: timed(s, c, n, mean=min),
        lambda s, c, n: timed(s, c, n, mean=lambda t: round(float(np.median(t)))),
        lambda s, c, n: timed(s, c, n, mean=lambda t: str(np.median(t))),
        lambda s, c, n: timed(s, c, n, mean=lambda t: 2.0),
        lambda s, c, n: timed(s, c, n, mean=list),
    ],
}

RIGHT: dict[str, list[Any]] = {
    "lighter_block": [
        lambda f: [conv(f, 3), layers.BatchNormalization(), conv(f, 3)],
        lambda f: [conv(f, (5, 1)), conv(f, (1, 5))],
        lambda f: [layers.SeparableConv2D(f, 5, padding="same")],
        lambda f: layers.SeparableConv2D(f, 5, padding="same"),
        lambda f: [layers.DepthwiseConv2D(5, padding="same"), layers.Dense(f)],
        bottleneck,
        bridged,
    ],
    "seconds_a_step": [timed, drops_the_first],
}
