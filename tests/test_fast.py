"""The fast subclasses against Keras's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from course_utils import fast, runtime
from course_utils.checks import is_on
from course_utils.errors import CourseError

import keras  # isort: skip
from keras import layers  # isort: skip

IMAGES = np.random.default_rng(0).normal(3, 2, size=(16, 6, 6, 5)).astype("float32")
VECTORS = IMAGES[:, 0, 0, :]


def gradients(layer: keras.layers.Layer, signal: np.ndarray) -> list[np.ndarray]:
    """Output in training, and the gradients of a loss with respect to signal and weights."""
    import tensorflow as tf

    x = tf.constant(signal)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        slope = np.linspace(0, 1, signal.size, dtype="float32").reshape(signal.shape)
        loss = tf.reduce_sum(y * y * slope)
    weights = [layer.gamma, layer.beta] if layer.scale else [layer.beta]
    found = tape.gradient(loss, [x, *(weight.value for weight in weights)])
    return [np.asarray(value) for value in (y, *found)]


# Adam


def trained(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """First and last weights of a small network after a few steps on fixed numbers."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(4, "relu"), layers.Dense(2)])
    model.compile(optimizer, loss="mse")
    random = np.random.default_rng(0)
    model.fit(random.normal(size=(32, 5)), random.normal(size=(32, 2)), epochs=4, verbose=0)
    return model.get_weights()


def test_adam_is_keras_s() -> None:
    ours_all = trained(fast.Adam(0.01))
    for ours, theirs in zip(ours_all, trained(keras.optimizers.Adam(0.01)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-5)
    assert not np.allclose(ours_all[0], trained(fast.Adam(0.02))[0], atol=1e-3)


# Muon


@pytest.mark.parametrize("shape", [(27, 24), (24, 27), (288, 16)])
def test_equalised_keeps_the_directions_and_evens_their_lengths(shape: tuple[int, int]) -> None:
    matrix = np.random.default_rng(0).normal(size=shape)
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    lengths = np.geomspace(0.1, 1, min(shape))
    turned = left.T @ np.asarray(fast.equalised(left * lengths @ right)) @ right.T
    np.testing.assert_allclose(turned, np.diag(np.diag(turned)), atol=1e-4)
    assert np.diag(turned).min() > 0.3 and np.diag(turned).max() < 1.3  # ten times apart before


def convolutions(optimizer: keras.optimizers.Optimizer) -> list[np.ndarray]:
    """Kernel of a convolution, and weights of a dense layer, after a few steps."""
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((6, 6, 5)), layers.Conv2D(4, 3, use_bias=False), layers.Flatten()]
    )
    model.add(layers.Dense(2))
    model.compile(optimizer, loss="mse")
    model.fit(IMAGES, np.random.default_rng(0).normal(size=(16, 2)), epochs=3, verbose=0)
    return model.get_weights()


def test_muon_by_hand() -> None:
    """One step of a kernel as the recipe says, with numpy's decomposition for a yardstick."""
    kernel = keras.Variable(np.random.default_rng(1).normal(size=(3, 3, 5, 4)).astype("float32"))
    gradient = np.random.default_rng(2).normal(size=(3, 3, 5, 4)).astype("float32")
    before = kernel.numpy()
    optimizer = fast.Muon(0.1, kernel_rate=0.5, kernel_momentum=0.0)
    optimizer.build([kernel])
    optimizer.apply([keras.ops.convert_to_tensor(gradient)])
    step = (2 * before / np.linalg.norm(before) - kernel.numpy()) / 0.05
    lengths = np.linalg.svd(step.reshape(-1, 4), compute_uv=False)
    assert lengths.min() > 0.5 and lengths.max() < 1.3
    left, _, right = np.linalg.svd(gradient.reshape(-1, 4), full_matrices=False)
    assert np.sum(step.reshape(-1, 4) * (left @ right)) > 0.95 * np.linalg.norm(step) * 2


