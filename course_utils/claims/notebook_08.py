"""Claims of notebook 08."""

from __future__ import annotations

import itertools
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
    epochs_of,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measures import (
    accuracy_at_turn,
    decisions,
    test_accuracy,
    training_accuracy,
    turns,
)
from course_utils.claims.measures import validation_accuracy as accuracy

NOTEBOOK = "08_by_heart"
CLEAN, NOISY, RANDOM = (Runs(NOTEBOOK, f"noise_{share}") for share in ("00", "20", "100"))
DROPOUT, L2, AUGMENTED = (Runs(NOTEBOOK, f"{arm}_20") for arm in ("dropout", "l2", "augmentation"))
HALVES, PLANTED = (Runs(NOTEBOOK, f"halves_{share}") for share in ("00", "20"))
LESS_HEART, LESS_RANDOM = (Runs(NOTEBOOK, f"without_{what}") for what in ("memorised", "random"))
with_noise = partial(compare, differ=("noise",))
remedied = partial(compare, NOISY, differ=("remedy", "dropout", "l2", "augment"))


def at_the_turn(name: str) -> Measure:
    """A share of the training pictures at the lowest validation loss, in percent."""
    return Measure(lambda r: 100 * r["history"][name][r["best_epoch"] - 1], "%")


learned = Measure(lambda r: 100 * r["history"]["given"][-1], "%", better=False)
highest = Measure(lambda r: 100 * max(r["history"]["accuracy"]), "%")


def passes(record: Record) -> float:
    """Epoch at which the training accuracy first exceeds 0.95."""
    above = np.array(record["history"]["accuracy"]) > 0.95
    return int(above.argmax()) + 1 if above.any() else math.inf


def scores(record: Record) -> np.ndarray:
    """Memorisation of each training picture."""
    inside, outside = np.array(record["right_inside"]), np.array(record["right_outside"])
    return 2 * (inside - outside) / record["parameters"]["networks"]


by_heart = Measure(lambda r: 100 * (scores(r) > 0.5).mean(), "%")
needless = Measure(lambda r: 100 * (scores(r) < 0.1).mean(), "%")


def agreement(records: list[Record]) -> float:
    """Mean correlation of the scores of two seeds."""
    pairs = itertools.combinations(map(scores, records), 2)
    return float(np.mean([np.corrcoef(one, other)[0, 1] for one, other in pairs]))


def found(record: Record) -> float:
    """Share of the wrongly labelled among as many pictures of the highest score."""
    wrong = record["wrong_labels"]
    top = np.argsort(-scores(record), kind="stable")[: len(wrong)]
    return 100 * np.isin(top, wrong).mean()


def wrongly(record: Record) -> float:
    """Share of the training pictures that carry a wrong label."""
    return 100 * len(record["wrong_labels"]) / record["data"]["train"]


