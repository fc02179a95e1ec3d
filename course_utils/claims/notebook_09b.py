"""Claims of notebook 09b, along the line of the map that has six seeds."""

from __future__ import annotations

from course_utils.claims import Claims, Record, Runs, across, claim, runs, setting
from course_utils.claims.measured import Change, Measure
from course_utils.claims.measures import all_of, cross_entropy, gap
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "09b_map"
FEW, SOME, MORE, MANY = SIZES = (250, 750, 2000, 6000)


def point(images: int, remedy: str) -> Runs:
    """The runs of a point at width 1 with right labels."""
    where = {"data.train": images, "parameters.width": 1.0, "parameters.label_noise": 0.0}
    return runs(NOTEBOOK, remedy, "map", where=tuple(where.items()))


def from_to(before: Runs, after: Runs, measure: Measure) -> Change:
    """The change between two points of the line, which may differ in the pictures."""
    return across(lambda a, b: measure.of(b) - measure.of(a), measure, before, after)


def remedy(images: int, name: str, measure: Measure = accuracy) -> Change:
    """What a remedy changes at a number of pictures."""
    return from_to(point(images, "none"), point(images, name), measure)


def lowest(record: Record) -> float:
    """The lowest validation cross-entropy of a run, in nats."""
    return min(record["history"]["val_cross_entropy"])


def turned_at(record: Record) -> float:
    """Steps of the optimiser up to the lowest validation cross-entropy."""
    losses = record["history"]["val_cross_entropy"]
    return (losses.index(lowest(record)) + 1) * record["parameters"]["steps"]


turn = Measure(turned_at, "steps", digits=0)
at_best = Measure(lowest, "nats", better=False, margin="cross-entropy", digits=2)

bare = {n: point(n, "none") for n in SIZES}
more = from_to(bare[SOME], bare[MORE], accuracy)
moved = remedy(SOME, "augmentation")
images = {f"n{n}": setting(bare[n], "data.train") for n in SIZES}

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
)
