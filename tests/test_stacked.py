"""A stack of networks against the same networks trained one after another."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks import stacked

from course_utils import datasets, training

import keras  # isort: skip
from keras import layers  # isort: skip

SEEDS, RATES, EPOCHS, BATCH = (3, 4), (0.0, 0.0), 3, 50


def network() -> keras.Sequential:
    """The network of notebook 06, without dropout and half as wide."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Rescaling(1 / 255),
            layers.Dense(25, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(25, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax"),
        ]
    )


@pytest.fixture(scope="module")
def digits() -> datasets.Dataset:
    return datasets.load("mnist", train_size=420, validation_size=150, test_size=50)


@pytest.fixture(scope="module")
def separate(digits: datasets.Dataset) -> dict[tuple[int, int], tuple]:
    """First weights, history and trained network of every member, each trained alone."""
    found = {}
    for i, seed in enumerate(SEEDS):
        for j in range(len(RATES)):
            keras.utils.set_random_seed(10 * i + j)  # members start from different weights
            model = network()
            first = model.get_weights()
            model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
            keras.utils.set_random_seed(0)  # the order hangs on this seed too
            fit = model.fit(
                training.shuffled_batches(digits.x_train, digits.y_train, BATCH, seed),
                epochs=EPOCHS,
                shuffle=False,
                verbose=0,
                validation_data=(digits.x_validation, digits.y_validation),
            )
            found[i, j] = (first, fit.history, model)
    return found


def stack(separate: dict, digits: datasets.Dataset, epochs: int, *callbacks) -> tuple:
    model = stacked.mnist_dense(RATES, len(SEEDS), units=25)
    single = network()
    for (i, j), (first, _, _) in separate.items():
        single.set_weights(first)
        stacked.give_weights(model, i, j, single)
    keras.utils.set_random_seed(0)
    fit = model.fit(
        stacked.batches(digits.x_train, digits.y_train, BATCH, SEEDS),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        callbacks=list(callbacks),
        validation_data=stacked.same_for_all(
            digits.x_validation, digits.y_validation, 60, len(SEEDS)
        ),
    )
    return model, {key: np.array(values) for key, values in fit.history.items()}


def test_members_learn_as_if_alone(separate: dict, digits: datasets.Dataset) -> None:
    model, history = stack(separate, digits, EPOCHS)
    assert history["val_accuracy"].shape == (EPOCHS, 2, 2)
    alone = network()
    for (i, j), (_, single, trained) in separate.items():
        for ours, theirs in (
            ("cross_entropy", "loss"),
            ("accuracy", "accuracy"),
            ("val_cross_entropy", "val_loss"),
            ("val_accuracy", "val_accuracy"),
        ):
            tolerance = 0.01 if "accuracy" in ours else 1e-3
            assert np.allclose(history[ours][:, i, j], single[theirs], atol=tolerance), ours
        stacked.take_weights(model, i, j, alone)
        for ours, theirs in zip(alone.get_weights(), trained.get_weights(), strict=True):
            assert np.allclose(ours, theirs, atol=2e-3)
    assert len({*np.round(history["val_cross_entropy"][-1].ravel(), 6)}) == 4


def test_the_best_epoch_of_each_member_is_kept(separate: dict, digits: datasets.Dataset) -> None:
    best = stacked.BestEpoch(patience=1)
    model, history = stack(separate, digits, 8, best)
    losses = history["val_cross_entropy"]
    for member in np.ndindex(2, 2):
        stopping, waited = (np.inf, 0), 0
        for epoch, loss in enumerate(losses[(slice(None), *member)]):
            waited = 0 if loss < stopping[0] else waited + 1
            stopping = min(stopping, (loss, epoch))
            if waited > 1:
                break
        assert best.best_epoch[member] == stopping[1]
    best.restore()
    x = np.broadcast_to(digits.x_validation.reshape(1, -1, 784), (2, 150, 784))
    y = np.broadcast_to(digits.y_validation, (2, 150))
    again = stacked.SummedLoss().call(y, model(x, training=False))
    assert np.allclose(again, best.best, atol=1e-4)


def test_each_rate_drops_its_share() -> None:
    dropout = stacked.Dropout((0.0, 0.25, 0.5), seed=1)
    signal = np.ones((2, 3, 101, 70), "float32")
    dropped = np.asarray(dropout(signal, training=True))
    assert np.allclose((dropped == 0).mean(axis=(0, 2, 3)), (0, 0.25, 0.5), atol=0.01)
    assert np.allclose(dropped.mean(axis=(0, 2, 3)), 1, atol=0.03)
    assert np.array_equal(np.asarray(dropout(signal, training=False)), signal)
