"""Claims of notebook 03."""

from __future__ import annotations

import math

import numpy as np

from course_utils.claims import (
    Change,
    Claims,
    Measure,
    Record,
    Runs,
    across,
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
    cross_entropy,
    decisions,
    gap,
    lowest,
    rise,
    test_accuracy,
    test_cross_entropy,
    turn,
    turning_epoch,
    validation_accuracy,
)

NOTEBOOK = "03_data_augmentation"
F4, RENAMED, SPLIT_FIRST = (Runs(NOTEBOOK, f"F4{arm}") for arm in ("", "_renamed", "_split_first"))
PLAIN, AUGMENTED = Runs(NOTEBOOK, "plain"), Runs(NOTEBOOK, "augmented")
PLAIN_LONG, LONG = Runs(NOTEBOOK, "plain_long"), Runs(NOTEBOOK, "augmented_long")
MIDDLE, LAST = (41, 60), (81, 100)  # two fifths of the long training


def too_good(arm: Runs) -> Change:
    """Validation minus test accuracy."""
    return compare(arm, arm, test_accuracy, validation_accuracy)


def over(epochs: tuple[int, int]) -> Measure:
    """Mean validation accuracy over some epochs."""
    first, last = epochs
    return accuracy_of(lambda r: 100 * np.mean(r["history"]["val_accuracy"][first - 1 : last]))


def same_seconds(plain: Record, augmented: Record) -> float:
    """Points of validation accuracy, when the augmented arm has had the plain arm's seconds."""
    epochs = int(plain["seconds"] / (augmented["seconds"] / augmented["epochs"]))
    reached = augmented["history"]["val_accuracy"][min(epochs, augmented["epochs"]) - 1]
    return 100 * (reached - plain["history"]["val_accuracy"][-1])


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("03-leak",
        "{copies:Each} as published, all validation pictures are copies of training pictures. The "
        "validation accuracy is {leak:above} the test accuracy by {leak:size}.",
        copies=count(F4, lambda r: r["copies"] == r["validated"] > 0),
        leak=too_good(F4)),
    claim("03-renamed",
        "With the name mended, no exact copy is left {none:each}; validation is {leak:below} test "
        "by {leak:size short}.",
        none=count(RENAMED, lambda r: r["copies"] == 0),
        leak=too_good(RENAMED)),
    claim("03-split-first",
        "With the split first, validation minus test is {leak:short}: {leak:undecided}. Its "
        "cross-entropy is {loss:higher}, by {loss:size short}.",
        leak=too_good(SPLIT_FIRST),
        loss=compare(SPLIT_FIRST, SPLIT_FIRST, test_cross_entropy, cross_entropy)),
    claim("03-test",
        "The baseline network on {images} pictures, {epochs} epochs: augmentation changes the test "
        "accuracy by {d}: {d:better}.",
        epochs=setting(LONG, "epochs"), images=setting(LONG, "data.train"),
        d=compare(PLAIN_LONG, LONG, test_accuracy)),
    claim("03-costs",
        "After {epochs} epochs augmentation {d:costs} {d:size short} of validation accuracy; after "
        "the seconds that these take without it, {s:size short}. {open:Count} its loss had not "
        "turned for good: unfinished training.",
        epochs=setting(AUGMENTED, "epochs"), d=compare(PLAIN, AUGMENTED, validation_accuracy),
        s=across(same_seconds, validation_accuracy, PLAIN, AUGMENTED),
        open=count(AUGMENTED, lambda r: math.isinf(turn(r)))),
    claim("03-begins",
        "Of {epochs} epochs, over epochs {middle} the mean validation accuracy is {early:equal}: "
        "{early:short}. Over epochs {last} augmentation changes it by {late:short}: {late:better}.",
        epochs=setting(LONG, "epochs"),
        middle=fact(" to ".join(map(str, MIDDLE)), "the epochs that are compared"),
        early=compare(PLAIN_LONG, LONG, over(MIDDLE)),
        last=fact(" to ".join(map(str, LAST)), "the epochs that are compared"),
        late=compare(PLAIN_LONG, LONG, over(LAST))),
    claim("03-rise",
        "Without augmentation, after {epochs} epochs the validation loss is {rise:at least} the "
        "lowest. Yet from the turning epoch to the mean of the last {five}, the validation "
        "accuracy {accuracy:rises} by {accuracy:size short}: overfitted probabilities, not "
        "decisions.",
        epochs=setting(PLAIN_LONG, "epochs"), rise=values(PLAIN_LONG, rise),
        five=fact("five", "a mean, for single epochs are jittery"),
        accuracy=across(decisions, validation_accuracy, PLAIN_LONG)),
    claim("03-gap-closes",
        "After {epochs} epochs augmentation {gap:narrows} the gap by {gap:size short}. The lowest "
        "validation losses are {low:equal}: {low:short}. With augmentation, the "
        "lowest comes {turn:later each}.",
        epochs=setting(LONG, "epochs"), gap=compare(PLAIN_LONG, LONG, gap),
        low=compare(PLAIN_LONG, LONG, lowest("val_loss")),
        turn=compare(PLAIN_LONG, LONG, turning_epoch)),
    shown("03-setting",
        "{images} training pictures, {short} epochs or {long}",
        images=setting(PLAIN, "data.train"), short=setting(PLAIN, "epochs"),
        long=setting(PLAIN_LONG, "epochs")),
)
