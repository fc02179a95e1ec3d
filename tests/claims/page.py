"""The page that leads from each conclusion of the notebooks to the runs behind it.

A conclusion is a bullet in a Markdown cell tagged ``verdict``; its id stands in bold at its start.
What a claim reads is found by letting it read: see `measures.reads`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from itertools import groupby
from pathlib import Path

import click
import nbformat
from measures import reads

from course_utils import ledger
from course_utils.classroom import claims as links
from course_utils.classroom import notebooks, report, tables

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "notebooks"
REFERENCE = ROOT / "course_utils" / "reference"
PAGE = REFERENCE / "claims.md"
# The id is a link to its heading on the page.
LINK = r"\(\.\./course_utils/reference/claims\.md#(?P=id)\)"
BULLET = re.compile(
    rf"^- \*\*\[\[(?P<id>\d\d-[a-z-]+)\]\]{LINK}\*\* (?P<sentence>.+)$", re.MULTILINE
)
# Each notebook's claims stand in a module of its own, beside this one.
CLAIMS = {
    name: claim
    for path in sorted(Path(__file__).parent.glob("notebook_*.py"))
    for name, claim in import_module(path.stem).CLAIMS.items()
}
COLUMNS = {
    "arm": "arm",
    "n": "runs",
    "epochs": "epochs",
    "val acc %": "validation %",
    "test acc %": "test %",
    "gap": "gap",
    "best epoch": "lowest loss at",
}
HEAD = """\
# The runs behind each conclusion

Each conclusion of the notebooks has an id. Under it stand the recorded runs that its test reads,
one row for each arm, with means over the runs: epochs trained, accuracy of the final network on
the validation and the test images in percent, gap between training and validation accuracy in
points, epoch of the lowest validation loss.

The records are in the order of the seeds. Each leads to its line of
[embedded.jsonl](embedded.jsonl), or of [full.jsonl](full.jsonl) where the conclusion is about the
full sets. The line holds the whole run; where your viewer does not jump to it, search for the id.

`make claims` writes this page from the notebooks, the claims in `tests/claims/` and the records.
"""


@dataclass(frozen=True)
class Conclusion:
    """A sentence of a notebook that concludes."""

    name: str
    sentence: str
    notebook: str
    title: str


def verdicts(path: Path) -> list[str]:
    """Sources of the cells of a notebook that hold its conclusions."""
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if "verdict" in cell.metadata.get("tags", [])]


def conclusions() -> list[Conclusion]:
    """Every conclusion, in the order of the course."""
    found = []
    for path in sorted(FOLDER.glob("*.ipynb")):
        title = report.title(nbformat.read(path, as_version=4))
        for source in verdicts(path):
            for match in BULLET.finditer(source):
                found.append(Conclusion(match["id"], match["sentence"], path.stem, title))
    return found


@cache
def reading(name: str) -> tuple[bool, list[ledger.Record]]:
    """Whether a claim holds, and the records that it reads."""
    holds, records = reads(CLAIMS[name])
    return holds, sorted(records, key=lambda r: (*row_of(r), r["seed"]))


KEYS = ["notebook", "arm", "protocol", "data"]


def row_of(record: ledger.Record) -> tuple[str, ...]:
    """What the runs in one row of a claim's table share: the columns of `KEYS`."""
    data = record["data"]
    return (*(record[key] for key in KEYS[:3]), f"{data['name']} ({data['scale']})")


def table(records: list[ledger.Record]) -> str:
    """The runs of one claim, one row for each arm."""
    heads = [*COLUMNS.values(), "seeds", "records"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    rows = tables.formatted(records).set_index(KEYS, drop=False)
    for key, arm in groupby(records, key=row_of):
        runs = list(arm)
        cells = [rows.loc[key, column] for column in COLUMNS]
        for column, value in zip(KEYS[2:], key[2:], strict=True):  # where they tell rows apart
            if rows.loc[rows["arm"] == key[1], column].nunique() > 1:
                cells[0] += f", {value}"
        cells.append(" ".join(str(run["seed"]) for run in runs))
        cells.append(" ".join(f"[{run['id']}]" for run in runs))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def text() -> str:
    """The whole page.

    Raises
    ------
    Refused
        If a claim does not hold.
    """
    places = {}
    for name in links.RECORDS:
        with open(REFERENCE / f"{name}.jsonl", encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                places[json.loads(line)["id"]] = (name, number)
    parts, used = [HEAD], set()
    for _, group in groupby(conclusions(), key=lambda c: c.notebook):
        for n, conclusion in enumerate(group):
            holds, records = reading(conclusion.name)
            if not holds:
                raise notebooks.Refused(
                    f"{conclusion.name} does not hold on the recorded runs; mend the sentence "
                    "and its claim first."
                )
            used.update(record["id"] for record in records)
            if not n:
                parts.append(f"## {conclusion.title}\n")
            parts.append(f"### {conclusion.name}\n\n{conclusion.sentence}\n\n{table(records)}\n")
    ordered = sorted(used, key=places.__getitem__)
    lines = [f"[{name}]: {places[name][0]}.jsonl#L{places[name][1]}" for name in ordered]
    parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


@click.command()
@click.option("--write", is_flag=True, help=f"Renew {PAGE.relative_to(ROOT).as_posix()}.")
def main(write: bool) -> None:
    """Show the runs behind each conclusion of the notebooks."""
    if write:
        PAGE.write_text(text(), encoding="utf-8", newline="\n")
    else:
        click.echo(text())


if __name__ == "__main__":
    main()
