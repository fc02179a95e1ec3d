"""The table of all recorded runs, each with its curve, as HTML."""

from __future__ import annotations

import re
from collections import defaultdict
from html import escape
from typing import Any

from course_utils import ledger
from course_utils.classroom import claims

HEAD = """\
---
html_theme.sidebar_secondary.remove: true
---

# All runs

Every recorded run of the course, {n} of them, a row each. A heading sorts by its column. Type words
into the field to see the rows that hold all of them. The curve is the loss over the epochs: dashed
for training, solid for validation, each run on a scale of its own. The whole record, with every
number, is a line of {files}.

"""
WIDTH, HEIGHT = 110, 30
COLUMNS = (
    "run", "notebook", "arm", "seed", "curve", "train %", "validation %", "test %",
    "validation cross-entropy", "best epoch", "epochs", "data", "images", "protocol", "seconds",
    "told by",
)  # fmt: skip


def curve(record: dict[str, Any]) -> str:
    """Both losses of a run as a small picture with words."""
    history = record.get("history") or {}
    kind = "cross_entropy" if "val_cross_entropy" in history else "loss"
    lines = [[v for v in history.get(k, []) if v == v] for k in (kind, f"val_{kind}")]
    known = [value for line in lines for value in line]
    if not lines[1]:
        return "–"
    low, high = min(known), max(known)

    def points(line: list[float]) -> str:
        wide, tall = max(1, len(line) - 1), (high - low) or 1
        spots = [(WIDTH * i / wide, HEIGHT * (high - v) / tall) for i, v in enumerate(line)]
        return " ".join(f"{x:.3g},{y:.3g}" for x, y in spots)

    words = f"validation loss: lowest {min(lines[1]):.3g}, last {lines[1][-1]:.3g}"
    drawn = "".join(f'<polyline points="{points(line)}"/>' for line in lines)
    box = f"-2 -2 {WIDTH + 4} {HEIGHT + 4}"
    return f'<svg viewBox="{box}" role="img" aria-label="{words}">{drawn}</svg>'


def scrolling(table: str, label: str) -> str:
    """Put a wide table into a frame that scrolls, also from the keyboard."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{label}">{table}</div>'


def _row(record: dict[str, Any], read_by: list[str]) -> str:
    data = record["data"]
    parts = [record.get(part) or {} for part in ("train", "validation", "test")]

    def number(value: Any, digits: int = 0, factor: float = 1) -> str:
        return "–" if value is None or value != value else f"{factor * value:.{digits}f}"

    cells = [
        escape(f"{record['notebook']}"), escape(f"{record['arm']}"), number(record["seed"]),
        curve(record), *(number(part.get("accuracy"), 1, 100) for part in parts),
        number(parts[1].get("cross_entropy"), 3), number(record.get("best_epoch")),
        number(record.get("epochs")), escape(f"{data['name']}, {data['scale']}"),
        number(data.get("train")), escape(f"{record['protocol']}"), number(record.get("seconds")),
        " ".join(f'<a href="claims.html#{name}">{name}</a>' for name in read_by) or "–",
    ]  # fmt: skip
    name = escape(str(record.get("id", "")))
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr id="{name}"><th scope="row"><code>{name}</code></th>{row}</tr>'


def page(own: list[dict[str, Any]]) -> str:
    """Page of the runs of a folder, and of those that ship with the course."""
    records = [*own, *(run for scale in claims.RECORDS for run in ledger.recorded(scale))]
    read_by = defaultdict(list)
    for name, body in re.findall(
        r"^### (\S+)\n(.*?)(?=^##|\Z)", claims.read("claims.md"), re.M | re.S
    ):
        for one in dict.fromkeys(re.findall(r"\[([0-9a-f]{12})\](?!:)", body)):
            read_by[one].append(name)
    rows = "\n".join(_row(record, read_by[record.get("id", "")]) for record in records)
    heads = "".join(f'<th scope="col"><button>{name}</button></th>' for name in COLUMNS)
    files = ", ".join(f'<a href="{name}.jsonl">{name}.jsonl</a>' for name in claims.RECORDS)
    table = f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    return (
        f"{HEAD.format(n=len(records), files=files)}"
        '<div class="runs"><label>Rows with <input type="search"></label> '
        f'<span role="status"></span>\n{scrolling(table, "All runs")}</div>\n'
    )
