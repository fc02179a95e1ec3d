"""The parameters of notebooks, what each may be, and a check of values before anything runs."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import click
from nbformat import NotebookNode

from course_utils import checks, datasets
from course_utils.classroom import notebooks, paths
from course_utils.errors import CourseError

COLUMNS = ("parameter", "type", "default", "allowed", "what it is")
PAGE = "instructors.md"


@dataclass
class Declared:
    """What a notebook hands to `checks.parameters`: data set that bounds sizes, rules, values."""

    dataset: str | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def declared(nb: NotebookNode, given: dict[str, Any] | None = None) -> Declared:
    """What a notebook's set-up cells hand to `checks.parameters`, read without running them.

    `given` are values in place of those in the parameters cell. Empty where no cell has the call,
    or its arguments are more than literals, parameters and rules.
    """
    known: dict[str, Any] = {}
    for cell in nb.cells:
        if {"parameters", "injected-parameters"} & set(notebooks.tags(cell)):
            # Values that are given replace those that were injected before.
            injected = given and "parameters" not in notebooks.tags(cell)
            known |= given if given and injected else _literals(cell.source, known) | (given or {})
        elif "setup" in notebooks.tags(cell):
            known = _literals(cell.source, known) | known
            for call in _calls(cell.source):
                try:
                    dataset, rules = ([_value(arg, known) for arg in call.args] + [None] * 2)[:2]
                    values = {str(word.arg): _value(word.value, known) for word in call.keywords}
                except ValueError:  # more than we can read; the notebook checks it itself
                    continue
                return Declared(dataset, dict(rules or {}), values)
    return Declared()


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:  # a line for the shell, for instance
        return []


def _calls(source: str) -> list[ast.Call]:
    """Calls of `checks.parameters` that are statements of their own."""
    calls = [s.value for s in _statements(source) if isinstance(s, ast.Expr)]
    return [
        call
        for call in calls
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "checks.parameters"
    ]


def _literals(source: str, known: dict[str, Any]) -> dict[str, Any]:
    """Names that a cell assigns, as far as the values can be read."""
    found: dict[str, Any] = {}
    for statement in _statements(source):
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        try:
            found[name] = _value(value, known | found)
        except ValueError:
            continue
    return found


def _value(node: ast.expr, known: dict[str, Any]) -> Any:
    """Value of literals, known names and rules of `checks`; ValueError for anything else."""
    match node:
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.Tuple(elts=parts):
            return tuple(_value(part, known) for part in parts)
        case ast.List(elts=parts):
            return [_value(part, known) for part in parts]
        case ast.Dict(keys=keys, values=parts) if all(keys):
            names = [ast.literal_eval(key) for key in keys if key]
            return dict(zip(names, (_value(part, known) for part in parts), strict=True))
        case ast.Call(func=ast.Attribute(ast.Name("checks"), rule), args=parts, keywords=[]):
            if is_dataclass(kind := getattr(checks, rule, None)) and isinstance(kind, type):
                return kind(*(_value(part, known) for part in parts))
    return ast.literal_eval(node)


def check(nb: NotebookNode, given: dict[str, Any]) -> None:
    """Refuse values that a notebook's own check would refuse; nothing is executed."""
    found = declared(nb, given)
    known = {*checks.COMMON, *found.rules, *(checks.SIZES if "data" in found.values else ())}
    if not found.values.keys() <= known:
        return  # a notebook of somebody else, with a rule that we could not read
    try:
        checks.parameters(found.dataset, found.rules, **found.values)
    except ValueError as error:
        raise CourseError(str(error)) from error


def allowed(name: str, found: Declared) -> str:
    """What a parameter may be, in the words with which a notebook refuses it."""
    if name in checks.SIZES and found.dataset:
        part = name.removesuffix("_size")
        small, full = (datasets.sizes(found.dataset, data)[part] for data in ("embedded", "full"))
        text = f"a whole number from 10 to {small:,}; with `full` to {full:,}"
        return text if found.dataset == "cats_vs_dogs" else f"{text}, both sizes together"
    rule = (checks.COMMON | found.rules).get(name) if name in found.values else None
    return re.sub(r"'([^']*)'", r"`\1`", rule.problem(object())) if rule else "not checked"


def tables(sources: list[Path]) -> str:
    """Parameters of notebooks as Markdown: a heading and a table for each."""
    parts = []
    for source in sources:
        nb = notebooks.read(source)
        found = declared(nb)
        rows = []
        for name, one in notebooks.parameters(source).items():
            kind, default = one["inferred_type_name"], f"`{one['default']}`"
            rows.append((f"`{name}`", kind, default, allowed(name, found), one["help"]))
        lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (COLUMNS, *rows)]
        lines.insert(1, "|".join(["---"] * len(COLUMNS)))
        head = f"### [{notebooks.title(nb)}]({source.name})\n\n"
        table = "\n".join(f"| {line} |" if " " in line else f"|{line}|" for line in lines)
        parts.append(head + table)
    return "\n\n".join(parts)


def parameters(names: tuple[str, ...], *, write: bool) -> None:
    """Show the tables of notebooks, or renew those of all in the instructors' page."""
    if write and names:
        raise CourseError("--write renews the tables of all notebooks; leave out the names.")
    text = tables(notebooks.find(names))
    if write:
        paths.renew_page(notebooks.folder() / PAGE, "parameters", text)
    else:
        click.echo(text)
