"""Run a program, and keep what it gave to `fit` and to `evaluate`."""

from __future__ import annotations

import inspect
import linecache
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import numpy as np

from course_utils import runtime
from course_utils.checks._undisturbed import own_copy

import keras  # isort: skip
import tensorflow as tf  # isort: skip
from keras import layers  # isort: skip

SHORT = 2  # epochs
Pictures = tuple[np.ndarray, np.ndarray]  # and their labels
Sets = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


class Unreadable(Exception):
    """What was given to `fit` cannot be read here; the message is a sentence."""


@dataclass
class Fit:
    """One call of `fit`."""

    model: Any
    train: Any  # a tf.data.Dataset, or pictures and labels
    validation: Any  # the same, or None
    callbacks: list[Any]
    history: dict[str, list[float]]
    steps: int  # of the optimiser, had the run not been cut short


@dataclass
class Seen:
    """What came of a program, and what it did on its way."""

    model: Any = None
    history: dict[str, list[float]] = field(default_factory=dict)
    score: float = float("nan")
    fits: list[Fit] = field(default_factory=list)
    # after how many fits, and on what
    evaluated: list[tuple[int, Any]] = field(default_factory=list)

    @property
    def train(self) -> Any:
        """What the last call of `fit` trained on."""
        return self.fits[-1].train

    @property
    def validation(self) -> Any:
        """What the last call of `fit` validated on."""
        return self.fits[-1].validation


def function(text: str, name: str) -> Callable[..., Any]:
    """The function that a program's text defines; its lines can be looked up like a file's."""
    file = f"<{name}>"
    # AutoGraph reads the source of what it turns into a graph, and warns where it finds none.
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    # It also looks for the module of a function.
    known = {"__name__": __name__, "keras": keras, "layers": layers, "np": np, "tf": tf}
    exec(compile(text, file, "exec"), known)
    return known["program"]


def run(program: Callable[..., Any], sets: Sets, seed: int, short: bool = False) -> Seen:
    """Run a program from a fresh start, on copies of the pictures.

    A short run has two epochs, where nothing but their number ends the training.
    """
    runtime.fresh_start(seed, "float32")
    seen = Seen()
    fit, evaluate = keras.Model.fit, keras.Model.evaluate

    def watched_fit(model: Any, *args: Any, **options: Any) -> Any:
        given = inspect.signature(fit).bind(model, *args, **options).arguments
        train, validation = given.get("x"), given.get("validation_data")
        if not isinstance(train, tf.data.Dataset):
            train = (np.asarray(train), np.asarray(given.get("y")))
            if share := given.get("validation_split"):
                start = int(len(train[0]) * (1 - share))  # as Keras does it
                validation = tuple(part[start:] for part in train)
                train = (train[0][:start], train[1][:start])
        callbacks = given.get("callbacks") or []
        callbacks = callbacks if isinstance(callbacks, list) else [callbacks]
        before, longer = int(model.optimizer.iterations), 1.0
        if short and not callbacks and (epochs := given.get("epochs", 1)) > SHORT:
            given["epochs"], longer = SHORT, epochs / SHORT
        history = fit(**given)
        steps = round(longer * (int(model.optimizer.iterations) - before))
        seen.fits.append(Fit(model, train, validation, callbacks, history.history, steps))
        return history

    def watched_evaluate(model: Any, *args: Any, **options: Any) -> Any:
        given = inspect.signature(evaluate).bind(model, *args, **options).arguments
        if "_use_cached_eval_dataset" not in given.get("kwargs", {}):  # else it is `fit` itself
            seen.evaluated.append((len(seen.fits), given.get("x")))
        return evaluate(model, *args, **options)

    with (
        mock.patch.object(keras.Model, "fit", watched_fit),
        mock.patch.object(keras.Model, "evaluate", watched_evaluate),
        warnings.catch_warnings(),
    ):
        # `fit` says of every pipeline that its own shuffling does not reach it.
        warnings.filterwarnings("ignore", message=".*shuffle=True")
        returned = program(*(part.copy() for part in sets))
    if not isinstance(returned, tuple) or len(returned) != 3:
        raise Unreadable("It has to return three things: the network, its history, its score.")
    seen.model, seen.history, score = returned
    if not isinstance(seen.model, keras.Model) or not isinstance(seen.history, dict):
        raise Unreadable("It has to return a Keras network, a history (a dict) and a score.")
    seen.score = float(score)
    return seen


def passes(data: Any) -> list[Pictures]:
    """The pictures and labels of two passes."""
    if isinstance(data, tf.data.Dataset):
        data = own_copy(data)
        if int(data.cardinality()) == tf.data.INFINITE_CARDINALITY:
            raise Unreadable("The pipeline has no end; leave repeat() out.")
        return [_joined(data) for _ in range(2)]
    if isinstance(data, tuple | list) and len(data) >= 2:
        pair = (np.asarray(data[0]), np.asarray(data[1]))
        return [pair, pair]
    raise Unreadable("Give `fit` arrays or a tf.data.Dataset, for training and for validation.")


def _joined(data: Any) -> Pictures:
    batches = [(np.asarray(batch[0]), np.asarray(batch[1])) for batch in data]
    if not batches:
        raise Unreadable("One of the sets is empty.")
    pictures, labels = zip(*batches, strict=True)
    if batches[0][0].ndim == 3:  # single pictures, not batches of them
        raise Unreadable("The pipeline hands out single pictures; batch() them.")
    return np.concatenate(pictures), np.concatenate([np.atleast_1d(each) for each in labels])
