"""What the table of the benchmarks rests on; the marked test runs the scripts themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from benchmarks import one, published, race, rows
from keras import layers

from course_utils import ledger, models
from course_utils.claims.measured import published as rows_published

BENCHMARKS = Path(__file__).with_name("benchmarks")
KERAS = {"keras": keras, "layers": layers, "width": 1.0, "data": "embedded"}


def test_ratio_is_that_of_the_medians() -> None:
    found = rows.summary("f2", {"published": [10.0, 30.0, 20.0], "ours": [8.0, 6.0, 10.0]})
    assert (found["published"], found["ours"]) == (20, 8)
    assert (found["ratio"], found["low"], found["high"]) == pytest.approx((0.4, 0.2, 0.8))
    with pytest.raises(ValueError, match=r"shorter|longer"):
        rows.summary("f2", {"published": [1.0, 2.0], "ours": [1.0]})


@pytest.mark.parametrize(
    ("name", "measured", "met"),
    [
        ("f2", {"published": [1.0], "ours": [0.5]}, True),
        ("f2", {"published": [1.0], "ours": [0.51]}, False),
        ("augmentation", {"published": [100.0], "ours": [250.0]}, True),
        ("augmentation", {"published": [100.0], "ours": [249.0]}, False),
        ("help", {"ours": [0.4, 0.6, 0.45]}, True),
    ],
)
def test_goals_point_the_right_way(name: str, measured: dict, met: bool) -> None:
    assert rows.summary(name, measured)["met"] is met


def test_every_row_has_its_task() -> None:
    assert {name.removesuffix("-neither") for name in rows.ROWS} | {"ceiling"} == set(one.TASKS)


def test_published_networks_have_the_published_sizes() -> None:
    networks = (published.f1, published.f2, published.c1, published.l1, published.d2)
    sizes = [build().count_params() for build in networks]
    assert sizes == [241_546, 5_240_842, 991_041, 814_122, 42_710]


def test_the_operations_of_the_best_published_networks_are_told_right() -> None:
    networks = {"F2": published.f2(), "C2": published.c1(as_c2=True), "L1": published.l1()}
    networks["D2"] = published.d2()
    told = {
        name: row["operations"] for name, row in rows_published().items() if "operations" in row
    }
    assert told == {name: models.operations(network) for name, network in networks.items()}


@pytest.mark.parametrize("which", ["C1", "L1"])
def test_relu_behind_the_pooling_is_the_published_network(which: str) -> None:
    if which == "C1":
        cells = one.from_notebook("04_small_data_cats_vs_dogs", "network", **KERAS)
        ours, theirs, size = cells["pets_convnet"](180), published.c1(), 180
    else:
        cells = one.from_notebook("05_l2_regularization", "network", **KERAS)
        ours, theirs, size = cells["cifar_l2"]([0.0] * 3, [1.0] * 3), published.l1(), 32
    for mine, published_one in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        mine.assign(published_one)
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype("float32")
    found = []
    for model in (ours, theirs):
        with tf.GradientTape() as tape:
            predicted = model(images, training=True)
            loss = tf.reduce_sum(predicted[:, :1])
        found.append([predicted, *tape.gradient(loss, model.trainable_weights)])
    for mine, published_one in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, published_one)
        assert np.abs(mine).max() > 0


def test_flop_of_a_small_network() -> None:
    model = keras.Sequential(
        [keras.Input((6, 6, 1)), layers.Conv2D(2, 3), layers.Flatten(), layers.Dense(3)]
    )
    forward = (2 * 9 * 2 * 16, 2 * 32 * 3)
    assert one.flop_per_image(model) == 2 * forward[0] + 3 * forward[1]


@pytest.mark.parametrize(
    ("name", "cells"),
    [("03_data_augmentation", ("affine", "augment")), ("07_capstone", race.CELLS)],
)
def test_the_notebooks_have_the_cells(root: Path, name: str, cells: tuple[str, ...]) -> None:
    notebook = json.loads((root / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    assert set(cells) <= {cell["id"] for cell in notebook["cells"]}


def test_a_race_ends_where_the_published_recipe_was_best() -> None:
    curves = [[0.5, 0.8, 0.7], [0.5, 0.6, 0.7, 0.6]]  # at best 0.75, after epochs 2 and 3
    found = race.epochs(curves, [[0.8, 0.7], [0.7, 0.74, 0.76]])
    assert found == pytest.approx((0.75, 2.5, 2.0))
    assert race.epochs(curves, [[0.8], [0.7, 0.74]])[2] == float("inf")


@pytest.mark.parametrize("name", race.RACES)
def test_races_read_the_recorded_runs(name: str) -> None:
    found = race.recorded(name)
    assert found["run"]["arm"].startswith(f"{race.RACES[name][0]}_ours")
    assert 0.5 < found["height"] < 1 and found["ours"] < found["published"]


def test_a_race_without_recorded_runs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "recorded", lambda *_: [])
    assert race.recorded("race-cifar") == {}


@pytest.mark.slow
def test_the_benchmarks_run_and_make_their_tables(root: Path) -> None:
    """Every kind of row, for a few steps; two of three races and the memory are like others."""
    names = ["f2-neither", "c1", "l1", "race-cifar", "augmentation", "help"]
    (root / "build" / "bench_quick.json").unlink(missing_ok=True)
    command = [sys.executable, str(BENCHMARKS / "run.py"), "--quick", *names]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    for name in names:
        assert f"| {rows.ROWS[name].title}: " in done.stdout
    assert "epochs, ours (`cifar10_ours`) after " in done.stdout
    assert "C1 " in done.stdout
