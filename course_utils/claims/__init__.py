"""Claims: a measure over recorded runs, and the sentence that is rendered from it.

A claim reads like its sentence::

    claim("01-relu-accuracy",
          "With activations, validation accuracy changes by {d}: {d:undecided}.",
          d=compare(F1, RELU, validation_accuracy))

Numbers come from the measures. A word of direction is written by the author and printed only if
the records say so; in the text between the fields there is neither. What may stand behind the colon
(with a capital, the words begin with one):

- `compare`, `across`: nothing for "+0.7 points (95 % interval −0.4 to +1.9, six pairs, seeds
  only)"; ``short`` without what it covers; ``size``, ``size short`` without the sign, where it is
  known; ``better``, ``worse``, ``equal``, ``undecided``; a word of `words.MORE` or `words.LESS`,
  alone for the interval, or as ``later each`` and ``later count`` for "later in five of the six
  pairs";
- `values`: nothing, ``short``, ``at least``, ``at most``, ``range``, ``each`` for "in each of the
  six runs"; ``next`` for the interval of a further run, ``published`` for its source's number, and
  ``inside`` or ``outside`` for where that lies;
- `count`: ``each``, ``none``, ``count``;
- `epochs_of` (`measures.turns`), `setting`, `computed`, `fact`: nothing.

Each notebook has a module here. ``course claims --write`` renders its claims into the bullets of
the notebook's ``verdict`` cells, the marked places in other texts, and the page of claims.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from course_utils import stats
from course_utils.claims.measured import (
    Change,
    Contradiction,
    Measure,
    Measured,
    Record,
    Runs,
    across,
    compare,
    computed,
    count,
    epochs_of,
    fact,
    setting,
    values,
)
from course_utils.claims.words import fields, refuse_loose_words
from course_utils.errors import CourseError

OVER = re.compile(r" over the notebook's \d+ comparisons")


@dataclass(frozen=True)
class Claim:
    """A sentence with places for what is measured."""

    name: str
    template: str
    measured: dict[str, Measured]
    concludes: bool  # a bullet on six runs or more; else a number shown in the text

    @property
    def reads(self) -> list[Runs]:
        """The runs that it rests on, in the order of the sentence."""
        return list(dict.fromkeys(arm for each in self.measured.values() for arm in each.reads))

    def tested(self) -> list[Change]:
        """The changes whose interval or verdict it tells."""
        said = {
            name
            for _, name, spec in fields(self.template)
            if not spec.endswith(("each", "count", "pairs", "range"))
        }
        return [m for name, m in self.measured.items() if name in said and isinstance(m, Change)]

    def sentence(self) -> str:
        """What it says.

        Raises
        ------
        CourseError
            If the records do not say it; names the claim, what it says and what they say.
        """
        refuse_loose_words(self.name, self.template)
        if self.concludes:
            for arm in self.reads:
                if len(arm.records) < stats.ENOUGH:
                    raise CourseError(
                        f"Claim {self.name} needs {stats.ENOUGH} runs; {arm.arm} ({arm.scale}) has "
                        f"{len(arm.records)}. Show the number with `shown`, and conclude nothing."
                    )
        parts, told = [], set()
        for text, name, spec in fields(self.template):
            parts.append(text)
            if not name:
                continue
            if name not in self.measured:
                raise CourseError(f"Claim {self.name} does not say what {name} measures.")
            try:
                words = self.measured[name].say(spec[:1].lower() + spec[1:])
            except Contradiction as error:
                raise CourseError(f"{self.name} says {{{name}:{spec}}}, but {error}.") from error
            parts.append(words[:1].upper() + words[1:] if spec[:1].isupper() else words)
            told.add(name)
        if unused := self.measured.keys() - told:
            raise CourseError(f"Claim {self.name} measures {sorted(unused)} and does not tell it.")
        said = "".join(parts)
        for change in self.tested():
            if change.note not in said:
                raise CourseError(f"{self.name} keeps back: {change.say('')}. Tell the interval.")
        first, *more = OVER.split(said)  # over how many is said once
        over = OVER.search(said)
        return "".join([first, over[0] if over else "", *more])


def claim(name: str, template: str, **measured: Measured) -> Claim:
    """A conclusion: a bullet of a ``verdict`` cell, on six runs or more of each arm."""
    return Claim(name, template, measured, concludes=True)


def shown(name: str, template: str, **measured: Measured) -> Claim:
    """Numbers of recorded runs in other text; concludes nothing, so that one run is enough."""
    return Claim(name, template, measured, concludes=False)


class Claims:
    """The claims of one notebook. Their comparisons are one family, corrected together (Holm)."""

    def __init__(self, notebook: str, *claims: Claim) -> None:
        self.notebook = notebook
        self.claims = {each.name: each for each in claims}

    def family(self) -> list[Change]:
        """Every comparison whose interval or verdict a claim tells, each once."""
        told = [change for each in self.claims.values() for change in each.tested()]
        return list({id(change): change for change in told}.values())

    def sentences(self) -> tuple[dict[str, str], list[str]]:
        """What each claim says, by its name; and the claims that the records contradict."""
        said, wrong, family = {}, [], []
        for change in self.family():
            try:
                family.append((change, change.comparison))
            except CourseError:  # the claim that tells it will say so
                continue
        still = stats.holm([found.p for _, found in family])
        for (change, found), stands in zip(family, still, strict=True):
            if found.clear and not stands:
                change.note = f"; not after Holm over the notebook's {len(family)} comparisons"
        for each in self.claims.values():
            try:
                said[each.name] = each.sentence()
            except CourseError as error:
                wrong.append(str(error))
        return said, wrong
