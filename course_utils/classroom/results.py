"""``course results``: the published numbers beside the course's own full-scale runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils.classroom import notebooks

if TYPE_CHECKING:
    from course_utils.ledger import Record

START, END = "<!-- course results -->", "<!-- end of course results -->"
HEAD = """\
| | experiment | images | measured on | published | as published, here | honest | precision |
|---|---|---|---|---|---|---|---|"""

CAPSTONE_HEAD = """\
| images | best published | by | minutes, here | notebook 07, on test images | minutes | precision |
|---|---|---|---|---|---|---|"""
DATASETS = {
    "Fashion-MNIST": "fashion_mnist",
    "dogs vs cats": "cats_vs_dogs",
    "CIFAR-10": "cifar10",
    "MNIST": "mnist",
}


def published() -> dict[str, dict[str, Any]]:
    """The published rows, by name, from ``reference/published.yaml``."""
    from importlib import resources

    import yaml

    source = resources.files("course_utils") / "reference" / "published.yaml"
    return yaml.safe_load(source.read_text(encoding="utf-8"))


def accuracy(record: Record, measure: str) -> float:
    """Accuracy of one run in percent.

    Parameters
    ----------
    record : dict
        A record of the ledger.
    measure : {"test", "best validation"}
        The final network on the test set, or the best epoch on the validation set.

    Returns
    -------
    float
        Between 0 and 100.
    """
    if measure == "test":
        return 100 * record["test"]["accuracy"]
    history = record["history"]
    return 100 * max(history.get("val_accuracy") or history["val_acc"])


def summary(records: list[Record], measure: str) -> str:
    """Mean, half width of the 95 % t interval and n, as text; a dash without records."""
    import numpy as np
    from scipy import stats

    if not records:
        return "–"
    values = np.array([accuracy(record, measure) for record in records])
    if len(values) == 1:
        return f"{values[0]:.2f} (n = 1)"
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
    return f"{values.mean():.2f} ± {half:.2f} (n = {len(values)})"


def minutes(records: list[Record]) -> str:
    """Mean minutes of training, as text; a dash without records."""
    if not records:
        return "–"
    return f"{sum(r['seconds'] for r in records) / len(records) / 60:.1f}"


def table() -> str:
    """The published rows and the recorded runs, as a table in Markdown.

    Returns
    -------
    str
        One row for each published experiment, accuracies in percent. "As published" repeats the
        source's split, also where it misuses data; "honest" is the same network chosen without
        the test set, and measured on it once.
    """
    from course_utils import ledger

    lines = [HEAD]
    for name, row in published().items():
        runs = ledger.recorded("full", row["notebook"], row.get("arm", name))
        cells = [
            summary([r for r in runs if r["protocol"] == protocol], row["measure"])
            for protocol in ("published", "honest")
        ]
        if row.get("honest") == "the same":
            cells[1] = "the same"
        elif row.get("honest") == "test":
            cells[1] = f"test: {summary(runs, 'test')}"
        lines.append(
            f"| {name} | {row['what']} | {row['images']} | {row['measure']} "
            f"| {row['accuracy']:.2f} | {cells[0]} | {cells[1]} "
            f"| {', '.join(sorted({r['precision'] for r in runs})) or '–'} |"
        )
    return "\n".join(lines)


def capstone() -> str:
    """The best published result for each set of images beside notebook 07's, in Markdown.

    Returns
    -------
    str
        One row for each set. Accuracies in percent; minutes, of the published recipe and of
        notebook 07's, are means over the recorded runs.
    """
    from course_utils import ledger

    lines = [CAPSTONE_HEAD]
    best: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, row in published().items():
        held = best.get(row["images"])
        if held is None or row["accuracy"] > held[1]["accuracy"]:
            best[row["images"]] = name, row
    for images, (name, row) in best.items():
        runs = ledger.recorded("full", "07_capstone", f"{DATASETS[images]}_ours")
        theirs = ledger.recorded("full", row["notebook"], row.get("arm", name))
        theirs = [r for r in theirs if r["protocol"] == "honest"] or theirs
        lines.append(
            f"| {images} | {row['accuracy']:.2f} ({row['measure']}) | {name} | {minutes(theirs)} "
            f"| {summary(runs, 'test')} | {minutes(runs)} "
            f"| {', '.join(sorted({r['precision'] for r in runs})) or '–'} |"
        )
    return "\n".join(lines)


def both() -> str:
    """Both tables, as they stand in the README."""
    return f"{table()}\n\n{capstone()}"


@click.command("results", short_help="Show the published numbers beside the course's own.")
@click.option("--write", is_flag=True, help="Renew the tables in the README.")
def command(write: bool) -> None:
    """Show the published accuracies beside the course's recorded full-scale runs.

    Accuracies are in percent, with the half width of the 95 % t interval where there are two runs
    or more. Fewer than six runs are a record, not a claim.
    """
    if not write:
        click.echo(both())
        return
    readme: Path = notebooks.folder().parent / "README.md"
    text = readme.read_text(encoding="utf-8")
    block = re.compile(re.escape(START) + ".*?" + re.escape(END), re.S)
    if not block.search(text):
        raise notebooks.Refused(f"{readme.name} has no place for the table: {START} … {END}.")
    new = block.sub(lambda _: f"{START}\n{both()}\n{END}", text)
    readme.write_text(new, encoding="utf-8", newline="\n")
