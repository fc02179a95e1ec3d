"""The bug hunt: an examination of short programs, each with one mistake that people make, or none.

>>> from course_utils.checks import hunt
>>> exam = hunt.examination(seed=1, n_programs=8)
>>> exam.letters
('A', 'B', 'C', 'D', 'E', 'F', 'G', 'H')
"""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils import datasets
from course_utils.checks._answers import _short
from course_utils.checks._hunt import PROGRAMS
from course_utils.checks._hunt._behaviour import trouble
from course_utils.checks._hunt._kinds import MISTAKES, SOUND, Paper, printed
from course_utils.checks._hunt._watch import Seen, Sets, function, run
from course_utils.errors import CourseError

MOST = len(PROGRAMS)
LABELLED, TEST = 800, 400  # pictures of an examination


@dataclass(frozen=True)
class Solution:
    """The answer to one program."""

    letter: str
    name: int  # the number of its mistake in the list
    mistake: str
    why: str
    before: str
    mended: str
    sources: tuple[str, ...]

    @property
    def program(self) -> Callable[..., Any]:
        """The mended program, to run."""
        return function(self.mended, f"program {self.letter}, mended")


class Examination:
    """The programs that one seed draws, and what a reader has said of them so far."""

    def __init__(self, seed: int, papers: Mapping[str, Paper], data: Sets) -> None:
        self.seed, self.data = seed, data
        self.letters = tuple(papers)
        self._papers = papers
        self._named: dict[str, int | None] = {}
        self._fixed: set[str] = set()  # named letters whose program has been looked at since
        self._mended: dict[str, bool] = {}
        self._wrong: Counter[str] = Counter()

    def mistakes(self) -> None:
        """Print the list of what may be wrong, by number."""
        print("\n".join(f"{number:2}  {mistake}" for number, mistake in enumerate(MISTAKES)))

    def text(self, letter: str) -> str:
        """The text of a program."""
        return self._paper(letter).text

    def run(self, letter: str) -> Seen:
        """Run a program, and keep what it trained and validated on, its network and history."""
        program = function(self.text(letter), f"program {letter}")
        return run(program, self.data, self.seed)

    def show(self, letter: str) -> Seen | None:
        """Show a program's text, run it, and draw its curves."""
        from IPython.display import display

        from course_utils import plots

        if letter not in self._papers:
            print(f"This examination has no program {letter}.")
            return None
        text = self.text(letter)
        shown = {"text/markdown": f"```python\n{text}\n```", "text/plain": text}
        display(shown, raw=True)
        seen = self.run(letter)
        plots.history(seen.history, f"Program {letter}")
        more = [k for k in seen.history if k.split("_")[-1] not in ("loss", "accuracy")]
        for name in more:
            print(f"{name:9}", " ".join(f"{value:.2f}" for value in seen.history[name]))
        print(f"accuracy that it returns for the test pictures: {100 * seen.score:.1f} %")
        return seen

    def name(self, names: Mapping[str, int | None]) -> bool:
        """Keep what the reader calls each program, by the number of the mistake.

        Once a mended program has been looked at, its name stays.
        """
        known = {letter: name for letter, name in names.items() if letter in self._papers}
        for letter, name in known.items():
            whole = isinstance(name, int) and not isinstance(name, bool)
            if name is not None and not (whole and 0 <= name < len(MISTAKES)):
                raise CourseError(
                    f"The name of program {letter} must be a whole number from 0 to "
                    f"{len(MISTAKES) - 1}, as in the list, or None; got {name!r}."
                )
            if letter in self._fixed:
                if name != self._named.get(letter):
                    print(f"{letter}: its check has spoken; what you called it before stays.")
            elif name is not None:
                self._named[letter] = name
        missing = [letter for letter in self.letters if letter not in self._named]
        if missing:
            print(f"Names: not done yet: {', '.join(missing)}.")
        else:
            print(f"All {len(self.letters)} are named.")
        return not missing

    def check(self, letter: str, mended: Any) -> bool:
        """Run a mended program, and say whether it behaves.

        A wrong one is told what was seen; from the second one on, with a hint. It never raises for
        what the program does.
        """
        if letter not in self._papers:
            print(f"This examination has no program {letter}.")
            return True
        if mended is None or mended is ... or _is_stub(mended):
            print(f"{letter}: not done yet.")
            return False
        program = self._paper(letter).program
        try:
            said = trouble(mended, program.keeps, self.data, self.seed)
        except Exception as error:  # the reader's own code decides what it raises here
            said = f"It stops with {type(error).__name__}: {_short(error, str)}."
        self._fixed.add(letter)
        if letter not in self._named:
            self._named[letter] = None
            print(f"{letter}: you had not named it before; it counts as not named.")
        self._mended[letter] = said is None
        if said is None:
            print(f"{letter}: it behaves.")
            return True
        self._wrong[letter] += 1
        print(f"{letter}: {said}")
        if self._wrong[letter] > 1:
            print(f"Hint: {program.hint}")
        return False

    def result(self) -> int | None:
        """Print how many programs are named and mended; None while names are missing."""
        missing = [letter for letter in self.letters if letter not in self._named]
        if missing:
            print(f"Not named yet: {', '.join(missing)}.")
            return None
        right = sum(self._named[s.letter] == s.name for s in self.solutions())
        broken = [s.letter for s in self.solutions() if s.name]
        mended = sum(self._mended.get(letter, False) for letter in broken)
        print(f"You named {right} of {len(self.letters)}, and mended {mended} of {len(broken)}.")
        return right

    def solutions(self) -> list[Solution]:
        """The answers, by letter."""
        return [
            Solution(
                letter,
                MISTAKES.index(paper.program.mistake),
                paper.program.mistake,
                paper.program.why,
                paper.text,
                paper.mended,
                paper.program.sources,
            )
            for letter, paper in self._papers.items()
        ]

    def solution(self, letter: str) -> Callable[..., Any] | None:
        """The mended program of a letter, to run; None where the examination has no such letter."""
        found = (s.program for s in self.solutions() if s.letter == letter)
        return next(found, None)

    def _paper(self, letter: str) -> Paper:
        if letter not in self._papers:
            raise CourseError(f"letter must be one of {', '.join(self.letters)}; got {letter!r}.")
        return self._papers[letter]


