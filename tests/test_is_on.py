"""Each check says "on" where the thing is on, and fails where it is off."""

from __future__ import annotations

import numpy as np
import pytest

from course_utils import datasets, models, training
from course_utils.checks import is_on
from course_utils.errors import CourseError

import keras  # isort: skip
from keras import layers  # isort: skip


@pytest.fixture(scope="module")
def fashion() -> datasets.Dataset:
    return datasets.load("fashion_mnist", train_size=200, validation_size=100)


def flip(images, labels):
    return images[:, :, ::-1], labels


def network(*middle: keras.layers.Layer, **dense: object) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            *middle,
            layers.Flatten(),
            layers.Dense(4, **dense),
            layers.Dense(2),
        ]
    )


# augmentation


def test_augmentation_in_a_pipeline(fashion: datasets.Dataset) -> None:
    plain = training.shuffled_batches(fashion.x_train, fashion.y_train, 32, seed=0)
    on = is_on.augmentation(plain.map(flip), fashion.x_train)
    off = is_on.augmentation(plain, fashion.x_train)
    assert on and on.facts == {"new": 200, "of": 200}
    assert not off and off.facts == {"new": 0, "of": 200}
    assert "OFF" in str(off) and "0 of 200" in str(off)


def test_augmentation_reads_no_more_of_a_pipeline_than_it_says(fashion: datasets.Dataset) -> None:
    forever = training.shuffled_batches(fashion.x_train, fashion.y_train, 64, seed=0).repeat()
    assert is_on.augmentation(forever, fashion.x_train).facts["of"] == 2000


def test_augmentation_of_an_array(fashion: datasets.Dataset) -> None:
    copies = fashion.x_train[:50].copy()
    assert not is_on.augmentation(copies, fashion.x_train)
    assert is_on.augmentation(copies.astype("float32") + 0.5, fashion.x_train)
    half = copies.copy()
    half[:20] = 255 - half[:20]
    found = is_on.augmentation(half, fashion.x_train)
    assert not found and found.facts["new"] == 20


def test_augmentation_inside_a_network(fashion: datasets.Dataset) -> None:
    on = network(layers.RandomTranslation(0.2, 0.2))
    assert is_on.augmentation(on, fashion.x_train)
    nested = network(keras.Sequential([layers.RandomRotation(0.2)]))
    assert is_on.augmentation(nested, fashion.x_train)
    assert not is_on.augmentation(network(), fashion.x_train)
    assert not is_on.augmentation(network(layers.RandomTranslation(0.0, 0.0)), fashion.x_train)


def test_augmentation_that_changes_validation_images_too(fashion: datasets.Dataset) -> None:
    class RandomAlways(keras.layers.Layer):
        def call(self, images, training=None):
            return 255 - images

    found = is_on.augmentation(network(RandomAlways()), fashion.x_train)
    assert not found
    assert "in validation too" in str(found)


# dropout


def test_dropout() -> None:
    on = is_on.dropout(network(layers.Dropout(0.3)))
    assert on and list(on.facts["rates"].values()) == [pytest.approx(0.3, abs=0.03)]
    assert is_on.dropout(models.fashion_baseline())


def test_dropout_of_whole_maps() -> None:
    maps = keras.Sequential([keras.Input((8, 8, 4)), layers.SpatialDropout2D(0.5)])
    assert is_on.dropout(maps)


def test_dropout_that_is_off() -> None:
    assert not is_on.dropout(network())
    nothing = is_on.dropout(network(layers.Dropout(0.0)))
    assert not nothing and "drop nothing" in str(nothing)


# L2


def test_l2() -> None:
    model = network(kernel_regularizer="l2")
    kernel = model.layers[-2].kernel.numpy()
    found = is_on.l2(model)
    assert found
    assert found.facts["penalty"] == pytest.approx(0.01 * (kernel**2).sum(), rel=1e-5)
    assert list(found.facts["layers"].values()) == [pytest.approx(0.01)]
    assert "0.01" in str(found)


def test_l2_that_is_off() -> None:
    assert not is_on.l2(network())
    assert not is_on.l2(network(kernel_regularizer=keras.regularizers.L2(0.0)))


def test_weight_decay_is_no_penalty_and_is_named() -> None:
    model = network()
    model.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.05), loss="mse")
    found = is_on.l2(model)
    assert not found and "0.05" in str(found)


# batch norm


def test_batch_norm(fashion: datasets.Dataset) -> None:
    model = network(layers.BatchNormalization())
    before = model.get_weights()
    assert is_on.batch_norm(model, fashion.x_train)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_batch_norm_that_is_off(fashion: datasets.Dataset) -> None:
    assert not is_on.batch_norm(network(), fashion.x_train)
    frozen = network(layers.BatchNormalization())
    frozen.layers[0].trainable = False
    found = is_on.batch_norm(frozen, fashion.x_train)
    assert not found and found.facts == {"moving": 0, "of": 1}


# validation split


def test_validation_split(fashion: datasets.Dataset) -> None:
    assert is_on.validation_split(fashion.x_train, fashion.x_validation)


def test_validation_split_with_copies(fashion: datasets.Dataset) -> None:
    mixed = np.concatenate([fashion.x_validation[:7], fashion.x_train[[3, 3, 9]]])
    found = is_on.validation_split(fashion.x_train, mixed)
    assert not found
    assert (found.facts["copies"], found.facts["of"]) == (3, 10)
    assert found.facts["where"].tolist() == [False] * 7 + [True] * 3
    assert "3 of 10" in str(found)


def test_validation_split_refuses_other_pixels(fashion: datasets.Dataset) -> None:
    with pytest.raises(CourseError, match="one dtype"):
        is_on.validation_split(fashion.x_train, fashion.x_validation / 255)


# require


def test_require_stops_at_what_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    good = is_on.dropout(network(layers.Dropout(0.5)))
    is_on.require(good)
    assert "Dropout is on" in capsys.readouterr().out
    with pytest.raises(CourseError, match="L2 is OFF") as caught:
        is_on.require(good, is_on.l2(network()))
    assert "Dropout" not in str(caught.value)
