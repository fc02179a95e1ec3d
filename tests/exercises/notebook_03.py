"""Wrong answers to the exercises of notebook 03, and right ones."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers


def by_loop(drawn: Any, n: int, first: int) -> int:
    return sum(n + i >= first and original < first for i, original in enumerate(drawn))


def pairs(x: Any, y: Any) -> Any:
    return tf.data.Dataset.from_tensor_slices((x, y))


def with_layer(layer: Any, *, training: bool = True, cached: bool = False) -> Any:
    def build(x: Any, y: Any, size: int, seed: int) -> Any:
        batches = pairs(x, y).shuffle(len(x), seed=seed).batch(size)
        batches = batches.map(lambda images, labels: (layer(images, training=training), labels))
        return batches.cache() if cached else batches

    return build


def flip(vertical: bool = False) -> Any:
    return layers.RandomFlip("vertical" if vertical else "horizontal", dtype="float32")


def in_numpy(x: Any, y: Any, size: int, seed: int) -> Any:
    """Mirrored once, and the same in each epoch."""
    mirrored = np.random.default_rng(seed).random(len(x)) < 0.5
    turned = np.where(mirrored[:, None, None, None], x[:, :, ::-1], x)
    return pairs(turned, y).shuffle(len(x), seed=seed).batch(size)


def pictures_apart(x: Any, y: Any, size: int, seed: int) -> Any:
    images = tf.data.Dataset.from_tensor_slices(x).shuffle(len(x)).batch(size)
    labels = tf.data.Dataset.from_tensor_slices(y).batch(size)
    layer = flip()
    return tf.data.Dataset.zip(images.map(lambda z: layer(z, training=True)), labels)


def brighter(images: Any, labels: Any) -> Any:
    return tf.cast(images, "float32") + tf.random.uniform((len(images), 1, 1, 1), -40, 40), labels


class Batches(keras.utils.PyDataset):
    """Right, without tf.data."""

    def __init__(self, x: Any, y: Any, size: int, seed: int) -> None:
        super().__init__()
        self.x, self.y, self.size, self.rng = x, y, size, np.random.default_rng(seed)

    def __len__(self) -> int:
        return -(-len(self.x) // self.size)

    def __getitem__(self, number: int) -> Any:
        rows = slice(number * self.size, (number + 1) * self.size)
        images = np.stack([
            np.roll(image, self.rng.integers(-2, 3, 2), (0, 1)) for image in self.x[rows]
        ])  # fmt: skip
        return images, self.y[rows]


def mirror(image: Any, label: Any, u: Any = None) -> Any:
    u = tf.random.uniform(()) if u is None else u
    return tf.cond(u < 0.5, lambda: image[:, ::-1], lambda: image), label


def given(x: Any, y: Any, size: int, seed: int, cached: bool = True, constant: bool = True) -> Any:
    """The program of the notebook, with its two mistakes."""
    images = pairs(x, y).map(
        lambda *z: mirror(*z, tf.random.stateless_uniform((), (seed, 0)) if constant else None)
    )
    return (images.cache() if cached else images).shuffle(len(x), seed=seed).batch(size)


def by_batch(x: Any, y: Any, size: int, seed: int) -> Any:
    def turned(images: Any, labels: Any) -> Any:
        u = tf.random.uniform(())
        return tf.cond(u < 0.5, lambda: images[:, :, ::-1], lambda: images), labels

    return pairs(x, y).shuffle(len(x), seed=seed).batch(size).map(turned)


def by_row(x: Any, y: Any, size: int, seed: int) -> Any:
    """Random once, then the same pictures each time."""
    u = np.random.default_rng(seed).random(len(x))
    images = tf.data.Dataset.from_tensor_slices((x, y, u)).map(mirror)
    return images.shuffle(len(x), seed=seed).batch(size)


def with_seeds(x: Any, y: Any, size: int, seed: int) -> Any:
    seeds = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(2)

    def turned(pair: Any, two: Any) -> Any:
        return mirror(*pair, tf.random.stateless_uniform((), two))

    shuffled = pairs(x, y).cache().shuffle(len(x), seed=seed)
    return tf.data.Dataset.zip(shuffled, seeds).map(turned).batch(size)


def always(x: Any, y: Any, size: int, seed: int) -> Any:
    return pairs(x[:, :, ::-1], y).shuffle(len(x)).batch(size)


WRONG: dict[str, list[Any]] = {
    "leaked_copies": [
        lambda drawn, n, first: 2,
        lambda drawn, n, first: int(np.sum(drawn < first)),
        lambda drawn, n, first: int(np.sum(n + np.arange(len(drawn)) >= first)),
        lambda drawn, n, first: n + len(drawn) - first,
        lambda drawn, n, first: int(np.sum(drawn >= first)),
        lambda drawn, n, first: max(0, int(np.sum(drawn < first)) - (first - n)),
        lambda drawn, n, first: by_loop(drawn, n, first + 1),
        lambda drawn, n, first: by_loop(drawn, n, first) / len(drawn),
    ],
    "my_augmented": [
        lambda x, y, size, seed: pairs(x, y).shuffle(len(x), seed=seed).batch(size),
        with_layer(flip(), cached=True),
        with_layer(flip(), training=False),
        with_layer(flip(vertical=True)),
        with_layer(layers.RandomRotation(0.5, dtype="float32")),
        in_numpy,
        pictures_apart,
        lambda x, y, size, seed: pairs(x, y).batch(size).map(brighter),
        lambda x, y, size, seed: with_layer(flip())(x, y, len(x), seed),
        lambda x, y, size, seed: with_layer(flip())(x[:40], y[:40], size, seed),
        lambda x, y, size, seed: with_layer(flip())(x, y, size, seed).map(lambda a, b: a),
        flip(),
    ],
    "mended_pipeline": [
        given,
        lambda *z: given(*z, cached=False),
        lambda *z: given(*z, constant=False),
        lambda *z: given(*z, cached=False, constant=False),  # a global seed makes it repeat
        by_batch,
        by_row,
        always,
        lambda x, y, size, seed: pairs(x, y).shuffle(len(x), seed=seed).batch(size),
        in_numpy,
        pictures_apart,
        lambda x, y, size, seed: with_layer(flip(vertical=True))(x, y, size, seed),
        lambda x, y, size, seed: given(x[:30], y[:30], size, seed, False, False),
    ],
}

RIGHT: dict[str, list[Any]] = {
    "leaked_copies": [by_loop],
    "my_augmented": [
        with_layer(flip()),
        with_layer(layers.RandomTranslation(0.08, 0.08, fill_mode="constant", dtype="float32")),
        with_layer(
            keras.Sequential(
                [
                    flip(),
                    layers.RandomRotation(5 / 360),
                    layers.RandomZoom(0.05),
                    layers.Rescaling(1 / 255),
                ]
            )
        ),
        Batches,
    ],
    "mended_pipeline": [
        with_seeds,
        lambda x, y, size, seed: with_layer(flip())(x, y, size, seed),
    ],
}
