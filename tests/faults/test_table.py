"""The table in README.md and the tests of this folder are in step."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import cases
import pytest

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.glob("test_*.py") if path.name != Path(__file__).name)
ROWS = cases.rows()


def functions(path: Path) -> dict[str, str]:
    source = path.read_text(encoding="utf-8")
    return {
        node.name: ast.get_source_segment(source, node) or ""
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


@cache
def collected() -> frozenset[str]:
    """Ask pytest for the ids of the files of which rows name some."""
    files = sorted({row.test.split("::")[0] for row in ROWS if "[" in row.test})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *(str(HERE / file) for file in files)],
        capture_output=True,
        text=True,
        cwd=HERE.parents[1],
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return frozenset(
        line.removeprefix("tests/faults/") for line in done.stdout.splitlines() if "::" in line
    )


def test_there_are_at_least_sixty_cases() -> None:
    assert len(ROWS) >= 60
    assert len({row.test for row in ROWS}) == len(ROWS), "a test stands in two rows"
    lines = cases.README.read_text(encoding="utf-8").splitlines()
    tables = [line for line in lines if line.startswith("| ") and "| test |" not in line]
    assert len(tables) == len(ROWS), "a row that cannot be read"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_rows_and_tests_are_the_same(path: Path) -> None:
    rows = [row for row in ROWS if row.test.startswith(f"{path.name}::")]
    written = functions(path)
    named = {row.test.split("::")[1].split("[")[0] for row in rows}
    assert named == written.keys()
    for row in rows:
        code = written[row.test.split("::")[1].split("[")[0]]
        compares = "says(" in code or path.name == "test_parameters.py"
        assert row.silent or compares, f"{row.test} does not compare the sentence"
    single = {row.test for row in rows if "[" in row.test}
    if single:
        whole = {name.split("[")[0] for name in single}
        ids = {name for name in collected() if name.split("[")[0] in whole}
        assert single == ids
