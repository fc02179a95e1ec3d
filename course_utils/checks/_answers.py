"""Whether the answer to an exercise is right."""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.checks._exercises import EXERCISES, Behaviour
from course_utils.checks._exercises._kinds import NotDone
from course_utils.errors import CourseError

DRAWN = 60
_wrong: Counter[str] = Counter()  # tries, by exercise


def exercise(name: str, answer: Any) -> bool:
    """Hold your answer against the course's own, on chosen inputs and on drawn ones.

    A wrong answer is told with the shortest input on which it went wrong; from the second one on,
    with a hint. It never raises for what your answer does, so that an exercise you have not done
    does not stop the notebook.

    Parameters
    ----------
    name : str
        The exercise: the name that its answer has in the notebook.
    answer : callable or object
        The reader's function, or what else is asked for. Where it is, or returns, ``...`` or None,
        it counts as not done yet.

    Returns
    -------
    bool
        Whether every answer was right.

    Examples
    --------
    >>> from course_utils import checks
    >>> checks.exercise("last_gap", lambda accuracy, val_accuracy: ...)
    last_gap: not done yet.
    False
    """
    if name not in EXERCISES:
        raise CourseError(f"name must be one of {', '.join(EXERCISES)}; got {name!r}.")
    failed, of = faults(name, answer)
    if failed is None:
        print(f"{name}: not done yet.")
    elif failed:
        _wrong[name] += 1
        hint = f"Hint: {EXERCISES[name].hint}"
        print(f"{min(failed, key=len)}\n{'Work it out by hand.' if _wrong[name] == 1 else hint}")
    else:
        print(f"{name}: right" + (f", on {of} of {of} inputs." if of > 1 else "."))
    return failed == []


def faults(name: str, answer: Any, seed: int = 0) -> tuple[list[str] | None, int]:
    """What is wrong with an answer: a sentence each, None where it is not done; and tries made."""
    asked, rng = EXERCISES[name], np.random.default_rng(seed)
    if answer is None or answer is ...:
        return None, 0

    def done(*arguments: Any) -> Any:
        given = answer(*arguments)
        if given is None or given is ...:
            raise NotDone
        return given

    if isinstance(asked, Behaviour):
        try:
            said = asked.judge(done, rng)
        except NotDone:
            return None, 1
        except Exception as error:  # the reader's own code decides what it raises here
            said = f"{name} stops with {type(error).__name__}: {_short(error, str)}."
        return [] if said is None else [said], 1
    failed = []
    inputs = [*asked.cases, *(asked.draw(rng) for _ in range(DRAWN))]
    for arguments in inputs:
        call = f"{name}({', '.join(map(_short, arguments))})"
        expected, own = asked.reference(*arguments), copy.deepcopy(arguments)
        try:
            given = done(*own)
        except NotDone:
            return None, len(inputs)
        except Exception as error:
            failed.append(f"{call} stops with {type(error).__name__}: {_short(error, str)}.")
            continue
        if not _equal(given, expected):
            failed.append(f"{call} is not {_short(given)}.")
        elif not all(map(_equal, own, arguments)):
            failed.append(f"{call} is right, and changes what it was given.")
    return failed, len(inputs)


def _equal(given: Any, expected: Any) -> bool:
    """Compare as numbers, else as they are; what cannot be compared is not equal."""
    for compare in (np.allclose, np.array_equal):
        try:
            if np.shape(given) == np.shape(expected) and compare(given, expected):
                return True
        except Exception:  # the reader's own object decides what it raises here
            continue
    return False


def _short(value: Any, show: Callable[[Any], str] = repr) -> str:
    try:
        text = " ".join(show(value.tolist() if hasattr(value, "tolist") else value).split())
    except Exception:  # the reader's own object
        return f"a {type(value).__name__} that cannot be shown"
    text = re.sub(r"\bnp\.\w+\(([^()]*)\)", r"\1", text)  # np.float64(0.5) inside a list
    text = re.sub(r"\d+\.\d{7,}(e-?\d+)?", lambda number: f"{float(number[0]):.6g}", text)
    return text if len(text) <= 100 else text[:97] + "…"
