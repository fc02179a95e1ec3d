"""Whether the answer to an exercise is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def exercise(
    function: Callable[..., Any], cases: Sequence[tuple[tuple[Any, ...], Any]], hint: str
) -> bool:
    """Check an exercise's function on a few cases, and say in a sentence how it stands.

    It never raises, so that an exercise you have not done does not stop the notebook.

    Parameters
    ----------
    function : callable
        The reader's function. Where it is, or returns, ``...`` or None, it counts as not done yet.
    cases : sequence of (tuple, value)
        Arguments, and what the function should return for them: numbers, or arrays of them.
    hint : str
        A sentence for whoever is not there yet.

    Returns
    -------
    bool
        Whether every case came out right.

    Examples
    --------
    >>> from course_utils import checks
    >>> checks.exercise(lambda a, b: a + b, [((1, 2), 3)], hint="Add them.")
    <lambda>: right, in 1 of 1 cases.
    True
    """
    # functools.partial has no name of its own, only that of the function inside it.
    name = str(getattr(getattr(function, "func", function), "__name__", type(function).__name__))
    if function is None or function is ...:
        print(f"Not done yet.\n{hint}")
        return False
    for arguments, expected in cases:
        call = f"{name}({', '.join(map(_short, arguments))})"
        try:
            given = function(*arguments)
        except Exception as error:
            print(f"{call} stops with {type(error).__name__}: {_short(error, str)}.\n{hint}")
            return False
        if given is None or given is ...:
            print(f"{name}: not done yet.\n{hint}")
            return False
        if not _equal(given, expected):
            print(f"{call}\nshould be {_short(expected)}, yours is {_short(given)}. {hint}")
            return False
    print(f"{name}: right, in {len(cases)} of {len(cases)} cases.")
    return True


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
    except Exception:  # again the reader's own object
        return f"a {type(value).__name__} that cannot be shown"
    text = re.sub(r"\d+\.\d{7,}(e-?\d+)?", lambda number: f"{float(number[0]):.6g}", text)
    return text if len(text) <= 60 else text[:57] + "…"
