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
    runs,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import (
    all_of,
    cross_entropy,
    gap,
    rise,
    test_accuracy,
    test_cross_entropy,
    training_accuracy,
    turning_epoch,
)
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "06_dropout_early_stopping"
SEARCHED = (0.1, 0.1125, 0.125, 0.1375, 0.15, 0.1625, 0.175, 0.1875, 0.2)


def rate(value: float) -> Runs:
    """The runs of the sweep with this dropout rate."""
    return runs(NOTEBOOK, f"dropout_{value:g}")


NONE, TENTH, FIFTH, HALF = rate(0), rate(0.1), rate(0.2), rate(0.5)
WATCH, STOP, PEEK = (runs(NOTEBOOK, arm) for arm in ("watch", "stop", "peek"))
D2, D4, D5 = (runs(NOTEBOOK, f"D{row}", "full", "published") for row in (2, 4, 5))
H1, H2, H3, H4 = (runs(NOTEBOOK, f"D{row}", "full", "honest") for row in range(1, 5))
LATE_TENTH, LATE_HALF = (runs(NOTEBOOK, f"dropout_{r}", "settings") for r in (0.1, 0.5))
LATE_D1, LATE_D4 = (runs(NOTEBOOK, arm, "settings", "honest") for arm in ("D1", "D4"))
other_rate = partial(compare, differ=("dropout",))
rate_of = partial(setting, name="parameters.dropout")
against_tenth = [other_rate(TENTH, rate(r), accuracy) for r in (0, 0.15, 0.2, 0.3)]
BY_TENTHS = [rate(value) for value in SEARCHED]


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


def landing(records: dict[float, Record], first: int = 0, last: int = 2000) -> float:
    """Where the notebook's search lands, judged by the validation images from first to last."""

    def right(rate: float) -> int:
        return -sum(first <= image < last for image in records[round(rate, 4)]["mistakes"])

    low, high = 0.1, 0.2
    for _ in range(3):
        middle = (low + high) / 2
        low, high = (low, middle) if right(low) >= right(high) else (middle, high)
    return round(low if right(low) >= right(high) else high, 4)


def by_seed(arms: tuple[list[Record], ...]) -> list[dict[float, Record]]:
    """For each seed, its record at each rate that a search can visit."""
    return [dict(zip(SEARCHED, row, strict=True)) for row in zip(*arms, strict=True)]


def places(*arms: list[Record]) -> float:
    """At how many rates the searches land."""
    return len({landing(records) for records in by_seed(arms)})


def torn(*arms: list[Record]) -> float:
    """How many searches land elsewhere if the other half of the images judges."""
    return sum(landing(r, 0, 1000) != landing(r, 1000) for r in by_seed(arms))


