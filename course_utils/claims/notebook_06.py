"""Claims of notebook 06."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from course_utils.claims import (
    Claims,
    Measure,
    Record,
    Runs,
    across,
    claim,
    compare,
    computed,
    count,
    epochs_of,
    fact,
    setting,
    values,
)
from course_utils.claims.measures import (
    all_of,
    cross_entropy,
    entropy_of,
    gap,
    mean_of,
    test_accuracy,
    test_cross_entropy,
    training_accuracy,
)
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "06_dropout_early_stopping"


def rate(value: float) -> Runs:
    """The runs of the sweep with this dropout rate, each at its best epoch."""
    return Runs(NOTEBOOK, f"dropout_{value:g}", "settings")


NONE, TENTH, FIFTH, THREE, FOUR, HALF = map(rate, (0, 0.1, 0.2, 0.3, 0.4, 0.5))
SHORT_HALF = Runs(NOTEBOOK, "dropout_0.5")
WATCH, STOP, PEEK = (Runs(NOTEBOOK, arm) for arm in ("watch", "stop", "peek"))
H2, H3, H4 = (Runs(NOTEBOOK, f"D{row}", "full", "honest") for row in (2, 3, 4))
LAST_FIFTH, LAST_NONE = (Runs(NOTEBOOK, arm, "settings", "honest") for arm in ("D1", "D4"))
other_rate = partial(compare, differ=("dropout",))
rate_of = partial(setting, name="parameters.dropout")


def series(record: Record, name: str) -> np.ndarray:
    """A measure after each epoch, in percent."""
    return 100 * np.array(record["history"][name])


def crossing(record: Record) -> float:
    """Epoch at which the printed training accuracy first exceeds the validation accuracy."""
    above = series(record, "accuracy") > series(record, "val_accuracy")
    return int(above.argmax()) + 1 if above.any() else math.inf


def stopped_at_the_crossing(record: Record) -> float:
    """Validation accuracy at the crossing, minus that where the validation loss is lowest."""
    accuracy = series(record, "val_accuracy")
    return accuracy[int(crossing(record)) - 1] - accuracy[record["best_epoch"] - 1]


def never_crosses(record: Record) -> bool:
    """Whether, with dropout off, the training accuracy is above the validation's at each epoch."""
    return bool((series(record, "off_accuracy") > series(record, "val_accuracy")).all())


def unearned(record: Record) -> float:
    """Test accuracy at the epoch that the test set chose, minus that at validation's choice."""
    test = series(record, "test_accuracy")
    return test.max() - test[series(record, "val_accuracy").argmax()]


def used_all(record: Record) -> bool:
    """Whether a run ended with the last epoch that it was given."""
    return record["epochs"] == record["parameters"]["epochs"]


