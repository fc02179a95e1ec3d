"""Claims of notebook 01."""

from __future__ import annotations

import numpy as np

from course_utils.claims import Claims, Measure, claim, compare, runs, setting, shown, values
from course_utils.claims.measures import gap, rise, test_accuracy, turning_epoch, turns
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "01_baseline_overfit"
F1, RELU = runs(NOTEBOOK, "F1"), runs(NOTEBOOK, "relu")
FULL = runs(NOTEBOOK, "F1", "full")

band = Measure(  # in which the validation accuracy stays from the turning epoch on
    lambda r: 100 * np.ptp(r["history"]["val_accuracy"][r["best_epoch"] - 1 :]), "points"
)

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("01-setting", "{images} images and {epochs} epochs",
          images=setting(F1, "data.train"), epochs=setting(F1, "epochs")),
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
