"""Claims of notebook 09b, along the line of the map that has six seeds."""

from __future__ import annotations

from itertools import pairwise

from course_utils.claims import (
    Claims,
    Record,
    Runs,
    claim,
    compare,
    computed,
    fact,
    setting,
    shown,
)
from course_utils.claims.measured import Change, Measure, Measured
from course_utils.claims.measures import (
    all_of,
    cross_entropy,
    gap,
    lowest,
    mean_of,
    training_accuracy,
)
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "09b_map"
FEW, SOME, MORE, MANY = SIZES = (250, 750, 2000, 6000)


def point(images: int, remedy: str) -> Runs:
    """The runs of a point at width 1 with right labels."""
    where = {"data.train": images, "parameters.width": 1.0, "parameters.label_noise": 0.0}
    return Runs(NOTEBOOK, remedy, "map", where=tuple(where.items()))


def from_to(before: Runs, after: Runs, measure: Measure) -> Change:
    """The change between two points of the line, which may differ in the pictures."""
    return compare(before, after, measure, measure)


def remedy(images: int, name: str, measure: Measure = accuracy) -> Change:
    """What a remedy changes at a number of pictures."""
    return from_to(point(images, "none"), point(images, name), measure)


def turned_at(record: Record) -> float:
    """Steps of the optimiser up to the lowest validation cross-entropy."""
    losses = record["history"]["val_cross_entropy"]
    return (losses.index(min(losses)) + 1) * record["parameters"]["steps"]


turn = Measure(turned_at, "steps", digits=0)
at_best = lowest("val_cross_entropy")

bare = {n: point(n, "none") for n in SIZES}
moved = point(SOME, "augmentation")


def grown(measure: Measure) -> list[Change]:
    """What each step to more pictures changes, without a remedy."""
    return [from_to(bare[before], bare[after], measure) for before, after in pairwise(SIZES)]


def at_each(
    name: str, measure: Measure = accuracy, sizes: tuple[int, ...] = SIZES
) -> dict[str, Change]:
    """What a remedy changes at each number of pictures, named for a sentence."""
    return {f"at{n}": remedy(n, name, measure) for n in sizes}


def counts(*sizes: int) -> dict[str, Measured]:
    """Numbers of pictures, named for a sentence."""
    return {f"n{n}": setting(bare[n], "data.train") for n in sizes}


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("09b-pictures",
          "Without a remedy, from {n750} to {n2000} pictures the validation accuracy {up:rises} by "
          "{up:size} and the gap {down:narrows} by {down:size short}.",
          **counts(SOME, MORE), up=grown(accuracy)[1], down=grown(gap)[1]),
    claim("09b-or-augmentation",
          "Augmentation of the {n750} {gap:narrows} the gap by {gap:size}. Held against {n2000} "
          "pictures without it, the gap differs by {same:short}: {same:equal}. The validation "
          "accuracy is {worse:lower} by {worse:size short}.",
          **counts(SOME, MORE), gap=remedy(SOME, "augmentation", gap),
          same=from_to(bare[MORE], moved, gap), worse=from_to(bare[MORE], moved, accuracy)),
    claim("09b-turn",
          "With each addition of pictures the validation loss turns {all:later}: from {n250} to "
          "{n750} by {a:size}, from there to {n2000} by {b:size short}, and to {n6000} by "
          "{c:size short}.",
          **counts(*SIZES), all=all_of(*grown(turn)),
          **dict(zip("abc", grown(turn), strict=True))),
    claim("09b-dropout",
          "Dropout makes the lowest validation loss {all:better} at every number of pictures: by "
          "{at250:size} at {n250}, {at750:size short} at {n750}, {at2000:size short} at {n2000} "
          "and {at6000:size short} at {n6000}.",
          **counts(*SIZES), all=all_of(*at_each("dropout", at_best).values()),
          **at_each("dropout", at_best)),
    claim("09b-l2",
          "{l2} changes the lowest validation loss by {at750} at {n750}, {at2000:short} at {n2000} "
          "and {at6000:short} at {n6000}: {all:equal}; at {n250} by {at250:short}: "
          "{at250:undecided}. The loss after the last step is {last:better} at each of them.",
          **counts(*SIZES), l2=fact("L2", "its name"), **at_each("l2", at_best),
          last=all_of(*at_each("l2", cross_entropy).values()),
          all=all_of(*(remedy(n, "l2", at_best) for n in SIZES[1:]))),
    claim("09b-augmentation",
          "In these {steps} steps augmentation {all:costs} validation accuracy at {n2000} "
          "pictures, {at2000:size}, and at {n6000}, {at6000:size short}. At {n250}, "
          "{at250:short}, and at {n750}, {at750:short}: {open:undecided}.",
          **counts(*SIZES), **at_each("augmentation"),
          steps=fact("3,000", "25 measurements of 120 steps"),
          all=all_of(remedy(MORE, "augmentation"), remedy(MANY, "augmentation")),
          open=all_of(remedy(FEW, "augmentation"), remedy(SOME, "augmentation"))),
    claim("09b-all",
          "All of them at once {gap:narrows} the gap at {n6000} pictures by {gap:size} and "
          "{at6000:costs} {at6000:size short} of validation accuracy. At {n250} pictures the "
          "accuracy changes by {at250:short}: {at250:undecided}.",
          **counts(FEW, MANY), **at_each("all", sizes=(FEW, MANY)), gap=remedy(MANY, "all", gap)),
    shown("09b-bare",
          "{n750} pictures, no remedy: its training accuracy ends at {train}, its validation "
          "accuracy at {validation}.",
          **counts(SOME), train=computed(mean_of(training_accuracy), bare[SOME], unit="%"),
          validation=computed(mean_of(accuracy), bare[SOME], unit="%")),
)
