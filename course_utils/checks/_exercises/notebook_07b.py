"""Exercises of notebook 07b."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Behaviour, Exercise, Exercises

SIDE = 13  # of the picture that a block is tried on, wide enough for nine by nine pixels to show


def convolution_operations(side: int, channels: int, filters: int, positions: int) -> int:
    return 2 * side * side * channels * filters * positions


def _operations(model: Any) -> int:
    """Of all kernels, those of separable convolutions too."""
    return sum(
        2
        * int(np.prod([size or SIDE for size in layer.output.shape[1:-1]]) * np.prod(weight.shape))
        for layer in model._flatten_layers()
        if not hasattr(layer, "layers")
        for weight in layer.weights
        if len(weight.shape) > 1
    )


def _is_lighter(build: Any, rng: np.random.Generator) -> str | None:
    import keras
    import tensorflow as tf

    filters = int(rng.integers(4, 9))
    block = build(filters)
    block = [block] if isinstance(block, keras.layers.Layer) else list(block)
    if not block:
        return "The list is empty."
    model = keras.Sequential([keras.Input((SIDE, SIDE, filters)), *block])
    if model.output_shape[1:] != (SIDE, SIDE, filters):
        return f"From {(SIDE, SIDE, filters)} the block makes {model.output_shape[1:]}."
    takes, given = _operations(model), 2 * 25 * filters**2 * SIDE**2
    if takes >= given:
        return (
            f"With {filters} filters on {SIDE} by {SIDE} pixels, it takes {takes:,} operations; "
            f"the convolution took {given:,}."
        )
    # With kernels, and a picture, that are all positive no ReLU cuts and no two ways cancel: what
    # an output number depends on has a gradient, and nothing else has.
    for weight in model.weights:
        if len(weight.shape) > 1:
            weight.assign(rng.uniform(0.5, 1.5, weight.shape) / np.prod(weight.shape[:-1]))
    picture = tf.ones((1, SIDE, SIDE, filters))
    with tf.GradientTape() as tape:
        tape.watch(picture)
        number = model(picture, training=False)[0, SIDE // 2, SIDE // 2, int(rng.integers(filters))]
    gradient = tape.gradient(number, picture)
    depends = np.zeros((SIDE, SIDE, filters), bool) if gradient is None else gradient[0] != 0
    wanted = np.zeros((SIDE, SIDE, filters), bool)
    wanted[SIDE // 2 - 2 : SIDE // 2 + 3, SIDE // 2 - 2 : SIDE // 2 + 3] = True
    if np.array_equal(depends, wanted):
        return None
    pixels, channels = np.any(depends, axis=2), np.any(depends, axis=(0, 1))
    sides = [
        int(np.ptp(np.flatnonzero(pixels.any(axis=a)))) + 1 if pixels.any() else 0 for a in (1, 0)
    ]
    return (
        f"An output number depends on {pixels.sum()} pixels of the picture, {sides[0]} by "
        f"{sides[1]} from end to end, in {channels.sum()} of {filters} channels."
    )


class _Watch:
    """A clock that moves only while a step is taken."""

    def __init__(self, takes: list[float], now: float) -> None:
        self.takes, self.now, self.calls = takes, now, 0

    def step(self) -> None:
        self.now += self.takes[self.calls] if self.calls < len(self.takes) else 0.5
        self.calls += 1

    def clock(self) -> float:
        return self.now


def _times_steps(timed: Any, rng: np.random.Generator) -> str | None:
    for _ in range(60):
        n_steps = int(rng.integers(1, 7))
        takes = [9.0, *(rng.integers(1, 40, n_steps) / 10).tolist()]
        watch = _Watch(takes, float(rng.uniform(0, 1000)))
        said = timed(watch.step, watch.clock, n_steps)
        if watch.calls != n_steps + 1:
            return f"With n_steps = {n_steps} it takes {watch.calls} steps in all."
        if isinstance(said, str) or not np.allclose(said, np.median(takes[1:]), atol=1e-6):
            shown = f"{said:.4g}" if isinstance(said, float) else repr(said)[:40]
            return f"The steps took {', '.join(map(str, takes))} seconds, and it says {shown}."
    return None


EXERCISES: Exercises = {
    "convolution_operations": Exercise(
        convolution_operations,
        lambda rng: tuple(rng.integers(1, 30, 4).tolist()),
        ((3, 1, 32, 676), (1, 1, 1, 1), (2, 3, 24, 961)),
        "An output number is a sum of side · side · channels products. Count the sums as well.",
    ),
    "lighter_block": Behaviour(
        _is_lighter,
        "A pixel of a second layer looks at pixels of the first, and each of those at its own "
        "neighbours. How far do two small kernels see, and what do they cost together?",
    ),
    "seconds_a_step": Behaviour(
        _times_steps,
        "When is the watch started, and how often? Which call is timed first?",
    ),
}
