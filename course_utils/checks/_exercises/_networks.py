"""What judges of networks and of batches share; it brings TensorFlow, so judges import it."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip


def network_of(
    build: Callable[[], Any], images: np.ndarray, most: int, rng: np.random.Generator
) -> tuple[Any, str | None]:
    """A reader's network, and what is wrong with it where it answers with ten probabilities."""
    keras.utils.set_random_seed(int(rng.integers(2**31)))
    network = build()
    if not isinstance(network, keras.Model):
        return network, f"What comes back is no Keras network but a {type(network).__name__}."
    said = np.asarray(keras.ops.cast(network(images), "float32"))
    wrong = None
    if said.shape != (len(images), 10):
        wrong = f"For {len(images)} pictures, what it says has the shape {said.shape}."
    elif network.count_params() > most:
        wrong = f"It has {network.count_params():,} parameters; {most:,} are allowed."
    elif (said < 0).any() or not np.allclose(said.sum(axis=1), 1, atol=0.02):
        numbers = ", ".join(f"{number:.2f}" for number in said[0])
        wrong = f"These are no probabilities: for one picture it says {numbers}."
    elif np.ptp(said, axis=0).max() < 1e-6:
        wrong = f"It says the same of all {len(images)} pictures."
    return network, wrong


def passes(batches: Any, n: int = 2) -> list[tuple[np.ndarray, np.ndarray, list[int]]]:
    """Read batches several times: all pictures, all labels, and the size of each batch."""
    found = []
    for _ in range(n):
        pairs = [(np.asarray(x), np.asarray(y)) for x, y in batches]
        images, labels = (np.concatenate(column) for column in zip(*pairs, strict=True))
        found.append((images, labels, [len(x) for x, _ in pairs]))
    return found


def straight_piece(network: Any, images: np.ndarray, rng: np.random.Generator) -> str | None:
    """The first piece, from one layer with a kernel to the next, that is a linear map."""
    if not isinstance(network, keras.Sequential):
        return "The check can only look into a keras.Sequential."
    kernels = [i for i, layer in enumerate(network.layers) if hasattr(layer, "kernel")]
    signal = np.asarray(images, "float32")
    for layer in network.layers[: kernels[0]]:
        signal = layer(signal)
    if (largest := float(np.abs(signal).max())) > 10:
        return f"The first convolution gets numbers up to {largest:.0f}."
    for first, then in pairwise(kernels):
        piece = network.layers[first:then]

        def f(x: np.ndarray, piece: list[Any] = piece) -> np.ndarray:
            for layer in piece:
                x = layer(x)
            return np.asarray(keras.ops.cast(x, "float32"))

        a, b = rng.normal(size=(2, 8, *piece[0].input.shape[1:])).astype("float32")
        bend = np.abs(f(a + b) - f(a) - f(b) + f(0 * a)).max() / np.abs(f(a + b)).max()
        if bend < 0.05:
            names = f"{piece[0].name} and {network.layers[then].name}"
            return f"Nothing bends between {names}: the two are one linear map."
    return None
