"""Claims of notebook 05."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from statistics import fmean

from course_utils.claims import (
    Claims,
    Measure,
    Record,
    claim,
    compare,
    computed,
    count,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measured import Measured, Runs
from course_utils.claims.measures import (
    entropy_of,
    gap,
    lowest,
    test_accuracy,
    training_accuracy,
    turn,
    validation_accuracy,
)

NOTEBOOK = "05_l2_regularization"
NONE, PENALTY, STRONG, ADAMW = (
    Runs(NOTEBOOK, arm) for arm in ("l2_0", "l2_1e-3", "l2_1e-2", "adamw")
)
DIGITS, SMALL, STRING, HIDDEN, LAST = (
    Runs(NOTEBOOK, f"D5_{arm}") for arm in ("none", "1e-4", "l2_string", "hidden_only", "last_only")
)
FULL_NONE, FULL_STRING = (
    Runs("06_dropout_early_stopping", arm, "full", "published") for arm in ("D4", "D5")
)
NAME = fact("`'l2'`", "what Keras calls it")
SMALL_STRENGTH = fact("0.0001", "the strength in the arm's name; its records do not keep it")
against_none = partial(compare, NONE, differ=("l2", "weight_decay"))

last_entropy = entropy_of(lambda r: r["history"]["val_cross_entropy"][-1])
lowest_entropy = lowest("val_cross_entropy")
AT_BEST = against_none(PENALTY, lowest_entropy)
entropy_rise = Measure(lambda r: last_entropy.of(r) / lowest_entropy.of(r), "times")
right, learned = (replace(m, margin="digits") for m in (validation_accuracy, training_accuracy))
fine = replace(test_accuracy, margin="digits", digits=2)


def still_falls(record: Record) -> bool:
    """Whether the cross-entropy, without the penalty, has not turned for good."""
    entropies = record["history"]["val_cross_entropy"]
    return math.isinf(turn(record | {"best_epoch": entropies.index(min(entropies)) + 1}))


def kept(arm: Runs, layer: str) -> Measured:
    """Mean length of a layer's kernel, in percent of that without a penalty."""

    def mean(with_it: list[Record], without: list[Record]) -> float:
        pairs = zip(with_it, without, strict=True)
        return 100 * fmean(a["weight_norms"][layer] / b["weight_norms"][layer] for a, b in pairs)

    return computed(mean, arm, NONE, unit="%")


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("05-headline",
        "On {images} pictures and {epochs} epochs, best epoch against best epoch, {pen} with "
        "λ = {l2} changes the validation cross-entropy by {best}: {best:equal}.",
        pen=fact("L2", "the name of the penalty"), l2=setting(PENALTY, "parameters.l2"),
        images=setting(PENALTY, "data.train"), epochs=setting(PENALTY, "epochs"), best=AT_BEST),
    claim("05-narrows",
        "λ = {l2}, {images} images, {epochs} epochs: the gap is {gap:narrower count}, on average "
        "by {gap:size}. The validation accuracy changes by {accuracy:short}: "
        "{accuracy:undecided}.",
        l2=setting(PENALTY, "parameters.l2"), images=setting(PENALTY, "data.train"),
        epochs=setting(PENALTY, "epochs"), gap=against_none(PENALTY, gap),
        accuracy=against_none(PENALTY, validation_accuracy)),
    claim("05-less-sure",
        "Its validation cross-entropy turns {turned:each}, rising to {rise:at least} the lowest. "
        "The last is {last:lower count}, on average by {last:size short}.",
        turned=count(PENALTY, lambda r: not still_falls(r)), rise=values(PENALTY, entropy_rise),
        last=against_none(PENALTY, last_entropy)),
    claim("05-adamw",
        "With AdamW the last cross-entropy is {last:lower count}, by {last:size short}; the "
        "validation accuracy changes by {accuracy:short}: {accuracy:undecided}.",
        last=against_none(ADAMW, last_entropy), accuracy=against_none(ADAMW, validation_accuracy)),
    claim("05-learns-less",
        "λ = {l2} {gap:narrows} the gap by {gap:size short}: training accuracy {train:falls} by "
        "{train:size short}. {open:Count}, cross-entropy has not turned for good: unfinished "
        "training. Validation accuracy: {accuracy:short}, {accuracy:undecided}.",
        l2=setting(STRONG, "parameters.l2"), gap=against_none(STRONG, gap),
        train=against_none(STRONG, training_accuracy), open=count(STRONG, still_falls),
        accuracy=against_none(STRONG, validation_accuracy)),
    claim("05-loss-lies",
        "By its lowest `val_loss`, λ = {l2} looks {loss:worse} than no penalty, by "
        "{loss:size short}. By its lowest cross-entropy it is {entropy:equal}: {entropy:short}.",
        l2=setting(PENALTY, "parameters.l2"), loss=against_none(PENALTY, lowest("val_loss")),
        entropy=AT_BEST),
    claim("05-shrinks",
        "On average over {n} runs, λ = {l2} leaves the dense layer {dense} of its length, and the "
        "first penalised convolution {first}; with AdamW, {adamw_dense} and {adamw_first}.",
        l2=setting(PENALTY, "parameters.l2"), dense=kept(PENALTY, "dense"),
        first=kept(PENALTY, "conv1b"), adamw_dense=kept(ADAMW, "dense"),
        adamw_first=kept(ADAMW, "conv1b"), n=computed(len, PENALTY)),
    claim("05-string",
        "{string} on all layers, {images} digits, {epochs} epochs: it {train:costs} {train:size} "
        "of training accuracy. Validation accuracy: {accuracy:short}, {accuracy:undecided}.",
        string=NAME, images=setting(STRING, "data.train"), epochs=setting(STRING, "epochs"),
        train=compare(DIGITS, STRING, learned), accuracy=compare(DIGITS, STRING, right)),
    claim("05-string-where",
        "On the hidden layers only, before the batch norms, it {hidden:costs} "
        "{hidden:size short}; on the last only, {last:size short}. With λ = {small} on all layers, "
        "training accuracy is {train:equal}: {train:short}.",
        hidden=compare(DIGITS, HIDDEN, learned), last=compare(DIGITS, LAST, learned),
        small=SMALL_STRENGTH, train=compare(DIGITS, SMALL, learned)),
    claim("05-full-string",
        "At full size, as published, {string} {d:costs} {d:size} of test accuracy against no "
        "penalty ({d5} and {d4} of notebook {six}); that arm also stopped early.",
        string=NAME, d5=fact("D5", "published.yaml"), d4=fact("D4", "published.yaml"),
        six=fact("06", "its number"),
        d=compare(FULL_NONE, FULL_STRING, fine, differ=("penalty",))),
    shown("05-setting",
        "{images} images and {epochs} epochs",
        images=setting(NONE, "data.train"), epochs=setting(NONE, "epochs")),
)
