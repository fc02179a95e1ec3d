"""What a notebook's parameters may be, and what is said when they are not."""

from __future__ import annotations

import math

import pytest

from course_utils import checks
from course_utils.checks import Choice, Each, Flag, Real, Text, Whole
from course_utils.errors import CourseError

NAN, INFINITY = math.nan, math.inf


@pytest.mark.parametrize(
    ("rule", "values"),
    [
        (Whole(1, 10), [1, 5, 10]),
        (Real(0.0, 1.0), [0, 0.0, 0.5, 1, 1.0]),
        (Flag(), [True, False]),
        (Text(), ["x", " runs "]),
        (Choice(("embedded", "full")), ["embedded", "full"]),
        (Each(Whole(1, 10)), [[1], [10, 1]]),
        (Each(Real(0, 1)), [[0, 0.5]]),
        (Each(Choice(("F1", "F2"))), [["F2", "F1"]]),
    ],
)
def test_allowed(rule, values):
    for value in values:
        assert rule.problem(value) is None, value
        checks.parameters(None, {"mine": rule}, mine=value)


@pytest.mark.parametrize(
    ("rule", "allowed", "values"),
    [
        (
            Whole(1, 2000),
            "a whole number from 1 to 2,000",
            [0, -1, 2001, 1.0, NAN, INFINITY, True, "5", "", None, [5]],
        ),
        (
            Real(0.5, 2.0),
            "a number from 0.5 to 2",
            [0.4, 2.1, NAN, INFINITY, -INFINITY, True, "1", "", None, [1.0]],
        ),
        (Flag(), "True or False", [0, 1, "true", "", None]),
        (Text(), "a text that is not empty", ["", "  ", 3, None, True, ["x"]]),
        (
            Choice(("embedded", "full")),
            "one of 'embedded', 'full'",
            ["Full", "", "embed", 1, None, ["full"]],
        ),
        (
            Each(Whole(1, 5)),
            "a list without repeats, each entry a whole number from 1 to 5",
            [[], [0], [1, 6], [1, 1], [True], ["1"], [NAN], (1, 2), 3, "12", None, {1: 1}],
        ),
        (
            Each(Choice(("F1", "F2"))),
            "a list without repeats, each entry one of 'F1', 'F2'",
            [[], ["F3"], ["F1", "F1"], "F1", "['F1']", None],
        ),
    ],
)
def test_refused_in_a_sentence_with_name_value_and_what_is_allowed(rule, allowed, values):
    for value in values:
        with pytest.raises(CourseError) as caught:
            checks.parameters(None, {"mine": rule}, mine=value)
        message = str(caught.value)
        assert message.startswith(f"mine must be {allowed}; got {value!r}. Change mine in the"), (
            value
        )
        assert "\n" not in message


def test_a_long_value_is_cut_short():
    with pytest.raises(CourseError) as caught:
        checks.parameters(None, epochs=list(range(1000)))
    assert len(str(caught.value)) < 250
    assert "[0, 1, 2" in str(caught.value)


def test_sizes_are_bounded_by_the_data_set():
    with pytest.raises(CourseError, match="train_size must be a whole number from 10 to 4,000;"):
        checks.parameters("cifar10", data="embedded", train_size=4001)
    checks.parameters("cifar10", data="embedded", train_size=4000, validation_size=1000)
    # the bound is that of the data asked for, whichever order the names are given in
    checks.parameters("cifar10", train_size=40_000, data="full")
    with pytest.raises(CourseError, match="from 10 to 50,000; got 50001"):
        checks.parameters("cifar10", train_size=50_001, data="full")


def test_train_and_validation_share_the_full_split():
    sizes = {"data": "full", "train_size": 50_000, "validation_size": 10_000}
    checks.parameters("fashion_mnist", **sizes)
    with pytest.raises(CourseError) as caught:
        checks.parameters("fashion_mnist", **(sizes | {"train_size": 50_001}))
    message = str(caught.value)
    assert "train_size + validation_size is 60,001" in message
    assert "60,000 images; make one of them smaller" in message


def test_the_photographs_have_parts_of_their_own():
    checks.parameters("cats_vs_dogs", data="full", train_size=2000, validation_size=1000)


def test_a_notebooks_own_rule_goes_before_the_common_one():
    checks.parameters(None, {"epochs": Whole(0, 0)}, epochs=0)
    with pytest.raises(CourseError, match="from 1 to 1,000"):
        checks.parameters(None, epochs=0)
