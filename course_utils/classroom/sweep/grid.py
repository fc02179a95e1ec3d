"""The grid of a sweep: the values of each ``-g``, and a run for every combination of them."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from course_utils.classroom import notebooks
from course_utils.classroom.values import read_yaml

RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
KINDS = {"int": int, "float": (int, float), "bool": bool, "str": str}


def parse_grid(texts: Iterable[str], declared: dict[str, str]) -> dict[str, list[Any]]:
    """Read the values of ``-g``.

    Parameters
    ----------
    texts : iterable of str
        Each of the form ``name=values``: values separated by commas, ranges ``a..b`` among them,
        or a YAML list of the values.
    declared : dict of str to str
        Types of the notebook's parameters, as papermill infers them.

    Returns
    -------
    dict of str to list
        The values of each name. For a parameter that is a list, a single value stands for the
        list of it.

    Raises
    ------
    Refused
        For a text that cannot be read so, a value twice, or a value of another type than declared.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, _, listed = (part.strip() for part in text.partition("="))
        if not name or not listed:
            raise notebooks.Refused(
                f"-g '{text}' must be of the form NAME=VALUES, for instance -g seed=0..9."
            )
        if name in grid:
            raise notebooks.Refused(f"-g {name} is given twice; put its values into one -g.")
        kind = declared.get(name, "None").split("[")[0]
        values = [_fitting(name, value, kind) for value in _listed(name, listed, kind)]
        for index, value in enumerate(values):
            if value in values[:index]:
                raise notebooks.Refused(f"-g {name}: the value {value!r} stands there twice.")
        grid[name] = values
    return grid


def _yaml_list(text: str) -> list[Any] | None:
    try:
        value = read_yaml(text)
    except ValueError:
        return None
    return value if isinstance(value, list) else None


def _listed(name: str, text: str, kind: str) -> list[Any]:
    """Read the values in a text, ranges written out."""
    values = _yaml_list(text)
    if values is None:
        values = _yaml_list(f"[{text}]")
    elif kind == "list" and not all(isinstance(value, list) for value in values):
        # One run with all of them, or a run for each? Both would be a surprise to somebody.
        inner = text[1:-1].strip()
        raise notebooks.Refused(
            f'-g "{name}={text}" can be read in two ways, for {name} is a list. Write '
            f'"{name}={inner}" for a run with each value, or "{name}=[[{inner}]]" for one run.'
        )
    if not values:
        raise notebooks.Refused(
            f"-g {name}: '{text}' is not a list of values. Separate them by commas, give a "
            f'range such as 0..9, or a YAML list, such as "[[relu], [F1, relu]]".'
        )
    written_out: list[Any] = []
    for value in values:
        if isinstance(value, str) and (match := RANGE.fullmatch(value)):
            low, high = map(int, match.groups())
            if low > high:
                raise notebooks.Refused(
                    f"-g {name}: the range {value} is empty; write {high}..{low}."
                )
            written_out.extend(range(low, high + 1))
        else:
            written_out.append(value)
    return written_out


def _fitting(name: str, value: Any, kind: str) -> Any:
    """Return the value as the parameter takes it; refuse one of another type."""
    if kind == "list" and not isinstance(value, list):
        value = [value]
    for one in value if isinstance(value, list) else [value]:
        if not (one is None or isinstance(one, (bool, int, float, str))):
            raise notebooks.Refused(f"-g {name}: {one!r} is no number, text, true, false or null.")
    if kind in KINDS and not (
        isinstance(value, KINDS[kind]) and isinstance(value, bool) == (kind == "bool")
    ):
        raise notebooks.Refused(
            f"-g {name}: {value!r} does not fit, for the notebook declares {name}: {kind}."
        )
    return float(value) if kind == "float" else value  # 1 and 1.0 are the same run


# Compared by identity: a dictionary has no hash.
@dataclass(frozen=True, eq=False)
class Run:
    """One point of the grid.

    Attributes
    ----------
    label : str
        Its grid values, for a reader.
    name : str
        Name of its folder: the label, and a digest of all its values.
    point : dict
        Its grid values.
    values : dict
        All parameters that are set.
    """

    label: str
    name: str
    point: dict[str, Any]
    values: dict[str, Any]


def runs_of(grid: dict[str, list[Any]], given: dict[str, Any]) -> list[Run]:
    """Every point of a grid, the last name running fastest.

    Parameters
    ----------
    grid : dict of str to list
        Values of each name.
    given : dict
        Parameters that are the same in all runs.

    Returns
    -------
    list of Run
        The runs.
    """
    runs = []
    for combination in itertools.product(*grid.values()):
        point = dict(zip(grid, combination, strict=True))
        values = given | point
        shown = [
            f"{name}={'+'.join(map(str, value)) if isinstance(value, list) else value}"
            for name, value in point.items()
        ]
        digest = short_digest(json.dumps(values, sort_keys=True, default=str))
        folder = re.sub(r"[^\w.=+-]+", "_", " ".join(shown))[:80]
        runs.append(Run(" ".join(shown), f"{folder}-{digest}", point, values))
    return runs


def short_digest(text: str) -> str:
    """Eight characters that tell one text from another, for the name of a folder."""
    return notebooks.digest(text)[:8]