def _is_stub(mended: Any) -> bool:
    """Whether a function returns `...` or None without having trained anything."""
    code = getattr(mended, "__code__", None)
    return code is not None and not code.co_names


def examination(seed: int, n_programs: int = 8) -> Examination:
    """Draw an examination: which programs, in which order, in which form and with which words.

    Parameters
    ----------
    seed : int
        Two seeds draw two examinations.
    n_programs : int
        How many programs, from 4 to `MOST`; at least one of them is sound.
    """
    papers = draw(seed, n_programs)
    whole = datasets.load("fashion_mnist")
    rng = np.random.default_rng([seed, 11])
    rows = rng.permutation(len(whole.x_train))[:LABELLED]
    tests = rng.permutation(len(whole.x_test))[:TEST]
    data = (whole.x_train[rows], whole.y_train[rows], whole.x_test[tests], whole.y_test[tests])
    return Examination(seed, papers, data)


def draw(seed: int, n_programs: int) -> dict[str, Paper]:
    """The papers of an examination, by letter."""
    if not 4 <= n_programs <= MOST:
        raise CourseError(
            f"n_programs must be a whole number from 4 to {MOST}; got {n_programs!r}."
        )
    rng = np.random.default_rng([seed, 3])
    sound = [p for p in PROGRAMS if p.mistake == SOUND]
    broken = [p for p in PROGRAMS if p.mistake != SOUND]
    least = max(1, n_programs - len(broken))
    n_sound = int(rng.integers(least, len(sound) + 1))
    chosen = [sound[i] for i in rng.permutation(len(sound))[:n_sound]]
    chosen += [broken[i] for i in rng.permutation(len(broken))[: n_programs - n_sound]]
    order = rng.permutation(n_programs)
    return {
        letter: printed(chosen[i], rng)
        for letter, i in zip(string.ascii_uppercase, order, strict=False)
    }


def solutions(seed: int, n_programs: int = 8) -> list[Solution]:
    """The answer key of an examination, by letter; nothing is trained."""
    return Examination(seed, draw(seed, n_programs), ()).solutions()  # type: ignore[arg-type]
