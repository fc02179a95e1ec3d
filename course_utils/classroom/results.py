"""The published numbers beside the course's own full-scale runs."""

from __future__ import annotations

import click
import numpy as np
from scipy import stats

from course_utils import ledger
from course_utils.claims.measured import published
from course_utils.claims.notebook_07b import petaflops
from course_utils.classroom import notebooks, paths
from course_utils.ledger import Record
from course_utils.stats import rounded

HEAD = """\
| | experiment | images | measured on | published | as published, here | honest | precision |
|---|---|---|---|---|---|---|---|"""

CAPSTONE_HEAD = """\
| images | best published | by | images × epochs | PFLOP | minutes, here \
| recipe of | on test images | images × epochs | PFLOP | minutes | precision |
|---|---|---|---|---|---|---|---|---|---|---|---|"""
# Ending of the arm, section of the plan, notebook that trains it, and what the table calls it.
RECIPES = (
    ("ours", "full", "07_capstone", "07"),
    ("ours", "settings", "07_capstone", "07, on as many"),
    ("ours_muon", "full", "07_capstone", "07, Muon"),
    ("record", "full", "07b_speed", "07b, the record's"),
)
DATASETS = {
    "Fashion-MNIST": "fashion_mnist",
    "dogs vs cats": "cats_vs_dogs",
    "CIFAR-10": "cifar10",
    "MNIST": "mnist",
}


def accuracy(record: Record, measure: str) -> float:
    """Accuracy in percent: "test", of the final network, or "best validation", of any epoch."""
    if measure == "test":
        return 100 * record["test"]["accuracy"]
    history = record["history"]
    return 100 * max(history.get("val_accuracy") or history["val_acc"])


def summary(records: list[Record], measure: str) -> str:
    """Mean, half width of the 95 % t interval and n, as text; a dash without records."""
    if not records:
        return "–"
    percents = np.array([accuracy(record, measure) for record in records])
    if len(percents) == 1:
        return f"{rounded(percents[0], 2)} (n = 1)"
    half = stats.t.ppf(0.975, len(percents) - 1) * stats.sem(percents)
    return f"{rounded(percents.mean(), 2)} ± {rounded(half, 2)} (n = {len(percents)})"


def precisions(records: list[Record]) -> str:
    """The precisions of runs, as text; a dash without records."""
    return ", ".join(sorted({record["precision"] for record in records})) or "–"


def table() -> str:
    """One row in Markdown for each published experiment, accuracies in percent.

    "As published" repeats the source's split, also where it misuses data; "honest" is the same
    network chosen without the test set, and measured on it once.
    """
    lines = [HEAD]
    for name, row in published().items():
        runs = ledger.recorded("full", row["notebook"], row.get("arm", name))
        ours, honest = (
            summary([r for r in runs if r["protocol"] == protocol], row["measure"])
            for protocol in ("published", "honest")
        )
        if row.get("honest") == "test":
            honest = f"test: {summary(runs, 'test')}"
        honest = "the same" if row.get("honest") == "the same" else honest
        told = f"{row['accuracy']:.2f}"
        what = (name, row["what"], row["images"], row["measure"], told, ours, honest)
        lines.append(f"| {' | '.join([*what, precisions(runs)])} |")
    return "\n".join(lines)


def costs(records: list[Record], operations: int | None = None) -> tuple[str, str, str]:
    """Images and epochs, 10¹⁵ operations, median minutes of a training; dashes without records."""
    if not records:
        return "–", "–", "–"
    images, epochs = records[0]["data"]["train"], records[0]["epochs"]
    price = petaflops(records, operations)
    minutes = np.median([record["seconds"] for record in records]) / 60
    return f"{images:,} × {epochs}", f"{price:.2g}", f"{minutes:.1f}"


def capstone() -> str:
    """The best published result for each set of images beside notebook 07's, in Markdown."""
    lines, rows = [CAPSTONE_HEAD], published()
    for images in dict.fromkeys(row["images"] for row in rows.values()):
        own = {name: row for name, row in rows.items() if row["images"] == images}
        name, row = max(own.items(), key=lambda item: item[1]["accuracy"])
        theirs = ledger.recorded("full", row["notebook"], row.get("arm", name))
        theirs = [r for r in theirs if r["protocol"] == "honest"] or theirs
        best = f"{row['accuracy']:.2f} ({row['measure']})"
        told = (images, best, name, *costs(theirs, row["operations"]))
        for recipe, scale, notebook, title in RECIPES:
            runs = ledger.recorded(scale, notebook, f"{DATASETS[images]}_{recipe}")
            if runs or title == "07":
                ours = (title, summary(runs, "test"), *costs(runs), precisions(runs))
                lines.append(f"| {' | '.join([*told, *ours])} |")
    return "\n".join(lines)


def tables() -> str:
    """Both tables, as they stand in the README."""
    return f"{table()}\n\n{capstone()}"


def results(*, write: bool) -> None:
    """Show the tables, or renew them in the README."""
    if write:
        paths.renew_page(notebooks.folder().parent / "README.md", "results", tables())
    else:
        click.echo(tables())
