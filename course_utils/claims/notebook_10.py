"""Claims of notebook 10."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from course_utils.claims import (
    Claims,
    Measure,
    Record,
    Runs,
    across,
    claim,
    compare,
    fact,
    setting,
    values,
)
from course_utils.claims.measures import test_accuracy
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "10_trusting_validation"
SEARCH, SEEDS, FOLDS, RELU = (Runs(NOTEBOOK, arm) for arm in ("search", "seeds", "folds", "relu"))
points = Measure(lambda r: r["average"], "points", margin="accuracy")  # unit of differences


def luck(n_images: int, k: int = 200) -> Measure:
    """Points of the lead of the best of `k` on `n_images` that are luck."""
    return Measure(lambda r: r["unearned"][str(n_images)][str(k)], "points")


foretold = Measure(lambda r: r["foretold"]["200"]["200"], "points")


def beyond_the_formula(record: Record) -> float:
    """Measured luck minus foretold luck, best of 200 on 200 pictures."""
    return record["unearned"]["200"]["200"] - foretold.of(record)


def chosen(record: Record) -> float:
    """Points that the best of 200 on 200 pictures is ahead of the average on test pictures."""
    return record["reached"]["200"]["200"] - record["average"]


def chosen_by_more(record: Record) -> float:
    """Test accuracy of the best on 2,000 pictures minus that of the best on 200."""
    return record["reached"]["2000"]["200"] - record["reached"]["200"]["200"]


def folds(record: Record) -> np.ndarray:
    """Believed and true accuracy, shape (labelled sets, hold-out and folds, both)."""
    return np.array(record["believed"])


def error(record: Record, way: int) -> float:
    """Mean distance of the believed from the true accuracy."""
    return float(np.abs(np.diff(folds(record)[:, way])).mean())


def too_high(way: int) -> Measure:
    """Mean of believed minus true accuracy."""
    return Measure(lambda r: float(-np.diff(folds(r)[:, way]).mean()), "points")


def better_choice(record: Record) -> float:
    """True accuracy of what the folds chose, minus that of what one fold chose."""
    return float((folds(record)[:, 1, 1] - folds(record)[:, 0, 1]).mean())


def lost(change: str, key: str = "accuracy") -> Callable[[Record], float]:
    """Points that a change of the test pictures adds to accuracy or confidence."""
    return lambda r: r["changed"][change][key] - r["changed"]["as they are"][key]


def surer(change: str) -> Callable[[Record], float]:
    """How far the confidence falls minus how far the accuracy falls, in points."""
    return lambda r: lost(change)(r) - lost(change, "confidence")(r)


perfect = Measure(lambda r: r["calibration_error_perfect"]["100"], "points")
many_perfect = Measure(lambda r: r["calibration_error_perfect"]["2000"], "points")
K, FEW, MANY = (setting(SEARCH, f"parameters.{name}") for name in ("configurations", "few", "many"))

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("10-curse",
          "Of the lead that the best of {k} configurations has on {few} validation pictures, "
          "{luck} are luck: they are gone on test pictures.",
          k=K, few=FEW, luck=values(SEARCH, luck(200))),
    claim("10-fewer",
          "With {many} pictures it is {more:short}; with {few} pictures and {tries} configurations "
          "to choose from, {less:short}.",
          many=MANY, few=FEW, more=values(SEARCH, luck(2000)), tries=fact("5", "a parameter"),
          less=values(SEARCH, luck(200, 5))),
    claim("10-foretold",
          "One configuration, {k} random hidden layers: the best of them on {few} pictures owes "
          "{luck:short} to luck. The validation pictures foretell {told:short}; the "
          "difference is {d}: {d:equal}.",
          k=K, few=FEW, luck=values(SEEDS, luck(200)), told=values(SEEDS, foretold),
          d=across(beyond_the_formula, points, SEEDS)),
    claim("10-floor",
          "In the search, the luck is {d:size} {d:more} than foretold.",
          d=across(beyond_the_formula, points, SEARCH)),
    claim("10-good-choice",
          "The choice is worth it all the same: the best on {few} pictures {d:gains} {d:size} of "
          "test accuracy against an average configuration. Choosing by {many} pictures {e:adds} "
          "{e:size short}.",
          few=FEW, many=MANY, d=across(chosen, points, SEARCH),
          e=across(chosen_by_more, points, SEARCH)),
    claim("10-folds",
          "On the same labelled pictures, what the folds let you believe is {d:size} {d:less} off "
          "than what one fold does. Believed minus true accuracy is {one:short} with one "
          "fold, and {all:short} with all of them. On new pictures, what the folds choose differs "
          "from what one fold chooses by {b:short}: {b:better}.",
          d=across(lambda r: error(r, 1) - error(r, 0), points, FOLDS),
          one=values(FOLDS, too_high(0)), all=values(FOLDS, too_high(1)),
          b=across(better_choice, accuracy, FOLDS)),
    claim("10-perfect",
          "On {n} pictures, a perfectly calibrated network shows a calibration error of "
          "{few:at least}, {few:each}; on {many}, of {all:at most}.",
          n=fact("100", "the notebook"), few=values(RELU, perfect), many=MANY,
          all=values(RELU, many_perfect)),
    claim("10-few-pictures",
          "Measured on {n} pictures in place of {many}, the error of the real network "
          "{d:rises} by {d:size}.",
          n=fact("100", "the notebook"), many=MANY,
          d=across(lambda r: r["calibration_error"]["100"] - r["calibration_error"]["2000"],
                   Measure(points.of, "points"), RELU)),
    claim("10-mirrored",
          "The network's accuracy on test pictures differs from that on validation by {same}. "
          "Mirror the test pictures, and it {m:loses} {m:size short}; turn them, and it {t:loses} "
          "{t:size short}; darken them, and it {d:loses} {d:size short}.",
          same=compare(RELU, RELU, accuracy, test_accuracy),
          m=across(lost("mirrored"), accuracy, RELU),
          t=across(lost("turned"), accuracy, RELU), d=across(lost("darkened"), accuracy, RELU)),
    claim("10-sure",
          "Its confidence goes down too, but not as far: on mirrored pictures by {m:size} {m:less} "
          "than the accuracy, on turned ones by {t:size short} {t:less}.",
          m=across(surer("mirrored"), points, RELU), t=across(surer("turned"), points, RELU)),
)