def test_muon_leaves_other_weights_to_sgd() -> None:
    frozen = {"kernel_rate": 0.0, "kernel_momentum": 0.6}
    ours = trained(fast.Muon(0.01, momentum=0.9, nesterov=True))
    theirs = trained(keras.optimizers.SGD(0.01, momentum=0.9, nesterov=True))
    for mine, keras_s in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, keras_s, atol=1e-6)
    kernel = convolutions(fast.Muon(0.01, **frozen))[0]
    assert np.linalg.norm(kernel) == pytest.approx(2, rel=1e-4)  # √filters
    assert not np.allclose(kernel, convolutions(fast.Muon(0.01))[0])


def test_muon_is_saved_with_its_settings() -> None:
    again = keras.optimizers.deserialize(
        keras.optimizers.serialize(fast.Muon(0.3, kernel_rate=0.7, kernel_momentum=0.5))
    )
    assert isinstance(again, fast.Muon)
    assert (again.kernel_rate, again.kernel_momentum, again.momentum) == (0.7, 0.5, 0.9)


@pytest.mark.parametrize("momentum", [0.0, 1.0, -0.5])
def test_muon_without_momentum_is_refused(momentum: float) -> None:
    with pytest.raises(CourseError, match="momentum must lie between 0 and 1"):
        fast.Muon(momentum=momentum)


# batch norm


@pytest.mark.parametrize("signal", [IMAGES, VECTORS], ids=["images", "vectors"])
@pytest.mark.parametrize("options", [{}, {"momentum": 0.5}, {"scale": False}])
def test_batch_norm_is_keras_s(signal: np.ndarray, options: dict) -> None:
    pair = [cls(**options) for cls in (layers.BatchNormalization, fast.BatchNormalization)]
    for layer in pair:
        layer.build(signal.shape)
        if layer.scale:
            layer.gamma.assign(np.linspace(0.5, 2, 5))
        layer.beta.assign(np.linspace(-1, 1, 5))
    for _ in range(3):
        theirs, ours = (gradients(layer, signal) for layer in pair)
        for a, b in zip(theirs, ours, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(a).max())
    for a, b in zip(pair[0].get_weights(), pair[1].get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    in_validation = [np.asarray(layer(signal, training=False)) for layer in pair]
    np.testing.assert_allclose(*in_validation, rtol=1e-3, atol=1e-4)


def test_batch_norm_in_bfloat16_gathers_in_float32() -> None:
    policy = keras.dtype_policies.DTypePolicy("mixed_bfloat16")
    theirs, ours = (
        cls(momentum=0, dtype=policy)
        for cls in (layers.BatchNormalization, fast.BatchNormalization)
    )
    outputs = [np.asarray(layer(IMAGES, training=True), "float32") for layer in (theirs, ours)]
    np.testing.assert_allclose(*outputs, atol=0.05)
    np.testing.assert_allclose(theirs.moving_mean, ours.moving_mean, rtol=5e-3)
    np.testing.assert_allclose(theirs.moving_variance, ours.moving_variance, rtol=2e-2)


def test_frozen_batch_norm_keeps_its_statistics() -> None:
    layer = fast.BatchNormalization()
    layer.build(IMAGES.shape)
    layer.trainable = False
    before = layer.get_weights()
    layer(IMAGES, training=True)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (fast.Adam, {"amsgrad": True}),
        (fast.BatchNormalization, {"axis": 1}),
        (fast.BatchNormalization, {"center": False}),
        (fast.Dropout, {"rate": 0.5, "noise_shape": (None, 1)}),
    ],
)
def test_what_they_cannot_is_refused(kind: type, options: dict) -> None:
    with pytest.raises(CourseError, match=r"use keras\.(layers|optimizers)\." + kind.__name__):
        kind(**options)


# dropout


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.75])
def test_dropout_drops_its_rate_and_keeps_the_mean(rate: float) -> None:
    ones = np.ones((64, 50, 33), dtype="float32")
    out = np.asarray(fast.Dropout(rate, seed=0)(ones, training=True))
    dropped = (out == 0).mean()
    assert dropped == pytest.approx(rate, abs=0.01)
    assert out.mean() == pytest.approx(1, abs=0.02)
    assert len(np.unique(out)) == 2


