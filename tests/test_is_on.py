"""Each check says "on" where the thing is on, fails where it is off, and leaves no trace."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from course_utils import datasets, fast, models
from course_utils.checks import is_on
from course_utils.errors import CourseError

import keras  # isort: skip
import tensorflow as tf  # isort: skip
from keras import layers  # isort: skip


@pytest.fixture(scope="module")
def fashion() -> datasets.Dataset:
    return datasets.load("fashion_mnist", train_size=200, validation_size=100)


def network(*middle: keras.layers.Layer, **dense: object) -> keras.Model:
    head = [layers.Flatten(), layers.Dense(4, **dense), layers.Dense(2)]
    return keras.Sequential([keras.Input((28, 28, 1)), *middle, *head])


# augmentation in a pipeline


def through(function, seed=0, **options):
    """A pipeline of the 200 images whose batches are changed by a function."""
    data = datasets.load("fashion_mnist", train_size=200)
    batches = tf.data.Dataset.from_tensor_slices((data.x_train, data.y_train))
    batches = batches.shuffle(200, seed=seed).batch(options.get("batch", 32), "batch" in options)
    return batches.map(lambda images, labels: (function(tf.cast(images, tf.float32)), labels))


def flips(seed=0):
    layer = layers.RandomFlip("horizontal", seed=seed)
    return lambda images: layer(images, training=True)


def noise(images):
    return images + tf.random.normal(tf.shape(images), stddev=0.5)


ON = {
    "flip": lambda seed: through(flips(seed), seed),
    "flip, then rescaled": lambda seed: through(flips(seed), seed).map(lambda x, y: (x / 255, y)),
    "little brightness": lambda seed: through(layers.RandomBrightness(0.1, seed=seed), seed),
    "without end": lambda seed: through(flips(seed), seed).repeat(),
    "a part of each pass": lambda seed: through(flips(seed), seed).take(3),
    "no last batch": lambda seed: through(flips(seed), seed, batch=64),
}
OFF = {
    "rescaled": lambda seed: through(lambda images: images / 255 - 0.5, seed),
    "noisy": lambda seed: through(noise, seed),
    "bfloat16": lambda seed: through(lambda images: tf.cast(images / 255, tf.bfloat16), seed),
    "always flipped": lambda seed: through(lambda images: images[:, :, ::-1], seed),
    "resized": lambda seed: through(lambda images: tf.image.resize(images, (20, 20)), seed),
    "cached behind it": lambda seed: through(flips(seed), seed).cache(),
    "without end": lambda seed: through(noise, seed).repeat(),
    "a part of each pass": lambda seed: through(noise, seed).take(3),
    "no last batch": lambda seed: through(noise, seed, batch=64),
}


@pytest.mark.parametrize("pipeline", ON)
def test_augmentation_on(fashion: datasets.Dataset, pipeline: str) -> None:
    found = is_on.augmentation(ON[pipeline](0), fashion.x_train)
    assert found and "another version" in str(found)


@pytest.mark.parametrize("pipeline", OFF)
def test_augmentation_off(fashion: datasets.Dataset, pipeline: str) -> None:
    found = is_on.augmentation(OFF[pipeline](0), fashion.x_train)
    assert not found and "OFF" in str(found)
    assert ("is cache() behind" in str(found)) == (
        pipeline in ("cached behind it", "always flipped")
    )


@pytest.mark.slow
@pytest.mark.parametrize(("pipelines", "names"), [(ON, ["flip"]), (OFF, ["rescaled", "noisy"])])
def test_fifty_of_fifty(fashion: datasets.Dataset, pipelines: dict, names: list) -> None:
    for name in names:
        tries = [is_on.augmentation(pipelines[name](n), fashion.x_train) for n in range(50)]
        assert sum(map(bool, tries)) == (50 if pipelines is ON else 0), name


def test_augmentation_of_batches_of_other_kinds(fashion: datasets.Dataset) -> None:
    x, y = fashion.x_train, fashion.y_train

    class Flips(keras.utils.PyDataset):
        def __len__(self) -> int:
            return 4

        def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
            part = slice(50 * number, 50 * number + 50)
            turned = np.random.random(50) < 0.5  # noqa: NPY002
            return np.where(turned[:, None, None, None], x[part, :, ::-1], x[part]), y[part]

    assert is_on.augmentation(Flips(), x)
    assert not is_on.augmentation([(x[:100], y[:100]), (x[100:], y[100:])], x)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (lambda x: (x[i : i + 50] for i in range(0, 200, 50)), "more than once; got generator"),
        (lambda x: tf.data.Dataset.from_tensor_slices(x[:0]).batch(5), "no image"),
        (lambda x: [np.zeros((4, 3))], r"got an array of shape \(4, 3\)"),
        (lambda x: [x[:5], x[:5, 1:]], "images of one size"),
        (lambda x: 7, "got int"),
    ],
)
def test_what_cannot_be_read_twice_is_a_sentence(fashion, source, words) -> None:
    with pytest.raises(CourseError, match=words):
        is_on.augmentation(source(fashion.x_train), fashion.x_train)


def test_augmentation_of_an_array(fashion: datasets.Dataset) -> None:
    x = fashion.x_train
    for same in (x[:50], x[:50] / 255, x[:50] + 0.25):
        assert not is_on.augmentation(same, x)
    half = x[:50].copy()
    half[:20] = half[:20, :, ::-1]
    brighter = x[:50] + np.linspace(-60, 60, 50)[:, None, None, None]
    assert is_on.augmentation(half, x).facts == {"changed": 20, "of": 50}
    assert is_on.augmentation(brighter, x)


# augmentation in a network

ARGUMENTS: dict[str, dict] = {
    "RandomBrightness": {"factor": 0.2},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {"brightness_factor": 0.3},
    "RandomContrast": {"factor": 0.3},
    "RandomCrop": {"height": 12, "width": 12},
    "RandomHue": {"factor": 0.3},
    "RandomPosterization": {"factor": 3},
    "RandomRotation": {"factor": 0.1},
    "RandomSaturation": {"factor": 0.5},
    "RandomSharpness": {"factor": 0.5},
    "RandomShear": {"x_factor": 0.2},
    "RandomTranslation": {"height_factor": 0.2, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.3},
    "Solarization": {"addition_factor": 0.5, "threshold_factor": 0.5},
    "CenterCrop": {"height": 12, "width": 12},
    "Resizing": {"height": 12, "width": 12},
    "MaxNumBoundingBoxes": {"max_number": 3},
}
ALWAYS_THE_SAME = {
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "Equalization",
    "MaxNumBoundingBoxes",
    "Resizing",
}
KERAS_LAYERS = [name for name in dir(layers) if hasattr(getattr(layers, name), "transform_images")]


SLOW = {"AugMix", "RandAugment", "RandomElasticTransform"}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in KERAS_LAYERS]
)
def test_every_layer_of_keras_that_augments_is_seen(name: str) -> None:
    images = datasets.load("cifar10", train_size=12).x_train[:, ::2, ::2]
    layer = getattr(layers, name)(**ARGUMENTS.get(name, {}))
    assert bool(is_on.augmentation(layer, images)) == (name not in ALWAYS_THE_SAME)
    if name not in ALWAYS_THE_SAME:
        body = keras.Sequential([layer, layers.Dropout(0.0)])
        model = keras.Sequential([keras.Input((16, 16, 3)), body, layers.Conv2D(2, 3)])
        assert is_on.augmentation(model, images)


def test_augmentation_in_a_network_by_what_it_does(fashion: datasets.Dataset) -> None:
    class Random(keras.layers.Layer):
        """Noise by a name that says nothing, in training only or always."""

        def __init__(self, always: bool) -> None:
            super().__init__()
            self.always = always

        def call(self, images, training=None):
            noisy = images + tf.random.normal(tf.shape(images), stddev=50.0)
            return noisy if training or self.always else images

    assert is_on.augmentation(network(layers.GaussianNoise(0.2)), fashion.x_train / 255)
    assert is_on.augmentation(network(Random(False)), fashion.x_train)
    wrong = is_on.augmentation(network(Random(True)), fashion.x_train)
    assert not wrong and "in validation too" in str(wrong)
    learnt = [layers.Conv2D(2, 3), layers.Dropout(0.5)]  # noise behind the first weights
    for middle in ([], learnt, [layers.RandomTranslation(0.0, 0.0)], [layers.Rescaling(1 / 255)]):
        assert not is_on.augmentation(network(*middle), fashion.x_train)


# dropout


def own_dropout(drops: str) -> keras.Model:
    class Own(keras.layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.inside = layers.Dropout(0.4)

        def call(self, signal, training=None):
            if drops == "inside":
                return self.inside(signal, training=True)
            return tf.nn.dropout(signal, 0.3) if training or drops == "always" else signal

    return network(layers.Conv2D(2, 3), Own())


def recurrent(**options: float) -> keras.Model:
    return keras.Sequential([keras.Input((5, 3)), layers.LSTM(4, name="memory", **options)])


@pytest.mark.parametrize(
    ("build", "rate"),
    [
        (lambda: network(layers.Dropout(0.3)), 0.3),
        (lambda: network(layers.SpatialDropout2D(0.5)), 0.5),
        (lambda: network(layers.Reshape((28, 28)), layers.SpatialDropout1D(0.2)), 0.2),
        (lambda: network(layers.Reshape((28, 28, 1, 1)), layers.SpatialDropout3D(0.5)), 0.5),
        (lambda: network(layers.GaussianDropout(0.3)), 0.3),
        (lambda: network(layers.AlphaDropout(0.3)), 0.3),
        (lambda: network(fast.Dropout(0.5)), 0.5),
        (lambda: keras.Sequential([keras.Input((28, 28, 1)), network(layers.Dropout(0.3))]), 0.3),
        (lambda: own_dropout("training"), 0.3),
        (lambda: recurrent(dropout=0.2), 0.2),
    ],
)  # fmt: skip
def test_dropout_of_every_kind(build, rate: float) -> None:
    found = is_on.dropout(build())
    assert found, found
    assert list(found.facts["rates"].values()) == [pytest.approx(rate, abs=0.07)]
    assert is_on.dropout(models.fashion_baseline())


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (network, "no Dropout layer"),
        (lambda: network(layers.Dropout(0.0)), "drop nothing"),
        (lambda: network(layers.GaussianNoise(0.5)), "no Dropout layer"),
        (recurrent, "no Dropout layer"),
        (lambda: own_dropout("inside"), "in validation too"),
        (lambda: own_dropout("always"), "in validation too"),
    ],
)
def test_dropout_off_or_left_on(build, words: str) -> None:
    found = is_on.dropout(build())
    assert not found and words in str(found)


def test_dropout_of_a_network_that_is_not_built() -> None:
    with pytest.raises(CourseError, match=r"not built.*keras\.Input"):
        is_on.dropout(keras.Sequential([layers.Dense(2)]))


# L2


class Squares(keras.regularizers.Regularizer):
    """A penalty of a user's own."""

    def __call__(self, weights: Any) -> Any:
        return 0.03 * keras.ops.sum(weights**2)


