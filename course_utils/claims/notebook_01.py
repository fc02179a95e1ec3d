"""Claims of notebook 01."""

from __future__ import annotations

import numpy as np

from course_utils.claims import (
    Claims,
    Measure,
    Record,
    Runs,
    across,
    claim,
    compare,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import (
    cross_entropy,
    decisions,
    gap,
    rise,
    test_accuracy,
    turning_epoch,
    turns,
)
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "01_baseline_overfit"
MORE_F1, MORE_RELU = (Runs(NOTEBOOK, arm, "settings") for arm in ("F1", "relu"))
F1, RELU = Runs(NOTEBOOK, "F1"), Runs(NOTEBOOK, "relu")
FULL = Runs(NOTEBOOK, "F1", "full")

band = Measure(  # in which the validation accuracy stays from the turning epoch on
    lambda r: 100 * np.ptp(r["history"]["val_accuracy"][r["best_epoch"] - 1 :]), "points"
)


def tempered(record: Record) -> float:
    """What a temperature changes in the cross-entropy of the held-out half of validation."""
    found = record["calibration"]
    return found["cross_entropy_tempered"] - found["cross_entropy"]


def climb(record: Record) -> float:
    """What the validation loss gains from its lowest to the mean of the last five epochs."""
    losses = record["history"]["val_loss"]
    return float(np.mean(losses[-5:]) - min(losses))


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("01-setting", "{images} images and {epochs} epochs",
          images=setting(F1, "data.train"), epochs=setting(F1, "epochs")),
    claim("01-decisions",
          "The published network on {images} pictures, {epochs} epochs: from its turning epoch to "
          "the mean of the last {five} the validation loss {climb:rises} by {climb:size short}, "
          "and the validation accuracy changes by {right}: {right:equal}.",
          images=setting(F1, "data.train"), epochs=setting(F1, "epochs"),
          five=fact("five", "a mean, for single epochs are jittery"),
          climb=across(climb, cross_entropy, F1), right=across(decisions, accuracy, F1)),
    claim("01-gap",
          "{gap:Each} of the published network, the gap after the last epoch is {gap:at least}.",
          gap=values(F1, gap)),
    claim("01-rise",
          "{rise:Each}, the last validation loss is {rise:at least} the lowest.",
          rise=values(F1, rise)),
    claim("01-silent",
          "From the turning epoch on, its validation accuracy stays within a band of {band:at most}"
          ", {band:each}. The accuracy does not tell.",
          band=values(F1, band)),
    claim("01-relu-accuracy",
          "With the activations put in, validation accuracy changes by {d}: {d:undecided}.",
          d=compare(F1, RELU, accuracy)),
    claim("01-relu-setting",
          "On {images} pictures and {epochs} epochs the same change is {d}: {d:better}. What you "
          "find depends on the setting.",
          images=setting(MORE_F1, "data.train"), epochs=setting(MORE_F1, "epochs"),
          d=compare(MORE_F1, MORE_RELU, accuracy)),
    claim("01-temperature",
          "One temperature, fitted on a part of the validation images of these runs, "
          "{mended:lowers} the cross-entropy of the published network on the others by "
          "{mended:size}. Not one decision changes.",
          mended=across(tempered, cross_entropy, MORE_F1)),
    claim("01-relu-later",
          "With activations, the validation loss turns {turn:later count}, and the last one, as a "
          "multiple of the lowest, is {rise:smaller each}.",
          turn=compare(F1, RELU, turning_epoch), rise=compare(F1, RELU, rise)),
    claim("01-relu-overfits",
          "They do not prevent overfitting: {gap:each} with activations, the gap is {gap:at least}"
          ", and the last validation loss is {rise:at least} the lowest.",
          gap=values(RELU, gap), rise=values(RELU, rise)),
    claim("01-full-turns",
          "The validation loss is lowest {turn}, and the last one is {rise:at least} that.",
          turn=turns(FULL), rise=values(FULL, rise)),
    claim("01-full-gap",
          "After {epochs} epochs the gap is {gap}; run by run, {gap:range}. In the runs on "
          "{images} pictures it is {small:at least}.",
          epochs=setting(FULL, "epochs"), gap=values(FULL, gap),
          images=setting(F1, "data.train"), small=values(F1, gap)),
    claim("01-full-same",
          "They reach {test} on the test images. Going by their spread, the interval of a further "
          "run is {test:next}. The published run, {test:published}, lies {test:inside} it.",
          test=values(FULL, test_accuracy, row="F1")),
)
