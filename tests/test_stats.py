"""Paired comparisons, against SciPy, against enumeration and against known cases."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from course_utils import stats

BEFORE = np.array([84.0, 83.1, 85.2, 84.4, 83.9, 84.8])
AFTER = np.array([85.5, 84.9, 86.0, 86.1, 85.0, 86.9])


def test_interval_is_that_of_the_paired_t_test() -> None:
    found = stats.paired(BEFORE, AFTER)
    expected = scipy_stats.ttest_rel(AFTER, BEFORE).confidence_interval()
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.mean == pytest.approx((AFTER - BEFORE).mean())
    assert found.verdict == "better"


@pytest.mark.parametrize("seed", range(5))
def test_p_is_the_share_of_sign_patterns(seed: int) -> None:
    differences = np.random.default_rng(seed).normal(0.5, 1, size=7)
    signs = np.array(list(itertools.product([-1, 1], repeat=7)))
    means = np.abs((signs * differences).mean(axis=1))
    share = (means >= abs(differences.mean()) - 1e-12).mean()
    assert stats.paired(np.zeros(7), differences).p == pytest.approx(share)


@pytest.mark.parametrize(("n", "smallest"), [(3, 0.25), (5, 0.0625), (6, 0.03125)])
def test_smallest_possible_p(n: int, smallest: float) -> None:
    differences = 10 + np.random.default_rng(0).normal(size=n)
    assert stats.paired(np.zeros(n), differences).p == pytest.approx(smallest)


def test_bootstrap_is_scipys_and_needs_six_pairs() -> None:
    found = stats.paired(BEFORE, AFTER).bootstrap
    expected = scipy_stats.bootstrap((AFTER - BEFORE,), np.mean, rng=0).confidence_interval
    assert found == pytest.approx((expected.low, expected.high))
    assert stats.paired(BEFORE[:5], AFTER[:5]).bootstrap is None


@pytest.mark.parametrize(
    ("shift", "higher", "verdict"),
    [
        (1.0, True, "better"),
        (1.0, False, "worse"),
        (-1.0, True, "worse"),
        (-1.0, False, "better"),
        (0.0, True, "within noise"),
    ],
)
def test_verdict(shift: float, higher: bool, verdict: str) -> None:
    noise = np.array([-0.3, 0.2, 0.1, -0.1, 0.3, -0.2])
    found = stats.paired(np.zeros(6), shift + noise, higher_is_better=higher)
    assert found.verdict == verdict
    assert f"{verdict}." in str(found)


def test_few_pairs_are_a_record() -> None:
    assert "not a claim" in str(stats.paired(BEFORE[:3], AFTER[:3]))
    assert "not a claim" not in str(stats.paired(BEFORE, AFTER))


def test_equal_differences() -> None:
    found = stats.paired([1.0, 2.0, 3.0], [1.5, 2.5, 3.5])
    assert (found.low, found.high, found.bootstrap) == (0.5, 0.5, None)
    assert stats.paired([1.0, 2.0], [1.0, 2.0]).verdict == "within noise"


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ([1.0], [2.0], "two pairs"),
        ([], [], "two pairs"),
        ([1.0, 2.0], [1.0], "equally many"),
        ([1.0, math.nan], [1.0, 2.0], "finite"),
    ],
)
def test_refuses(before: list[float], after: list[float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        stats.paired(before, after)


@pytest.mark.parametrize("effect", [0.3, 1.0, 2.0])
def test_pairs_needed_reaches_the_power_asked_for(effect: float) -> None:
    found = stats.paired(BEFORE, AFTER)
    n = found.pairs_needed(effect)
    rng = np.random.default_rng(0)
    drawn = rng.normal(effect, found.sd, size=(4000, n))
    rejected = scipy_stats.ttest_1samp(drawn, 0, axis=1).pvalue < 0.05
    assert rejected.mean() >= 0.77
    if n > 2:
        fewer = scipy_stats.ttest_1samp(drawn[:, : n - 1], 0, axis=1).pvalue < 0.05
        assert fewer.mean() < 0.83


def test_says_when_n_is_too_small() -> None:
    found = stats.paired(BEFORE, AFTER)
    assert "too few to find 0.05 points" in found.can_find(-0.05)
    assert "enough to find 5 points" in found.can_find(5)
    with pytest.raises(ValueError, match="effect must not be 0"):
        found.pairs_needed(0)


def run(seed: int, value: float, arm: str = "a") -> dict:
    return {"seed": seed, "arm": arm, "value": value}


def test_runs_are_paired_by_seed_and_not_by_order() -> None:
    before = [run(2, 20.0), run(0, 1.0), run(1, 10.0)]
    after = [run(0, 2.0), run(1, 12.0), run(2, 23.0), run(7, 99.0)]
    found = stats.paired_runs(before, after, lambda r: r["value"])
    assert found.differences == (1.0, 2.0, 3.0)


def test_a_seed_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="b holds a seed twice"):
        stats.paired_runs([run(0, 1.0), run(1, 1.0)], [run(0, 1.0, "b")] * 2, lambda r: r["value"])


def test_sampling_sd() -> None:
    rng = np.random.default_rng(0)
    drawn = 100 * rng.binomial(10_000, 0.974, size=20_000) / 10_000
    assert stats.sampling_sd(0.974, 10_000) == pytest.approx(drawn.std(), rel=0.03)
    assert round(stats.sampling_sd(0.974, 10_000), 2) == 0.16
    with pytest.raises(ValueError, match="between 0 and 1"):
        stats.sampling_sd(97.4, 10_000)