def test_l2() -> None:
    model = network(kernel_regularizer="l2")
    kernel = model.layers[-2].kernel.numpy()
    found = is_on.l2(model)
    assert found and "0.01" in str(found)
    assert found.facts["penalty"] == pytest.approx(0.01 * (kernel**2).sum(), rel=1e-5)
    assert list(found.facts["layers"].values()) == [pytest.approx(0.01)]
    both = is_on.l2(network(kernel_regularizer=keras.regularizers.L1L2(0.1, 0.02)))
    assert list(both.facts["layers"].values()) == [pytest.approx(0.02)]
    assert is_on.l2(network(kernel_regularizer=Squares()))


def test_l2_that_is_off() -> None:
    frozen = network(kernel_regularizer="l2")
    frozen.trainable = False
    for model in (network(), network(kernel_regularizer=keras.regularizers.L2(0.0)), frozen):
        assert not is_on.l2(model)
    assert "no penalty on squares" in str(is_on.l2(network(kernel_regularizer="l1")))


def test_weight_decay_is_no_penalty_and_is_named() -> None:
    model = network()
    model.compile(optimizer=keras.optimizers.AdamW(weight_decay=0.05), loss="mse")
    found = is_on.l2(model)
    assert not found and "0.05" in str(found)


# batch norm


