"""The networks: their sizes, and that the package's are the notebooks' own."""

from __future__ import annotations

import ast

import nbformat
import numpy as np
import pytest

from course_utils import fast, models
from course_utils.errors import CourseError

import keras  # isort: skip  (after models, which imports TensorFlow quietly)
from keras import layers  # isort: skip


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


@pytest.mark.parametrize(
    ("build", "parameters", "fixed"),
    [
        (models.fashion_baseline, 241_546, 0),
        (models.fashion_vgg, 5_240_842, 0),
        (models.fashion_batchnorm, 1_411_530, 896),
        (models.pets_convnet, 991_041, 0),
        (lambda: models.cifar_l2([0.0] * 3, [1.0] * 3), 814_122, 0),
        (models.mnist_dense, 42_710, 200),
    ],
)
def test_parameter_counts_at_the_published_width(build, parameters, fixed):
    model = build()
    assert model.count_params() == parameters
    assert count(model.non_trainable_weights) == fixed
    assert count(model.trainable_weights) == parameters - fixed


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize(
    "build",
    [
        models.fashion_baseline,
        lambda: models.fashion_vgg(0.05),
        lambda: models.fashion_batchnorm(0.05),
    ],
    ids=["baseline", "vgg", "batchnorm"],
)
def test_pixels_go_in_and_ten_probabilities_come_out(build, precision):
    keras.config.set_dtype_policy(precision)
    model = build()
    images = np.random.default_rng(0).integers(0, 256, (2, 28, 28, 1)).astype(np.uint8)
    # half precision would round 1/255ths before the network sees them, and the probabilities after
    scaled = model.layers[0](images)
    assert scaled.dtype == "float32"
    np.testing.assert_allclose(scaled, images / 255, rtol=1e-6)
    probabilities = model(images).numpy()
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (2, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    middle = next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))
    assert middle.compute_dtype == precision.removeprefix("mixed_")


def of_the_notebook(path, name):
    """The function `name` as a notebook's cell defines it, with the notebook's other functions."""
    notebook = nbformat.read(path, as_version=4)
    namespace = {"keras": keras, "layers": layers, "np": np, "fast": fast}
    for cell in notebook.cells:
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, namespace)  # a default may be one of the notebook's parameters
        if cell.cell_type != "code" or "def " not in cell.source:
            continue
        body = ast.parse(cell.source).body
        functions = [node for node in body if isinstance(node, ast.FunctionDef)]
        exec(compile(ast.Module(functions, []), path.name, "exec"), namespace)
    assert name in namespace, f"no cell of {path.name} defines {name}"
    return namespace[name]


def described(model):
    """Every setting of every layer but its name, which counts how many there were before."""
    settings = [layer.get_config() | {"name": repr(type(layer))} for layer in model.layers]
    return [model.input_shape, *settings]


@pytest.mark.parametrize(
    ("notebook", "name", "calls"),
    [
        ("01_baseline_overfit", "fashion_baseline", [{}, {"activation": "relu"}]),
        ("02_deeper_vgg_style", "fashion_vgg", [{"width": 1.0}, {"width": 0.3}]),
        (
            "02_deeper_vgg_style",
            "fashion_batchnorm",
            [{"width": 1.0}, {"width": 0.3, "dropout": 0.1, "momentum": 0.8}],
        ),
        (
            "04_small_data_cats_vs_dogs",
            "pets_convnet",
            [{}, {"image_size": 32, "augment": True, "dropout": 0.5}],
        ),
        (
            "05_l2_regularization",
            "cifar_l2",
            [
                {"mean": [120.0] * 3, "variance": [4000.0] * 3, "l2": 0.001, "width": 1.0},
                {"mean": [0.0] * 3, "variance": [1.0] * 3, "l2": 0, "width": 0.5},
            ],
        ),
        ("06_dropout_early_stopping", "mnist_dense", [{}, {"dropout": 0.2, "penalty": "l2"}]),
    ],
)
def test_the_notebooks_network_is_the_packages(root, notebook, name, calls):
    theirs = of_the_notebook(root / "notebooks" / f"{notebook}.ipynb", name)
    for arguments in calls:
        shown = theirs(*arguments.values())  # by position: the order is the same too
        kept = getattr(models, name)(**arguments)
        assert described(shown) == described(kept)
        assert shown.count_params() == kept.count_params()


def small(norm, dropout):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2"),
            norm(momentum=0.9),
            dropout(0.5),
            layers.Flatten(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def trained(model, optimizer=None):
    if optimizer is not None:
        model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
        model = models.quick(model)
    rng = np.random.default_rng(0)
    images, labels = rng.random((64, 8, 8, 1)), rng.integers(0, 3, 64)
    return model.fit(images, labels, epochs=2, verbose=0, validation_data=(images, labels)).history


def test_quick_trains_as_a_network_written_with_the_quick_layers():
    keras.utils.set_random_seed(3)
    written = small(fast.BatchNormalization, fast.Dropout)
    written.compile(fast.Adam(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = trained(written)
    keras.utils.set_random_seed(3)
    plain = small(layers.BatchNormalization, layers.Dropout)
    assert trained(plain, keras.optimizers.Adam(0.01)) == expected


def test_quick_keeps_what_has_no_quick_version():
    model = small(layers.BatchNormalization, layers.SpatialDropout2D)
    model.compile(keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy")
    quick = models.quick(model)
    assert isinstance(quick.layers[2], layers.SpatialDropout2D)
    assert isinstance(quick.optimizer, keras.optimizers.SGD)
    for old, new in zip(model.get_weights(), quick.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not models.quick(small(layers.BatchNormalization, layers.Dropout)).compiled


def test_quick_refuses_a_network_that_was_trained():
    model = small(layers.BatchNormalization, layers.Dropout)
    model.compile("adam", loss="sparse_categorical_crossentropy")
    model.fit(np.zeros((4, 8, 8, 1)), np.zeros(4), verbose=0)
    with pytest.raises(CourseError, match="before fit"):
        models.quick(model)


def test_a_stack_of_networks_is_the_one_of_notebook_08(root):
    (cell,) = (
        cell.source
        for cell in nbformat.read(root / "notebooks" / "08_by_heart.ipynb", as_version=4).cells
        if "class DensePerNetwork" in cell.source
    )
    names = {"keras": keras, "layers": keras.layers, "np": np}
    exec(cell, names)
    signal = np.random.default_rng(0).random((5, 3, 4)).astype("float32")
    said, again = [], []
    for kind in (names["DensePerNetwork"], models.DensePerNetwork):
        keras.utils.set_random_seed(0)
        said.append(np.asarray(kind(2, "relu")(signal)))
    np.testing.assert_array_equal(*said)
    layer = models.DensePerNetwork(2, "relu")
    twin = models.DensePerNetwork.from_config(layer.get_config())
    for each in (layer, twin):
        keras.utils.set_random_seed(0)
        again.append(np.asarray(each(signal)))
    np.testing.assert_array_equal(*again)
