"""The table of results, on a page and in a terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Sequence
from typing import Any

import click
import pandas as pd

from course_utils import ledger
from course_utils.errors import CourseError

# Decimals of the columns of `course_utils.ledger.table`; a column not named here gets three digits.
ONE_DECIMAL = ("train acc %", "val acc %", "test acc %", "gap", "best epoch", "seconds")
WHOLE = ("images", "n", "test uses", "epochs", "parameters")
DECIMALS = {"val cross-entropy": 3} | dict.fromkeys(ONE_DECIMAL, 1) | dict.fromkeys(WHOLE, 0)
# Columns that a narrow terminal can do without, the first to go first.
DISPENSABLE = ["precision", "protocol", "parameters", "epochs", "data", "seconds", "images", "n"]
# Headings that are wider than what stands under them, shortened for a terminal.
SHORT = {
    "train acc %": "train %",
    "val acc %": "val %",
    "test acc %": "test %",
    "val cross-entropy": "val x-entropy",
    "best epoch": "best",
}


def complete(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the records that have what the table shows: somebody else's may lack it."""

    def has_all(record: dict[str, Any]) -> bool:
        try:
            return not ledger.table([record]).empty
        except (CourseError, AttributeError, KeyError, TypeError):
            return False

    kept = [record for record in records if has_all(record)]
    if left_out := len(records) - len(kept):
        shown = f"{left_out} of {len(records)} records"
        click.echo(f"{shown} lack what the table shows, and are left out.", err=True)
    return kept


def formatted(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Table of results as text, an en dash where nothing was measured."""
    frame = ledger.table(records)

    def text(value: Any, column: str) -> str:
        if value is None or value != value:
            return "–"
        if isinstance(value, str):
            return value
        decimals = DECIMALS.get(column)
        return f"{value:.3g}" if decimals is None else f"{value:,.{decimals}f}"

    return pd.DataFrame({name: [text(value, name) for value in frame[name]] for name in frame})


def html_table(records: Iterable[dict[str, Any]]) -> str:
    """Table of results for the index, every cell escaped; empty where there are no records."""
    frame = formatted(records)
    return "" if frame.empty else frame.to_html(index=False, escape=True, border=0)


def terminal_table(records: Iterable[dict[str, Any]], width: int | None = None) -> str:
    """Table of results for a terminal; columns are left out until it fits."""
    frame = formatted(records)
    if frame.empty:
        return "No training runs were recorded."
    # The number is enough: the full names stand above the table.
    frame["notebook"] = [re.sub(r"^(\d+)_.*", r"\1", name) for name in frame["notebook"]]
    width = width or shutil.get_terminal_size((100, 20)).columns
    for column in (None, *DISPENSABLE, "best epoch"):
        frame = frame.drop(columns=column, errors="ignore") if column else frame
        text = frame.rename(columns=SHORT).to_string(index=False)
        if max(map(len, text.splitlines())) <= width:
            break
    return text