def test_dropout_draws_anew_and_repeats_with_its_seed() -> None:
    ones = np.ones((8, 100), dtype="float32")
    one, other = fast.Dropout(0.5, seed=1), fast.Dropout(0.5, seed=1)
    first, second = (np.asarray(one(ones, training=True)) for _ in range(2))
    assert (first != second).mean() > 0.3
    np.testing.assert_array_equal(first, np.asarray(other(ones, training=True)))


def test_dropout_is_off_in_validation_and_at_rate_zero() -> None:
    np.testing.assert_array_equal(np.asarray(fast.Dropout(0.5)(IMAGES, training=False)), IMAGES)
    np.testing.assert_array_equal(np.asarray(fast.Dropout(0.0)(IMAGES, training=True)), IMAGES)


def test_dropout_hands_gradients_to_what_it_keeps() -> None:
    import tensorflow as tf

    x = tf.ones((4, 100))
    layer = fast.Dropout(0.5, seed=3)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
    np.testing.assert_array_equal(np.asarray(tape.gradient(y, x)), np.asarray(y))


# in a network


def test_a_network_of_them_trains_is_checked_and_comes_back_from_its_file(tmp_path: Path) -> None:
    runtime.fresh_start(0, "float32")
    model = keras.Sequential(
        [
            keras.Input((6, 6, 5)),
            layers.Conv2D(4, 3),
            fast.BatchNormalization(),
            fast.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile(optimizer=fast.Adam(0.01), loss="sparse_categorical_crossentropy")
    labels = (IMAGES.mean(axis=(1, 2, 3)) > IMAGES.mean()).astype(int)
    history = model.fit(IMAGES, labels, epochs=20, verbose=0).history["loss"]
    assert history[-1] < history[0]
    is_on.require(is_on.batch_norm(model, IMAGES), is_on.dropout(model))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), again.predict(IMAGES, verbose=0)
    )


# convolution


@pytest.fixture
def bfloat16() -> None:
    """Layers built in mixed precision."""
    keras.config.set_dtype_policy("mixed_bfloat16")


def convolved(layer: keras.layers.Layer, signal: np.ndarray) -> list[np.ndarray]:
    """Output, and the gradients of a loss with respect to signal and kernel."""
    import tensorflow as tf

    x = tf.constant(signal)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.cast(layer(x), tf.float32)
        weights = np.linspace(0, 1, y.shape[1] * y.shape[2], dtype="float32")
        loss = tf.reduce_sum(y * y * weights.reshape(1, y.shape[1], y.shape[2], 1))
    return [np.asarray(value) for value in (y, *tape.gradient(loss, [x, layer.kernel.value]))]


@pytest.mark.parametrize(("pictures", "size"), [(16, 6), (13, 7), (3, 8), (9, 12)])
def test_convolution_is_keras_s(pictures: int, size: int, bfloat16: None) -> None:
    signal = np.random.default_rng(1).normal(size=(pictures, size, size, 5)).astype("float32")
    exact = layers.Conv2D(7, 3, padding="same", dtype="float32")
    both = [kind(7, 3, padding="same") for kind in (layers.Conv2D, fast.Conv2D)]
    for layer in (exact, *both):
        layer.build(signal.shape)
        layer.set_weights(exact.get_weights())
    # A processor that emulates bfloat16 also sums in it: there Keras's own is no yardstick.
    for true, theirs, ours in zip(*(convolved(x, signal) for x in (exact, *both)), strict=True):
        allowed = max(0.02 * np.abs(true).max(), 1.5 * np.abs(theirs - true).max())
        np.testing.assert_allclose(ours, true, atol=allowed)


def test_convolution_sets_pictures_side_by_side_only_where_it_pays(
    bfloat16: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = []
    kept = fast._side_by_side
    monkeypatch.setattr(fast, "_side_by_side", lambda x: (widths.append(x.shape[2]), kept(x))[1])
    for size, options in ((6, {}), (9, {}), (6, {"strides": 2}), (6, {"padding": "valid"})):
        layer = fast.Conv2D(4, 3, **({"padding": "same"} | options))
        convolved(layer, np.ones((8, size, size, 3), "float32"))
    convolved(fast.Conv2D(4, 3, padding="same", dtype="float32"), IMAGES)
    assert widths == [6, 6]  # the signal and its gradient, of the first layer alone
