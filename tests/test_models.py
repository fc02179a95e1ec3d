"""The networks: their sizes, and that the package's are the notebooks' own."""

from __future__ import annotations

import ast

import nbformat
import numpy as np
import pytest

from course_utils import fast, models

import keras  # isort: skip  (after models, which imports TensorFlow quietly)
from keras import layers  # isort: skip


@pytest.fixture(autouse=True)
def leave_float32():
    yield
    keras.config.set_dtype_policy("float32")


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


def test_an_activation_adds_no_parameters():
    linear, relu = models.fashion_baseline(), models.fashion_baseline("relu")
    assert linear.count_params() == relu.count_params()
    used = [
        [layer.activation.__name__ for layer in model.layers if isinstance(layer, layers.Conv2D)]
        for model in (linear, relu)
    ]
    assert used == [["linear"] * 3, ["relu"] * 3]


def test_width_dropout_and_momentum_go_where_they_belong():
    def of(model, kind, setting):
        return [getattr(layer, setting) for layer in model.layers if isinstance(layer, kind)]

    narrow = models.fashion_batchnorm(width=0.25, dropout=0.3, momentum=0.9)
    assert of(narrow, layers.Conv2D, "filters") == [16, 16, 32, 32, 64, 64]
    assert of(narrow, layers.Dense, "units") == [128, 64, 10]
    assert of(narrow, layers.Dropout, "rate") == [0.3, 0.3, 0.3, 0.5, 0.5]
    assert of(narrow, layers.BatchNormalization, "momentum") == [0.9] * 3
    assert of(models.fashion_batchnorm(), layers.Dropout, "rate") == [0.5] * 5
    narrow = models.fashion_vgg(width=0.25)
    assert of(narrow, layers.Conv2D, "filters") == [8, 16, 32, 64]
    assert of(narrow, layers.Dense, "units") == [128, 64, 10]
    assert models.fashion_vgg(0.001).output_shape == (None, 10)


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
