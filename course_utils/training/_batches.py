"""A fair start: batches in orders that belong to the seed, and equal first weights."""

from __future__ import annotations

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly, so before keras)

import keras  # isort: skip
import tensorflow as tf  # isort: skip


def shuffled_batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Training batches in a new order each epoch, the same orders for the same seed.

    `fit` on arrays does one or the other: unseeded it draws a new order each epoch, and after
    `keras.utils.set_random_seed` it repeats the order of the first epoch in all the others.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, channels)
        Kept as they are, uint8 for instance.
    labels : ndarray, shape (n,)
        Class numbers.
    batch_size : int
        Images in a batch; the last one may be smaller.
    seed : int
        Seed of the orders.
    """
    images, labels = tf.constant(images), tf.constant(labels)
    order = tf.data.Dataset.range(len(labels)).shuffle(len(labels), seed=seed).batch(batch_size)
    # The thread that tunes a pipeline hears late that an epoch has ended: it may sleep for up to a
    # minute, and `fit` waits for it. What is mapped onto these batches inherits this.
    options = tf.data.Options()
    options.autotune.enabled = False
    return (
        order.map(
            lambda rows: (tf.gather(images, rows), tf.gather(labels, rows)),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .prefetch(tf.data.AUTOTUNE)
        .with_options(options)
    )


def copy_matching_weights(source: keras.Model, target: keras.Model) -> list[str]:
    """Give `target` the weights of `source`, layer by layer, where the shapes agree.

    Two arms of a comparison should start from the same weights. The same seed is not enough:
    one more layer, or a dropout layer, shifts every random draw after it.

    Parameters
    ----------
    source, target : keras.Model
        Built networks. Layers with weights are paired in order within each layer type, and
        copied while their weight shapes agree.

    Returns
    -------
    list of str
        Names of the layers of `target` that now equal their partner in `source`.
    """

    def weighted(model: keras.Model, kind: type) -> list[keras.layers.Layer]:
        return [layer for layer in model.layers if layer.weights and type(layer) is kind]

    copied = []
    for kind in {type(layer) for layer in target.layers if layer.weights}:
        for ours, theirs in zip(weighted(target, kind), weighted(source, kind), strict=False):
            if [w.shape for w in ours.weights] == [w.shape for w in theirs.weights]:
                ours.set_weights(theirs.get_weights())
                copied.append(ours.name)
    return copied
