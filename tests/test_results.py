"""The table of published and reproduced numbers, and the README that shows it."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import run
from scipy import stats

from course_utils import ledger
from course_utils.classroom import paths, results

README = Path(__file__).resolve().parents[1] / "README.md"


def record(test: float, validation: tuple[float, ...] = ()) -> dict:
    return {"test": {"accuracy": test}, "history": {"val_accuracy": list(validation)}}


def test_readme_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert paths.block("results", f"\n{results.tables()}\n") in text, "run: course results --write"


def test_every_published_row_stands_in_the_table() -> None:
    lines = results.table().splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == list(results.published())
    assert len({line.count("|") for line in lines}) == 1


def test_the_best_published_row_of_each_set_meets_the_capstone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    length = {"data": {"train": 2000}, "epochs": 5}
    runs = [
        record(a) | {"seconds": s, "precision": "float32", "operations": 1e8} | length
        for a, s in ((0.98, 60), (0.99, 120))
    ]
    theirs = [
        {"seconds": s, "protocol": p} | length
        for s, p in ((600, "published"), (30, "honest"), (60, "honest"))
    ]
    held = {
        ("full", "mnist_ours"): runs,
        ("full", "D2"): theirs,
        ("settings", "mnist_ours"): runs[1:],
    }
    monkeypatch.setattr(ledger, "recorded", lambda scale, notebook, arm: held.get((scale, arm), []))
    lines = results.capstone().splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == [
        "| Fashion-MNIST",
        "| dogs vs cats",
        "| CIFAR-10",
        "| MNIST",
        "| MNIST",
    ]
    assert "| 91.98 (test) | F2 | – | – | – | 07 | – | – | – | – | – |" in lines[0]
    assert "| 73.32 (best validation) | L1 | –" in lines[2]
    d2 = "| 97.47 (test) | D2 | 2,000 × 5 | 2.5e-06 | 0.8 | "
    assert f"{d2}07 | 98.50 ± 6.35 (n = 2) | 2,000 × 5 | 0.003 | 1.5 | float32 |" in lines[3]
    assert f"{d2}07, on as many | 99.00 (n = 1) | 2,000 × 5 | 0.003 | 2.0 | float32 |" in lines[4]


def test_mean_and_interval() -> None:
    accuracies = [0.90, 0.91, 0.93]
    interval = stats.t.interval(0.95, 2, loc=91.333, scale=stats.sem([90, 91, 93]))
    text = results.summary([record(a) for a in accuracies], "test")
    assert text == f"91.33 ± {(interval[1] - interval[0]) / 2:.2f} (n = 3)"
    assert results.summary([record(0.9)], "test") == "90.00 (n = 1)"
    assert results.summary([], "test") == "–"


def test_best_validation_is_the_best_epoch() -> None:
    assert results.accuracy(record(0.1, (0.5, 0.733, 0.7)), "best validation") == (
        pytest.approx(73.3)
    )


def test_write_renews_the_block_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "00_a.ipynb").write_text("{}")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{paths.block('results', 'old')}\n\nafter\n")
    monkeypatch.chdir(tmp_path)
    done = run("results", "--write")
    assert done.exit_code == 0, done.output
    block = paths.block("results", f"\n{results.tables()}\n")
    assert readme.read_text(encoding="utf-8") == f"before\n\n{block}\n\nafter\n"
    readme.write_text("no place\n")
    assert "no place for the tables" in run("results", "--write").output
