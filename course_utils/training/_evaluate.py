"""Measuring a network by hand: dropout off, penalties left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly, so before keras)

import keras  # isort: skip

Examples = tuple[np.ndarray, np.ndarray] | Iterable[tuple[Any, Any]]


def _predict(model: keras.Model, examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Predicted probabilities, shape (n, classes), and integer labels, shape (n,)."""
    if isinstance(examples, tuple):
        images, labels = examples
        # Large images go in smaller batches, for their memory.
        step = max(16, min(256, 2**22 // max(1, images[:1].size)))
        starts = range(0, len(images), step)
        # One traced function; calling the model on each batch took three to five times as long.
        outputs = np.concatenate([model.predict_on_batch(images[i : i + step]) for i in starts])
    else:
        batches = [(model.predict_on_batch(x), np.asarray(y)) for x, y in examples]
        outputs = np.concatenate([p for p, _ in batches])
        labels = np.concatenate([y for _, y in batches])
    outputs = np.asarray(outputs, dtype=np.float64)
    if outputs.shape[-1] == 1:  # one sigmoid: the probability of class 1
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    labels = np.asarray(labels)
    labels = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels
    return outputs, labels.reshape(-1).astype(int)


def evaluate(model: keras.Model, examples: Examples) -> dict[str, float]:
    """Accuracy, 0 to 1, and cross-entropy, in nats per image: dropout off, penalties left out.

    Parameters
    ----------
    model : keras.Model
        A classifier that ends in a softmax, or in one sigmoid for two classes.
    examples : tuple of arrays, or iterable of batches
        ``(images, labels)``, labels as class numbers or one-hot rows; or a `tf.data.Dataset`.
    """
    return mean(per_image(model, examples))


def per_image(model: keras.Model, examples: Examples) -> dict[str, np.ndarray]:
    """What `evaluate` is the mean of, in the form of `ledger.predictions`, and more."""
    probabilities, labels = _predict(model, examples)
    classes = probabilities.argmax(axis=1)
    of_the_label = probabilities[np.arange(len(labels)), labels]
    return {
        "classes": classes,
        "correct": classes == labels,
        "cross_entropy": -np.log(np.clip(of_the_label, 1e-7, 1)),
        "labels": labels,
        "probabilities": probabilities,
    }


def mean(measured: dict[str, np.ndarray]) -> dict[str, float]:
    """Accuracy and cross-entropy over all images."""
    return {
        "accuracy": float(measured["correct"].mean()),
        "cross_entropy": float(measured["cross_entropy"].mean()),
    }
