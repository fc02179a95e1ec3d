"""Compare two arms over seeds: paired differences, an interval, a test, a verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

ENOUGH = 6  # pairs for a claim: with five, even the clearest sign-flip test gives p = 0.06


@dataclass(frozen=True)
class Comparison:
    """What paired runs say about the difference between two arms.

    Attributes
    ----------
    differences : tuple of float
        One for each pair: the second arm minus the first.
    mean, low, high : float
        Mean difference and its 95 % t interval.
    bootstrap : tuple of float or None
        95 % bootstrap interval (BCa) of the mean; None with fewer than six pairs, or where all
        differences are equal.
    p : float
        Two-sided sign-flip test: the share of all sign patterns with a mean at least this far
        from zero.
    higher_is_better : bool
        Whether a larger measure is the better one.
    unit : str
        Unit of the measure.
    """

    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    bootstrap: tuple[float, float] | None
    p: float
    higher_is_better: bool
    unit: str

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.differences)

    @property
    def sd(self) -> float:
        """Standard deviation of the differences."""
        return float(np.std(self.differences, ddof=1))

    @property
    def verdict(self) -> str:
        """``better``, ``worse`` or ``within noise``, by the t interval."""
        if self.low <= 0 <= self.high:
            return "within noise"
        return "better" if (self.mean > 0) == self.higher_is_better else "worse"

    def __str__(self) -> str:
        few = "" if self.n >= ENOUGH else f"; fewer than {ENOUGH} pairs: a record, not a claim"
        return (
            f"{self.mean:+.2f} {self.unit}, 95 % interval {self.low:+.2f} to {self.high:+.2f}, "
            f"n = {self.n} pairs, sign-flip p = {self.p:.3f}: {self.verdict}{few}."
        )

    def pairs_needed(self, effect: float, power: float = 0.8) -> int:
        """Pairs of runs that would find a difference of this size, at this spread.

        Parameters
        ----------
        effect : float
            The difference that you want to find, in `unit`. Not zero.
        power : float
            Chance to find it, between 0 and 1.

        Returns
        -------
        int
            The smallest number of pairs whose two-sided t test at 5 % finds it with that chance.
            It takes the spread of these pairs for the true one, so it is an estimate.

        Raises
        ------
        ValueError
            If `effect` is zero or `power` is not between 0 and 1.
        """
        if not effect or not 0 < power < 1:
            raise ValueError(
                f"effect must not be 0 and power must be between 0 and 1; got {effect} and {power}."
            )
        return _pairs_needed(abs(effect) / self.sd, power) if self.sd else 2

    def can_find(self, effect: float) -> str:
        """Say whether this many pairs are enough to find a difference of this size."""
        needed = self.pairs_needed(effect)
        if needed <= self.n:
            return f"{self.n} pairs are enough to find {abs(effect):g} {self.unit}."
        return (
            f"{self.n} pairs are too few to find {abs(effect):g} {self.unit}: at this spread, "
            f"about {needed:,} are needed."
        )


def _pairs_needed(size: float, power: float) -> int:
    from scipy import stats

    def enough(n: int) -> bool:
        edge = stats.t.ppf(0.975, n - 1)
        return stats.nct.sf(edge, n - 1, size * math.sqrt(n)) >= power

    high = 2
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def paired(
    before: Sequence[float] | np.ndarray,
    after: Sequence[float] | np.ndarray,
    *,
    higher_is_better: bool = True,
    unit: str = "points",
) -> Comparison:
    """Compare two arms whose runs belong together pair by pair.

    Parameters
    ----------
    before, after : sequence of float, shape (n,)
        One number for each run, in the same order of seeds.
    higher_is_better : bool
        Whether a larger number is the better one; False for losses and gaps.
    unit : str
        Unit of the numbers, for the sentence.

    Returns
    -------
    Comparison
        Of `after` minus `before`.

    Raises
    ------
    ValueError
        If the two differ in length, hold fewer than two runs, or a number that is not finite.

    Notes
    -----
    The interval is that of the paired t test, the p value that of the exact sign-flip
    (permutation) test, both from SciPy. From 14 pairs on the test draws 9,999 sign patterns.
    """
    from scipy import stats

    first, second = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(
            f"before and after must hold one number for each seed, equally many; got shapes "
            f"{first.shape} and {second.shape}."
        )
    if len(first) < 2:
        raise ValueError(f"paired needs two pairs or more; got {len(first)}. Run more seeds.")
    differences = second - first
    if not np.isfinite(differences).all():
        raise ValueError("before and after must be finite; one of the runs diverged.")
    mean = float(differences.mean())
    if np.ptp(differences) == 0:  # no spread: neither t nor bootstrap is defined
        low = high = mean
        bootstrap = None
    else:
        interval = stats.ttest_rel(second, first).confidence_interval(0.95)
        low, high = float(interval.low), float(interval.high)
        bootstrap = _bootstrap(differences) if len(differences) >= ENOUGH else None
    test = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", n_resamples=9999, rng=0
    )
    return Comparison(
        tuple(differences.tolist()),
        mean,
        low,
        high,
        bootstrap,
        float(test.pvalue),
        higher_is_better,
        unit,
    )


def _bootstrap(differences: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    found = stats.bootstrap((differences,), np.mean, rng=0).confidence_interval
    return float(found.low), float(found.high)


def paired_runs(
    before: Iterable[dict[str, Any]],
    after: Iterable[dict[str, Any]],
    measure: Callable[[dict[str, Any]], float],
    **options: Any,
) -> Comparison:
    """Compare two arms of the ledger, seed by seed.

    Parameters
    ----------
    before, after : iterable of dict
        Records of the ledger, one for each seed. Seeds that only one of the two has are left out.
    measure : callable
        Takes a record, gives a number.
    **options
        Handed to `paired`.

    Returns
    -------
    Comparison
        Of `after` minus `before`.

    Raises
    ------
    ValueError
        If an arm holds a seed twice, or fewer than two seeds are in both.
    """
    sides = []
    for records in (list(before), list(after)):
        by_seed = {record["seed"]: measure(record) for record in records}
        if len(by_seed) < len(records):
            arm = records[0]["arm"]
            raise ValueError(f"{arm} holds a seed twice; choose one scale, notebook and protocol.")
        sides.append(by_seed)
    seeds = sorted(sides[0].keys() & sides[1].keys())
    return paired([sides[0][s] for s in seeds], [sides[1][s] for s in seeds], **options)


def sampling_sd(accuracy: float, n_images: int) -> float:
    """Standard deviation of an accuracy that comes from the luck of drawing the images alone.

    Parameters
    ----------
    accuracy : float
        Between 0 and 1.
    n_images : int
        Images that it was measured on.

    Returns
    -------
    float
        In points: 100 √(a(1 − a)/n).

    Raises
    ------
    ValueError
        If `accuracy` is not between 0 and 1, or `n_images` is not positive.
    """
    if not 0 <= accuracy <= 1 or n_images < 1:
        raise ValueError(
            f"accuracy must be between 0 and 1 and n_images at least 1; got {accuracy} and "
            f"{n_images}."
        )
    return 100 * math.sqrt(accuracy * (1 - accuracy) / n_images)
