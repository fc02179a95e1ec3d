"""The six diagnoses of notebook 00: kind to spelling, and no word that fits all is right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from course_utils import ledger

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "00_start_here.ipynb"


@pytest.fixture(scope="module")
def quiz() -> dict[str, Any]:
    sources = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    known: dict[str, Any] = {"ledger": ledger, "my_diagnosis": {}}
    exec(sources["quiz"].partition("for letter")[0], known)  # without the six figures
    exec(sources["quiz-why"] + "\n" + sources["quiz-check"], known)
    return known


def true_words(quiz: dict[str, Any]) -> dict[str, str]:
    return {x: quiz["WHY"][quiz["by_id"][id_]["arm"]][0] for x, id_ in quiz["PICTURES"].items()}


@pytest.mark.parametrize(
    "spelled",
    [
        str,
        str.upper,
        lambda word: f" {word.capitalize()} ",
        lambda word: word.replace(" ", "_"),
        lambda word: word.replace("fit", "fitting"),
        lambda word: word.replace(" ", "-") + ".",
    ],
)
def test_right_words_are_right_however_they_are_spelled(quiz: dict[str, Any], spelled: Any) -> None:
    given = {letter: spelled(word) for letter, word in true_words(quiz).items()}
    assert quiz["check_diagnosis"](given)


@pytest.mark.parametrize(
    "word",
    [
        *("healthy", "overfit", "underfit", "rate too high", "frozen", "fit", "not overfit"),
        *("healthy overfit underfit rate too high frozen", "", None, 7),
    ],
)
def test_no_word_fits_all(quiz: dict[str, Any], word: Any, capsys: Any) -> None:
    assert not quiz["check_diagnosis"](dict.fromkeys("ABCDEF", word))
    assert capsys.readouterr().out.count("again: ") <= 1


def test_missing_letters_are_named(quiz: dict[str, Any], capsys: Any) -> None:
    assert not quiz["check_diagnosis"]({letter: true_words(quiz)[letter] for letter in "ACDEF"})
    assert "B: not done yet." in capsys.readouterr().out
