"""What happens around `fit`: a fair start, a record of the run, and a measurement after it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from course_utils import ledger, runtime
from course_utils.datasets import Dataset

import keras  # isort: skip  (after runtime, which imports TensorFlow quietly)
import tensorflow as tf  # isort: skip

Examples = tuple[np.ndarray, np.ndarray] | Iterable[tuple[Any, Any]]

_test_uses: Counter[tuple[str, ...]] = Counter()


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
    """Measure a network: dropout off, penalties left out.

    Parameters
    ----------
    model : keras.Model
        A classifier that ends in a softmax, or in one sigmoid for two classes.
    examples : tuple of arrays, or iterable of batches
        ``(images, labels)``, or batches of them such as a `tf.data.Dataset`. Labels are class
        numbers or one-hot rows.

    Returns
    -------
    dict
        ``accuracy``, between 0 and 1, and ``cross_entropy``, in nats per image.
    """
    probabilities, labels = _predict(model, examples)
    of_the_label = probabilities[np.arange(len(labels)), labels]
    return {
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "cross_entropy": float(-np.log(np.clip(of_the_label, 1e-7, 1)).mean()),
    }


def shuffled_batches(
    images: np.ndarray, labels: np.ndarray, batch_size: int, seed: int
) -> tf.data.Dataset:
    """Training batches in a new order each epoch, the same orders for the same seed.

    `fit` on arrays does one or the other: unseeded it draws a new order each epoch, and after
    `keras.utils.set_random_seed` it repeats the order of the first epoch in all the others.

    Parameters
    ----------
    images : ndarray, shape (n, height, width, channels)
        Kept as they are, uint8 for instance; only a batch at a time is handed on.
    labels : ndarray, shape (n,)
        Class numbers.
    batch_size : int
        Images in a batch; the last one may be smaller.
    seed : int
        Seed of the orders.

    Returns
    -------
    tf.data.Dataset
        Pairs of images and labels.
    """
    images, labels = tf.constant(images), tf.constant(labels)
    order = tf.data.Dataset.range(len(labels)).shuffle(len(labels), seed=seed).batch(batch_size)
    return order.map(
        lambda rows: (tf.gather(images, rows), tf.gather(labels, rows)),
        num_parallel_calls=tf.data.AUTOTUNE,
    ).prefetch(tf.data.AUTOTUNE)


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


class Recorder(keras.callbacks.Callback):
    """Times one `fit`, keeps its history, and writes the run to the ledger.

    Give it to `fit` as a callback, then call `finish`.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    arm : str
        Name of the arm of the comparison.
    seed : int
        The seed of the run.
    dataset : Dataset
        Where the images came from.
    parameters : dict
        What else the run depends on: epochs, batch size, learning rate, …
    protocol : {"honest", "published"}
        "published" where the run repeats a published experiment's split or its misuse of data.
    """

    def __init__(
        self,
        notebook: str,
        arm: str,
        *,
        seed: int,
        dataset: Dataset,
        parameters: dict[str, Any],
        protocol: str = "honest",
    ) -> None:
        super().__init__()
        if protocol not in ("honest", "published"):
            raise ValueError(f"protocol must be 'honest' or 'published'; got {protocol!r}.")
        self._head = {"notebook": notebook, "arm": arm, "seed": seed, "protocol": protocol}
        self._dataset = dataset
        self._parameters = parameters
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self.history, self._started = {}, time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's numbers and the seconds so far."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(round(float(value), 5))
        self.seconds = time.perf_counter() - self._started

    def finish(
        self,
        train: Examples | None = None,
        validation: Examples | None = None,
        test: Examples | None = None,
        **more: Any,
    ) -> ledger.Record:
        """Measure the trained network, append the run to the ledger and return the record.

        The test images are counted: the second time that one arm, seed and protocol looks at them,
        the record says so and a sentence is printed.

        Parameters
        ----------
        train, validation, test : tuple of arrays, or iterable of batches, optional
            What to measure on; the dataset's own arrays where not given.
        **more
            Further keys of the record, for instance a count that the notebook made.

        Returns
        -------
        dict
            The record as written; see `course_utils.ledger`.
        """
        data = self._dataset
        train = (data.x_train, data.y_train) if train is None else train
        validation = (data.x_validation, data.y_validation) if validation is None else validation
        test = (data.x_test, data.y_test) if test is None else test
        decision = (*map(str, self._head.values()), data.data)
        _test_uses[decision] += 1
        if _test_uses[decision] > 1:
            print(f"The test images were used {_test_uses[decision]} times for {decision[1]}.")
        val_loss = np.array(self.history.get("val_loss", []))
        # argmin would call the first NaN of a run that diverged its lowest loss
        finite = np.isfinite(val_loss).any()
        best_epoch = int(np.nanargmin(val_loss)) + 1 if finite else None
        epochs = len(self.history["loss"])
        n_train = len(train[1]) if isinstance(train, tuple) else len(data.y_train)
        trainable = sum(int(np.prod(w.shape)) for w in self.model.trainable_weights)
        return ledger.append(
            self._head
            | {
                "data": {
                    "name": data.name,
                    "scale": data.data,
                    "source": data.source,
                    "split": data.split,
                    "train": n_train,
                    "validation": len(data.y_validation),
                    "test": len(data.y_test),
                },
                "parameters": self._parameters,
                "history": self.history,
                "best_epoch": best_epoch,
                "epochs": epochs,
                "train": evaluate(self.model, train),
                "validation": evaluate(self.model, validation),
                "test": evaluate(self.model, test),
                "test_uses": _test_uses[decision],
                "seconds": round(self.seconds, 2),
                "images_per_second": round(n_train * epochs / self.seconds, 1),
                "peak_memory_mb": round(runtime.peak_memory_mb()),
                "model": {"parameters": self.model.count_params(), "trainable": trainable},
                "versions": runtime.versions(),
                "device": runtime.device(),
                "precision": keras.config.dtype_policy().name,
            }
            | more
        )
