"""Run in the sandbox: define a submission's answer, call it, and say in plain values what it gave.

What runs here may forge all that is said; `course mark` compares on the other side.
"""

from __future__ import annotations

import ast
import json
import os
import re
import symtable
import sys
import types
from typing import Any

import numpy as np

MEGABYTE = 2**20
LIMITS = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": 4 * MEGABYTE, "RLIMIT_NOFILE": 256}


def plain(value: Any) -> Any:
    """A value for JSON: what is neither a plain value nor like an array is named by its type."""
    kind = type(value)
    if value is None or value is ...:
        return None
    if kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        return {"is": kind.__name__, "items": [plain(each) for each in value]}
    if kind is dict:
        items = [[plain(key), plain(each)] for key, each in value.items()]
        return {"is": "dict", "items": items}
    array = np.asarray(value)  # also what numpy computes, and what can be made an array
    if array.dtype.kind in "biuf":
        return {"is": "array", "items": array.tolist(), "dtype": array.dtype.str}
    return {"is": kind.__name__}


def real(said: Any) -> Any:
    """Value of a plain one; nothing of the submission is run for it."""
    if not isinstance(said, dict):
        return said
    if said["is"] in ("list", "tuple"):
        items = [real(each) for each in said["items"]]
        return items if said["is"] == "list" else tuple(items)
    if said["is"] == "dict" and not any(isinstance(key, dict) for key, _ in said["items"]):
        return {key: real(each) for key, each in said["items"]}
    if said["is"] == "array" and re.fullmatch(r"[<>|]?[biuf]\d{1,2}", said["dtype"]):
        array = np.array(said["items"], said["dtype"])
        return array if array.ndim else array.item()
    shown = f"a {clean_name(said['is'])}"
    return type("Other", (), {"__repr__": lambda self: shown})()  # equal to nothing


def clean_name(name: str) -> str:
    """Name of a type that a submission may have made up."""
    return re.sub(r"\W", "", name)[:40] or "Error"


def parsed(source: str) -> ast.Module | None:
    """Syntax of a cell, its lines for IPython left out; None where it has none."""
    for text in (source, re.sub(r"^(\s*)[%!?].*$", r"\1pass", source, flags=re.M)):
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError):
            continue
    return None


def bound(node: ast.AST) -> set[str]:
    """Names that a statement of a cell defines."""
    symbols = symtable.symtable(ast.unparse(node), "cell", "exec").get_symbols()
    return {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}


def read(table: symtable.SymbolTable) -> set[str]:
    """Names of the notebook that a cell reads, also in its functions."""
    outside = table.get_type() == "module"
    own = {
        s.get_name()
        for s in table.get_symbols()
        if s.is_referenced() and (outside or s.is_global())
    }
    return own.union(*map(read, table.get_children()))


def before(cells: list[ast.Module], answer: ast.Module) -> list[ast.Module]:
    """Of the cells above an answer, those that define what it reads; of imports, the names alone.

    A cell that only imports what is needed would bring all the others, TensorFlow among them.
    """
    kept: list[ast.Module] = []
    needed = read(symtable.symtable(ast.unparse(answer), "cell", "exec"))
    for cell in reversed(cells):
        imports = [node for node in cell.body if isinstance(node, ast.Import | ast.ImportFrom)]
        others = [node for node in cell.body if node not in imports]
        if any(bound(node) & needed for node in others):
            kept.insert(0, cell)
            needed |= read(symtable.symtable(ast.unparse(cell), "cell", "exec"))
            continue
        for node in imports:
            names = [a for a in node.names if (a.asname or a.name.split(".")[0]) in needed]
            if names:
                node.names = names
                kept.insert(0, ast.Module([node], []))
    return kept


def defined(sources: list[str], name: str) -> Any:
    """Answer of this name: the last cell that defines it counts, with what it needs from above."""
    cells = [cell for cell in map(parsed, sources) if cell]
    at = max((i for i, cell in enumerate(cells) if name in bound(cell)), default=None)
    if at is None:
        for source in sources:
            if name in source:
                compile(source, "the answer", "exec")  # says what is wrong
        raise NameError(name)
    known: dict[str, Any] = {"__name__": "__main__"}
    for cell in before(cells[:at], cells[at]):
        try:
            exec(compile(cell, "a cell above", "exec"), known)
        except Exception:  # what the answer misses because of it, it will say itself
            continue
    exec(compile(cells[at], "the answer", "exec"), known)
    return known[name]


def told(error: BaseException) -> list[str]:
    """Type and words of an exception, which may be the submission's own."""
    try:
        return [type(error).__name__[:40], str(error)[:200]]
    except BaseException:
        return [type(error).__name__[:40], ""]


def called(answer: Any, arguments: list[Any]) -> dict[str, Any]:
    """What an answer gives, and what its arguments are afterwards."""
    try:
        return {"given": plain(answer(*arguments)), "after": [plain(each) for each in arguments]}
    except BaseException as error:
        return {"error": told(error)}


def main() -> None:
    """Do the task on standard input, and say the result on standard output."""
    import resource  # Windows has none, where `course mark` says why it does not run

    task = json.load(sys.stdin)
    sys.path += task["path"]
    said, null = os.dup(1), os.open("/dev/null", os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    if task["judge"]:  # brought in before anything of the submission runs
        from course_utils.checks._answers import faults
    else:  # the real one would bring the answers along
        silent = types.ModuleType("course_utils.checks")
        silent.__dict__.update(exercise=lambda *_: False, parameters=lambda *_, **__: None)
        sys.modules["course_utils.checks"] = silent
    for kind, limit in {**LIMITS, "RLIMIT_AS": task["megabytes"] * MEGABYTE}.items():
        resource.setrlimit(getattr(resource, kind), (limit, limit))
    try:
        answer = defined(task["sources"], task["name"])
        if task["judge"]:
            failed, _ = faults(task["name"], answer, task["seed"])
            result: dict[str, Any] = {"judged": failed and failed[:1]}
        else:
            result = {"calls": [called(answer, list(map(real, each))) for each in task["inputs"]]}
            if answer is ... or answer is None:
                result = {"calls": None}
    except BaseException as error:
        result = {"error": told(error)}
    os.write(said, json.dumps(result).encode())
    os._exit(0)


if __name__ == "__main__":
    main()
