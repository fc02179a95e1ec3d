"""Values of parameters from a command line or a file: one reader of YAML for all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from course_utils.classroom.paths import relative
from course_utils.errors import CourseError


class Loader(yaml.SafeLoader):
    """YAML 1.2, and Python's words: ``1e-4`` is a number, ``010`` is ten, ``1:30`` a text."""

    yaml_implicit_resolvers = {"<": yaml.SafeLoader.yaml_implicit_resolvers["<"]}  # noqa: RUF012


for tag, pattern, first in (
    ("null", r"~|null|Null|NULL|None|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?\d+|0o[0-7]+|0x[\da-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?", list("-+.0123456789")),
    ("float", r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", list("-+.")),
):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"(?:{pattern})$"), first)


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    text = str(node.value)
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def _once(loader: yaml.SafeLoader, node: yaml.MappingNode) -> Any:
    """Mapping whose names stand there once: of two, YAML would take the last without a word."""
    keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
    if twice := [key for n, key in enumerate(keys) if key in keys[:n]]:
        raise yaml.constructor.ConstructorError(
            None, None, f"{twice[0]} stands there twice", node.start_mark
        )
    return (yield from loader.construct_yaml_map(node))


Loader.add_constructor("tag:yaml.org,2002:map", _once)


def read_yaml(text: str | bytes) -> Any:
    """Value of a YAML text; ValueError, with a reason of one line, where it is none."""
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "no YAML"
        raise ValueError(f"{where}{reason}") from error


def read_value(text: str) -> Any:
    """Value of ``-p``: a number, a word or a ``[list]`` as YAML reads it, else the text itself."""
    try:
        node = yaml.compose(text, Loader)
        if isinstance(node, yaml.ScalarNode) and (node.style or node.value == text.strip()):
            return read_yaml(text)
        is_list = isinstance(node, yaml.SequenceNode) and node.flow_style
        return read_yaml(text) if is_list else text
    except (yaml.YAMLError, ValueError):
        return text


def read_mapping(text: str | bytes, origin: str) -> dict[str, Any]:
    """Mapping with names as keys in a YAML text; `origin` says in the refusal where it stands."""
    try:
        value = read_yaml(text)
    except ValueError as error:
        raise CourseError(
            f"{origin} must be YAML of the form 'name: value', in UTF-8; {error}."
        ) from error
    return named({} if value is None else value, origin)


def read_file(path: Path) -> dict[str, Any]:
    """Mapping in a YAML file, in UTF-8 or, with its mark at the start, UTF-16."""
    return read_mapping(path.read_bytes(), relative(path))


def named(value: Any, origin: str) -> dict[str, Any]:
    """Return a mapping whose keys are texts; refuse anything else."""
    if not isinstance(value, dict):
        raise CourseError(f"{origin} must be YAML of the form 'name: value'; it is {value!r:.60}.")
    for name in value:
        if not isinstance(name, str):
            raise CourseError(f"{origin}: {name!r} is no name; put it in quotes.")
    return value


def collect_values(
    pairs: Iterable[tuple[str, str]], yamls: Iterable[str], files: Iterable[Path] = ()
) -> dict[str, Any]:
    """Values of -f, then -y, then -p: the later wins, as in papermill."""
    values: dict[str, Any] = {}
    for path in files:
        values |= read_file(path)
    for text in yamls:
        values |= read_mapping(text, f"-y '{text}'")
    return values | {name: read_value(value) for name, value in pairs}
