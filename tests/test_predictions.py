"""Guesses are kept before the training, and scored after it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from course_utils import ledger, predictions


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_LEDGER", str(tmp_path / "ledger.jsonl"))
    monkeypatch.setattr(predictions, "_latest", {})
    return tmp_path / "predictions.jsonl"


def test_a_guess_is_kept_and_scored(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predictions.write_down("01_a", gap=5, turning_epoch=None)
    said = capsys.readouterr().out
    assert "Written down: gap 5." in said
    assert "No guess yet: turning epoch. Replace None" in said
    predictions.score("01_a", gap=np.float64(13.14), turning_epoch=np.int64(9))
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "gap: you wrote 5; it is 13.1.",
        "turning epoch: you wrote nothing down. Replace None above, and run that cell and this "
        "one.",
    ]
    first, second = (json.loads(line) for line in kept.read_text().splitlines())
    assert first["guesses"] == {"gap": 5} and "measured" not in first
    assert second["guesses"] == {"gap": 5} and second["measured"] == {"gap": 13.14}
    assert first["time"] <= second["time"]


def test_without_guesses_nothing_is_written_and_no_answer_told(
    kept: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions.write_down("01_a", gap=None, rises=None)
    predictions.score("01_a", gap=37.0, rises=False)
    told = capsys.readouterr().out
    assert "gap, rises: you wrote nothing down." in told
    assert "37" not in told and "False" not in told
    assert not kept.exists()


def test_a_later_guess_wins_and_others_stay(capsys: pytest.CaptureFixture[str]) -> None:
    predictions.write_down("01_a", gap=5, rises=True)
    predictions.write_down("01_a", gap=9)
    predictions.write_down("02_b", gap=1)
    capsys.readouterr()
    predictions.score("01_a", gap=10.0, rises=False)
    said = capsys.readouterr().out
    assert "you wrote 9; it is 10.0" in said
    assert "rises: you wrote True; it is False" in said


def test_the_ledger_itself_holds_runs_only(tmp_path: Path) -> None:
    predictions.write_down("01_a", gap=5)
    assert ledger.read(tmp_path / "ledger.jsonl") == []
