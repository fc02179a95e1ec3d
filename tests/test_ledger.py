"""What the ledger promises: no run is lost, and none is made up."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest

from course_utils import ledger
from course_utils.stats import rounded


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
    first, second = ledger.append(run(), path), ledger.append(run(), path)
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
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COURSE_LEDGER", "~/mine.jsonl")
    assert ledger.default_path() == chosen


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
    said = [row[key] for key in ("notebook", "arm", "data", "protocol")]
    assert said == ["01_baseline_overfit", "relu", "fashion_mnist (embedded)", "honest"]
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


@pytest.mark.parametrize("percent", [97.255, 97.245, 16.85, 0.005, 88.68, 93.0])
def test_tables_round_half_up_as_the_claims_do(percent):
    measured = {"accuracy": percent / 100, "cross_entropy": 0.1}
    runs = [run(test=measured, validation=measured, train=measured | {"accuracy": 0.0})]
    (table,) = ledger.table(runs).to_dict("records")
    beside = ledger.beside_published({"relu": 97.2}, reproduced=runs, yours=runs)
    assert beside["test acc %"].map("{:.2f}".format).tolist()[1:] == [rounded(percent, 2)] * 2
    assert beside["gap"][1] == -float(rounded(percent, 2))  # away from zero
    for digits in (1, 2):
        assert f"{table['test acc %']:.{digits}f}" == rounded(percent, digits)
        assert round(np.float64(table["test acc %"]), digits) == float(rounded(percent, digits))


def test_the_table_keeps_apart_what_is_another_run_and_counts_a_repeated_one_once():
    data = {"name": "fashion_mnist", "scale": "embedded"}
    large = data | {"train": 3000}
    runs = [
        run(data=large),
        run(data=data | {"train": 1000}),
        run(data=large, precision="mixed_bfloat16"),
        run(data=large, seed=1, test={"accuracy": 0.5, "cross_entropy": 0.7}),
        run(data=large | {"source": "a share"}, test={"accuracy": 0.9, "cross_entropy": 0.7}),
    ]
    table = ledger.table(runs)  # the last repeats the first
    assert table["n"].tolist() == [2, 1, 1]
    assert table["images"].tolist() == [3000, 1000, 3000]
    assert table["precision"].tolist() == ["float32", "float32", "mixed_bfloat16"]
    assert table["test acc %"].tolist() == pytest.approx([70, 70, 70])
    assert "settings" not in table


def test_the_table_says_in_which_parameters_arms_of_one_name_differ():
    runs = [run(parameters={"epochs": e, "batch_size": 32}, seed=s) for e in (4, 8) for s in (0, 1)]
    table = ledger.table([*runs, run(arm="other", parameters={"epochs": 1})])
    assert table["settings"].tolist() == ["epochs=4", "epochs=8", ""]
    assert table["n"].tolist() == [2, 2, 1]


def test_the_table_tells_of_a_test_set_that_was_used_again():
    once, again = run(test_uses=1), run(arm="chosen by it", test_uses=3)
    assert "test uses" not in ledger.table([once])
    table = ledger.table([once, again, again | {"seed": 1, "test_uses": 2}])
    assert table["test uses"].tolist() == [1, 3]


def test_the_table_leaves_open_what_was_not_measured():
    # a published arm may have no test result, and one without validation data has no best epoch
    table = ledger.table([run(test=None, validation=None, best_epoch=None)])
    for column in ("test acc %", "val acc %", "gap", "val cross-entropy", "best epoch"):
        assert math.isnan(table.loc[0, column])
    assert table.loc[0, "train acc %"] == pytest.approx(90)
    assert ledger.table([]).empty


def test_recorded_runs_are_chosen_and_sorted():
    everything = ledger.recorded("embedded")
    keys = [(r["notebook"], r["arm"], r["protocol"], r["seed"]) for r in everything]
    assert keys == sorted(keys)
    chosen = ledger.recorded("embedded", "01_baseline_overfit", "F1")
    assert [r["seed"] for r in chosen] == list(range(6))
    assert {(r["notebook"], r["arm"]) for r in chosen} == {("01_baseline_overfit", "F1")}


@pytest.mark.parametrize("scale", ["embedded", "full"])
def test_what_ships_with_the_course_can_be_read(scale):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no line is left out
        records = ledger.recorded(scale)
    assert all(record["data"]["scale"] == scale for record in records)
    assert len({record["id"] for record in records}) == len(records)
    table = ledger.table(records)
    assert table["n"].sum() + table.get("diverged", table["n"] * 0).sum() == len(records)


def test_nan_is_null_in_the_file_and_nan_where_a_number_is_expected(path):
    history = {"val_loss": [0.5, math.nan, math.inf]}
    measured = {"accuracy": math.nan, "cross_entropy": math.nan}
    written = run(
        history=history, train=measured, test=None, best_epoch=None, parameters={"penalty": None}
    )
    ledger.append(written, path)
    assert "NaN" not in path.read_text() and "Infinity" not in path.read_text()
    (read,) = ledger.read(path)
    assert np.isnan(read["history"]["val_loss"]).tolist() == [False, True, True]
    assert math.isnan(read["train"]["accuracy"])
    assert read["test"] is read["best_epoch"] is read["parameters"]["penalty"] is None


def said(n, sure):
    random = np.random.default_rng(n)
    correct = random.random(n) < 0.9
    return {
        "classes": random.integers(0, 10, n),
        "correct": correct,
        "cross_entropy": np.where(correct, random.exponential(sure, n), 1 + random.exponential(n)),
    }


def test_predictions_come_back_in_a_few_kilobytes(path, tmp_path):
    given = {"validation": said(2000, 0.1), "test": said(2000, 1e-5)}
    record = ledger.append(run(), path, given)
    assert ledger.read(path) == [record]
    file = path.parent / "predictions" / f"{record['id']}.npz"
    assert file.stat().st_size < 8000
    found = ledger.predictions(record, path)
    for part, arrays in given.items():
        for name in ("classes", "correct"):
            np.testing.assert_array_equal(found[part][name], arrays[name])
        nats = np.minimum(arrays["cross_entropy"], 16)
        np.testing.assert_allclose(found[part]["cross_entropy"], nats, rtol=0.05, atol=2e-3)
        assert found[part]["cross_entropy"].mean() == pytest.approx(nats.mean(), abs=1e-2)
    # copied to another ledger, they are the same to the last bit
    copy = tmp_path / "copy.jsonl"
    ledger.append(record, copy, found)
    for part, arrays in ledger.predictions(record, copy).items():
        for name, values in arrays.items():
            np.testing.assert_array_equal(values, found[part][name])


def test_a_run_without_predictions_has_none_and_a_broken_file_is_a_sentence(path):
    record = ledger.append(run(), path)
    assert ledger.predictions(record, path) is None
    assert ledger.predictions(ledger.recorded("full")[0] | {"id": "unknown"}) is None
    file = path.parent / "predictions" / f"{record['id']}.npz"
    file.parent.mkdir()
    file.write_bytes(b"PK")
    with pytest.raises(ledger.LedgerError, match="cannot be read"):
        ledger.predictions(record, path)


def test_predictions_do_not_stay_without_their_line(path):
    path.mkdir(parents=True)  # a folder stands where the ledger should be
    with pytest.raises(ledger.LedgerError):
        ledger.append(run(), path, {"test": said(10, 0.1)})
    assert not list((path.parent / "predictions").iterdir())
