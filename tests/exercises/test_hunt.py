"""The bug hunt: what is broken is seen, what is mended behaves, and nothing tells the answer."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pytest
from hunt_mends import RIGHT, WRONG, Change

from course_utils.checks import hunt, is_on
from course_utils.checks._hunt import PROGRAMS
from course_utils.checks._hunt._behaviour import trouble
from course_utils.checks._hunt._kinds import MISTAKES, SOUND, Paper, Program, printed
from course_utils.checks._hunt._watch import Seen, Sets, function, run
from course_utils.errors import CourseError

BROKEN = [program for program in PROGRAMS if program.mistake != SOUND]
FORMS = [
    dataclasses.replace(program, forms=(form,)) for program in PROGRAMS for form in program.forms
]
SEED = 0


def name(program: Program) -> str:
    words = [word for word in WRONG if word in program.forms[0]]
    return program.mistake if program.mistake != SOUND else words[0]


def paper(program: Program, seed: int = SEED) -> Paper:
    return printed(program, np.random.default_rng(seed))


def seen_in(text: str, program: Program) -> str | None:
    return trouble(function(text, "program"), program.keeps, hunt.examination(SEED, 4).data, SEED)


def changed(text: str, change: Change) -> str:
    for old, new in change:
        assert re.search(old, text), old
        text = re.sub(old, new, text)
    return text


every_form = pytest.mark.parametrize("program", FORMS, ids=name)


# --- the papers


@every_form
@pytest.mark.parametrize("seed", range(10))
def test_a_program_is_short_and_does_not_tell_its_mistake(program: Program, seed: int) -> None:
    one = paper(program, seed)
    for text in (one.text, one.mended):
        lines = text.splitlines()
        assert len(lines) <= 20 and max(map(len, lines)) <= 100
        assert "$" not in text and callable(function(text, "program"))
    assert (one.text == one.mended) == (program.mistake == SOUND)
    assert program.mistake not in one.text and len(one.program.sources) >= (one.text != one.mended)


def test_there_is_a_program_for_each_mistake_and_two_sound_ones() -> None:
    assert sorted(p.mistake for p in PROGRAMS) == sorted([*MISTAKES, SOUND])
    assert len(PROGRAMS) == hunt.MOST == 14
    assert set(WRONG) == {name(program) for program in PROGRAMS}
    assert all(len(changes) >= 3 for changes in WRONG.values())


@pytest.mark.parametrize("n_programs", range(4, 15))
def test_two_seeds_are_two_examinations_and_each_has_a_sound_program(n_programs: int) -> None:
    drawn = [hunt.draw(seed, n_programs) for seed in range(30)]
    for papers in drawn:
        kinds = [one.program.mistake for one in papers.values()]
        assert len(papers) == n_programs and SOUND in kinds
        broken = [kind for kind in kinds if kind != SOUND]
        assert len(set(broken)) == len(broken) >= n_programs - 2
    texts = {tuple(one.text for one in papers.values()) for papers in drawn}
    kinds = {tuple(one.program.mistake for one in papers.values()) for papers in drawn}
    assert len(texts) == len(kinds) == 30
    assert hunt.draw(3, n_programs) == hunt.draw(3, n_programs)


def test_no_number_of_programs_but_those_allowed() -> None:
    for n_programs in (3, 15):
        with pytest.raises(CourseError, match=rf"from 4 to 14; got {n_programs}"):
            hunt.examination(0, n_programs)


def test_the_answer_key_is_that_of_the_examination() -> None:
    exam = hunt.examination(5, 14)
    for answer in hunt.solutions(5, 14):
        assert exam.text(answer.letter) == answer.before
        assert MISTAKES[answer.name] == answer.mistake
        assert (answer.name == 0) == (answer.before == answer.mended)


# --- what is broken, and what is mended


@pytest.mark.slow
@every_form
def test_the_mended_program_behaves_and_the_broken_one_does_not(program: Program) -> None:
    one = paper(program)
    assert seen_in(one.mended, program) is None
    if program.mistake != SOUND:
        assert seen_in(one.text, program)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS, ids=name)
def test_wrong_mends_are_seen(program: Program) -> None:
    text = paper(dataclasses.replace(program, forms=program.forms[:1])).text
    passed = [c for c in WRONG[name(program)] if not seen_in(changed(text, c), program)]
    assert not passed


@pytest.mark.slow
@pytest.mark.parametrize("program", [p for p in PROGRAMS if name(p) in RIGHT], ids=name)
def test_other_mends_behave(program: Program) -> None:
    text = paper(dataclasses.replace(program, forms=program.forms[:1])).text
    for change in RIGHT[name(program)]:
        assert seen_in(changed(text, change), program) is None


# What a reader can see, in a curve or with a check, of the real training of a broken program.
SYMPTOMS: dict[str, Callable[[Seen, Sets], bool]] = {
    "the test set chooses": lambda seen, sets: (
        np.array_equal(seen.validation[1], sets[3])
        and any(np.isclose(seen.score, each, atol=1e-4) for each in seen.history["val_accuracy"])
    ),
    "a leak by copies": lambda seen, _: seen.history["val_accuracy"][-1] > seen.score + 0.05,
    "softmax twice": lambda seen, _: (
        min(seen.history["loss"]) > 1.46 and seen.history["accuracy"][-1] > 0.5
    ),
    "early stopping on a penalised loss": lambda seen, _: (
        seen.history["val_loss"][0] > seen.history["val_nats"][0] + 0.2
        and np.argmin(seen.history["val_loss"]) > np.argmin(seen.history["val_nats"])
    ),
    "dropout left on in evaluation": lambda seen, _: not is_on.dropout(seen.model),
    "labels shuffled apart from the pictures": lambda seen, _: seen.score < 0.3,
    "a learning rate ten times too high": lambda seen, _: seen.history["loss"][-1] > 1.5,
    "cache behind the augmentation": lambda seen, sets: not is_on.augmentation(seen.train, sets[0]),
    "batch-norm statistics that hardly move": lambda seen, _: (
        seen.history["accuracy"][-1] > seen.history["val_accuracy"][-1] + 0.2
    ),
    "scaled twice": lambda seen, _: (
        seen.history["loss"][0] > 2.2 and seen.train[0].max() <= 1 and "rescaling" in words(seen)
    ),
    "best weights not restored": lambda seen, _: (
        seen.model.evaluate(*seen.validation, verbose=0)[0] > min(seen.history["val_loss"]) + 0.02
    ),
    "validation augmented": lambda seen, sets: is_on.augmentation(seen.validation, sets[0]).on,
}


def words(seen: Seen) -> str:
    return " ".join(layer.name for layer in seen.model.layers)


@pytest.mark.slow
@pytest.mark.parametrize("program", BROKEN, ids=name)
def test_each_mistake_shows_in_a_curve_or_in_a_check(program: Program) -> None:
    data = hunt.examination(SEED, 4).data
    assert SYMPTOMS[program.mistake](run(function(paper(program).text, "it"), data, SEED), data)


# --- the examination, without any training


@pytest.fixture
def exam(monkeypatch: pytest.MonkeyPatch) -> hunt.Examination:
    """An examination whose check finds what a program's text says."""
    monkeypatch.setattr(hunt, "trouble", lambda program, *_: getattr(program, "said", None))
    return hunt.examination(1, 4)


