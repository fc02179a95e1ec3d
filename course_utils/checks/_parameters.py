"""What a notebook's parameters may be, checked before anything runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from course_utils import datasets
from course_utils.errors import CourseError


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`."""

    low: int
    high: int

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and self.low <= value <= self.high:
            return None
        return f"a whole number from {self.low} to {self.high:,}"


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`, both allowed; NaN is not."""

    low: float
    high: float

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and not math.isnan(value) and self.low <= value <= self.high:
            return None
        return f"a number from {self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class Flag:
    """True or False."""

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        return None if isinstance(value, bool) else "True or False"


@dataclass(frozen=True)
class Text:
    """A text, not empty unless that is allowed."""

    may_be_empty: bool = False

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        if isinstance(value, str) and (value.strip() or (value == "" and self.may_be_empty)):
            return None
        return 'a text, or "" for none' if self.may_be_empty else "a text that is not empty"


@dataclass(frozen=True)
class Choice:
    """One of a few texts."""

    options: tuple[str, ...]

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        if isinstance(value, str) and value in self.options:
            return None
        return f"one of {', '.join(map(repr, self.options))}"


@dataclass(frozen=True)
class Each:
    """A list, not empty and without repeats, each of whose entries is allowed by `rule`."""

    rule: Any

    def problem(self, value: Any) -> str | None:
        """Say what is allowed, or None where `value` is."""
        filled = isinstance(value, list) and value
        once = filled and len({repr(v) for v in value}) == len(value)
        if once and all(self.rule.problem(v) is None for v in value):
            return None
        return f"a list without repeats, each entry {self.rule.problem(object())}"


COMMON: dict[str, Any] = {
    "data": Choice(("embedded", "full")),
    "pictures": Text(True),
    "epochs": Whole(1, 1000),
    "batch_size": Whole(1, 4096),
    "seed": Whole(0, 2**31 - 1),
    "n_seeds": Whole(1, 100),
    "precision": Choice(("auto", "float32", "mixed_bfloat16")),
    "learning_rate": Real(1e-6, 1.0),
    "width": Real(0.05, 4.0),
    "resume": Flag(),
    "run_solutions": Flag(),
    "output_dir": Text(),
}
SIZES = ("train_size", "validation_size")


def parameters(
    dataset: str | None, rules: Mapping[str, Any] | None = None, /, **values: Any
) -> None:
    """Refuse a notebook's parameters, in one sentence, before anything is trained.

    Parameters
    ----------
    dataset : str or None
        Name of the data set that bounds ``train_size`` and ``validation_size``.
    rules : mapping, optional
        Rules for the names that are the notebook's own; `COMMON` holds the others.
    **values
        The notebook's parameters by name.
    """
    rules = COMMON | dict(rules or {})
    sized = [name for name in SIZES if name in values]
    for name, value in values.items():
        if name not in sized:
            _refuse(name, value, rules[name].problem(value))
    if dataset is None or not sized:
        return
    pools = datasets.sizes(dataset, values["data"])
    for name in sized:
        low = Whole(10, pools[name.removesuffix("_size")])
        _refuse(name, values[name], low.problem(values[name]))
    # The full photographs come in parts of their own, the full arrays share one training split.
    shared = values["data"] == "full" and dataset != "cats_vs_dogs"
    if shared and len(sized) == 2:
        total, limit = values["train_size"] + values["validation_size"], pools["train"]
        if total > limit:
            raise CourseError(
                f"train_size + validation_size is {total:,}, but the official training split has "
                f"{limit:,} images; make one of them smaller."
            )


def _refuse(name: str, value: Any, allowed: str | None) -> None:
    if allowed is not None:
        shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "…"
        raise CourseError(
            f"{name} must be {allowed}; got {shown}. Change {name} in the parameters cell or on "
            f"papermill's command line."
        )
