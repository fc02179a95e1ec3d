"""Exercises of notebook 02."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def steps_until(momentum: float, part: float) -> int:
    n_steps, weight = 0, 1.0
    while weight >= part:
        n_steps, weight = n_steps + 1, weight * momentum
    return n_steps


def _momentum(rng: np.random.Generator) -> Arguments:
    # Odd ends, so that no power of the one is the other, where rounding would decide.
    return float(rng.integers(20, 99) / 100 + 0.003), float(rng.integers(1, 90) / 100 + 0.00017)


def normalised(
    signal: np.ndarray, mean: np.ndarray, variance: np.ndarray, training: bool
) -> np.ndarray:
    if training:
        axes = tuple(range(signal.ndim - 1))
        mean, variance = signal.mean(axis=axes), signal.var(axis=axes)
    return (signal - mean) / np.sqrt(variance + 0.001)


def _signal(rng: np.random.Generator) -> Arguments:
    *_, channels = shape = rng.integers(1, 4, 4)
    signal = rng.normal(0, rng.choice([0.05, 1, 3]), shape).round(2) + rng.integers(-3, 4)
    stored = rng.uniform(-2, 2, channels).round(1), rng.uniform(0.1, 4, channels).round(1)
    return signal, *stored, bool(rng.random() < 0.6)


BLOCKS = [28, 28, 14, 14, 7, 7]  # height of what each convolution hands on


def _deeper(build: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks import is_on
    from course_utils.checks._exercises import _networks

    images = rng.integers(0, 256, (16, 28, 28, 1), dtype="uint8")
    network, wrong = _networks.network_of(build, images, 150_000, rng)
    if wrong := wrong or _networks.straight_piece(network, images, rng):
        return wrong
    layers = network.layers
    convolutions = [i for i, x in enumerate(layers) if len(getattr(x, "kernel_size", ())) == 2]
    heights = [layers[i].output.shape[1] for i in convolutions]
    if heights != BLOCKS:
        return f"What its convolutions hand on is {heights} pixels high."
    if kinds := [layers[i].kernel_size for i in convolutions if layers[i].kernel_size != (3, 3)]:
        return f"One of its convolutions has the size {kinds[0]}."
    norms = [i for i, layer in enumerate(layers) if hasattr(layer, "moving_mean")]
    for first, then in zip(convolutions, [*convolutions[1:], len(layers)], strict=True):
        if not any(first < i < then for i in norms):
            return f"No batch norm stands between {layers[first].name} and what comes next."
    finding = is_on.batch_norm(network, images) and is_on.dropout(network)
    if not finding:
        return str(finding)
    rates = [getattr(layer, "rate", 0) for layer in layers[: norms[-1]]]
    return f"{sum(rate > 0 for rate in rates)} dropouts feed a batch norm." if any(rates) else None


def _same_start(start: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks._exercises._networks import keras

    def plain() -> Any:
        dense = keras.layers.Dense
        return keras.Sequential([keras.Input((3,)), dense(4), dense(5), dense(2)])

    def with_dropout() -> Any:
        drop = keras.layers.Dropout(0.5)
        return keras.Sequential([keras.Input((3,)), drop, *plain().layers])

    seed, other_seed = (int(n) for n in rng.choice(1000, 2, replace=False))
    found = []
    for builders, n in (
        ((plain, with_dropout), seed),
        ((plain, with_dropout), seed),
        ((with_dropout, plain), seed),
        ((plain, with_dropout), other_seed),
    ):
        pair = start(*builders, n)
        networks = [x for x in pair if isinstance(x, keras.Model)] if type(pair) is tuple else []
        if len(networks) != 2:
            return "What comes back are not two networks."
        if [len(network.layers) for network in pair] != [3 + (b is not plain) for b in builders]:
            return "What comes back is not one network of each builder, in their order."
        one, other = (network.get_weights() for network in pair)
        equal = [np.array_equal(a, b) for a, b in zip(one, other, strict=True)]
        if not all(equal):
            return f"{equal.count(False)} of {len(equal)} arrays of weights differ at the start."
        found.append(np.concatenate([np.ravel(a) for a in one]))
    if not np.array_equal(found[0], found[1]):
        return "Called twice with one seed, it does not start from the same weights."
    if np.array_equal(found[0], found[3]):
        return "Called with two seeds, it starts from the same weights."
    return None


EXERCISES: Exercises = {
    "steps_until": Exercise(
        steps_until,
        _momentum,
        ((0.5, 0.25), (0.5, 0.125), (0.25, 0.0625), (0.5, 0.5), (0.99, 0.01)),
        "After n steps the weight is momentum to the power of n. What if that is exactly part?",
    ),
    "normalised": Exercise(
        normalised,
        _signal,
        (
            (np.array([[[[1.0]]], [[[3.0]]]]), np.array([0.0]), np.array([1.0]), True),
            (np.array([[[[1.0]]], [[[3.0]]]]), np.array([0.0]), np.array([1.0]), False),
            (np.array([[[[2.0, 0.0], [2.0, 4.0]]]]), np.array([1.0, 1.0]), np.ones(2), True),
            (np.array([[[[2.0]]]]), np.array([1.0]), np.array([4.0]), False),
        ),
        "Which statistics: the batch's own, or the stored ones? There is one mean for each "
        "channel: over the images, rows and columns. The 0.001 stands under the root.",
    ),
    "deeper_network": Behaviour(
        _deeper,
        "Print network.summary() and read the column of shapes. padding='same' keeps a size, a "
        "pooling halves it. What feeds each batch norm?",
    ),
    "mended_start": Behaviour(
        _same_start,
        "A dropout layer draws a random number too. get_weights and set_weights do not draw.",
    ),
}