def saying(words: str | None) -> Callable[..., object]:
    def program(*sets: object) -> object:
        return np.array(sets)

    program.__dict__["said"] = words
    return program


def test_first_what_was_seen_then_the_hint_and_never_the_answer(
    exam: hunt.Examination, capsys: pytest.CaptureFixture[str]
) -> None:
    letter = next(answer.letter for answer in exam.solutions() if answer.name)
    exam.name({letter: 1})
    capsys.readouterr()
    assert not exam.check(letter, saying("It is off."))
    assert capsys.readouterr().out == f"{letter}: It is off.\n"
    assert not exam.check(letter, saying("It is off."))
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"{letter}: It is off." and told[1].startswith("Hint: ")
    (answer,) = (answer for answer in exam.solutions() if answer.letter == letter)
    assert answer.mistake not in told[1] and answer.why not in told[1]
    assert exam.check(letter, saying(None))
    assert capsys.readouterr().out == f"{letter}: it behaves.\n"


def test_stubs_are_not_done_and_nothing_a_program_raises_stops_the_notebook(
    exam: hunt.Examination, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for stub in (None, ..., lambda x, y, x_test, y_test: ..., lambda *_: None):
        assert not exam.check("A", stub)
        assert capsys.readouterr().out == "A: not done yet.\n"
    assert exam.check("Z", None)
    assert capsys.readouterr().out == "This examination has no program Z.\n"

    def stops(*_: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr(hunt, "trouble", stops)
    assert not exam.check("A", saying(None))
    assert capsys.readouterr().out.splitlines() == [
        "A: you had not named it before; it counts as not named.",
        "A: It stops with ValueError: no such thing.",
    ]
    exam.name(dict.fromkeys(exam.letters, 1))
    capsys.readouterr()
    right = sum(answer.name == 1 for answer in exam.solutions() if answer.letter != "A")
    assert exam.result() == right


def test_names_count_at_the_end_and_stay_once_a_check_has_spoken(
    exam: hunt.Examination, capsys: pytest.CaptureFixture[str]
) -> None:
    key = {answer.letter: answer.name for answer in exam.solutions()}
    wrong = {letter: (number + 1) % len(MISTAKES) for letter, number in key.items()}
    assert exam.result() is None and "Not named yet: A, B, C, D." in capsys.readouterr().out
    assert not exam.name({"A": None, "B": None, "C": None, "D": None, "H": None})
    assert "not done yet: A, B, C, D." in capsys.readouterr().out
    assert exam.name(wrong) and exam.result() == 0
    assert not exam.check("A", saying("It is off."))
    capsys.readouterr()
    assert exam.name(key)
    assert "A: its check has spoken; what you called it before stays." in capsys.readouterr().out
    broken = sum(number > 0 for number in key.values())
    assert exam.result() == 3
    assert capsys.readouterr().out == f"You named 3 of 4, and mended 0 of {broken}.\n"
    for letter in key:
        exam.check(letter, saying(None))
    capsys.readouterr()
    exam.result()
    assert capsys.readouterr().out == f"You named 3 of 4, and mended {broken} of {broken}.\n"


@pytest.mark.parametrize("given", [13, -1, "softmax twice", 1.0, True])
def test_a_name_is_a_number_of_the_list(exam: hunt.Examination, given: object) -> None:
    with pytest.raises(CourseError, match=r"name of program A must be a whole number from 0 to 12"):
        exam.name({"A": given})  # type: ignore[dict-item]
