"""Reads the table of cases in README.md, which says what the user sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

README = Path(__file__).with_name("README.md")
ROW = re.compile(r"^\| (?P<case>.+?) \| (?P<sees>.+?) \| `(?P<test>test_\w+\.py::.+)` \|$")


@dataclass(frozen=True)
class Row:
    """One row: what happens, what the user sees, and the test, with or without its parameters."""

    case: str
    sees: str
    test: str

    @property
    def silent(self) -> bool:
        """Whether the user sees no sentence: the cell stands in italics and says what happens."""
        return self.sees.startswith("*")

    def allows(self, message: str) -> bool:
        """Whether this is the sentence; `…` in the table stands for any words."""
        pattern = ".*".join(map(re.escape, self.sees.split("…")))
        return re.fullmatch(pattern, message) is not None


@cache
def rows() -> tuple[Row, ...]:
    lines = README.read_text(encoding="utf-8").splitlines()
    return tuple(Row(**match.groupdict()) for match in map(ROW.match, lines) if match)


def row_of(test: str) -> Row:
    """Return the row of a collected test, ``test_file.py::test_name[parameters]``."""
    for name in (test, test.split("[")[0]):
        for row in rows():
            if row.test == name:
                return row
    raise AssertionError(f"{README.name} has no row for {test}")