digits = Measure(test_accuracy.of, "%", better=True, margin="digits", digits=2)
tempered = entropy_of(lambda r: r["calibration"]["cross_entropy_tempered"])
not_earned = Measure(unearned, "points", digits=2)
ROWS = {f"d{row}": fact(f"D{row}", "published.yaml") for row in (2, 3, 4)}
# Without dropout: the last network minus the one that early stopping would have kept.
trained_on = partial(compare, NONE, LAST_NONE, differ=("patience", "penalty"))

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("06-headline",
          "On {images} digits, best epoch against best epoch of at most {epochs}, dropout {fifth} "
          "in place of {none} changes the validation cross-entropy by {loss}: {loss:equal}.",
          images=setting(FIFTH, "data.train"), epochs=setting(FIFTH, "parameters.epochs"),
          fifth=rate_of(FIFTH), none=rate_of(NONE), loss=other_rate(NONE, FIFTH, cross_entropy)),
    claim("06-long",
          "Last against last, after {epochs} epochs, rate {fifth} in place of {none} changes the "
          "cross-entropy by {loss:short}: {loss:worse}; and the validation accuracy by "
          "{right:short}: {right:undecided}.",
          epochs=setting(LAST_FIFTH, "epochs"), fifth=rate_of(FIFTH), none=rate_of(NONE),
          loss=other_rate(LAST_NONE, LAST_FIFTH, cross_entropy),
          right=other_rate(LAST_NONE, LAST_FIFTH, accuracy)),
    claim("06-late",
          "Without dropout, the network of epoch {epochs} against that of the lowest validation "
          "loss: its cross-entropy is {loss:size short} {loss:higher}, and it {right:gains} "
          "{right:size short} of validation accuracy. With a temperature for each, fitted on "
          "other images, its cross-entropy is {mended:size short} {mended:lower}.",
          epochs=setting(LAST_NONE, "epochs"),
          loss=trained_on(cross_entropy), right=trained_on(accuracy), mended=trained_on(tempered)),
    claim("06-plateau",
          "Best against best, rate {fifth} in place of {tenth} changes the validation accuracy by "
          "{a:short}, {three} by {b:short}: {ab:equal}. Rate {none} changes it by "
          "{c:short}: {c:worse}.",
          tenth=rate_of(TENTH), fifth=rate_of(FIFTH), three=rate_of(THREE), none=rate_of(NONE),
          **(plateau := {name: other_rate(TENTH, arm, accuracy)
                         for name, arm in zip("abc", (FIFTH, THREE, NONE), strict=True)}),
          ab=all_of(plateau["a"], plateau["b"])),
    claim("06-half-dropout",
          "Rate {half} {d:costs} {d:size short} of validation accuracy against {tenth}. With "
          "up to {epochs} epochs, it used them all {open:none}; with up to {few}, {short:count}: "
          "unfinished training.",
          half=rate_of(HALF), tenth=rate_of(TENTH), d=other_rate(TENTH, HALF, accuracy),
          open=count(HALF, used_all), epochs=setting(HALF, "parameters.epochs"),
          short=count(SHORT_HALF, used_all), few=setting(SHORT_HALF, "parameters.epochs")),
    claim("06-gap-wrong-side",
          "Best against best, rate {four} {gap:narrows} the gap by {gap:size short} against rate "
          "{none}: it {train:lowers} the training accuracy by {train:size short}, and changes the "
          "validation accuracy by {right:short}, {right:equal}.",
          four=rate_of(FOUR), none=rate_of(NONE), gap=other_rate(NONE, FOUR, gap),
          train=other_rate(NONE, FOUR, training_accuracy), right=other_rate(NONE, FOUR, accuracy)),
    claim("06-crossing",
          "With rate {fifth}, the printed training accuracy crosses the validation accuracy "
          "{crossing}. Stopping there {lost:costs} {lost:size short} against the epoch of the "
          "lowest validation loss. With dropout off, {never:each}, they do not cross at any epoch.",
          fifth=rate_of(WATCH), crossing=epochs_of(WATCH, crossing),
          lost=across(stopped_at_the_crossing, accuracy, WATCH),
          never=count(WATCH, never_crosses)),
    claim("06-stop-loss",
          "With rate {tenth}, early stopping {loss:lowers} the cross-entropy on the test images by "
          "{loss:size short} against training all {epochs} epochs. The test accuracy changes by "
          "{right:short}, {right:equal}: stopping mends the probabilities, not the decisions.",
          tenth=rate_of(STOP), epochs=setting(PEEK, "epochs"),
          loss=compare(PEEK, STOP, test_cross_entropy, differ=("patience",)),
          right=compare(PEEK, STOP, test_accuracy, differ=("patience",))),
    claim("06-unearned",
          "An epoch chosen on the test set claims {claimed:range} that one chosen on validation "
          "does not: on average over {runs} runs, {mean}.",
          runs=computed(len, PEEK), claimed=values(PEEK, not_earned),
          mean=computed(mean_of(not_earned), PEEK, digits=2)),
    claim("06-full-rows",
          "At full size, on the honest split, {d2} differs from {d3} by {three:short} in test "
          "accuracy, {three:equal}. Without dropout, {d4} differs from {d2} by {four:short}, "
          "{four:undecided}, and its cross-entropy is {loss:size short} {loss:higher}.",
          **ROWS, three=other_rate(H3, H2, digits), four=other_rate(H2, H4, digits),
          loss=other_rate(H2, H4, test_cross_entropy)),
)
