"""What `make bench` measures, the goals, and the arithmetic of medians and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

# oneDNN then computes as on a processor without AMX, and "auto" takes float32.
NO_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes
    ----------
    name : str
        What is typed to choose it.
    task : str
        What `one.py` runs.
    title, unit : str
        What is measured, and in what.
    goal : float
        The ratio of ours to the published way, or what ours may be where nothing is published.
    at_most : bool
        Whether smaller is better.
    compared : bool
        Whether there is a published way.
    environment : dict
        Variables of the processes.
    steps : tuple of int
        Steps of the optimiser before and within the measurement; zeros where it has none.
    """

    name: str
    task: str
    title: str
    unit: str
    goal: float
    at_most: bool = True
    compared: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    steps: tuple[int, int] = (0, 0)


EPOCH = "seconds per epoch"
ROWS = (
    Row("f2", "f2", "F2, Fashion-MNIST, 45,000 images", EPOCH, 0.50, steps=(10, 60)),
    Row("c1", "c1", "C1, cats and dogs, 2,000 images of 180×180", EPOCH, 0.55, steps=(4, 20)),
    Row("l1", "l1", "L1, CIFAR-10, 35,000 images", EPOCH, 0.65, steps=(20, 100)),
    Row(
        "f2-no-amx",
        "f2",
        "F2 without AMX",
        EPOCH,
        1.0,
        environment=NO_AMX,
        steps=(10, 60),
    ),
    Row(
        "c1-no-amx",
        "c1",
        "C1 without AMX",
        EPOCH,
        1.0,
        environment=NO_AMX,
        steps=(4, 20),
    ),
    Row(
        "l1-no-amx",
        "l1",
        "L1 without AMX",
        EPOCH,
        1.0,
        environment=NO_AMX,
        steps=(20, 100),
    ),
    *(
        Row(f"race-{short}", f"race_{short}", title, "seconds", 0.2, steps=steps)
        for short, title, steps in (
            ("fashion", "Fashion-MNIST to F2's best validation accuracy", (10, 60)),
            ("cats", "Cats and dogs to C2's best validation accuracy", (4, 20)),
            ("cifar", "CIFAR-10 to L1's best validation accuracy", (20, 100)),
        )
    ),
    Row(
        "augmentation",
        "augmentation",
        "Augmentation of notebook 03",
        "images per second",
        2.5,
        at_most=False,
    ),
    Row("memory", "memory", "Load and train F1, 60,000 images", "MB above idle", 0.4),
    Row(
        "sweep",
        "sweep",
        "8 dropout rates × 5 seeds of D, MNIST, 15 epochs",
        "seconds",
        0.35,
    ),
    Row("import", "import", "`import course_utils`", "seconds", 0.3, compared=False),
    Row("help", "help", "`course --help`", "seconds", 0.5, compared=False),
    Row(
        "curves",
        "curves",
        "Live curves' part of a full F1 fit",
        "% of the time",
        3.0,
        compared=False,
    ),
)
BY_NAME = {row.name: row for row in ROWS}


def summary(row: Row, measured: dict[str, Sequence[float]]) -> dict[str, float | bool]:
    """Medians, their ratio, and whether the goal is met.

    Parameters
    ----------
    row : Row
        The row.
    measured : dict of str to sequence of float
        Under ``"ours"``, and under ``"published"`` where the row compares, one number for each
        process; the two were measured alternately.

    Returns
    -------
    dict
        ``ours``, ``met`` and, where the row compares, ``published``, ``ratio`` (of the medians),
        ``low`` and ``high`` (the extreme ratios of neighbours).

    Raises
    ------
    ValueError
        If a way has no measurement, or the two have not equally many.
    """
    ours = statistics.median(_given(row, "ours", measured))
    found: dict[str, float | bool] = {"ours": ours}
    compared = ours
    if row.compared:
        published = statistics.median(_given(row, "published", measured))
        pairs = zip(measured["ours"], measured["published"], strict=True)
        ratios = [a / b for a, b in pairs]
        compared = ours / published
        found |= {
            "published": published,
            "ratio": compared,
            "low": min(ratios),
            "high": max(ratios),
        }
    found["met"] = compared <= row.goal if row.at_most else compared >= row.goal
    return found


def _given(row: Row, way: str, measured: dict[str, Sequence[float]]) -> Sequence[float]:
    if not measured.get(way):
        raise ValueError(f"the row {row.name} must have a measurement of {way}; got none.")
    return measured[way]
