"""``course parameters``: every parameter of every notebook, with what it may be."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils.classroom import notebooks

if TYPE_CHECKING:
    from nbformat import NotebookNode

START, END = "<!-- course parameters -->", "<!-- end of course parameters -->"
COLUMNS = ("parameter", "type", "default", "allowed", "what it is")
PAGE = "instructors.md"


def declared(nb: NotebookNode) -> tuple[str | None, dict[str, Any], list[str]]:
    """What a notebook's set-up cells hand to `course_utils.checks.parameters`.

    Only the parameters cell, plain assignments and that call are evaluated: nothing is installed
    or trained.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook.

    Returns
    -------
    dataset : str or None
        The data set that bounds the sizes.
    rules : dict
        The notebook's own rules, by parameter.
    names : list of str
        Every parameter that is checked.

    Raises
    ------
    ValueError
        If no set-up cell has the call, or more than assignments stand before it.
    """
    found = _call(nb)
    if found is None:
        raise ValueError("no cell tagged 'setup' calls checks.parameters")
    call, known = found
    given = [eval(ast.unparse(argument), known) for argument in call.args]
    dataset, rules = (*given, None, None)[:2]
    return dataset, dict(rules or {}), [str(word.arg) for word in call.keywords]


def check(nb: NotebookNode, values: dict[str, Any]) -> None:
    """Let a notebook's own set-up cell check values of its parameters, if it has such a check.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook.
    values : dict
        Values by name; the others are the notebook's own.

    Raises
    ------
    ParameterError
        For the first value that is not allowed.
    """
    if found := _call(nb, values):
        call, known = found
        eval(ast.unparse(call), known)


def _call(
    nb: NotebookNode, values: dict[str, Any] | None = None
) -> tuple[ast.Call, dict[str, Any]] | None:
    """Call of `checks.parameters` in a set-up cell, and the names that are known there."""
    from course_utils import checks

    known: dict[str, Any] = {"checks": checks}
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:  # their own values, where a rule or the data set is one of them
            exec(cell.source, known)
            known |= values or {}
        if "setup" not in tags:
            continue
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.Assign):
                code = compile(ast.Module([statement], []), "<set-up cell>", "exec")
                exec(code, known)
            call = statement.value if isinstance(statement, ast.Expr) else None
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "checks.parameters":
                return call, known
    return None


def allowed(name: str, dataset: str | None, rules: dict[str, Any]) -> str:
    """Say what a parameter may be, in the words with which a notebook refuses it.

    Parameters
    ----------
    name : str
        The parameter.
    dataset : str or None
        The data set that bounds the sizes.
    rules : dict
        The notebook's own rules.

    Returns
    -------
    str
        For instance "a whole number from 1 to 1,000".
    """
    from course_utils import checks, datasets

    if name in checks.SIZES and dataset:
        part = name.removesuffix("_size")
        small, full = (datasets.sizes(dataset, data)[part] for data in ("embedded", "full"))
        text = f"a whole number from 10 to {small:,}; with `full` to {full:,}"
        return text if dataset == "cats_vs_dogs" else f"{text}, both sizes together"
    words = (checks.COMMON | rules)[name].problem(object())
    return re.sub(r"'([^']*)'", r"`\1`", words)


def rows(notebook: Path) -> list[tuple[str, str, str, str, str]]:
    """Rows of the table of one notebook, in the order of its parameters cell.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.

    Returns
    -------
    list of tuple of str
        One entry for each of `COLUMNS`.
    """
    import nbformat

    dataset, rules, _ = declared(nbformat.read(notebook, as_version=4))
    return [
        (
            f"`{name}`",
            one["inferred_type_name"],
            f"`{one['default']}`",
            allowed(name, dataset, rules),
            one["help"],
        )
        for name, one in notebooks.parameters(notebook).items()
    ]


def tables(paths: list[Path]) -> str:
    """Parameters of notebooks as Markdown: a heading and a table for each.

    Parameters
    ----------
    paths : list of pathlib.Path
        The notebooks.

    Returns
    -------
    str
        The text.
    """
    import nbformat

    from course_utils.classroom.report import title

    parts = []
    for path in paths:
        lines = [
            f"### [{title(nbformat.read(path, as_version=4))}]({path.name})",
            "",
            f"| {' | '.join(COLUMNS)} |",
            "|---" * len(COLUMNS) + "|",
        ]
        for row in rows(path):
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


@click.command("parameters", short_help="List every parameter of every notebook.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--write", is_flag=True, help="Renew the tables in notebooks/instructors.md.")
def command(names: tuple[str, ...], write: bool) -> None:
    """List every parameter of every notebook: type, default, what is allowed, and what it is.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is listed.
    """
    if not write:
        click.echo(tables(notebooks.find(names)))
        return
    if names:
        raise notebooks.Refused("--write renews the tables of all notebooks; leave out the names.")
    page = notebooks.folder() / PAGE
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    block = re.compile(re.escape(START) + ".*?" + re.escape(END), re.S)
    if not block.search(text):
        raise notebooks.Refused(f"{page.name} has no place for the tables: {START} … {END}.")
    new = block.sub(lambda _: f"{START}\n{tables(notebooks.find([]))}\n{END}", text)
    page.write_text(new, encoding="utf-8", newline="\n")
