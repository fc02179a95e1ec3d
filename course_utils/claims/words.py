"""The words of claims: numbers as they are printed, and words that are said only if they hold."""

from __future__ import annotations

import math
import re
from string import Formatter

from course_utils.errors import CourseError
from course_utils.stats import rounded

SPELLED = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
           "eleven", "twelve")  # fmt: skip
MORE = {"more", "higher", "larger", "wider", "later", "longer", "slower", "above", "adds", "gains",
        "raises", "rises", "widens"}  # fmt: skip
LESS = {"less", "lower", "smaller", "narrower", "earlier", "shorter", "quicker", "below", "costs",
        "falls", "loses", "lowers", "narrows", "saves"}  # fmt: skip
VERDICTS = {"better", "worse", "equal", "undecided"}
OUTSIDE = re.compile(
    rf"\d|\b({'|'.join([*MORE, *LESS, *VERDICTS, *SPELLED[2:]])}|twice|thrice|half|double)\b", re.I
)


class Contradiction(CourseError):
    """A claim says something that the records do not say."""


def number(value: float, digits: int = 0, sign: bool = False) -> str:
    """A number as the course prints it; with `sign`, plus as well as minus."""
    text = rounded(value, digits)
    return f"+{text}" if sign and value > 0 and text.strip("0.") else text


def spelled(count: int, noun: str) -> str:
    """``six runs``, ``one run``, ``20 runs``."""
    word = SPELLED[count] if count < len(SPELLED) else f"{count:,}"
    return f"{word} {noun}{'' if count == 1 else 's'}"


def bound(values: list[float], digits: int, *, low: bool) -> float:
    """The extreme value, rounded to the side on which the sentence stays true."""
    power, extreme = 10**digits, min(values) if low else max(values)
    return (math.floor if low else math.ceil)(round(extreme * power, 6)) / power


def how_many(so: list[bool], noun: str, how: str) -> str:
    """``in each of the six runs``, ``in none of …``, or with `count` whichever it is."""
    found, of = sum(so), len(so)
    word = {of: "each", 0: "none"}.get(found, spelled(found, noun).split()[0])
    if how not in ("count", word):
        raise Contradiction(f"it is so in {found} of {of} {noun}s")
    return f"in {word} of the {spelled(of, noun)}"


def fields(template: str) -> list[tuple[str, str, str]]:
    """Text, name and format of each field of a template; the last may have no name."""
    return [(t, name or "", spec or "") for t, name, spec, _ in Formatter().parse(template)]


def refuse_loose_words(name: str, template: str) -> None:
    """Refuse numbers and words of direction that come from no measure."""
    for text, _, _ in fields(template):
        if found := OUTSIDE.search(text):
            raise CourseError(
                f"Claim {name}: “{found[0]}” stands outside of the fields, where nothing checks "
                "it. Let a measure say it, or a fact with its source."
            )