def test_batch_norm(fashion: datasets.Dataset) -> None:
    assert is_on.batch_norm(network(layers.BatchNormalization()), fashion.x_train)
    assert not is_on.batch_norm(network(), fashion.x_train)
    frozen = network(layers.BatchNormalization())
    frozen.layers[0].trainable = False
    for still in (frozen, network(layers.BatchNormalization(momentum=1.0))):
        found = is_on.batch_norm(still, fashion.x_train)
        assert not found and found.facts == {"moving": 0, "of": 1}


# a run after the checks equals a run without them


@pytest.mark.parametrize("order", ["seeded", pytest.param("global seed", marks=pytest.mark.slow)])
def test_checks_change_nothing_of_the_next_training(fashion, order: str) -> None:
    def losses(checked: bool) -> list[np.ndarray]:
        keras.utils.set_random_seed(3)
        model = network(
            layers.RandomTranslation(0.1, 0.1),
            layers.GaussianNoise(0.1),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            kernel_regularizer="l2",
        )
        flip = layers.RandomFlip("horizontal", seed=1)
        seed = 5 if order == "seeded" else None
        batches = tf.data.Dataset.from_tensor_slices((fashion.x_train, fashion.y_train % 2))
        batches = batches.shuffle(200, seed=seed).batch(32)
        batches = batches.map(lambda x, y: (flip(tf.cast(x, tf.float32)), y)).map(
            lambda x, y: (x + tf.random.normal(tf.shape(x), stddev=0.1), y)
        )
        model.compile(optimizer=fast.Adam(), loss="sparse_categorical_crossentropy")
        if checked:
            is_on.augmentation(batches, fashion.x_train)
            is_on.augmentation(model, fashion.x_train)
            is_on.dropout(model)
            is_on.l2(model)
            is_on.batch_norm(model, fashion.x_train)
        history = model.fit(batches, epochs=2, verbose=0).history["loss"]
        drawn = [np.random.random(), keras.random.uniform((1,)), tf.random.uniform((1,))]  # noqa: NPY002
        return [np.array(history), *map(np.asarray, drawn), *model.get_weights()]

    for without, after in zip(losses(False), losses(True), strict=True):
        np.testing.assert_array_equal(without, after)


