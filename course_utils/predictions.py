"""What you wrote down before a training, kept, and scored after it.

Each line of ``predictions.jsonl``, beside the ledger, is one notebook's guesses or their score.
"""

from __future__ import annotations

from typing import Any

from course_utils import ledger
from course_utils.errors import CourseError

_latest: dict[str, dict[str, Any]] = {}


def write_down(notebook: str, **guesses: Any) -> None:
    """Keep your guesses, before anything is trained.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    **guesses
        A number, a text or True or False for each question; None where you have no guess yet.

    Raises
    ------
    CourseError
        If the file beside the ledger cannot be written.
    """
    given = {name: _plain(value) for name, value in guesses.items() if value is not None}
    for name, value in given.items():
        if not isinstance(value, int | float | str):
            point = " Write a decimal number with a point, as 12.5." * isinstance(value, tuple)
            raise CourseError(
                f"{_words(name)} must be one number, a text, True or False; got {value!r:.60}."
                f"{point} Change it above, and run this cell again."
            )
    _latest.setdefault(notebook, {}).update(given)
    if given:
        _keep(notebook, {"guesses": given})
        print("Written down:", ", ".join(f"{_words(n)} {v}" for n, v in given.items()) + ".")
    if missing := [_words(name) for name in guesses if name not in given]:
        print(f"No guess yet: {', '.join(missing)}. Replace None, and run this cell again.")


def score(notebook: str, **measured: Any) -> None:
    """Lay what was measured beside what you wrote down in this session, and only beside that.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    **measured
        What came out, under the names that `write_down` was given.

    Raises
    ------
    CourseError
        If the file beside the ledger cannot be written.
    """
    guesses = _latest.get(notebook, {})
    measured = {name: _plain(value) for name, value in measured.items()}
    for name, value in measured.items():
        if name in guesses:
            print(f"{_words(name)}: you wrote {guesses[name]}; it is {_shown(value)}.")
    if missing := [_words(name) for name in measured if name not in guesses]:
        print(
            f"{', '.join(missing)}: you wrote nothing down. Replace None above, and run that cell "
            "and this one."
        )
    if scored := {name: guesses[name] for name in measured if name in guesses}:
        _keep(notebook, {"guesses": scored, "measured": {n: measured[n] for n in scored}})


def _keep(notebook: str, content: dict[str, Any]) -> None:
    path = ledger.default_path().with_name("predictions.jsonl")
    try:
        ledger.append({"notebook": notebook} | content, path)
    except ledger.LedgerError as error:
        raise CourseError(
            f"Your guess is not kept: {path} cannot be written. Make room, or set COURSE_LEDGER to "
            "a file in a folder that you may write (%env COURSE_LEDGER=…), and run this cell again."
        ) from error


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plain(value: Any) -> Any:
    """A NumPy number as Python's own, which JSON knows."""
    return value.item() if hasattr(value, "item") else value


def _shown(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
