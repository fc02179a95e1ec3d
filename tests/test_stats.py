"""Comparisons of arms, against SciPy, against simulations and against known cases."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from course_utils import stats
from course_utils.errors import CourseError

BEFORE = np.array([84.0, 83.1, 85.2, 84.4, 83.9, 84.8])
AFTER = np.array([85.5, 84.9, 86.0, 86.1, 85.0, 86.9])
NOISE = np.array([-0.3, 0.2, 0.1, -0.1, 0.3, -0.2])


def test_the_interval_is_scipys_paired_and_unpaired() -> None:
    paired, unpaired = stats.paired(BEFORE, AFTER), stats.unpaired(BEFORE[:4], AFTER)
    tests = (
        scipy_stats.ttest_rel(AFTER, BEFORE),
        scipy_stats.ttest_ind(AFTER, BEFORE[:4], equal_var=False),
    )
    for found, test in zip((paired, unpaired), tests, strict=True):
        interval = test.confidence_interval()
        assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
        assert found.p == pytest.approx(test.pvalue)
    assert (paired.runs, unpaired.runs, unpaired.differences) == ((6, 6), (4, 6), ())
    assert paired.mean == pytest.approx((AFTER - BEFORE).mean())


@pytest.mark.parametrize(
    ("shift", "options", "verdict"),
    [
        (1.0, {}, "better"),
        (1.0, {"higher_is_better": False}, "worse"),
        (-1.0, {}, "worse"),
        (-1.0, {"higher_is_better": False}, "better"),
        (1.0, {"higher_is_better": None}, "more"),
        (0.0, {}, "undecided"),
        (0.0, {"margin": 0.3}, "equal within ± 0.3 points"),
        (0.0, {"margin": 0.1}, "undecided"),
        (1.0, {"margin": 2.0}, "better"),
    ],
)
def test_verdict(shift: float, options: dict, verdict: str) -> None:
    found = stats.paired(np.zeros(6), shift + NOISE, **options)
    assert found.verdict == verdict.split()[0]
    assert str(found).endswith(f": {verdict}.")


def test_equality_is_two_one_sided_tests() -> None:
    changes = 0.1 + NOISE
    sides = [
        scipy_stats.ttest_1samp(changes, edge, alternative=side).pvalue
        for edge, side in ((-0.31, "greater"), (0.31, "less"))
    ]
    assert stats.paired(np.zeros(6), changes, margin=0.31).verdict == "equal"
    assert max(sides) < 0.05
    assert stats.paired(np.zeros(6), changes, margin=0.29).verdict == "undecided"
    assert scipy_stats.ttest_1samp(changes, 0.29, alternative="less").pvalue > 0.05


@pytest.mark.parametrize("n", [2, 6])
def test_runs_without_spread_decide_nothing(n: int) -> None:
    found = stats.paired(np.arange(n), np.arange(n) + 0.1)
    assert (found.verdict, found.p) == ("undecided", 1)
    assert "do not spread" in str(found)
    with pytest.raises(CourseError, match="have none"):
        found.pairs_needed(1)


def test_few_pairs_are_a_record() -> None:
    assert "not a claim" in str(stats.paired(BEFORE[:3], AFTER[:3]))
    assert "not a claim" not in str(stats.paired(BEFORE, AFTER))


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ([1.0], [2.0], "two runs"),
        ([], [], "two runs"),
        ([1.0, 2.0, 3.0], [1.0, 2.0], "equally many; got 3 and 2"),
        ([1.0, math.nan], [1.0, 2.0], "finite"),
    ],
)
def test_refuses(before: list[float], after: list[float], sentence: str) -> None:
    with pytest.raises(CourseError, match=sentence):
        stats.paired(before, after)


@pytest.mark.parametrize("effect", [0.3, 1.0, 2.0])
def test_pairs_needed_reaches_the_power_asked_for(effect: float) -> None:
    found = stats.paired(BEFORE, AFTER)
    n = found.pairs_needed(effect)
    rng = np.random.default_rng(0)
    drawn = rng.normal(effect, np.std(found.differences, ddof=1), size=(4000, n))
    rejected = scipy_stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert rejected.mean() >= 0.77
    if n > 2:
        fewer = scipy_stats.ttest_1samp(drawn[:, : n - 1], 0, axis=1).pvalue < 0.05
        assert fewer.mean() < 0.83


def test_pairs_needed_at_the_ends() -> None:
    found = stats.paired(BEFORE, AFTER)
    assert found.pairs_needed(1e6) == 2
    assert stats.paired(np.zeros(6), 1 + 1e-6 * NOISE).pairs_needed(1) == 2
    assert found.pairs_needed(1e-3) > 100_000
    with pytest.raises(CourseError, match="effect must not be 0"):
        found.pairs_needed(0)


def run(seed: int, value: float, arm: str = "a", **changes: object) -> dict:
    record = {
        "seed": seed,
        "arm": arm,
        "value": value,
        "data": {"name": "mnist", "scale": "embedded", "train": 100, "source": "here"},
        "precision": "float32",
        "parameters": {"epochs": 3},
    }
    return record | changes


def value(record: dict) -> float:
    return record["value"]


ARM = [run(2, 20.0), run(0, 1.0), run(1, 10.0)]


def test_runs_are_paired_by_seed_and_those_without_a_partner_named() -> None:
    after = [run(0, 2.0, "b"), run(1, 12.0, "b"), run(2, 23.0, "b"), run(7, 99.0, "b")]
    found = stats.compare_runs(ARM, after, value, pair=True)
    assert (found.differences, found.without_partner) == ((1.0, 2.0, 3.0), (7,))
    assert "without a partner: seeds 7" in str(found)
    assert stats.compare_runs(ARM, after, value, pair=False).runs == (3, 4)


def test_a_run_that_was_repeated_counts_once() -> None:
    after = [run(seed, seed + 30.0, "b") for seed in (0, 0, 1, 2)]
    assert stats.compare_runs([*ARM, run(2, 21.0)], after, value).runs == (3, 3)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"data": ARM[0]["data"] | {"name": "cifar10"}}, "data name: cifar10 and mnist"),
        ({"data": ARM[0]["data"] | {"scale": "full"}}, "data scale: embedded and full"),
        ({"precision": "mixed_bfloat16"}, "precision: float32 and mixed_bfloat16"),
        ({"parameters": {"epochs": 4}}, "epochs: 3 and 4"),
        ({"parameters": {"epochs": 3, "dropout": 0.5}}, "dropout: 0.5 and none"),
    ],
)
def test_arms_that_differ_in_something_else_are_refused(changes: dict, named: str) -> None:
    after = [run(seed, seed + 2.0**seed, "b", **changes) for seed in range(3)]
    with pytest.raises(CourseError, match=named) as caught:
        stats.compare_runs(ARM, after, value)
    allowed = str(caught.value).split('differ=("')[1].split('"')[0]
    assert stats.compare_runs(ARM, after, value, differ=(allowed,)).n == 3
    with pytest.raises(CourseError, match=named.split(":")[0]):  # within one arm as well
        stats.compare_runs([ARM[0], after[0]], ARM, value, differ=(allowed,))


def test_an_interval_that_covers_seeds_and_images() -> None:
    """Runs of two equal networks on one draw of images: how often the interval misses zero."""
    rng = np.random.default_rng(0)
    missed = {"seeds": 0, "seeds and images": 0}
    for _ in range(300):
        skill = rng.normal(0, 15, size=(2, 1, 200))  # each network has images of its own
        scores = 70 + skill + rng.normal(0, 10, size=(2, 6, 200))
        arms = [
            [run(seed, float(one.mean()), name, scores=one) for seed, one in enumerate(network)]
            for name, network in zip("ab", scores, strict=True)
        ]
        for of in (None, lambda record: record["scores"]):
            found = stats.compare_runs(*arms, value, scores=of)
            missed[found.covers] += found.clear
    assert missed["seeds"] > 60
    assert missed["seeds and images"] <= 0.08 * 300
    arms[0][0]["scores"] = None
    assert stats.compare_runs(*arms, value, scores=lambda r: r["scores"]).covers == "seeds"


def test_the_next_run_lies_inside_its_interval_19_times_of_20() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.normal(89, 0.4, size=(2000, 7))
    ends = [stats.next_run(row[:6]) for row in drawn]
    inside = [low <= row[6] <= high for row, (low, high) in zip(drawn, ends, strict=True)]
    assert 0.93 < np.mean(inside) < 0.97


def test_holm() -> None:
    assert stats.holm([0.04, 0.001, 0.02, 0.9]) == [False, True, False, False]
    assert stats.holm([0.012, 0.001, 0.02, 0.9]) == [True, True, True, False]
    assert stats.holm([]) == []


@pytest.mark.parametrize(
    ("number", "digits", "text"),
    [
        (97.25499999999998, 2, "97.26"),  # the mean of six runs that is 97.255 by hand
        (0.125, 2, "0.13"),
        (-0.25, 1, "−0.3"),
        (-0.04, 1, "0.0"),
        (1234.5, 0, "1,235"),
    ],
)
def test_rounded_half_up(number: float, digits: int, text: str) -> None:
    assert stats.rounded(number, digits) == text


def test_sampling_sd() -> None:
    rng = np.random.default_rng(0)
    drawn = 100 * rng.binomial(10_000, 0.974, size=20_000) / 10_000
    assert stats.sampling_sd(0.974, 10_000) == pytest.approx(drawn.std(), rel=0.03)
    with pytest.raises(CourseError, match="between 0 and 1"):
        stats.sampling_sd(97.4, 10_000)
