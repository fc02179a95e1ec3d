"""Claims of notebook 02."""

from __future__ import annotations

import math

from course_utils.claims import (
    Claims,
    Measure,
    Runs,
    claim,
    compare,
    computed,
    count,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import accuracy_at_turn, cross_entropy, gap, turn, turning_epoch
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "02_deeper_vgg_style"
F1, RELU, DEEPER = (Runs(NOTEBOOK, arm) for arm in ("F1", "relu", "deeper"))
DROPOUT, BATCH_NORM = (Runs(NOTEBOOK, f"deeper_{arm}") for arm in ("dropout", "batchnorm"))
CAUSE, MOMENTUM, NO_DROPOUT, BOTH = (
    Runs(NOTEBOOK, f"cause_F3{arm}") for arm in ("", "_momentum", "_no_block_dropout", "_both")
)
F3 = Runs(NOTEBOOK, "F3", "full")
LONG, LONG_DROPOUT = (Runs(NOTEBOOK, arm, "settings") for arm in ("deeper", "deeper_dropout"))

best = Measure(lambda r: 100 * max(r["history"]["val_accuracy"]), "%")
from_the_second = Measure(lambda r: 100 * min(r["history"]["val_accuracy"][1:]), "%")

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("02-setting", "{images} images and {epochs} epochs",
          images=setting(DEEPER, "data.train"), epochs=setting(DEEPER, "epochs")),
    claim("02-headline",
          "On {images} pictures and for {epochs} epochs, the deeper network at width {width}: "
          "dropout changes its last validation accuracy by {last}: {last:better}.",
          images=setting(LONG, "data.train"), epochs=setting(LONG, "epochs"),
          width=setting(LONG, "parameters.width"), last=compare(LONG, LONG_DROPOUT, accuracy)),
    claim("02-relu",
          "ReLU changes the validation accuracy by {d}: {d:undecided}.",
          d=compare(F1, RELU, accuracy)),
    claim("02-depth",
          "The added convolutions change it by {d}: {d:undecided}.",
          d=compare(RELU, DEEPER, accuracy)),
    claim("02-dropout-costs",
          "Dropout after each pooling {gap:narrows} the gap by {gap:size}, and {right:costs} "
          "{right:size short} of validation accuracy.",
          gap=compare(DEEPER, DROPOUT, gap), right=compare(DEEPER, DROPOUT, accuracy)),
    claim("02-dropout-unfinished",
          "{open:Each} with dropout, the validation loss has not turned for good when the training "
          "ends, after {epochs} epochs: its price is measured on unfinished training.",
          open=count(DROPOUT, lambda r: math.isinf(turn(r))), epochs=setting(DROPOUT, "epochs")),
    claim("02-dropout-pays",
          "Given {epochs} epochs, dropout changes the accuracy of the best epoch, chosen by the "
          "validation loss, by {best:short}: {best:better}. The last cross-entropy is "
          "{loss:size short} {loss:lower}.",
          epochs=setting(LONG, "epochs"), best=compare(LONG, LONG_DROPOUT, accuracy_at_turn),
          loss=compare(LONG, LONG_DROPOUT, cross_entropy)),
    claim("02-batchnorm-gap",
          "Batch norm {gap:widens} the gap by {gap:size}, and changes the validation accuracy by "
          "{right:short}: {right:undecided}.",
          gap=compare(DEEPER, BATCH_NORM, gap), right=compare(DEEPER, BATCH_NORM, accuracy)),
    claim("02-batchnorm-early",
          "With batch norm the validation loss turns {turn:earlier each}.",
          turn=compare(DEEPER, BATCH_NORM, turning_epoch)),
    claim("02-frozen",
          "As published, the best validation accuracy of any of the first {epochs} epochs is "
          "{best:at most}, {best:each}.",
          epochs=setting(CAUSE, "epochs"), best=values(CAUSE, best)),
    claim("02-one-mend",
          "With the momentum mended alone, the runs reach {momentum:range} after {epochs} epochs; "
          "with the dropout mended alone, {dropout:range}.",
          epochs=setting(MOMENTUM, "epochs"), momentum=values(MOMENTUM, accuracy),
          dropout=values(NO_DROPOUT, accuracy)),
    claim("02-both-mends",
          "With both mends, the validation accuracy is {both:at least} in each epoch but the "
          "first, {both:each}.",
          both=values(BOTH, from_the_second)),
    shown("02-first-epoch",
          "{guess} on the validation images, while the training accuracy of that epoch, as Keras "
          "prints it, is {learned}",
          guess=computed(lambda r: 100 * r[0]["history"]["val_accuracy"][0], F3, unit="%"),
          learned=computed(lambda r: 100 * r[0]["history"]["accuracy"][0], F3, unit="%")),
)
