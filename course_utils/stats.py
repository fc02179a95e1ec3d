"""Compare two arms over seeds: a difference, an interval, and a verdict in one of four words."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np

from course_utils.errors import CourseError

Record = dict[str, Any]
ENOUGH = 6  # runs for a claim

# How far apart two arms may be and still count as equal, settled before looking, and why.
MARGINS = {
    "accuracy": (1.0, "in points: as far as 2,000 images can tell two networks apart"),
    "digits": (0.3, "in points: the same where more than 97 % are right"),
    "gap": (2.0, "in points: it is the difference of two accuracies"),
    "cross-entropy": (0.05, "in nats: the true class is given a twentieth more or less"),
    "epochs": (2.0, "in epochs: neighbouring epochs have nearly the same loss"),
}


@dataclass(frozen=True)
class Comparison:
    """What runs say about the difference between two arms, the second minus the first."""

    mean: float
    low: float  # the 95 % t interval; NaN where the runs do not spread, which gives no interval
    high: float
    equal_low: float  # the 90 % interval: inside the margin, two one-sided tests at 5 % find the
    equal_high: float  # arms equal
    p: float  # two-sided, of the t test
    runs: tuple[int, int]  # how many each arm has
    differences: tuple[float, ...] = ()  # seed by seed; empty where the runs are not paired
    unit: str = "points"
    higher_is_better: bool | None = True  # None where neither side is the good one
    margin: float | None = None  # smaller differences count as equal
    covers: str = "seeds"  # by the interval; or "seeds and images"
    without_partner: tuple[int, ...] = ()  # seeds that only one arm has; they were left out

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

    @property
    def equal(self) -> str:
        """``equal within ± 1 point``, the verdict with its margin."""
        unit = self.unit.removesuffix("s") if self.margin == 1 else self.unit
        return f"equal within ± {self.margin:g} {unit}"

    def __str__(self) -> str:
        count = f"{self.n} pairs" if self.differences else f"{self.runs[0]} and {self.runs[1]} runs"
        interval = "no interval, for the runs do not spread"
        if not math.isnan(self.low):
            interval = f"95 % interval {rounded(self.low, 2)} to {rounded(self.high, 2)}"
        said = self.equal if self.verdict == "equal" else self.verdict
        if self.n < ENOUGH:
            said += f"; fewer than {ENOUGH} runs of each: a record, not a claim"
        if self.without_partner:
            said += f"; without a partner: seeds {', '.join(map(str, self.without_partner))}"
        mean = f"{'+' if self.mean > 0 else ''}{rounded(self.mean, 2)} {self.unit}"
        only = "" if " and " in self.covers else " only"
        return f"{mean} ({interval}, {count}, {self.covers}{only}): {said}."

    def pairs_needed(self, effect: float, power: float = 0.8) -> int:
        """Estimate the pairs that would find a difference of this size, at the spread of these.

        Parameters
        ----------
        effect : float
            The difference that you want to find, in `unit`. Not zero.
        power : float
            Chance that a two-sided t test at 5 % finds it, between 0 and 1.
        """
        from scipy import stats

        if not effect or not 0 < power < 1:
            raise CourseError(
                f"effect must not be 0 and power must be between 0 and 1; got {effect} and {power}."
            )
        if not self.differences or math.isnan(self.low):
            raise CourseError("pairs_needed takes the spread of pairs, and these have none.")
        size = abs(effect) / float(np.std(self.differences, ddof=1))

        def enough(n: int) -> bool:
            edge, shift = stats.t.ppf(0.975, n - 1), size * math.sqrt(n)
            # SciPy has no value far from zero; there the chance is one.
            return shift > edge + 30 or stats.nct.sf(edge, n - 1, shift) >= power

        high = 2
        while not enough(high):
            high *= 2
        low = max(2, high // 2)
        return low + bisect_left(range(low, high), True, key=enough)


Numbers = Sequence[float] | np.ndarray


def paired(before: Numbers, after: Numbers, **options: Any) -> Comparison:
    """Compare two arms whose runs belong together pair by pair (paired t test).

    Parameters
    ----------
    before, after : sequence of float, shape (n,)
        One number for each run, in the same order of seeds.
    **options
        ``unit``, ``higher_is_better`` and ``margin`` of the `Comparison`; ``images``, the variance
        of the mean difference that comes from the images, and how many there are.
    """
    first, second = _values(before), _values(after)
    if len(first) != len(second):
        raise CourseError(
            f"before and after must hold one number for each seed, equally many; got {len(first)} "
            f"and {len(second)}."
        )
    differences = tuple((second - first).tolist())
    return _compared(second, first, [second - first], differences=differences, **options)


def unpaired(before: Numbers, after: Numbers, **options: Any) -> Comparison:
    """Compare two arms whose runs have nothing in common (Welch's t test); see `paired`."""
    first, second = _values(before), _values(after)
    return _compared(second, first, [first, second], **options)


def _values(numbers: Numbers) -> np.ndarray:
    values = np.asarray(numbers, dtype=float)
    if values.ndim != 1 or len(values) < 2:
        raise CourseError(
            f"before and after must hold two runs or more, one number each; got {values.size}."
        )
    if not np.isfinite(values).all():
        raise CourseError("before and after must be finite; one of the runs diverged.")
    return values


def _compared(
    second: np.ndarray,
    first: np.ndarray,
    samples: list[np.ndarray],
    images: tuple[float, int] | None = None,
    **options: Any,
) -> Comparison:
    from scipy import stats

    # Each source of variance with its degrees of freedom; Welch and Satterthwaite add them up.
    parts = [(float(s.var(ddof=1)) / len(s), len(s) - 1) for s in samples]
    if images:
        parts.append((images[0], images[1] - 1))
        options["covers"] = "seeds and images"
    mean, variance = float(second.mean() - first.mean()), sum(part for part, _ in parts)
    low = high = equal_low = equal_high = math.nan
    p = 1.0
    if variance > (1e-9 * max(np.abs(first).max(), np.abs(second).max(), 1)) ** 2:
        freedom = variance**2 / sum(part**2 / df for part, df in parts)
        t = stats.t(freedom, loc=mean, scale=math.sqrt(variance))
        (low, high), (equal_low, equal_high) = t.interval(0.95), t.interval(0.9)
        p = 2 * float(stats.t.sf(abs(mean) / math.sqrt(variance), freedom))
    runs = (len(first), len(second))
    return Comparison(mean, low, high, equal_low, equal_high, p, runs, **options)


def compare_runs(
    before: Iterable[Record],
    after: Iterable[Record],
    measure: Callable[[Record], float],
    *,
    differ: Sequence[str] = (),
    pair: bool = True,
    scores: Callable[[Record], np.ndarray | None] | None = None,
    **options: Any,
) -> Comparison:
    """Compare two arms of the ledger; refuse arms that differ in more than they should.

    Parameters
    ----------
    before, after : iterable of dict
        Records of the ledger, one arm each. A run that was repeated counts once, the last time.
    measure : callable
        Takes a record, gives a number.
    differ : sequence of str
        What the arms may differ in: ``data``, ``precision``, or a parameter by its name.
    pair : bool
        Subtract seed by seed, and leave out seeds without a partner (paired t test); without it,
        compare means (Welch's test).
    scores : callable, optional
        Takes a record, gives the score of each image, or None. Where all records have scores, the
        interval covers images as well as seeds.
    **options
        As in `paired`.
    """
    arms = [by_seed(before), by_seed(after)]
    _refuse_unlike([record for arm in arms for record in arm.values()], differ)
    alone = tuple(sorted(arms[0].keys() ^ arms[1].keys())) if pair else ()
    kept = [[record for seed, record in arm.items() if seed not in alone] for arm in arms]
    if scores:
        stored = [[each for r in arm if (each := scores(r)) is not None] for arm in kept]
        if [len(arm) for arm in stored] == [len(arm) for arm in kept]:
            difference = np.mean(stored[1], axis=0) - np.mean(stored[0], axis=0)  # of each image
            options["images"] = float(difference.var(ddof=1)) / difference.size, difference.size
    numbers = [[measure(record) for record in arm] for arm in kept]
    return (paired if pair else unpaired)(*numbers, without_partner=alone, **options)


def by_seed(records: Iterable[Record]) -> dict[int, Record]:
    """Runs of one arm by their seed; of a run that was repeated, the last; unlike ones refused."""
    found: dict[int, Record] = {}
    for record in records:
        _refuse_unlike([*list(found.values())[:1], record], ())
        found[record["seed"]] = record
    return dict(sorted(found.items()))


def _refuse_unlike(records: Sequence[Record], differ: Sequence[str]) -> None:
    """Refuse records that differ in data, precision or parameters that `differ` does not name."""
    settings = []
    for record in records:
        data = {f"data {key}": value for key, value in record["data"].items() if key != "source"}
        settings.append(data | {"precision": record["precision"]} | record["parameters"])
    for name in sorted({name for each in settings for name in each}):
        values = sorted({str(each.get(name, "none")) for each in settings})
        if len(values) > 1 and not {name, name.split()[0]} & set(differ):
            arms = " and ".join(sorted({record["arm"] for record in records}))
            raise CourseError(
                f"{arms} differ in {name}: {' and '.join(values)}. Compare runs that differ in one "
                f'thing, or say that this is the one: differ=("{name}",).'
            )


def next_run(values: Numbers) -> tuple[float, float]:
    """Interval in which one further run ends, 19 times out of 20 (t distribution).

    A published run is held against it, not against the interval of the mean.
    """
    from scipy import stats

    runs = _values(values)
    scale = runs.std(ddof=1) * math.sqrt(1 + 1 / len(runs))
    low, high = stats.t.interval(0.95, len(runs) - 1, loc=runs.mean(), scale=scale)
    return float(low), float(high)


def holm(p_values: Sequence[float], level: float = 0.05) -> list[bool]:
    """Which tests of a family, by their p values, find something when all are counted (Holm)."""
    found = [False] * len(p_values)
    for rank, index in enumerate(np.argsort(p_values)):
        if p_values[index] > level / (len(p_values) - rank):
            break
        found[index] = True
    return found


def rounded(value: float, digits: int) -> str:
    """Round half up, as by hand: the number that was recorded decides, not its binary neighbour.

    The text has commas between thousands, and a typographic minus sign.
    """
    number = Decimal(str(round(value, 9))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    return f"{number if number else abs(number):,}".replace("-", "−")


def sampling_sd(accuracy: float, n_images: int) -> float:
    """Standard deviation of an accuracy that comes from drawing the images: 100 √(a(1 − a)/n).

    Parameters
    ----------
    accuracy : float
        Between 0 and 1; the standard deviation is in points.
    n_images : int
        Images that it was measured on.
    """
    if not 0 <= accuracy <= 1 or n_images < 1:
        raise CourseError(
            f"accuracy must be between 0 and 1 and n_images at least 1; got {accuracy} and "
            f"{n_images}."
        )
    return 100 * math.sqrt(accuracy * (1 - accuracy) / n_images)
