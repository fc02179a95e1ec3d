"""Medians and ratios of the benchmarks, and the table made of them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from benchmarks import one, race, rows
from benchmarks.one import (
    flop_per_image,
    from_notebook,
    published_c1,
    published_f1,
    published_f2,
    published_l1,
)

from course_utils import ledger

F2, IMAGES = rows.BY_NAME["f2"], rows.BY_NAME["augmentation"]


def test_ratio_is_that_of_the_medians() -> None:
    found = rows.summary(F2, {"published": [10.0, 30.0, 20.0], "ours": [8.0, 6.0, 10.0]})
    assert found["published"] == 20 and found["ours"] == 8
    assert found["ratio"] == pytest.approx(0.4) and found["met"]
    assert (found["low"], found["high"]) == pytest.approx((0.2, 0.8))


def test_goals_point_the_right_way() -> None:
    assert not rows.summary(F2, {"published": [1.0], "ours": [0.51]})["met"]
    assert rows.summary(IMAGES, {"published": [100.0], "ours": [250.0]})["met"]
    assert not rows.summary(IMAGES, {"published": [100.0], "ours": [249.0]})["met"]
    alone = rows.summary(rows.BY_NAME["help"], {"ours": [0.4, 0.6, 0.45]})
    assert alone == {"ours": 0.45, "met": True}


def test_both_ways_must_be_measured_equally_often() -> None:
    with pytest.raises(ValueError, match="published"):
        rows.summary(F2, {"ours": [1.0]})
    with pytest.raises(ValueError):
        rows.summary(F2, {"published": [1.0, 2.0], "ours": [1.0]})


def test_published_networks_have_the_published_sizes() -> None:
    assert published_f1().count_params() == 241_546
    assert published_f2().count_params() == 5_240_842
    assert published_c1().count_params() == 991_041
    assert published_l1().count_params() == 814_122


@pytest.mark.parametrize("which", ["C1", "L1"])
def test_relu_behind_the_pooling_is_the_published_network(which: str) -> None:
    import keras
    import tensorflow as tf

    keras.config.set_dtype_policy("float32")
    if which == "C1":
        cells = from_notebook(
            "04_small_data_cats_vs_dogs", "network", keras=keras, layers=keras.layers
        )
        ours, theirs, size = cells["pets_convnet"](180), published_c1(), 180
    else:
        cells = from_notebook(
            "05_l2_regularization", "network", keras=keras, layers=keras.layers, width=1.0
        )
        ours, theirs, size = cells["cifar_l2"]([0.0] * 3, [1.0] * 3), published_l1(), 32
    for mine, published in zip(ours.trainable_weights, theirs.trainable_weights, strict=True):
        mine.assign(published)
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3)).astype("float32")
    found = []
    for model in (ours, theirs):
        with tf.GradientTape() as tape:
            predicted = model(images, training=True)
            loss = tf.reduce_sum(predicted[:, :1])
        found.append([predicted, *tape.gradient(loss, model.trainable_weights)])
    for mine, published in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, published)
        assert np.abs(mine).max() > 0


def test_flop_of_a_small_network() -> None:
    import keras

    model = keras.Sequential(
        [keras.Input((6, 6, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten()]
    )
    model.add(keras.layers.Dense(3))
    forward = (2 * 9 * 2 * 16, 2 * 32 * 3)
    assert flop_per_image(model) == 2 * forward[0] + 3 * forward[1]


@pytest.mark.parametrize(
    ("name", "cells", "defined"),
    [
        ("03_data_augmentation", ("affine", "augment"), "augmented"),
        ("04_small_data_cats_vs_dogs", ("network",), "pets_convnet"),
        ("05_l2_regularization", ("network",), "cifar_l2"),
        ("06_dropout_early_stopping", ("network",), "mnist_dense"),
    ],
)
def test_the_notebooks_have_the_cells(name: str, cells: tuple[str, ...], defined: str) -> None:
    names = {"width": 1.0, "data": "embedded"}
    assert callable(from_notebook(name, *cells, **names)[defined])


def test_a_race_ends_where_the_published_recipe_was_best() -> None:
    published = [[0.5, 0.8, 0.7], [0.5, 0.6, 0.7, 0.6]]  # at best 0.75, after epochs 2 and 3
    height, theirs, mine = race.epochs(published, [[0.8, 0.7], [0.7, 0.74, 0.76]])
    assert (height, theirs, mine) == pytest.approx((0.75, 2.5, 2.0))
    assert race.epochs(published, [[0.8], [0.7, 0.74]])[2] == float("inf")


def test_a_race_without_recorded_runs_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "recorded", lambda *_: [])
    tasks = [row.task for row in rows.ROWS if row.name.startswith("race-")]
    assert sorted(tasks) == sorted(race.TASKS) and set(tasks) <= set(one.TASKS)
    for task in tasks:
        assert race.TASKS[task] in race.missing(task)
    assert not race.missing("f2")


@pytest.mark.parametrize("dataset", ["cats_vs_dogs", "cifar10"])
def test_a_race_trains_the_capstone(
    dataset: str, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(root / "tests" / "benchmarks")
    _, shape, n_classes = race.RACES[dataset]
    images = np.random.default_rng(0).integers(0, 256, (8, *shape), dtype="uint8")
    model, batches = race.capstone(dataset, images, np.arange(8) % n_classes, 4)
    before = [weight.numpy() for weight in model.trainable_weights]
    model.fit(batches, verbose=0)
    after = [weight.numpy() for weight in model.trainable_weights]
    assert model.output_shape == (None, n_classes)
    assert any((x != y).any() for x, y in zip(before, after, strict=True))


def test_table_and_picture(root: Path, tmp_path: Path) -> None:
    gflops = {f"{w} {d}": 100.0 for w in ("matmul", "conv") for d in ("float32", "bfloat16")}
    row = {"date": "2000-01-02", "load": 0.0}
    facts = {"published": {"flop": 1e12}, "ours": {"flop": 1e12}}
    scores = {
        "published": {"accuracies": [[0, 0, 0.97], [0, 1, 0.96], [1, 0, 0.98], [1, 1, 0.95]]},
        "ours": {"accuracies": [[0.97, 0.97], [0.97, 0.96]]},
    }
    results = {
        "machine": {
            "gflops": gflops,
            "without AMX": gflops,
            "precision": "mixed_bfloat16",
            "processor": "a processor",
            "versions": {"python": "3", "tensorflow": "2", "keras": "3"},
        },
        "rows": {
            "f2": row | {"measured": {"published": [50, 52], "ours": [20, 21]}, "facts": facts},
            "sweep": row | {"measured": {"published": [900], "ours": [90]}, "facts": scores},
            "help": row | {"measured": {"ours": [0.7]}, "facts": {}},
            "race-cifar": row
            | {
                "measured": {"published": [2000], "ours": [100]},
                "facts": {
                    "published": {"epochs": 40.0},
                    "ours": {"epochs": 1.5, "height": 0.74, "arm": "cifar10_ours"},
                },
            },
        },
    }
    path = tmp_path / "bench.json"
    path.write_text(json.dumps(results), encoding="utf-8")
    script = root / "tests" / "benchmarks" / "table.py"
    done = subprocess.run(
        [sys.executable, str(script), str(path)], capture_output=True, text=True, check=True
    )
    assert "| 51 | 20.5 | 0.40 (0.40 to 0.40) | ≤ 0.5 | met | 2 |" in done.stdout
    assert "| 0.7 |  | ≤ 0.5 | **missed** | 1 |" in done.stdout
    assert "F2 49% of bfloat16" in done.stdout
    assert "stacked minus separate: +0.25 points over 4 networks" in done.stdout
    assert (tmp_path / "bench.png").stat().st_size > 1000
    races, others = done.stdout.split("Measured")[1:]
    assert "| 2,000 | 100 | 0.05 | ≤ 0.2 | met | 1 |" in races
    assert "74.0 % after 40.0 epochs, ours (`cifar10_ours`) after 1.5" in races
    assert "race" not in others and "CIFAR-10 to" not in others


@pytest.mark.parametrize("part", ["races", "results"])
def test_the_readme_keeps_its_place_for_results(root: Path, part: str) -> None:
    readme = (root / "tests" / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert readme.count(f"<!-- {part} -->\n") == readme.count(f"<!-- end of {part} -->\n") == 1
