"""Compare two arms over seeds: a difference, an interval, and a verdict in one of four words."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from course_utils.errors import CourseError

ENOUGH = 6  # runs for a claim
# Whether `compare_runs` subtracts seed by seed (paired t test), or compares means (Welch's test).
PAIRED = True


@dataclass(frozen=True)
class Margin:
    """How far apart two arms may be and still count as equal, settled before looking."""

    size: float
    unit: str
    reason: str


MARGINS = {
    "accuracy": Margin(1, "points", "as far as 2,000 images can tell two networks apart"),
    "digits": Margin(0.3, "points", "as for accuracy, where 97 % and more are right"),
    "gap": Margin(2, "points", "a gap is the difference of two accuracies, a point for each"),
    "cross-entropy": Margin(0.05, "nats", "the true class is given a twentieth more or less"),
    "epochs": Margin(2, "epochs", "neighbouring epochs have nearly the same loss"),
}


@dataclass(frozen=True)
class Comparison:
    """What runs say about the difference between two arms.

    Attributes
    ----------
    differences : tuple of float
        The second arm minus the first, seed by seed; empty where the runs are not paired.
    mean, low, high : float
        Mean difference and its 95 % t interval. Where the runs do not spread there is no interval:
        the two ends are NaN.
    equal_low, equal_high : float
        The 90 % interval: inside the margin, two one-sided t tests at 5 % find the arms equal.
    p : float
        Two-sided p value of the t test.
    runs : tuple of int
        How many runs each arm has.
    margin : float or None
        Largest difference that counts as equal; None where nothing does.
    higher_is_better : bool or None
        Whether a larger measure is the better one; None where neither is.
    unit : str
        Unit of the measure.
    covers : str
        What the interval covers: ``seeds`` or ``seeds and images``.
    without_partner : tuple of int
        Seeds that only one of the arms has; they are left out of pairs.
    """

    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    equal_low: float
    equal_high: float
    p: float
    runs: tuple[int, int]
    margin: float | None
    higher_is_better: bool | None
    unit: str
    covers: str = "seeds"
    without_partner: tuple[int, ...] = ()

    @property
    def n(self) -> int:
        """Number of pairs, or of runs in the smaller arm."""
        return min(self.runs)

    @property
    def clear(self) -> bool:
        """Whether the 95 % interval excludes zero."""
        return self.low > 0 or self.high < 0

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``equal`` or ``undecided``.

        Where neither side is the good one, ``more`` and ``less`` stand for the first two.
        """
        if self.clear:
            words = {True: ("worse", "better"), False: ("better", "worse"), None: ("less", "more")}
            return words[self.higher_is_better][self.mean > 0]
        inside = self.margin and -self.margin < self.equal_low and self.equal_high < self.margin
        return "equal" if inside else "undecided"

    def __str__(self) -> str:
        said = self.verdict
        if said == "equal":
            said += f" within ± {self.margin:g} {self.unit}"
        if self.n < ENOUGH:
            said += f"; fewer than {ENOUGH} runs of each: a record, not a claim"
        if self.without_partner:
            said += f"; without a partner: seeds {', '.join(map(str, self.without_partner))}"
        count = f"{self.n} pairs" if self.differences else f"{self.runs[0]} and {self.runs[1]} runs"
        interval = "no interval, for the runs do not spread"
        if not math.isnan(self.low):
            interval = f"95 % interval {rounded(self.low, 2)} to {rounded(self.high, 2)}"
        covers = self.covers if " and " in self.covers else f"{self.covers} only"
        sign = "+" if self.mean > 0 else ""
        return f"{sign}{rounded(self.mean, 2)} {self.unit} ({interval}, {count}, {covers}): {said}."

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
        CourseError
            If `effect` is zero, `power` is not between 0 and 1, or there are no pairs that spread.
        """
        if not effect or not 0 < power < 1:
            raise CourseError(
                f"effect must not be 0 and power must be between 0 and 1; got {effect} and {power}."
            )
        sd = float(np.std(self.differences, ddof=1)) if self.differences else 0.0
        if math.isnan(self.low) or not sd:
            raise CourseError("pairs_needed takes the spread of pairs, and these have none.")
        return _pairs_needed(abs(effect) / sd, power)

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
        # SciPy has no value far from zero; there the chance is one.
        return size * math.sqrt(n) > 30 + edge or (
            stats.nct.sf(edge, n - 1, size * math.sqrt(n)) >= power
        )

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
    **options: Any,
) -> Comparison:
    """Compare two arms whose runs belong together pair by pair (paired t test).

    Parameters
    ----------
    before, after : sequence of float, shape (n,)
        One number for each run, in the same order of seeds.
    **options
        ``higher_is_better``, ``unit`` and ``margin`` of the `Comparison`: True, "points" and None
        if not given. ``images``: see `image_variance`.

    Returns
    -------
    Comparison
        Of `after` minus `before`.

    Raises
    ------
    CourseError
        If the two differ in length, hold fewer than two runs, or a number that is not finite.
    """
    first, second = _values(before), _values(after)
    if len(first) != len(second):
        raise CourseError(
            f"before and after must hold one number for each seed, equally many; got {len(first)} "
            f"and {len(second)}."
        )
    changes = second - first
    return _compared(changes.mean(), [changes], (len(first),) * 2, tuple(changes), **options)


def unpaired(
    before: Sequence[float] | np.ndarray,
    after: Sequence[float] | np.ndarray,
    **options: Any,
) -> Comparison:
    """Compare two arms whose runs have nothing in common (Welch's t test).

    Parameters and errors are those of `paired`; the two may hold different numbers of runs.
    """
    first, second = _values(before), _values(after)
    mean = second.mean() - first.mean()
    return _compared(mean, [first, second], (len(first), len(second)), (), **options)


def _values(numbers: Sequence[float] | np.ndarray) -> np.ndarray:
    values = np.asarray(numbers, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise CourseError(f"A comparison needs two runs of each arm or more; got {values.size}.")
    if not np.isfinite(values).all():
        raise CourseError("before and after must be finite; one of the runs diverged.")
    return values


def _compared(
    mean: float,
    samples: list[np.ndarray],
    runs: tuple[int, int],
    differences: tuple[float, ...],
    *,
    higher_is_better: bool | None = True,
    unit: str = "points",
    margin: float | None = None,
    images: tuple[float, int] | None = None,
) -> Comparison:
    from scipy import stats

    # Each source of variance with its degrees of freedom; Welch and Satterthwaite's add up.
    parts = [(float(s.var(ddof=1)) / len(s), len(s) - 1) for s in samples]
    if images:
        parts.append((images[0], images[1] - 1))
    variance = sum(part for part, _ in parts)
    ends = [math.nan] * 4
    p = 1.0
    if variance > (1e-9 * max(1.0, max(float(np.abs(s).max()) for s in samples))) ** 2:
        freedom = variance**2 / sum(part**2 / df for part, df in parts)
        t = stats.t(freedom, loc=mean, scale=math.sqrt(variance))
        ends = [float(end) for level in (0.95, 0.9) for end in t.interval(level)]
        p = 2 * float(stats.t.sf(abs(mean) / math.sqrt(variance), freedom))
    return Comparison(
        tuple(map(float, differences)), float(mean), *ends, p, runs, margin, higher_is_better, unit,
        "seeds and images" if images else "seeds",
    )  # fmt: skip


def image_variance(before: np.ndarray, after: np.ndarray) -> tuple[float, int]:
    """Variance of a mean difference that comes from which images it was measured on.

    Parameters
    ----------
    before, after : ndarray, shape (runs, images)
        Score of each image in each run of the two arms, in the unit of the measure.

    Returns
    -------
    tuple of float and int
        The variance, and how many images there are; the option ``images`` of `paired`.
    """
    differences = np.mean(after, axis=0) - np.mean(before, axis=0)
    return float(differences.var(ddof=1)) / len(differences), len(differences)


def compare_runs(
    before: Iterable[dict[str, Any]],
    after: Iterable[dict[str, Any]],
    measure: Callable[[dict[str, Any]], float],
    *,
    differ: Sequence[str] = (),
    pair: bool | None = None,
    scores: Callable[[dict[str, Any]], np.ndarray | None] | None = None,
    **options: Any,
) -> Comparison:
    """Compare two arms of the ledger that differ in one thing.

    Parameters
    ----------
    before, after : iterable of dict
        Records of the ledger, one arm each. A run that was repeated counts once, the last time.
    measure : callable
        Takes a record, gives a number.
    differ : sequence of str
        What the arms may differ in beside their name: ``data``, ``precision``, or the name of a
        parameter.
    pair : bool, optional
        Subtract seed by seed, leaving out seeds that only one of the arms has; `PAIRED` if not
        given.
    scores : callable, optional
        Takes a record, gives the score of each image, or None where none were stored. Where all
        records have scores, the interval covers images as well as seeds.
    **options
        Handed to `paired` or `unpaired`.

    Returns
    -------
    Comparison
        Of `after` minus `before`.

    Raises
    ------
    CourseError
        If the arms differ in what `differ` does not name, or are too small.
    """
    arms = [_once(before), _once(after)]
    refuse_unlike([record for arm in arms for record in arm.values()], differ)
    pair = PAIRED if pair is None else pair
    alone = sorted(arms[0].keys() ^ arms[1].keys()) if pair else []
    kept = [[r for seed, r in sorted(arm.items()) if seed not in alone] for arm in arms]
    if scores:
        found = [[scores(record) for record in arm] for arm in kept]
        if all(each is not None for arm in found for each in arm):
            options["images"] = image_variance(*(np.array(arm) for arm in found))
    numbers = [[measure(record) for record in arm] for arm in kept]
    compared = (paired if pair else unpaired)(*numbers, **options)
    return Comparison(**{**compared.__dict__, "without_partner": tuple(alone)})


def _once(records: Iterable[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    """Records by seed; of a run that was repeated with the same settings, the last."""
    by_seed: dict[int, dict[str, Any]] = {}
    for record in records:
        refuse_unlike([*list(by_seed.values())[:1], record], ())
        by_seed[record["seed"]] = record
    return by_seed


def refuse_unlike(records: Sequence[dict[str, Any]], differ: Sequence[str]) -> None:
    """Refuse records that differ in more than `differ` names.

    Parameters
    ----------
    records : sequence of dict
        Records of the ledger.
    differ : sequence of str
        As in `compare_runs`.

    Raises
    ------
    CourseError
        If they do; it names what they differ in.
    """
    settings = [_settings(record) for record in records]
    names = sorted({name for each in settings for name in each})
    for name in names:
        values = sorted({str(each.get(name)) for each in settings})
        if len(values) > 1 and name not in differ and name.split(" ")[0] not in differ:
            arms = " and ".join(sorted({record["arm"] for record in records}))
            raise CourseError(
                f"{arms} differ in {name}: {' and '.join(values)}. Compare runs that differ in one "
                f'thing, or say that this is it: differ=("{name}",).'
            )


def _settings(record: dict[str, Any]) -> dict[str, Any]:
    """What two runs must share to be compared."""
    data = {f"data {key}": v for key, v in record["data"].items() if key not in ("source", "test")}
    return data | {"precision": record["precision"]} | record["parameters"]


def next_run(values: Sequence[float] | np.ndarray) -> tuple[float, float]:
    """Interval in which one further run ends, 19 times out of 20 (t distribution).

    A published single run is held against this one, not against the interval of the mean.

    Parameters
    ----------
    values : sequence of float
        One number for each run.

    Returns
    -------
    tuple of float
        The two ends.
    """
    from scipy import stats

    runs = _values(values)
    scale = runs.std(ddof=1) * math.sqrt(1 + 1 / len(runs))
    low, high = stats.t.interval(0.95, len(runs) - 1, loc=runs.mean(), scale=scale)
    return float(low), float(high)


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which of a family of tests still find something when all of them are counted (Holm 1979).

    Parameters
    ----------
    p_values : sequence of float
        One for each test.
    level : float
        Chance that the family finds anything where there is nothing.

    Returns
    -------
    list of bool
        In the order of `p_values`.
    """
    found = [False] * len(p_values)
    for rank, index in enumerate(np.argsort(p_values)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        found[index] = True
    return found


def rounded(value: float, digits: int) -> str:
    """Round half up, as by hand: the number that was recorded decides, not its binary neighbour.

    Parameters
    ----------
    value : float
        A measurement, or a mean of some.
    digits : int
        Decimals to keep.

    Returns
    -------
    str
        With commas between thousands, and a typographic minus sign.
    """
    number = Decimal(str(round(value, 9))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{number if number else abs(number):,}".replace("-", "−")


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
    CourseError
        If `accuracy` is not between 0 and 1, or `n_images` is not positive.
    """
    if not 0 <= accuracy <= 1 or n_images < 1:
        raise CourseError(
            f"accuracy must be between 0 and 1 and n_images at least 1; got {accuracy} and "
            f"{n_images}."
        )
    return 100 * math.sqrt(accuracy * (1 - accuracy) / n_images)
