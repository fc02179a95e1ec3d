"""Many small networks as one: a grid of seeds and dropout rates, trained in a single `fit`.

A network of 42,710 weights keeps two cores busy with calling things, not with computing. Stacked,
the dense layers of all members are one batched product, batch norm sees their units side by side,
and one optimiser steps them all. No member sees another: the loss is the sum of theirs, and Adam
treats each weight alone. Signals have the shape (seeds, rates, images, units). All members of one
seed get the same batches, as in a sweep with one `fit` after another.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_utils import fast

import keras  # isort: skip
import tensorflow as tf  # isort: skip


class Dense(keras.layers.Layer):
    """A dense layer for each member, with weights of its own."""

    def __init__(self, units: int, n_rates: int, activation: str | None = None) -> None:
        super().__init__()
        self.units, self.n_rates = units, n_rates
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the weights; they start at zero, see `give_weights`."""
        members = (input_shape[0], self.n_rates)
        self.kernel = self.add_weight((*members, input_shape[-1], self.units), "zeros")
        self.bias = self.add_weight((*members, 1, self.units), "zeros")

    def call(self, inputs: Any) -> Any:
        """Multiply; an input that all rates of a seed share is not copied."""
        return self.activation(tf.matmul(inputs, self.kernel) + self.bias)


class BatchNormalization(fast.BatchNormalization):
    """Batch norm for each member: to the kernel, their units are columns side by side."""

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        n_seeds, n_rates, _, units = input_shape
        self.members = (n_seeds, n_rates, units)
        super().build((None, n_seeds * n_rates * units))
        self.input_spec = None  # it asks for the columns that `call` makes

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        columns = tf.reshape(tf.transpose(inputs, (2, 0, 1, 3)), (-1, self.gamma.shape[0]))
        normalised = super().call(columns, training=training)
        signal = tf.reshape(normalised, (-1, *self.members))
        return tf.transpose(signal, (1, 2, 0, 3))