# splits


def test_validation_split(fashion: datasets.Dataset) -> None:
    assert is_on.validation_split(fashion.x_train, fashion.x_validation)
    mixed = np.concatenate([fashion.x_validation[:7], fashion.x_train[[3, 3, 9]]])
    found = is_on.validation_split(fashion.x_train, mixed)
    assert not found and "3 of 10" in str(found)
    assert (found.facts["copies"], found.facts["of"]) == (3, 10)
    assert found.facts["where"].tolist() == [False] * 7 + [True] * 3


def test_near_duplicates(fashion: datasets.Dataset) -> None:
    x, y = fashion.x_train, fashion.y_train
    other = fashion.x_validation[:10].copy()
    other[4] = np.clip(x[150] * 0.8 + 20 + np.arange(28)[:, None], 0, 255)
    labels = fashion.y_validation[:10].copy()
    labels[4] = y[150]
    found = is_on.near_duplicates(x, other, y, labels, above=0.98)
    assert not found and found.facts["pairs"] == 1
    assert found.facts["where"].nonzero()[0].tolist() == [4] and found.facts["nearest"][4] == 150
    assert "1 of 10 images have a near-duplicate with the same label" in str(found)
    labels[4] = (y[150] + 1) % 10
    assert is_on.near_duplicates(x, other, y, labels, above=0.98)
    with pytest.raises(CourseError, match="above must be a correlation"):
        is_on.near_duplicates(x, other, above=1)


@pytest.mark.parametrize("check", [is_on.validation_split, is_on.near_duplicates])
def test_other_pixels_are_refused(fashion: datasets.Dataset, check) -> None:
    with pytest.raises(CourseError, match="one dtype"):
        check(fashion.x_train, fashion.x_validation / 255)


# require


def test_require_stops_at_what_is_off(capsys: pytest.CaptureFixture[str]) -> None:
    good = is_on.dropout(network(layers.Dropout(0.5)))
    is_on.require(good)
    assert "Dropout is on" in capsys.readouterr().out
    with pytest.raises(CourseError, match="L2 is OFF") as caught:
        is_on.require(good, is_on.l2(network()))
    assert "Dropout" not in str(caught.value)
