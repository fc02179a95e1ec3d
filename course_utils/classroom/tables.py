"""The table of results, on a page and in a terminal."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

# Decimals of the columns of `course_utils.ledger.table`; a column not named here gets three digits.
DECIMALS = {
    "images": 0,
    "n": 0,
    "test uses": 0,
    "train acc %": 1,
    "val acc %": 1,
    "test acc %": 1,
    "val cross-entropy": 3,
    "gap": 1,
    "best epoch": 1,
    "epochs": 0,
    "seconds": 1,
    "parameters": 0,
}
# Columns that a narrow terminal can do without, the first to go first.
DISPENSABLE = (
    "precision",
    "protocol",
    "parameters",
    "epochs",
    "data",
    "seconds",
    "images",
    "n",
    "best epoch",
)
# Headings that are wider than what stands under them, shortened for a terminal.
SHORT = {
    "train acc %": "train %",
    "val acc %": "val %",
    "test acc %": "test %",
    "val cross-entropy": "val x-entropy",
    "best epoch": "best",
}


def formatted(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Table of results as text, with the decimals each column deserves.

    Parameters
    ----------
    records : iterable of dict
        Runs.

    Returns
    -------
    pandas.DataFrame
        `course_utils.ledger.table`, every value a string, an en dash where nothing was measured.
    """
    from course_utils import ledger

    frame = ledger.table(records)

    def text(value: Any, column: str) -> str:
        if value is None or value != value:
            return "–"
        if isinstance(value, str):
            return value
        decimals = DECIMALS.get(column)
        return f"{value:.3g}" if decimals is None else f"{value:,.{decimals}f}"

    shown = frame.astype(object).copy()
    for column in frame.columns:
        shown[column] = [text(value, column) for value in frame[column]]
    return shown


def html_table(records: Iterable[dict[str, Any]]) -> str:
    """Table of results for the index, every cell escaped."""
    frame = formatted(records)
    if frame.empty:
        return '<p class="soft">No training runs were recorded.</p>'
    table = frame.to_html(index=False, escape=True, border=0)
    return f'<div class="wide">{table}</div>'


def terminal_table(records: Iterable[dict[str, Any]], width: int | None = None) -> str:
    """Table of results for a terminal; columns are left out until it fits.

    Parameters
    ----------
    records : iterable of dict
        Runs.
    width : int, optional
        Characters in a line; the terminal's, or 100 where there is none.

    Returns
    -------
    str
        The table.
    """
    frame = formatted(records)
    if frame.empty:
        return "No training runs were recorded."
    # The number is enough: the full names stand above the table.
    frame["notebook"] = [re.sub(r"^(\d+)_.*", r"\1", name) for name in frame["notebook"]]
    width = width or shutil.get_terminal_size((100, 20)).columns
    for column in (None, *DISPENSABLE):
        frame = frame.drop(columns=column, errors="ignore") if column else frame
        text = frame.rename(columns=SHORT).to_string(index=False)
        if max(map(len, text.splitlines())) <= width:
            break
    return text
