"""Exercises: the course's own answers pass, the likely wrong ones do not, and none is told."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from course_utils import checks
from course_utils.checks import _answers
from course_utils.checks._exercises import EXERCISES, Exercise
from course_utils.errors import CourseError


@pytest.fixture(autouse=True)
def no_tries_yet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(_answers, "_wrong", Counter())
    yield


WRONG: dict[str, list[Any]] = {}  # several a name, each refused
RIGHT: dict[str, list[Any]] = {}  # others than the course's own, each accepted
for path in sorted(Path(__file__).parent.glob("notebook_*.py")):
    module = import_module(path.stem)
    WRONG |= module.WRONG
    RIGHT |= getattr(module, "RIGHT", {})
FUNCTIONS = [name for name, asked in EXERCISES.items() if isinstance(asked, Exercise)]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_courses_answer_passes_on_many_inputs(name: str, capsys: Any) -> None:
    assert checks.exercise(name, EXERCISES[name].reference)
    right, of = (int(word) for word in capsys.readouterr().out.split() if word.isdigit())
    assert right == of >= 50


@pytest.mark.parametrize("name", EXERCISES)
def test_likely_wrong_answers_do_not(name: str) -> None:
    passed = [i for i, wrong in enumerate(WRONG[name]) if checks.exercise(name, wrong)]
    assert not passed


@pytest.mark.parametrize("name", RIGHT)
def test_other_ways_to_do_it_pass(name: str, capsys: Any) -> None:
    for right in RIGHT[name]:
        assert checks.exercise(name, right), capsys.readouterr().out


def test_each_exercise_that_asks_for_behaviour_has_a_right_answer_here() -> None:
    assert set(EXERCISES) - set(FUNCTIONS) <= set(RIGHT)


# By the kinds of answers to which it can be done.
SPOILED: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "as text": ("bif", lambda found: np.asarray(found).astype(str)),
    "rounded": ("f", lambda found: np.round(found, 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("how", SPOILED)
def test_the_courses_answer_given_otherwise_does_not(how: str, name: str) -> None:
    asked, (kinds, spoil) = EXERCISES[name], SPOILED[how]
    if np.asarray(asked.reference(*asked.cases[0])).dtype.kind not in kinds:
        pytest.skip("the answer is of another kind")
    assert not checks.exercise(name, lambda *given: spoil(asked.reference(*given)))


CHANGED = (list, dict, np.ndarray)


@pytest.mark.parametrize(
    "name", [n for n in FUNCTIONS if any(isinstance(x, CHANGED) for x in EXERCISES[n].cases[0])]
)
def test_what_changes_its_input_is_refused(name: str, capsys: Any) -> None:
    def empties(*given: Any) -> Any:
        found = copy.deepcopy(EXERCISES[name].reference(*given))
        for each in given:
            if isinstance(each, np.ndarray):
                each[:] = 0
            elif isinstance(each, CHANGED):
                each.clear()
        return found

    assert not checks.exercise(name, empties)
    assert "is right, and changes what it was given." in capsys.readouterr().out


def test_first_the_input_then_the_hint_and_never_the_answer(capsys: Any) -> None:
    for then in ("Work it out by hand.", "Hint: ", "Hint: "):
        assert not checks.exercise("steps_until", lambda m, part: math.ceil(math.log(part, m)))
        told, help_ = capsys.readouterr().out.splitlines()
        assert told == "steps_until(0.5, 0.5) is not 1."
        assert help_.startswith(then)


class Unshowable(Exception):
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def stops(*_: Any) -> None:
    raise Unshowable


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (..., "last_gap: not done yet.\n"),
        (None, "last_gap: not done yet.\n"),
        (lambda a, v: ..., "last_gap: not done yet.\n"),
        (lambda a, v: None, "last_gap: not done yet.\n"),
        (lambda a, v: a["x"], "stops with TypeError: list indices must be"),
        (stops, "stops with Unshowable: a Unshowable that cannot be shown."),
        (lambda a, v: Unshowable(), "is not a Unshowable that cannot be shown."),
        (lambda a, v: np.array([3.0, 3.0]), "is not [3.0, 3.0]."),
        (lambda a, v: [np.float64(3.0)], "is not [3.0]."),
        (7, "stops with TypeError: 'int' object is not callable."),
        (lambda a, v: [a.clear(), 5.0][1], "is not 5.0."),
    ],
)
def test_whatever_is_given_is_answered_in_a_sentence(capsys: Any, function: Any, said: str) -> None:
    assert not checks.exercise("last_gap", function)
    told = capsys.readouterr().out
    assert said in told and ("not done" in said) == ("Work it out" not in told)


@pytest.mark.parametrize(
    "given", [["a", "b"], [None, None], np.full(2, None), [[1], [1, 2]], [..., 1], {"a": 1}, "text"]
)
def test_an_answer_that_is_no_pair_of_numbers_is_wrong(given: object) -> None:
    assert not checks.exercise("two_steps", lambda *_: given)


def test_an_exercise_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CourseError, match=r"name must be one of last_gap, .*; got 'gap'"):
        checks.exercise("gap", sum)
