"""A network, copied out of a notebook into an empty file with Keras alone, trains there.

Its cell is tagged ``model``, and uses nothing but `keras` and `layers`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
GIVEN = {"mean": [120.0] * 3, "variance": [4000.0] * 3}  # of arguments that have no default


def tagged() -> Iterator[Any]:
    for path in sorted(FOLDER.glob("[0-9]*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "model" in cell.metadata.get("tags", []):
                yield pytest.param(cell.source, id=f"{path.stem}-{cell.id}")


def networks(source: str) -> list[keras.Model]:
    names: dict[str, Any] = {"keras": keras, "layers": keras.layers}
    exec(source, names)
    built = []
    for made in names.values():
        if code := getattr(made, "__code__", None):
            wanted = code.co_varnames[: code.co_argcount]
            made = made(**{name: GIVEN[name] for name in wanted if name in GIVEN})
        if isinstance(made, keras.Model):
            built.append(made)
    return built


@pytest.mark.parametrize("source", list(tagged()))
def test_it_trains_with_keras_alone(source: str) -> None:
    keras.config.set_dtype_policy("float32")
    built = networks(source)
    assert built, "the cell builds no network"
    rng = np.random.default_rng(0)
    for model in built:
        units = model.output_shape[-1]
        kind = "sparse_categorical" if units > 1 else "binary"
        model.compile(optimizer="adam", loss=f"{kind}_crossentropy", metrics=["accuracy"])
        images = rng.integers(0, 256, (8, *model.input_shape[1:]))
        labels = rng.integers(0, max(units, 2), 8)
        assert math.isfinite(model.fit(images, labels, verbose=0).history["loss"][0])


def test_the_notebooks_that_build_networks_have_such_cells() -> None:
    found = {parameter.id.split("_")[0] for parameter in tagged()}
    assert {"00", "01", "02", "03", "04"} <= found
