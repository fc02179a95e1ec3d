"""Every conclusion of the notebooks, asserted against the recorded runs.

A conclusion is a bullet in a Markdown cell tagged ``verdict``; its id stands in bold at its start.
A bullet without a claim here fails, and so does a claim without its bullet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest

from course_utils import ledger, stats

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
BULLET = re.compile(r"^- \*\*\[(?P<id>\d\d-[a-z-]+)\]\*\* ", re.MULTILINE)
ENOUGH = 6


def runs(notebook: str, arm: str) -> list[ledger.Record]:
    found = ledger.recorded("embedded", notebook, arm)
    assert len(found) >= ENOUGH, f"a claim needs {ENOUGH} seeds; {arm} has {len(found)}"
    assert len({record["seed"] for record in found}) == len(found)
    return found


def rise(record: ledger.Record) -> float:
    losses = record["history"]["val_loss"]
    return losses[-1] / min(losses)


def last_gap(record: ledger.Record) -> float:
    history = record["history"]
    return 100 * (history["accuracy"][-1] - history["val_accuracy"][-1])


def gap(record: ledger.Record) -> float:
    return 100 * (record["train"]["accuracy"] - record["validation"]["accuracy"])


def validation_accuracy(record: ledger.Record) -> float:
    return 100 * record["validation"]["accuracy"]


def compare(
    notebook: str, before: str, after: str, measure: Callable[[ledger.Record], float]
) -> stats.Comparison:
    first, second = runs(notebook, before), runs(notebook, after)
    assert [r["seed"] for r in first] == [r["seed"] for r in second]
    return stats.paired_runs(first, second, measure)


def differences(
    notebook: str, before: str, after: str, measure: Callable[[ledger.Record], float]
) -> np.ndarray:
    return np.array(compare(notebook, before, after, measure).differences)


def after_the_turn(record: ledger.Record) -> float:
    """Points of validation accuracy from the turning epoch to the last."""
    accuracy = record["history"]["val_accuracy"]
    return 100 * (accuracy[-1] - accuracy[record["best_epoch"] - 1])


def says(change: np.ndarray, mean: float, low: float, high: float) -> bool:
    """Whether the mean and the interval are those of the sentence, to a tenth."""
    found = stats.paired(np.zeros(len(change)), change)
    return tuple(round(v, 1) for v in (found.mean, found.low, found.high)) == (mean, low, high)


def early(arm: str) -> np.ndarray:
    """Validation accuracy, one row a seed, one column an epoch."""
    return np.array([record["history"]["val_accuracy"] for record in runs(DEEPER, arm)])


BASELINE = "01_baseline_overfit"
DEEPER = "02_deeper_vgg_style"
CLAIMS: dict[str, Callable[[], bool]] = {
    "01-gap": lambda: min(map(last_gap, runs(BASELINE, "F1"))) > 10,
    "01-rise": lambda: min(map(rise, runs(BASELINE, "F1"))) >= 1.6,
    "01-silent": lambda: max(abs(after_the_turn(r)) for r in runs(BASELINE, "F1")) < 2,
    "01-relu-noise": lambda: says(
        differences(BASELINE, "F1", "relu", validation_accuracy), 0.7, -0.1, 1.6
    ),
    "01-relu-later": lambda: bool(
        (differences(BASELINE, "F1", "relu", lambda r: r["best_epoch"]) > 0).all()
        and (differences(BASELINE, "F1", "relu", rise) < 0).all()
    ),
    "01-relu-overfits": lambda: (
        min(map(last_gap, runs(BASELINE, "relu"))) > 10
        and min(map(rise, runs(BASELINE, "relu"))) >= 1.4
    ),
    "02-relu-noise": lambda: says(
        differences(DEEPER, "F1", "relu", validation_accuracy), -0.7, -2.0, 0.6
    ),
    "02-depth-noise": lambda: says(
        differences(DEEPER, "relu", "deeper", validation_accuracy), 0.6, -0.9, 2.0
    ),
    "02-dropout-costs": lambda: (
        says(differences(DEEPER, "deeper", "deeper_dropout", gap), -2.6, -3.6, -1.7)
        and says(
            differences(DEEPER, "deeper", "deeper_dropout", validation_accuracy), -5.3, -6.1, -4.4
        )
    ),
    "02-batchnorm-gap": lambda: (
        says(differences(DEEPER, "deeper", "deeper_batchnorm", gap), 8.7, 7.9, 9.6)
        and says(
            differences(DEEPER, "deeper", "deeper_batchnorm", validation_accuracy), 0.4, -1.2, 2.0
        )
    ),
    "02-batchnorm-early": lambda: bool(
        (differences(DEEPER, "deeper", "deeper_batchnorm", lambda r: r["best_epoch"]) < 0).all()
    ),
    "02-frozen": lambda: early("cause_F3").max() < 0.25,
    "02-one-mend": lambda: (
        early("cause_F3_momentum")[:, 3].max() < 0.7
        and early("cause_F3_no_block_dropout")[:, 3].max() < 0.7
    ),
    "02-both-mends": lambda: early("cause_F3_both")[:, 1:].min() > 0.7,
}


def bullets() -> dict[str, str]:
    """Every conclusion, by id, with the name of its notebook."""
    found: dict[str, str] = {}
    for path in sorted(FOLDER.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "verdict" in cell.metadata.get("tags", []):
                for match in BULLET.finditer(cell.source):
                    assert match["id"] not in found, f"{match['id']} stands twice"
                    found[match["id"]] = path.stem
    return found


def test_every_conclusion_is_a_bullet_with_an_id() -> None:
    for path in sorted(FOLDER.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            if "verdict" in cell.metadata.get("tags", []):
                lines = [line for line in cell.source.splitlines() if line.startswith("- ")]
                assert lines, f"{path.stem}: a verdict without a bullet"
                assert all(BULLET.match(line) for line in lines), path.stem


def test_bullets_and_claims_are_the_same() -> None:
    assert set(bullets()) == set(CLAIMS)
    for name, notebook in bullets().items():
        assert notebook.startswith(name[:2])


@pytest.mark.parametrize("name", CLAIMS)
def test_claim_holds(name: str) -> None:
    assert CLAIMS[name]()
