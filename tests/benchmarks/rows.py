"""What `make bench` measures, the goals, and the arithmetic of medians and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

# oneDNN then computes as on a processor without units for bfloat16, and "auto" takes float32.
WITHOUT = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}
KINDS = {"amx_bf16": "AMX", "avx512_bf16": "AVX512-BF16", "": "neither"}  # by the processor's flag
ONLY_OURS = ("import", "help")  # nothing is published to compare them with


@dataclass(frozen=True)
class Row:
    """One row of the table; the goal is a ratio, or what ours may be where only ours is measured.

    Steps of the optimiser are those before and within the measurement; zeros where it has none.
    """

    title: str
    unit: str
    goal: float
    steps: tuple[int, int] = (0, 0)
    at_most: bool = True


EPOCH = "seconds per epoch"
ROWS = {
    "f2": Row("F2, Fashion-MNIST, 45,000 images", EPOCH, 0.50, (10, 60)),
    "c1": Row("C1, cats and dogs, 2,000 images of 180×180", EPOCH, 0.55, (4, 20)),
    "l1": Row("L1, CIFAR-10, 35,000 images", EPOCH, 0.45, (20, 100)),
}
for _name, _row in list(ROWS.items()):
    _title = f"{_row.title.split(',')[0]} with neither"
    ROWS[f"{_name}-neither"] = replace(_row, title=_title, goal=1.0 if _name == "f2" else 0.9)
TRAINED = tuple(ROWS)
_RACE = "{} best validation accuracy"
ROWS |= {
    "race-fashion": Row(_RACE.format("Fashion-MNIST to F2's"), "seconds", 0.2, (10, 60)),
    "race-cats": Row(_RACE.format("Cats and dogs to C2's"), "seconds", 0.2, (4, 20)),
    "race-cifar": Row(_RACE.format("CIFAR-10 to L1's"), "seconds", 0.2, (20, 100)),
    # As many steps as an epoch has.
    "race-mnist": Row(_RACE.format("MNIST to D2's"), "seconds", 0.2, (100, 400)),
    "augmentation": Row("Augmentation of notebook 03", "images per second", 2.5, at_most=False),
    "memory": Row("Load and train F1, 60,000 images", "MB above idle", 0.4),
    "import": Row("`import course_utils`", "seconds", 0.3),
    "help": Row("`course --help`", "seconds", 0.5),
}


def ways(name: str) -> tuple[str, ...]:
    """What is measured in turn."""
    return ("ours",) if name in ONLY_OURS else ("published", "ours")


def summary(name: str, measured: dict[str, Sequence[float]]) -> dict[str, float]:
    """Median of each way, the ratio of the medians, its extremes in neighbours, and `met`."""
    row = ROWS[name]
    found = {way: statistics.median(measured[way]) for way in ways(name)}
    reached = found["ours"]
    if "published" in found:
        pairs = [a / b for a, b in zip(measured["ours"], measured["published"], strict=True)]
        reached /= found["published"]
        found |= {"ratio": reached, "low": min(pairs), "high": max(pairs)}
    return found | {"met": reached <= row.goal if row.at_most else reached >= row.goal}
