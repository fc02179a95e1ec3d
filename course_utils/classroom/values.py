"""Values of parameters, as they are given on a command line."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_utils.classroom import notebooks


def parse_value(text: str) -> bool | int | float | str | None:
    """Read the value of ``-p`` as papermill does: True, False, None, a number, else text."""
    words: dict[str, bool | None] = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_yaml(text: str) -> Any:
    """Value of a YAML text, with ``1e-4`` a number and ``None`` a null, as in Python.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    object
        Its value.

    Raises
    ------
    ValueError
        If it is not YAML.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    number = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("None$"), ["N"])
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def collect_values(
    pairs: Iterable[tuple[str, str]], yamls: Iterable[str], files: Iterable[Path] = ()
) -> dict[str, Any]:
    """Values of -f, then -y, then -p: the later wins, as in papermill.

    Parameters
    ----------
    pairs : iterable of (str, str)
        Name and value of each -p.
    yamls : iterable of str
        Text of each -y.
    files : iterable of pathlib.Path, optional
        File of each -f.

    Returns
    -------
    dict
        Value by name.

    Raises
    ------
    Refused
        For a -f or -y that is no YAML mapping.
    """
    texts = [(f"-f {path}", path.read_text(encoding="utf-8")) for path in files]
    values: dict[str, Any] = {}
    for origin, text in [*texts, *((f"-y '{text}'", text) for text in yamls)]:
        try:
            part = read_yaml(text) or {}
        except ValueError:
            part = None
        if not isinstance(part, dict):
            raise notebooks.Refused(f"{origin} must be YAML of the form 'name: value'.")
        values.update(part)
    return values | {name: parse_value(value) for name, value in pairs}
