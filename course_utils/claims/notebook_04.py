"""Claims of notebook 04."""

from __future__ import annotations

import numpy as np

from course_utils.claims import (
    Claims,
    Measure,
    Record,
    Runs,
    claim,
    compare,
    count,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import (
    accuracy_of,
    rise,
    test_accuracy,
    turns,
    validation_accuracy,
)

NOTEBOOK = "04_small_data_cats_vs_dogs"
C1, DROPOUT, AUGMENTATION, C2 = (
    Runs(NOTEBOOK, arm) for arm in ("C1", "dropout", "augmentation", "C2")
)

NAME = fact("C1", "the arm's name in its source")

last_accuracy = accuracy_of(lambda r: 100 * r["last"]["validation"]["accuracy"])


def near_the_lowest(record: Record) -> np.ndarray:
    """Epochs whose validation loss is within one standard error of the lowest."""
    losses = np.array(record["history"]["val_loss"])
    return np.flatnonzero(losses <= losses.min() + record["val_loss_error"]) + 1


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("04-augmentation",
        "{images} pictures, {epochs} epochs, best checkpoint against {c1}'s: augmentation alone "
        "{d:gains} {d:size} on the test pictures.",
        c1=NAME, images=setting(AUGMENTATION, "data.train"), epochs=setting(AUGMENTATION, "epochs"),
        d=compare(C1, AUGMENTATION, test_accuracy)),
    claim("04-last-epoch",
        "Augmentation alone, last epoch against {c1}'s last, changes the validation accuracy by "
        "{d:short}: {d:better}.",
        c1=NAME,
        d=compare(C1, AUGMENTATION, last_accuracy)),
    claim("04-dropout",
        "Dropout alone, by checkpoints, changes the test accuracy by {d:short}: {d:better}.",
        d=compare(C1, DROPOUT, test_accuracy)),
    claim("04-dropout-on-top",
        "With both, by checkpoints, the test accuracy {both:rises} by {both:size short}. On top of "
        "augmentation, dropout changes it by {top:short}: {top:equal}.",
        both=compare(C1, C2, test_accuracy), top=compare(AUGMENTATION, C2, test_accuracy)),
    claim("04-rescued",
        "{all:Each}, {c1} ends with all training pictures right and a validation loss of "
        "{rise:at least} the lowest: the checkpoint rescues its probabilities. Whether it rescues "
        "decisions is {d:undecided}: {d:short} of validation accuracy.",
        c1=NAME, all=count(C1, lambda r: r["last"]["train"]["accuracy"] == 1),
        rise=values(C1, rise), d=compare(C1, C1, last_accuracy, validation_accuracy)),
    claim("04-start-varies",
        "The validation loss of {c1} turns {plain}; with dropout, {dropout}; with augmentation, "
        "{augmentation}; with both, {both}.",
        c1=NAME, plain=turns(C1), dropout=turns(DROPOUT), augmentation=turns(AUGMENTATION),
        both=turns(C2)),
    claim("04-flat-valley",
        "With augmentation, {near:at least} of each run are within a standard error of the lowest "
        "loss, {span:at least} from first to last.",
        near=values(AUGMENTATION, Measure(lambda r: len(near_the_lowest(r)), "epochs", digits=0)),
        span=values(
            AUGMENTATION, Measure(lambda r: np.ptp(near_the_lowest(r)), "epochs", digits=0)
        )),
    shown("04-setting",
        "{images} pictures, {epochs} epochs",
        images=setting(C1, "data.train"), epochs=setting(C1, "epochs")),
)