class Dropout(keras.layers.Layer):
    """Dropout with another rate for each member, from random bytes as in `fast.Dropout`."""

    def __init__(self, rates: Sequence[float], seed: int | None = None) -> None:
        super().__init__()
        self.seed_generator = keras.random.SeedGenerator(seed)
        thresholds = np.array([min(255, round(256 * rate)) for rate in rates])[:, None, None]
        self._thresholds = thresholds.astype("uint8")
        self._scales = (256 / (256 - thresholds)).astype("float32")

    def call(self, inputs: Any, training: bool | None = False) -> Any:
        if not training or not self._thresholds.any():
            return inputs
        count = tf.size(inputs)
        words = tf.random.stateless_uniform(
            (-(-count // 4),),
            tf.cast(self.seed_generator.next(), tf.int32),
            minval=None,
            maxval=None,
            dtype=tf.uint32,
        )
        in_bytes = tf.reshape(tf.bitcast(words, tf.uint8), (-1,))[:count]
        kept = tf.reshape(in_bytes, tf.shape(inputs)) >= self._thresholds
        return inputs * (tf.cast(kept, inputs.dtype) * tf.cast(self._scales, inputs.dtype))


def _by_image(labels: Any, logits: Any) -> Any:
    """Cross-entropy of every image for every member, shape (seeds, rates, images)."""
    labels = tf.broadcast_to(tf.cast(labels, tf.int32)[:, None], tf.shape(logits)[:3])
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels, tf.cast(logits, tf.float32))


class SummedLoss(keras.losses.Loss):
    """Sum over the members of each one's mean cross-entropy: its gradient is each one's own."""

    def __init__(self) -> None:
        super().__init__(reduction="sum")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return tf.reduce_mean(_by_image(y_true, y_pred), axis=-1)


def _is_right(labels: Any, logits: Any) -> Any:
    """Whether the largest output is the label's, for every image and member."""
    found = tf.argmax(logits, axis=-1, output_type=tf.int32)
    return found == tf.cast(labels, tf.int32)[:, None]


class PerMember(keras.metrics.Metric):
    """Mean over the images for every member; the history then holds arrays (seeds, rates)."""

    def __init__(self, name: str, members: tuple[int, int], by_image: Callable) -> None:
        super().__init__(name=name)
        self.by_image = by_image
        self.total = self.add_variable(members, "zeros")
        self.count = self.add_variable((), "zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        values = tf.cast(self.by_image(y_true, y_pred), tf.float32)
        self.total.assign_add(tf.reduce_sum(values, axis=-1))
        self.count.assign_add(tf.cast(tf.shape(values)[-1], tf.float32))

    def result(self) -> Any:
        return self.total / tf.maximum(self.count, 1.0)


def mnist_dense(rates: Sequence[float], n_seeds: int, units: int = 50) -> keras.Model:
    """The network of notebook 06 for each seed and each dropout rate, compiled.

    Takes pixels of shape (seeds, images, 784), gives logits of shape (seeds, rates, images, 10).
    All weights are zero until `give_weights`.
    """
    n_rates, members = len(rates), (n_seeds, len(rates))
    pixels = keras.Input(batch_shape=(n_seeds, None, 784))
    signal = keras.layers.Rescaling(1 / 255, dtype="float32")(pixels)[:, None]
    for _ in range(2):
        signal = Dense(units, n_rates, "relu")(signal)
        signal = BatchNormalization()(signal)
        signal = Dropout(rates)(signal)
    model = keras.Model(pixels, Dense(10, n_rates)(signal))
    model.compile(
        optimizer=fast.Adam(),
        loss=SummedLoss(),
        metrics=[
            PerMember("cross_entropy", members, _by_image),
            PerMember("accuracy", members, _is_right),
        ],
        steps_per_execution=100,
    )
    return model


def _with_weights(model: keras.Model) -> list[keras.layers.Layer]:
    kinds = (keras.layers.Dense, Dense, keras.layers.BatchNormalization)
    return [layer for layer in model.layers if isinstance(layer, kinds)]


def _own(layer: keras.layers.Layer, weight: np.ndarray, seed: int, rate: int) -> np.ndarray:
    """View of what belongs to one member in a weight of the stack."""
    if isinstance(layer, BatchNormalization):
        return weight.reshape(layer.members)[seed, rate]
    own = weight[seed, rate]
    return own[0] if own.shape[0] == 1 else own


def give_weights(stack: keras.Model, seed: int, rate: int, network: keras.Model) -> None:
    """Copy a single network's weights into one member."""
    for layer, single in zip(_with_weights(stack), _with_weights(network), strict=True):
        weights = layer.get_weights()
        for weight, value in zip(weights, single.get_weights(), strict=True):
            _own(layer, weight, seed, rate)[...] = value
        layer.set_weights(weights)


def batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int, seeds: Sequence[int]
) -> tf.data.Dataset:
    """Batches in the order of each seed, as `training.shuffled_batches` gives them to one."""
    images, labels = tf.constant(images.reshape(len(images), -1)), tf.constant(labels)
    orders = tf.data.Dataset.range(len(labels))
    orders = [orders.shuffle(len(labels), seed=seed).batch(batch_size) for seed in seeds]
    return (
        tf.data.Dataset.zip(tuple(orders))
        .map(
            lambda *rows: (tf.gather(images, tf.stack(rows)), tf.gather(labels, tf.stack(rows))),
            num_parallel_calls=tf.data.AUTOTUNE,
        )
        .prefetch(tf.data.AUTOTUNE)
    )


def same_for_all(
    images: np.ndarray, labels: np.ndarray, batch_size: int, n_seeds: int
) -> tf.data.Dataset:
    """Batches in the order of the arrays, the same for every member, to measure on."""
    pixels = images.reshape(len(images), -1)
    return (
        tf.data.Dataset.from_tensor_slices((pixels, labels))
        .batch(batch_size)
        .map(
            lambda x, y: (
                tf.broadcast_to(x, (n_seeds, *tf.unstack(tf.shape(x)))),
                tf.broadcast_to(y, (n_seeds, *tf.unstack(tf.shape(y)))),
            )
        )
    )
