"""Small trainings in child processes that are forked from one that has TensorFlow imported.

The children are killed, interrupted, or two at once. TensorFlow may be forked as long as it has
computed nothing, so the process that they come from only imports it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import processes

from course_utils import datasets, runtime, training

import keras  # isort: skip
import tensorflow as tf  # isort: skip
from keras import layers  # isort: skip

EPOCHS = 6


def images(size: int = 96, seed: int = 0) -> datasets.Dataset:
    random = np.random.default_rng(seed)
    sets: dict[str, Any] = {}
    for part, n in {"train": size, "validation": 32, "test": 16}.items():
        labels = random.integers(0, 3, n).astype(np.uint8)
        noise = random.integers(0, 100, (n, 6, 6, 1))
        sets[f"x_{part}"] = (noise + 40 * labels[:, None, None, None]).astype(np.uint8)
        sets[f"y_{part}"] = labels
    return datasets.Dataset(
        name="mnist",
        data="embedded",
        title="MNIST",
        class_names=("a", "b", "c"),
        source="embedded sample",
        split="stratified",
        **sets,
    )


class Fate(keras.callbacks.Callback):
    """Does something at one epoch and step, both counted from 1; step 0 is before the first."""

    def __init__(
        self, what: str, epoch: int, step: int | None, ready: str | None, go: str | None
    ) -> None:
        super().__init__()
        self.what, self.epoch, self.step, self.ready, self.go = what, epoch, step, ready, go

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.now = epoch + 1
        if (self.now, 0) == (self.epoch, self.step):
            self.meet()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if (self.now, batch + 1) == (self.epoch, self.step):
            self.meet()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        if self.step is None and epoch + 1 == self.epoch:
            self.meet()

    def meet(self) -> None:
        if self.what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.what == "break":
            raise RuntimeError("broken off")
        elif self.what == "nan":
            first, *rest = self.model.get_weights()
            self.model.set_weights([first * np.nan, *rest])
        elif self.what in ("no room", "die of no room"):
            import resource

            if self.what == "die of no room":
                resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
                signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))
        elif self.what == "fill the disk":
            with contextlib.suppress(OSError), open(self.ready, "wb", buffering=0) as file:
                while True:
                    file.write(bytes(1024))
        elif self.what == "wait":
            Path(self.ready).touch()
            deadline = time.monotonic() + processes.PATIENCE
            while time.monotonic() < deadline and not (self.go and Path(self.go).exists()):
                time.sleep(0.01)


def network(
    units: int,
    activation: str,
    dropout: float,
    l2: float | None,
    flip: bool,
    optimizer: keras.optimizers.Optimizer,
    ignored: int | None,
) -> keras.Model:
    """Build and compile the network."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            *([layers.RandomFlip("horizontal")] if flip else []),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(
                units,
                activation=activation,
                kernel_regularizer=None if l2 is None else keras.regularizers.L2(l2),
            ),
            layers.Dropout(dropout),
            layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=ignored),
        metrics=["accuracy"],
        run_eagerly=True,  # for a few steps no graph is worth its making
    )
    return model


def augmented(batches: tf.data.Dataset, how: str) -> tf.data.Dataset:
    """Change pictures in the pipeline: by numbers as in notebooks 03 and 07, or by a layer."""
    if how == "layer":
        flip = layers.RandomFlip("horizontal")
        return batches.map(lambda x, y: (flip(x, training=True), y)).prefetch(2)
    drawn = tf.data.Dataset.random(0, rerandomize_each_iteration=True).batch(2)
    most = 9.0 if how == "more noise" else 5.0
    return tf.data.Dataset.zip(batches, drawn).map(
        lambda batch, two: (
            tf.cast(batch[0], tf.float32)
            + tf.random.stateless_uniform(tf.shape(batch[0]), two, -most, most),
            batch[1],
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
    )


def fit(
    folder: str | Path,
    *,
    arm: str = "F1",
    resume: bool = False,
    epochs: int = EPOCHS,
    rate: float = 0.01,
    units: int = 8,
    activation: str = "relu",
    dropout: float = 0.3,
    l2: float | None = None,
    flip: bool = False,
    optimizer: str = "Adam",
    ignored: int | None = None,
    augment: str = "",
    images_from: int = 0,
    monitor: str = "val_loss",
    schedule: Callable[[int, float], float] | None = None,
    size: int = 96,
    patience: int = 50,
    min_delta: float = 0,
    keep: bool = True,
    best_on_disk: bool = True,
    what: str = "nothing",
    epoch: int = 0,
    step: int | None = None,
    ready: str | None = None,
    go: str | None = None,
    model: keras.Model | None = None,
    parameters: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Train as a notebook does; return what it is asked about."""
    data = images(size, images_from)
    runtime.fresh_start(0, "float32")
    if model is None:
        made = getattr(keras.optimizers, optimizer)(rate)
        model = network(units, activation, dropout, l2, flip, made, ignored)
    recorder = training.Recorder(
        "01_baseline_overfit",
        arm,
        seed=0,
        dataset=data,
        parameters=parameters or {"epochs": epochs},
    )
    stopping = keras.callbacks.EarlyStopping(
        monitor, patience=patience, min_delta=min_delta, restore_best_weights=True
    )
    best = recorder.folder(folder) if best_on_disk else Path(folder)
    checkpoint = keras.callbacks.ModelCheckpoint(str(best / "best.keras"), save_best_only=True)
    batches = training.shuffled_batches(data.x_train, data.y_train, 32, 0)
    if augment:
        batches = augmented(batches, augment)
    files = [checkpoint] * best_on_disk
    rates = [keras.callbacks.LearningRateScheduler(schedule)] if schedule else []
    callbacks = [recorder, stopping, *files, *rates, Fate(what, epoch, step, ready, go)]
    found = {"model": model, "recorder": recorder, "stopping": stopping, "checkpoint": checkpoint}
    if keep:
        callbacks = training.resumable(callbacks, batches, folder=folder, resume=resume)
    try:
        model.fit(
            batches,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            validation_data=(data.x_validation, data.y_validation),
            callbacks=callbacks,
        )
    except RuntimeError as error:
        if str(error) != "broken off":
            raise
    return found


def train(folder: str, **changes: Any) -> None:
    """Train, go back to the best epoch, and record."""
    run = fit(folder, **changes)
    run["model"].load_weights(run["checkpoint"].filepath)
    run["recorder"].finish(lowest=float(run["checkpoint"].best))


def train_only(folder: str, **changes: Any) -> None:
    """Train, and do not come to record it."""
    fit(folder, **changes)


def start(action: Callable[..., None], folder: Path, fate: Any = None, **options: Any) -> Any:
    """Start `train` or `train_only` in a child, which meets what `fate` says."""
    training = functools.partial(action, str(folder), **options)
    return processes.start(training, fate=processes.Fate(**(fate or {})))


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Fork children from a server that has this module imported; then from the usual one again."""
    path = os.pathsep.join(filter(None, sys.path))
    with mock.patch.dict(os.environ, PYTHONPATH=path):
        processes.serve([__name__])
    yield
    processes.serve(processes.PRELOADED.split())
