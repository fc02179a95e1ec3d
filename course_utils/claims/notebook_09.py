"""Claims of notebook 09."""

from __future__ import annotations

import numpy as np

from course_utils import laws
from course_utils.claims import (
    Claims,
    Contradiction,
    Measure,
    Measured,
    Record,
    Runs,
    claim,
    compare,
    computed,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import accuracy_at_turn, accuracy_of, mean_of, training_accuracy
from course_utils.claims.measures import validation_accuracy as accuracy
from course_utils.claims.words import number

NOTEBOOK = "09_data_and_size"
FEATURES = Runs(NOTEBOOK, "features")
CLEAN, NOISY = (
    {width: Runs(NOTEBOOK, f"width_{width}_noise_{noise}") for width in ("0.125", "1", "2", "4")}
    for noise in ("00", "20")
)
PLAIN, AUGMENTED = (Runs(NOTEBOOK, f"{arm}_to_8000", "full") for arm in ("plain", "augmented"))
FULL = {arm: Runs(NOTEBOOK, f"{arm}_to_48000", "full") for arm in ("plain", "augmented")}


def right(features: int, kind: str = "plain new") -> Measure:
    """Percent right, of the training pictures or of new ones."""
    return accuracy_of(lambda r: r["descent"][kind][str(features)][0])


def miss(features: int) -> Measure:
    """Squared error on new pictures, summed over the classes."""
    return Measure(lambda r: r["descent"]["plain new"][str(features)][1], "per picture")


def more_features(first: int, last: int, kind: str = "plain new") -> Measured:
    """Change of the accuracy on new pictures from one number of features to another."""
    return compare(FEATURES, FEATURES, right(first, kind), right(last, kind))


def wider(arms: dict[str, Runs], first: str, last: str, measure: Measure = accuracy) -> Measured:
    """What changes from one width to another."""
    return compare(arms[first], arms[last], measure, differ=("width",))


def error(n: int) -> Measure:
    """Error on validation pictures of the network that learned from n."""
    return Measure(lambda r: r["errors"][str(n)], "%", False, "accuracy")


def own_error(n: int) -> Measure:
    """Error on the training pictures of the network that learned from n."""
    return Measure(lambda r: r["own_errors"][str(n)], "%")


def doubling(records: list[Record]) -> float:
    """Percent by which the straight law's error falls when the pictures double."""
    sizes, errors = laws.table(records)
    return float(100 * (1 - 2 ** -laws.straight(sizes, errors.mean(axis=0))[1]))


def foretold(arm: str, law: str) -> Measured:
    """A forecast as it was written; ``inside``, ``above``, ``below``: where the full runs lie."""

    def say(spec: str) -> str:
        told = laws.written()["forecast"][arm][law]
        low, high = told["low"], told["high"]
        found = float(np.mean([r["errors"]["48000"] for r in FULL[arm].records]))
        if spec == "":
            ends = f"{number(low, 1)} to {number(high, 1)}"
            return f"{number(told['error'], 1)} % ({ends})"
        if {"inside": low <= found <= high, "above": found > high, "below": found < low}.get(spec):
            return spec
        raise Contradiction(f"{found:.2f} is not {spec} {low:.2f} to {high:.2f}")

    return Measured((FULL[arm],), say)


def worth(spec: str) -> str:
    """How many times the pictures augmentation is worth; with ``ends``, its interval."""
    times, *ends = (number(n, 2) for n in laws.worth(PLAIN.records, AUGMENTED.records))
    return f"95 % interval {' to '.join(ends)}" if spec == "ends" else times


NUMBERS = {n: fact(f"{n:,}", "a parameter") for n in (100, 250, 300, 1000, 2000, 6000, 8000, 48000)}
WIDTHS = {width: fact(width, "a parameter") for width in ("0.125", "1", "2", "4")}

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("09-at-300", "{mean}", mean=computed(mean_of(right(300)), FEATURES, unit="%")),
    claim("09-descent",
          "Least squares on random features is right on {few:short} of new pictures with {p} "
          "features, on {peak:short} with {q}, as many as pictures, and on {many:short} with {r}: "
          "it {down:loses} {down:size}, and {up:gains} {up:size short} again.",
          p=NUMBERS[300], q=NUMBERS[1000], r=NUMBERS[6000], few=values(FEATURES, right(300)),
          peak=values(FEATURES, right(1000)), many=values(FEATURES, right(6000)),
          down=more_features(300, 1000), up=more_features(1000, 6000)),
    claim("09-by-heart",
          "From {q} features on it is right on {train:at least} of the training pictures, "
          "{train:each}, wrong labels and all. Its squared error on new pictures is "
          "{peak:at least} with {q} features, and {many:at most} with {r}.",
          q=NUMBERS[1000], r=NUMBERS[6000], peak=values(FEATURES, miss(1000)),
          many=values(FEATURES, miss(6000)),
          train=values(FEATURES, Measure(lambda r: min(
              right(p, "plain train").of(r) for p in (1000, 1100, 1500, 3000, 6000)), "%"))),
    claim("09-second",
          "Without a penalty, {r} features against {p} change the accuracy on new pictures by "
          "{d}: {d:worse}.",
          p=NUMBERS[100], r=NUMBERS[6000], d=more_features(100, 6000)),
    claim("09-penalty",
          "With {q} features the penalty {d:adds} {d:size}, and no peak is left: from {p} to {r} "
          "features, the accuracy with it changes by {e:short}.",
          p=NUMBERS[300], q=NUMBERS[1000], r=NUMBERS[6000],
          d=compare(FEATURES, FEATURES, right(1000), right(1000, "ridge new")),
          e=more_features(300, 6000, "ridge new")),
    claim("09-width",
          "With a share of {share} random labels, the small network {d:loses} {d:size} of "
          "validation accuracy from width {one} to width {four}, where it is right on "
          "{train:at least} of the labels that it was given.",
          share=setting(NOISY["1"], "parameters.noise"), one=WIDTHS["1"], four=WIDTHS["4"],
          d=wider(NOISY, "1", "4"), train=values(NOISY["4"], training_accuracy)),
    claim("09-no-second",
          "From width {two} to {four}, it changes by {d}: {d:worse}. A second descent is not "
          "seen in this range of widths.",
          two=WIDTHS["2"], four=WIDTHS["4"], d=wider(NOISY, "2", "4")),
    claim("09-clean",
          "With the right labels, the same widening from {one} to {four} changes the accuracy by "
          "{d}: {d:better}. There is no peak.",
          one=WIDTHS["1"], four=WIDTHS["4"], d=wider(CLEAN, "1", "4")),
    claim("09-stop",
          "Early stopping takes the fall away too: at the lowest validation loss, width {four} is "
          "{d:size} {d:higher} than at the end, and from width {one} to {four} the change is "
          "{e:short}: {e:undecided}.",
          one=WIDTHS["1"], four=WIDTHS["4"],
          d=compare(NOISY["4"], NOISY["4"], accuracy, accuracy_at_turn),
          e=wider(NOISY, "1", "4", accuracy_at_turn)),
    claim("09-law",
          "From {few} to {many} pictures, the error goes from {first:short} to {last:short}; by "
          "the straight law, each doubling takes {d} of it away.",
          few=NUMBERS[250], many=NUMBERS[8000], first=values(PLAIN, error(250)),
          last=values(PLAIN, error(8000)), d=computed(doubling, PLAIN, unit="%", digits=1)),
    claim("09-forecast",
          "From the sizes up to {most}, without augmentation, the straight law foretold {straight} "
          "for {n} pictures, and the law with a floor {floor}. It is {found}: {straight:above} the "
          "interval of the first, and {floor:above} that of the second.",
          most=NUMBERS[8000], n=NUMBERS[48000], straight=foretold("plain", "straight"),
          floor=foretold("plain", "floor"), found=values(FULL["plain"], error(48000))),
    claim("09-forecast-augmented",
          "With augmentation, the straight law foretold {straight}, and the law with a floor "
          "{floor}. It is {found}: {straight:above} the first interval, and {floor:above} the "
          "second.",
          straight=foretold("augmented", "straight"), floor=foretold("augmented", "floor"),
          found=values(FULL["augmented"], error(48000))),
    claim("09-lacking",
          "On its own training pictures, the network without augmentation has an error of "
          "{few:at most} with {p} of them, of {more:short} with {q}, and of {all:short} with {r}.",
          p=NUMBERS[2000], q=NUMBERS[8000], r=NUMBERS[48000], few=values(PLAIN, own_error(2000)),
          more=values(PLAIN, own_error(8000)), all=values(FULL["plain"], own_error(48000))),
    claim("09-worth",
          "From {few} to {many} pictures, augmentation is worth {times} times the pictures "
          "({times:ends}, resampled seeds).",
          few=NUMBERS[250], many=NUMBERS[8000], times=Measured((PLAIN, AUGMENTED), worth)),
    claim("09-worth-full",
          "On {n} pictures, with the same steps, it {d:raises} the error by {d:size}.",
          n=NUMBERS[48000], d=compare(FULL["plain"], FULL["augmented"], error(48000))),
)
