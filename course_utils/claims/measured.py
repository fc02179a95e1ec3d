"""What a claim measures on recorded runs, and how each measurement is put into words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any

import numpy as np
import yaml

from course_utils import ledger, stats
from course_utils.claims.words import (
    LESS,
    MORE,
    VERDICTS,
    Contradiction,
    bound,
    how_many,
    number,
    spelled,
)
from course_utils.ledger import Record


@dataclass(frozen=True)
class Measure:
    """A number of one run: how it is read, its unit, and which side of it is good."""

    of: Callable[[Record], float]
    unit: str
    better: bool | None = None  # whether more is better
    margin: str = ""  # which of `stats.MARGINS` counts as equal
    digits: int = 1
    scores: Callable[[Record], np.ndarray | None] | None = None  # of each image, where stored


_recorded = cache(ledger.recorded)


@dataclass(frozen=True)
class Runs:
    """The recorded runs of an arm, in the order of their seeds.

    `where` tells settings apart: ``(("data.train", 4000),)``.
    """

    notebook: str
    arm: str
    scale: str = "embedded"
    protocol: str | None = None
    where: tuple[tuple[str, Any], ...] = ()

    @cached_property
    def records(self) -> list[Record]:
        """Their records."""
        here = _recorded(self.scale, self.notebook, self.arm)
        kept = [r for r in here if self.protocol in (None, r["protocol"])]
        kept = [r for r in kept if all(_at(r, name) == value for name, value in self.where)]
        return list(stats.by_seed(kept).values())


def _at(record: Any, name: str) -> Any:
    for key in name.split("."):
        record = record[key]
    return record


@dataclass(eq=False)
class Measured:
    """Runs, and a function that puts what they say into the words of a field's format."""

    reads: tuple[Runs, ...]
    say: Callable[[str], str]


def fact(text: str, source: str) -> Measured:
    """A number or word of a source or of the set-up; no run says it."""
    return Measured((), lambda spec: text)


def setting(arm: Runs, name: str) -> Measured:
    """What all runs of an arm share: ``epochs``, ``data.train``, ``parameters.batch_size``."""

    def say(spec: str) -> str:
        found = {_at(record, name) for record in arm.records}
        if len(found) != 1:
            raise Contradiction(f"the runs have {len(found)} values of {name}, not one")
        (value,) = found
        return number(value) if value == int(value) else f"{value:g}"

    return Measured((arm,), say)


def values(arm: Runs, measure: Measure, row: str = "") -> Measured:
    """One number for each run of an arm; `row` of published.yaml is one more, of its source."""

    def text(*numbers: float) -> str:
        return f"{' to '.join(number(n, measure.digits) for n in numbers)} {measure.unit}"

    def say(spec: str) -> str:
        found = [float(measure.of(record)) for record in arm.records]
        runs = spelled(len(found), "run")
        match spec:
            case "" | "short":
                interval = stats.paired([0.0] * len(found), found)
                ends = " to ".join(number(e, measure.digits) for e in (interval.low, interval.high))
                ends = ends if spec else f"95 % interval {ends}, {runs}, seeds only"
                return f"{text(interval.mean)} ({ends})"
            case "at least" | "at most":
                extreme = bound(found, measure.digits, low=spec == "at least")
                return f"{spec} {text(extreme)}"
            case "range":
                return text(min(found), max(found))
            case "each":
                return f"in each of the {runs}"
            case "runs":
                return runs
            case "next":
                return text(*stats.next_run(found))
            case "published":
                return f"{number(published()[row]['accuracy'], 2)} {measure.unit}"
            case "inside" | "outside":
                low, high = stats.next_run(found)
                if (low <= published()[row]["accuracy"] <= high) == (spec == "inside"):
                    return spec
        raise Contradiction(f"the records do not say “{spec}”: {found}")

    return Measured((arm,), say)


@cache
def published() -> dict[str, Any]:
    """The published rows, by name, from ``reference/published.yaml``."""
    source = resources.files("course_utils") / "reference" / "published.yaml"
    return yaml.safe_load(source.read_text(encoding="utf-8"))


def count(arm: Runs, holds: Callable[[Record], bool]) -> Measured:
    """In how many runs something is so."""
    return Measured((arm,), lambda how: how_many([holds(r) for r in arm.records], "run", how))


def epochs_of(arm: Runs, event: Callable[[Record], float]) -> Measured:
    """When something happened in each run; `event` is infinite where the run ended before."""

    def say(spec: str) -> str:
        epochs = [event(record) for record in arm.records]
        got = [math.isfinite(epoch) for epoch in epochs]
        seen = sorted(int(epoch) for epoch in epochs if math.isfinite(epoch))
        ends = sorted({r["epochs"] for r, there in zip(arm.records, got, strict=True) if not there})
        never = f"not within {' or '.join(map(str, ends))} epochs"
        if not seen:
            return f"{never} {how_many([not there for there in got], 'run', 'each')}"
        when = f"between epochs {seen[0]} and {seen[-1]} {how_many(got, 'run', 'count')}"
        return f"{when}, and {never} in {spelled(got.count(False), 'run')}" if ends else when

    return Measured((arm,), say)