NAME_OF_L2 = fact("L2", "a remedy")

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("08-setting", "{images} pictures and {epochs} epochs",
          images=setting(CLEAN, "data.train"), epochs=setting(CLEAN, "epochs")),
    claim("08-random",
          "{train:Each} on random labels, the running training accuracy reaches {train:at least}; "
          "in the end the network is right on {right:at most} of the validation pictures. The "
          "training accuracy says nothing.",
          train=values(RANDOM, highest), right=values(RANDOM, accuracy)),
    claim("08-slower",
          "On random labels, the running training accuracy passes {most} {random}; with the right "
          "labels, {clean}. Nonsense is learned {d:later each}.",
          most=fact("0.95", "a threshold settled before"),
          random=epochs_of(RANDOM, passes), clean=epochs_of(CLEAN, passes),
          d=across(lambda clean, random: passes(random) - passes(clean),
                   Measure(passes, "epochs"), CLEAN, RANDOM)),
    claim("08-order",
          "With a share of {share} random labels, at the lowest validation loss, {clean:each}, the "
          "network has learned {clean:at least} of the right labels and {given:at most} of the "
          "wrong ones; it gives {true:at least} of the wrongly labelled their true class. In the "
          "end it has learned {end:at least} of the wrong ones.",
          share=setting(NOISY, "parameters.noise"), clean=values(NOISY, at_the_turn("clean")),
          given=values(NOISY, at_the_turn("given")), true=values(NOISY, at_the_turn("true")),
          end=values(NOISY, learned)),
    claim("08-decisions",
          "With a share of {share} random labels, the network {d:loses} {d:size} of validation "
          "accuracy from the turning epoch to the mean of the last {five}: wrong labels learned by "
          "heart cost decisions. With the right "
          "labels, the change is {clean:short}: {clean:undecided}.",
          share=setting(NOISY, "parameters.noise"),
          five=fact("five", "a mean, for single epochs are jittery"),
          d=across(decisions, accuracy, NOISY), clean=across(decisions, accuracy, CLEAN)),
    claim("08-same-training",
          "That share of random labels changes the accuracy on the labels that the network was "
          "given by {train}, and {right:lowers} that on validation pictures by "
          "{right:size short}. The first says little of the second.",
          train=with_noise(CLEAN, NOISY, training_accuracy),
          right=with_noise(CLEAN, NOISY, accuracy)),
    claim("08-dropout",
          "Dropout {learned:lowers} the share of the wrong labels that are learned in the end by "
          "{learned:size}, and {right:raises} the last validation accuracy by {right:size short}. "
          "But it is not through: its validation loss is lowest {turn}.",
          learned=remedied(DROPOUT, learned), right=remedied(DROPOUT, accuracy),
          turn=turns(DROPOUT)),
    claim("08-l2",
          "{l2} {learned:lowers} that share by {learned:size}, and {right:raises} the accuracy by "
          "{right:size short}; its validation loss is lowest {turn}.",
          l2=NAME_OF_L2, learned=remedied(L2, learned), right=remedied(L2, accuracy),
          turn=turns(L2)),
    claim("08-augmentation",
          "Augmentation {learned:lowers} it by {learned:size}, and {right:raises} the accuracy by "
          "{right:size short}; its validation loss is lowest {turn}.",
          learned=remedied(AUGMENTED, learned), right=remedied(AUGMENTED, accuracy),
          turn=turns(AUGMENTED)),
    claim("08-stop",
          "Early stopping, which needs no strength, {learned:saves} {learned:size} of the wrong "
          "labels from being learned, and the validation accuracy is {right:size short} "
          "{right:higher} than in the end.",
          learned=compare(NOISY, NOISY, learned, at_the_turn("given")),
          right=compare(NOISY, NOISY, accuracy, accuracy_at_turn)),
    claim("08-stop-enough",
          "Against early stopping alone, the last validation accuracy with dropout differs by "
          "{a}, {a:undecided}; with {l2} by {b:short}, {b:worse}; with augmentation by "
          "{c:short}, {c:undecided}.",
          l2=NAME_OF_L2, **{name: compare(NOISY, arm, accuracy_at_turn, accuracy)
                            for name, arm in zip("abc", (DROPOUT, L2, AUGMENTED), strict=True)}),
    claim("08-by-heart",
          "{heart:range} of the training pictures have a memorisation greater than "
          "{high}, and {needless:range} one under {low}.",
          heart=values(HALVES, by_heart), needless=values(HALVES, needless),
          high=fact("0.5", "a threshold"), low=fact("0.1", "a threshold")),
    claim("08-agree",
          "The scores of any pair of seeds, with other weights and halves, have a correlation "
          "of {r}, on average over {n} seeds.",
          r=computed(agreement, HALVES, digits=2), n=computed(len, HALVES)),
    claim("08-finds",
          "Of as many pictures with the highest memorisation as there are wrong labels, "
          "{found:range} carry one; of all pictures it is {wrong:at most}.",
          found=values(PLANTED, Measure(found, "%")), wrong=values(PLANTED, Measure(wrongly, "%"))),
    claim("08-left-out",
          "Trained without the {part} of the pictures that are most learned by heart, the network "
          "differs by {d} in test accuracy from one trained without as many random ones: "
          "{d:undecided}. Feldman and Zhang found a loss, on big sets.",
          part=fact("fifth", "the notebook"),
          d=compare(LESS_RANDOM, LESS_HEART, test_accuracy)),
)
