"""Wrong answers to the exercises of notebook 06, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers


def stops_against_the_previous(losses: list[float], patience: int) -> tuple[int, int]:
    waited = 0
    for epoch in range(1, len(losses)):
        waited = 0 if losses[epoch] < losses[epoch - 1] else waited + 1
        if waited == patience:
            return epoch + 1, int(np.argmin(losses[: epoch + 1])) + 1
    return len(losses), int(np.argmin(losses)) + 1


def stops(losses: list[float], patience: int, equal_counts: bool = False) -> tuple[int, int]:
    lowest, best, waited = np.inf, 0, 0
    for epoch, loss in enumerate(losses, 1):
        waited += 1
        if loss < lowest or (equal_counts and loss == lowest):
            lowest, best, waited = loss, epoch, 0
        if waited == patience:
            return epoch, best
    return len(losses), best


def knows_the_future(losses: list[float], patience: int) -> tuple[int, int]:
    best = int(np.argmin(losses)) + 1
    return min(best + patience, len(losses)), best


def network(*hidden: Any, end: tuple[Any, ...] = (), shape: Any = (28, 28, 1)) -> keras.Sequential:
    answer = layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input(shape), layers.Flatten(), *hidden, answer, *end])


def dense() -> list[Any]:
    return [layers.Dense(20, activation="relu"), layers.BatchNormalization()]


def of_functions(rate: float) -> keras.Model:
    """Right: batch norm in front of the activation, dropout last, in the functional style."""
    x = inputs = keras.Input((28, 28, 1))
    x = layers.Flatten()(x)
    for _ in range(2):
        x = layers.ReLU()(layers.BatchNormalization()(layers.Dense(30, use_bias=False)(x)))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(10)(layers.Dropout(rate)(x))))


def keeps(
    below: Callable[[float, float, float], bool] = lambda loss, best, last: loss < best,
    copy: Callable[[Any], Any] = lambda model: model.get_weights(),
    key: str = "val_loss",
    too_many: int = 0,
    restores: bool = True,
) -> type[keras.callbacks.Callback]:
    class Keeps(keras.callbacks.Callback):
        def __init__(self, patience: int) -> None:
            super().__init__()
            self.patience = patience

        def on_train_begin(self, logs: Any = None) -> None:
            self.best, self.last, self.waited = np.inf, np.inf, 0

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.waited += 1
            if below(logs[key], self.best, self.last):
                self.best, self.waited, self.kept = logs[key], 0, copy(self.model)
            self.last = logs[key]
            self.model.stop_training = self.waited >= self.patience + too_many

        def on_train_end(self, logs: Any = None) -> None:
            if restores:
                self.model.set_weights(self.kept)

    return Keeps


def kerass_own(patience: int) -> keras.callbacks.EarlyStopping:
    """Right: it also restores where the training was not stopped."""
    return keras.callbacks.EarlyStopping("val_loss", patience=patience, restore_best_weights=True)


def waits(patience: int, since: Callable[[Any], Any] = np.argmin) -> Callable[[list[float]], bool]:
    return lambda losses: bool(len(losses) - 1 - since(losses) >= patience)


def waits_for_the_mean(losses: list[float]) -> bool:
    """Right: a patience of 10 on the mean of the last five losses."""
    means = [np.mean(losses[max(0, end - 5) : end]) for end in range(1, len(losses) + 1)]
    return waits(10)(means)


def sorts_and_waits(losses: list[float]) -> bool:
    stop = waits(9)(losses)
    losses.sort()
    return stop


WRONG: dict[str, list[Any]] = {
    "stopping_epoch": [
        stops_against_the_previous,
        lambda losses, patience: (len(losses), int(np.argmin(losses)) + 1),
        lambda losses, patience: (4, 2),
        lambda losses, patience: stops(losses, patience, equal_counts=True),
        lambda losses, patience: stops(losses, patience + 1),
        lambda losses, patience: tuple(epoch - 1 for epoch in stops(losses, patience)),
        lambda losses, patience: stops(losses, patience)[::-1],
        lambda losses, patience: stops(losses, patience)[0],
        knows_the_future,
    ],
    "late_dropout": [
        lambda rate: network(*dense(), layers.Dropout(rate), *dense(), layers.Dropout(rate)),
        lambda rate: network(*dense(), *dense()),
        lambda rate: network(*dense(), *dense(), layers.Dropout(0.9)),
        lambda rate: network(*dense(), *dense(), layers.Dropout(1 - rate / 2)),
        lambda rate: network(*dense(), *dense(), end=(layers.Dropout(rate),)),
        lambda rate: network(layers.Dropout(rate), *dense(), *dense()),
        lambda rate: network(layers.Dense(20), layers.Dense(20), layers.Dropout(rate)),
        lambda rate: network(*dense(), *dense(), layers.Dropout(rate), shape=(28, 28)),
        lambda rate: of_functions(0.0),
        lambda rate: "a network",
    ],
    "KeepBest": [
        keeps(below=lambda loss, best, last: loss < last),
        keeps(copy=lambda model: model.weights),
        keeps(below=lambda loss, best, last: loss < last, copy=lambda model: model.weights),
        keeps(below=lambda loss, best, last: loss <= best),
        keeps(key="loss"),
        keeps(key="val_accuracy"),
        keeps(too_many=1),
        keeps(restores=False),
        lambda patience: keras.callbacks.EarlyStopping("val_loss", patience=patience),
    ],
    "stop_now": [
        waits(5),
        waits(1),
        waits(20),
        waits(9, since=lambda losses: 0),
        waits(31, since=lambda losses: 0),
        waits(40, since=lambda losses: 0),
        lambda losses: True,
        lambda losses: False,
        lambda losses: len(losses) > 1 and losses[-1] > losses[-2],
        lambda losses: losses[-1] > 1.1 * min(losses),
        lambda losses: str(waits(9)(losses)),
        lambda losses: int(waits(9)(losses)),
        sorts_and_waits,
    ],
}

RIGHT: dict[str, list[Any]] = {
    "stopping_epoch": [stops],
    "late_dropout": [
        of_functions,
        lambda rate: network(*dense(), *dense(), layers.Dropout(rate)),
    ],
    "KeepBest": [keeps(), kerass_own],
    "stop_now": [waits(8), waits(9), waits(10), waits_for_the_mean],
}
