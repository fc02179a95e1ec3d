"""What the ledger promises: no run is lost, and none is made up."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from course_utils import ledger

LINES = 500


def run(**changes):
    """A record with every key that the summary reads."""
    record = {
        "notebook": "01_baseline_overfit",
        "arm": "relu",
        "seed": 0,
        "protocol": "honest",
        "data": {"name": "fashion_mnist", "scale": "embedded"},
        "precision": "float32",
        "train": {"accuracy": 0.9, "cross_entropy": 0.3},
        "validation": {"accuracy": 0.8, "cross_entropy": 0.6},
        "test": {"accuracy": 0.7, "cross_entropy": 0.7},
        "best_epoch": 4,
        "epochs": 10,
        "seconds": 2.0,
        "model": {"parameters": 241546, "trainable": 241546},
    }
    return record | changes


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "ledger.jsonl"


def test_what_is_appended_is_read_back_in_order(path):
    written = [
        ledger.append(run(seed=seed, title="größer → kleiner\nline 2"), path) for seed in range(3)
    ]
    assert ledger.read(path) == written
    assert [record["seed"] for record in written] == [0, 1, 2]
    assert len(path.read_text(encoding="utf-8").splitlines()) == 3


def test_schema_id_and_time_are_filled_in_where_missing(path):
    first, second = ledger.append({}, path), ledger.append({}, path)
    assert first["schema"] == ledger.SCHEMA == 1
    assert first["id"] != second["id"]
    assert first["time"].endswith("+00:00")
    own = {"schema": 1, "id": "mine", "time": "2024-01-01T00:00:00+00:00"}
    assert ledger.append(own, path) == own


def test_a_ledger_that_is_not_there_is_empty(path):
    assert ledger.read(path) == []
    assert not path.parent.exists()  # reading leaves nothing behind


def test_course_ledger_chooses_the_file(tmp_path, monkeypatch):
    chosen = tmp_path / "mine.jsonl"
    monkeypatch.setenv("COURSE_LEDGER", str(chosen))
    assert ledger.default_path() == chosen
    ledger.append(run(seed=7))
    assert [record["seed"] for record in ledger.read()] == [7]
    assert ledger.read() == ledger.read(chosen)


def test_without_it_the_ledger_is_in_runs(root: Path, tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_LEDGER", raising=False)
    monkeypatch.chdir(root / "tests")
    assert ledger.default_path() == root / "runs" / "ledger.jsonl"
    monkeypatch.chdir(tmp_path)
    assert ledger.default_path() == tmp_path / "runs" / "ledger.jsonl"


def test_the_table_has_a_row_per_arm_with_n_and_means():
    first = run()
    second = run(
        seed=1,
        train={"accuracy": 1.0, "cross_entropy": 0.1},
        validation={"accuracy": 0.6, "cross_entropy": 1.0},
        test={"accuracy": 0.5, "cross_entropy": 0.9},
        best_epoch=5,
        seconds=4.0,
    )
    others = [
        run(arm="linear", test=None, best_epoch=None),
        run(protocol="published"),
        run(notebook="02_deeper_vgg_style"),
        run(data={"name": "fashion_mnist", "scale": "full"}),
    ]
    table = ledger.table([first, *others, second])
    assert table["n"].tolist() == [2, 1, 1, 1, 1]

    row = table.iloc[0]
    assert [row[key] for key in ("notebook", "arm", "data", "protocol")] == [
        "01_baseline_overfit",
        "relu",
        "fashion_mnist (embedded)",
        "honest",
    ]
    expected = {
        "train acc %": 95,
        "val acc %": 70,
        "test acc %": 60,
        "gap": 25,
        "val cross-entropy": 0.8,
        "best epoch": 4.5,
        "epochs": 10,
        "seconds": 3,
        "parameters": 241546,
    }
    assert {key: row[key] for key in expected} == pytest.approx(expected)
    keys = ["notebook", "arm", "data", "images", "protocol", "precision"]
    assert list(table.columns[:7]) == [*keys, "n"]
    assert set(expected) == set(table.columns[7:])


def test_the_table_keeps_training_sizes_apart():
    def sized(images, seed, accuracy):
        data = {"name": "fashion_mnist", "scale": "embedded", "train": images}
        return run(data=data, seed=seed, test={"accuracy": accuracy, "cross_entropy": 0.7})

    table = ledger.table([sized(1000, 0, 0.6), sized(3000, 0, 0.8), sized(1000, 1, 0.7)])
    assert table["images"].tolist() == [1000, 3000] and table["n"].tolist() == [2, 1]
    assert table["test acc %"].tolist() == pytest.approx([65, 80])


def test_the_table_keeps_precisions_apart():
    table = ledger.table([run(precision=p) for p in ("float32", "mixed_bfloat16", "float32")])
    assert table["precision"].tolist() == ["float32", "mixed_bfloat16"]
    assert table["n"].tolist() == [2, 1]


def test_the_table_tells_of_a_test_set_that_was_used_again():
    once, again = run(test_uses=1), run(arm="chosen by it", test_uses=3)
    assert "test uses" not in ledger.table([once])
    assert ledger.table([once, again, again | {"test_uses": 2}])["test uses"].tolist() == [1, 3]


def test_the_table_leaves_open_what_was_not_measured():
    # a published arm may have no test result, and one without validation data has no best epoch
    table = ledger.table([run(test=None, validation=None, best_epoch=None)])
    for column in ("test acc %", "val acc %", "gap", "val cross-entropy", "best epoch"):
        assert math.isnan(table.loc[0, column])
    assert table.loc[0, "train acc %"] == pytest.approx(90)


def test_the_table_of_nothing_is_empty():
    assert ledger.table([]).empty


def test_recorded_runs_are_chosen_and_sorted(tmp_path, monkeypatch):
    runs = [
        run(schema=1, notebook=notebook, arm=arm, seed=seed)
        for notebook in ("02", "01")
        for arm in ("b", "a")
        for seed in (1, 0)
    ]
    shipped = tmp_path / "reference" / "embedded.jsonl"
    shipped.parent.mkdir()
    shipped.write_text("".join(json.dumps(record) + "\n" for record in runs))
    monkeypatch.setattr(ledger.resources, "files", lambda package: tmp_path)

    def found(*arguments):
        return [(r["notebook"], r["arm"], r["seed"]) for r in ledger.recorded(*arguments)]

    assert found("embedded", "01", "a") == [("01", "a", 0), ("01", "a", 1)]
    assert found("embedded", "02") == [("02", arm, seed) for arm in "ab" for seed in (0, 1)]
    assert found("embedded") == sorted(found("embedded"))
    assert len(found("embedded")) == 8


@pytest.mark.parametrize("scale", ["embedded", "full"])
def test_what_ships_with_the_course_can_be_read(scale):
    records = ledger.recorded(scale)
    assert all(record["data"]["scale"] == scale for record in records)
    assert len({record["id"] for record in records}) == len(records)