digits = Measure(test_accuracy.of, "%", better=True, margin="digits", digits=2)
climb = Measure(rise.of, "times", digits=2)
not_earned = Measure(unearned, "points", digits=2)
honest = [other_rate(row, H2, digits) for row in (H1, H3)]
ROWS = {f"d{row}": fact(f"D{row}", "published.yaml") for row in range(1, 5)}

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("06-plateau",
          "On {images} digits, dropout {none} in place of {tenth} changes the validation accuracy "
          "by {a}, {b_rate} by {b:short}, {c_rate} by {c:short}, {d_rate} by {d:short}: each is "
          "{all:equal}.",
          images=setting(TENTH, "data.train"), none=rate_of(NONE), tenth=rate_of(TENTH),
          b_rate=rate_of(rate(0.15)), c_rate=rate_of(FIFTH), d_rate=rate_of(rate(0.3)),
          **dict(zip("abcd", against_tenth, strict=True)), all=all_of(*against_tenth)),
    claim("06-half-dropout",
          "Rate {half} {d:costs} {d:size} against {tenth}. But its lowest validation loss comes "
          "{turn:later each} than with rate {none}, and {open:count} it used all {epochs} epochs. "
          "Given {more} epochs and a patience of {patience}, it {late:costs} {late:size short}.",
          more=setting(LATE_HALF, "parameters.epochs"),
          patience=setting(LATE_HALF, "parameters.patience"),
          late=other_rate(LATE_TENTH, LATE_HALF, accuracy),
          half=rate_of(HALF), tenth=rate_of(TENTH), none=rate_of(NONE),
          d=other_rate(TENTH, HALF, accuracy), turn=other_rate(NONE, HALF, turning_epoch),
          open=count(HALF, lambda r: r["epochs"] == r["parameters"]["epochs"]),
          epochs=setting(HALF, "parameters.epochs")),
    claim("06-gap-wrong-side",
          "Rate {fifth} {gap:narrows} the gap by {gap:size} against rate {none}: it {train:lowers} "
          "the training accuracy by {train:size short}, and changes the validation accuracy by "
          "{right:short}, {right:equal}.",
          fifth=rate_of(FIFTH), none=rate_of(NONE), gap=other_rate(NONE, FIFTH, gap),
          train=other_rate(NONE, FIFTH, training_accuracy),
          right=other_rate(NONE, FIFTH, accuracy)),
    claim("06-long",
          "After {epochs} epochs, none of them stopped, rate {fifth} changes the validation "
          "accuracy of rate {none} by {right}: {right:undecided}. The cross-entropy changes by "
          "{loss:short}: {loss:worse}.",
          epochs=setting(LATE_D1, "epochs"), fifth=rate_of(LATE_D1), none=rate_of(LATE_D4),
          right=other_rate(LATE_D4, LATE_D1, accuracy),
          loss=other_rate(LATE_D4, LATE_D1, cross_entropy)),
    claim("06-crossing",
          "With rate {fifth}, the printed training accuracy crosses the validation accuracy "
          "{crossing}. Stopping there {lost:costs} {lost:size} against the epoch of the lowest "
          "validation loss. With dropout off, {never:each}, they do not cross at any epoch.",
          fifth=rate_of(WATCH), crossing=epochs_of(WATCH, crossing),
          lost=across(stopped_at_the_crossing, accuracy, WATCH),
          never=count(WATCH, never_crosses)),
    claim("06-stop-loss",
          "With rate {tenth}, early stopping {loss:lowers} the cross-entropy on the test images by "
          "{loss:size} against training all {epochs} epochs. The test accuracy changes by "
          "{right:short}, {right:equal}: stopping mends the probabilities, not the decisions.",
          tenth=rate_of(STOP), epochs=setting(PEEK, "epochs"),
          loss=compare(PEEK, STOP, test_cross_entropy, differ=("patience",)),
          right=compare(PEEK, STOP, test_accuracy, differ=("patience",))),
    claim("06-unearned",
          "An epoch chosen on the test set claims {claimed:range} that one chosen on validation "
          "does not: on average over {runs} runs, {mean}.",
          runs=computed(len, PEEK), claimed=values(PEEK, not_earned),
          mean=computed(lambda of: float(np.mean(list(map(unearned, of)))), PEEK, digits=2)),
    claim("06-landings",
          "The searches of {seeds} seeds land at {places} rates. Judged by the first or by the "
          "second part of the validation images, the same networks send {torn} of them to rates "
          "that are not the same.",
          seeds=computed(len, TENTH), places=computed(places, *BY_TENTHS),
          torn=computed(torn, *BY_TENTHS)),
    claim("06-full-rows",
          "At full size, on the honest split, {d2} differs from {d1} by {one} in test accuracy and "
          "from {d3} by {three:short}: {both:equal}. Without dropout, {d4} differs from {d2} by "
          "{four:short}, {four:undecided}, and its cross-entropy is {loss:size short} "
          "{loss:higher}.",
          **ROWS, one=honest[0], three=honest[1], both=all_of(*honest),
          four=other_rate(H2, H4, digits), loss=other_rate(H2, H4, test_cross_entropy)),
    shown("06-crossing-rate",
          "With rate {fourth}, they cross {of_fourth}; with rate {half}, {of_half}.",
          fourth=rate_of(rate(0.4)), of_fourth=epochs_of(rate(0.4), crossing),
          half=rate_of(HALF), of_half=epochs_of(HALF, crossing)),
    shown("06-climb", "{climb:range} the lowest", climb=values(PEEK, climb)),
    shown("06-full-string", "{d:costs} {d:size} against {d4}, as published",
          d4=ROWS["d4"], d=compare(D4, D5, digits, differ=("penalty",))),
    shown("06-full-images", "{d2} scores {d:size} {d:more}",
          d2=ROWS["d2"], d=compare(H2, D2, digits, differ=("data",))),
)