def computed(
    of: Callable[..., float], *arms: Runs, unit: str = "", digits: int = 0, sign: bool = False
) -> Measured:
    """A number from the lists of records of the arms."""

    def say(spec: str) -> str:
        value = float(of(*(arm.records for arm in arms)))
        return f"{number(value, digits, sign)} {unit}".rstrip()

    return Measured(arms, say)


class Change(Measured):
    """A difference, seed by seed, of one record of each arm; `alike` compares two arms."""

    def __init__(
        self,
        arms: tuple[Runs, ...],
        measure: Measure,
        of: Callable[..., float],
        alike: tuple[str, ...] | None = None,
    ) -> None:
        super().__init__(tuple(dict.fromkeys(arms)), self._say)
        self.arms, self.measure, self.of, self.alike = arms, measure, of, alike
        self.note = ""  # what the correction over the notebook's comparisons says of it

    @cached_property
    def differences(self) -> list[float]:
        """Seed by seed; infinite or NaN where a run did not get there."""
        seeds = [[record["seed"] for record in arm.records] for arm in self.arms]
        if any(each != seeds[0] for each in seeds):
            raise Contradiction(f"the arms have other seeds: {seeds}")
        return [float(self.of(*row)) for row in zip(*(a.records for a in self.arms), strict=True)]

    @cached_property
    def comparison(self) -> stats.Comparison:
        """The interval and the verdict."""
        if missing := sum(not math.isfinite(d) for d in self.differences):
            raise Contradiction(
                f"in {missing} of {len(self.differences)} pairs a run ended before it got there: "
                "say it with `each` or `count`, not with a mean"
            )
        options: dict[str, Any] = {
            "higher_is_better": self.measure.better,
            "unit": "points" if self.measure.unit == "%" else self.measure.unit,
            "margin": stats.MARGINS[self.measure.margin][0] if self.measure.margin else None,
        }
        if self.alike is None:
            return stats.paired([0.0] * len(self.differences), self.differences, **options)
        first, second = (arm.records for arm in self.arms)
        of, scores = self.measure.of, self.measure.scores
        return stats.compare_runs(first, second, of, differ=self.alike, scores=scores, **options)

    def _say(self, spec: str) -> str:
        word, _, how = spec.rpartition(" ")
        if how in ("each", "count") and word in MORE | LESS:
            so = [(d > 0) if word in MORE else (d < 0) for d in self.differences]
            if 2 * sum(so) <= len(so):
                raise Contradiction(f"it is {word} in {sum(so)} of {len(so)} pairs")
            return f"{word} {how_many(so, 'pair' if len(self.reads) > 1 else 'run', how)}"
        found = self.comparison
        holds = {"": True, "short": True, "size": found.clear, "size short": found.clear}
        holds |= {word: word == found.verdict for word in VERDICTS}
        holds |= dict.fromkeys(MORE, found.low > 0) | dict.fromkeys(LESS, found.high < 0)
        if not holds.get(spec):
            wrong = "there are no words for this" if spec not in holds else found.verdict
            raise Contradiction(f"the records say {wrong}: {self._full('')}")
        if spec == "equal":
            return found.equal
        return self._full(spec) if spec.split()[:1] in ([], ["size"], ["short"]) else spec

    def _full(self, spec: str) -> str:
        found, sign = self.comparison, "size" not in spec
        ends = sorted((found.low, found.high) if sign else (abs(found.low), abs(found.high)))
        low, high = (number(end, self.measure.digits, sign) for end in ends)
        said = f"{low} to {high}{self.note}"
        if "short" not in spec:
            covers = found.covers if " and " in found.covers else f"{found.covers} only"
            each = "" if found.differences else " each"
            pairs = found.differences and len(self.reads) > 1
            runs = spelled(found.n, "pair" if pairs else "run") + each
            said = f"95 % interval {low} to {high}, {runs}, {covers}{self.note}"
        mean = found.mean if sign else abs(found.mean)
        return f"{number(mean, self.measure.digits, sign)} {found.unit} ({said})"


def compare(
    before: Runs,
    after: Runs,
    measure: Measure,
    then: Measure | None = None,
    differ: Sequence[str] = (),
) -> Change:
    """`after` minus `before`; with `then`, each side is measured by its own."""
    second = (then or measure).of
    return Change(
        (before, after), measure, lambda a, b: second(b) - measure.of(a),
        None if then else tuple(differ),
    )  # fmt: skip


def across(of: Callable[..., float], measure: Measure, *arms: Runs) -> Change:
    """A difference that takes one record of each arm, held against zero."""
    return Change(arms, measure, of)
