"""Whether a program does what it should: looked at while it runs, not read from its text.

It runs twice. First on pictures that carry a number, so that each can be told wherever it turns
up, shifted, mirrored or scaled; then on real ones, from which it has to learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from course_utils.checks import is_on
from course_utils.checks._hunt._watch import Pictures, Seen, Sets, Unreadable, passes, run
from course_utils.checks._undisturbed import arriving, undisturbed

import keras  # isort: skip
import tensorflow as tf  # isort: skip

LABELLED, TEST, LOWEST = 160, 60, 31  # numbers are grey levels, from LOWEST to 250
LEARNT = 0.6  # accuracy on training pictures that every sound program reaches
STUCK = 0.4  # of a batch norm's first statistics, what may be left in them at the end
SURE = 1e6  # what makes a last layer's numbers far apart
CERTAIN = 0.1  # nats; loss of a network that is sure, and right


def marked_pictures(seed: int) -> Sets:
    """Pictures with a bright part, whose grey level is the picture's number, and a dark one."""
    rng = np.random.default_rng([seed, 7])
    x = np.zeros((LABELLED + TEST, 28, 28, 1), np.uint8)
    # The brightest is among the labelled ones: all numbers are read off against it.
    levels = np.arange(LOWEST, LOWEST + len(x), dtype=np.uint8)[::-1]
    x[:, 2:24, 3:15] = levels[:, None, None, None]
    order = np.concatenate([rng.permutation(LABELLED), LABELLED + rng.permutation(TEST)])
    x, y = x[order], rng.integers(0, 10, len(x)).astype(np.uint8)
    return x[:LABELLED], y[:LABELLED], x[LABELLED:], y[LABELLED:]


@dataclass
class _Marked:
    """What the numbers of the pictures say of a run on marked ones."""

    train: list[Pictures]  # two passes
    validation: list[Pictures]
    dark: float
    bright: float

    def numbers(self, pictures: np.ndarray) -> np.ndarray:
        brightest = pictures.reshape(len(pictures), -1).max(axis=1).astype(np.float64)
        levels = (
            (brightest - self.dark) / (self.bright - self.dark) * (LOWEST + LABELLED + TEST - 1)
        )
        return np.rint(levels).astype(int)


def trouble(
    program: Callable[..., Any], keeps: tuple[str, ...], sets: Sets, seed: int
) -> str | None:
    """What is seen to be wrong with a program, in one sentence; None where it behaves."""
    given = marked_pictures(seed)
    try:
        seen = run(program, given, seed, short=True)
        if not seen.fits:
            return "It trains nothing: fit is never called."
        if seen.validation is None:
            return "Nothing validates: fit is given no validation pictures."
        for said in _of_marked(seen, given, keeps):
            return said
        seen = run(program, sets, seed)
        for said in _of_real(seen, keeps):
            return said
    except Unreadable as error:
        return str(error)
    return None


def _of_marked(seen: Seen, given: Sets, keeps: tuple[str, ...]) -> Iterator[str]:
    train, validation = passes(seen.train), passes(seen.validation)
    everything = [pictures for pictures, _ in (*train, *validation)]
    marked = _Marked(
        train, validation, min(x.min() for x in everything), max(x.max() for x in everything)
    )
    yield from _pairs(marked, given)
    yield from _sets_apart(seen, marked, given, keeps)
    yield from _scale(seen, marked)
    yield from _augmented(seen, marked, given, keeps)
    yield from _certain(seen.model, train[0])
    yield from _dropped(seen.model, keeps)
    yield from _norms(seen, keeps)
    yield from _stopped(seen, keeps)


def _pairs(marked: _Marked, given: Sets) -> Iterator[str]:
    x, y, x_test, y_test = given
    labels = np.full(256, -1)
    labels[marked_numbers(x)], labels[marked_numbers(x_test)] = y, y_test
    for name, (pictures, own) in (("train", marked.train[0]), ("validate", marked.validation[0])):
        if len(own) != len(pictures):
            yield f"{len(pictures)} pictures {name}, with {len(own)} labels."
            return
        own = own.argmax(axis=1) if own.ndim == 2 and own.shape[1] > 1 else own.ravel()
        numbers = marked.numbers(pictures)
        wrong = int((labels[np.clip(numbers, 0, 255)] != own).sum())
        if wrong:
            yield f"Of {len(own)} pictures that {name}, {wrong} do not have their own label."


def marked_numbers(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1).max(axis=1).astype(int)


def _sets_apart(seen: Seen, marked: _Marked, given: Sets, keeps: tuple[str, ...]) -> Iterator[str]:
    test = set(marked_numbers(given[2]))
    trains, validates = (
        [*marked.numbers(each[0][0])] for each in (marked.train, marked.validation)
    )
    for name, numbers in (("train", trains), ("validate", validates)):
        if found := len(test & set(numbers)):
            yield f"Among the pictures that {name} are {found} of the {len(test)} test pictures."
    both = set(trains) & set(validates)
    if both:
        yield (
            f"{len(both)} pictures stand on both sides, each as itself or as a copy: they train, "
            "and they validate."
        )
    if len(set(trains)) < LABELLED / 2 or len(set(validates)) < LABELLED / 10:
        yield f"{len(set(trains))} of {LABELLED} pictures train and {len(set(validates))} validate."
    if "copies" in keeps and len(trains) < 1.5 * len(set(trains)):
        yield "The training pictures no longer come with their copies, which were no mistake."
    if not any(fits == len(seen.fits) for fits, _ in seen.evaluated):
        yield "The score that comes back is not measured after training: evaluate is not called."
        return
    if set(marked.numbers(_scored(seen))) != test:
        yield "The score that comes back is not that of the test pictures, all of them."


def _scored(seen: Seen) -> np.ndarray:
    """The pictures of the last call of `evaluate`."""
    _, scored = seen.evaluated[-1]
    return passes(scored)[0][0] if isinstance(scored, tf.data.Dataset) else np.asarray(scored)


def _scale(seen: Seen, marked: _Marked) -> Iterator[str]:
    for name, pictures in (
        ("training", marked.train[0][0]),
        ("validation", marked.validation[0][0]),
        ("test", _scored(seen)),
    ):
        with undisturbed(seen.model):
            arrived = arriving(seen.model, pictures[:64], training=False)
        low, high = float(arrived.min()), float(arrived.max())
        if not 0.3 < high - low < 20:
            yield (
                f"The {name} pixels that reach the first layer with weights run from {low:.3g} to "
                f"{high:.3g}."
            )


def _augmented(seen: Seen, marked: _Marked, given: Sets, keeps: tuple[str, ...]) -> Iterator[str]:
    first, second = (_in_order(marked, pictures) for pictures, _ in marked.validation)
    changed = int((np.abs(first - second).max(axis=1) > 0.01).sum())
    if changed:
        yield (
            f"{changed} of {len(first)} validation pictures are not the same in a second pass over "
            "them."
        )
    originals = np.concatenate([given[0], given[2]])
    known = dict(zip(marked_numbers(originals), originals.reshape(-1, 28 * 28) / 250, strict=True))
    numbers = np.sort(marked.numbers(marked.validation[0][0]))
    changed = sum(
        number not in known or np.abs(known[number] - picture).max() > 0.02
        for number, picture in zip(numbers, first, strict=True)
    )
    if changed:
        yield f"{changed} of {len(first)} validation pictures are not as they were given."
    if "augmentation" in keeps:
        source = seen.train if isinstance(seen.train, tf.data.Dataset) else seen.model
        pictures = marked.train[0][0]
        if not (found := is_on.augmentation(source, pictures)):
            known = found.facts["of"] - found.facts["changed"]
            yield (
                f"{known} of {found.facts['of']} training pictures come in one version only, the "
                "same in each pass."
            )
        with undisturbed(seen.model):
            once, again = (np.asarray(seen.model(pictures[:32], training=False)) for _ in range(2))
        if not np.allclose(once, again, atol=1e-4):
            yield "Two predictions for the same pictures differ."


def _in_order(marked: _Marked, pictures: np.ndarray) -> np.ndarray:
    """The pictures by their number, from dark 0 to bright 1."""
    order = np.argsort(marked.numbers(pictures), kind="stable")
    rows = pictures[order].reshape(len(pictures), -1).astype(np.float64)
    return (rows - marked.dark) / (marked.bright - marked.dark)


def _certain(model: Any, pair: Pictures) -> Iterator[str]:
    """A network that is sure and right has no loss, whatever its last layer and its loss are."""
    pictures, labels = pair[0][:64].astype(np.float32), pair[1]
    with undisturbed(model):
        *_, last = (layer for layer in model._flatten_layers() if layer.trainable_variables)
        regular = [(v, v.regularizer) for v in model.trainable_variables]
        for variable in last.trainable_variables:
            variable.assign(SURE * variable)
        for variable, _ in regular:
            variable.regularizer = None
        try:
            said = model(pictures, training=False)
            truth = np.asarray(said).argmax(axis=1)
            if labels.ndim == 2 and labels.shape[1] > 1:
                truth = np.eye(labels.shape[1], dtype=np.float32)[truth]
            loss = float(model.compute_loss(x=pictures, y=truth, y_pred=said))
        finally:
            for variable, regulariser in regular:
                variable.regularizer = regulariser
    if not loss < CERTAIN:
        yield (
            f"Make the network quite sure, and let its answers be right: its loss is still "
            f"{loss:.2f}, and not 0."
        )


def _dropped(model: Any, keeps: tuple[str, ...]) -> Iterator[str]:
    found = is_on.dropout(model)
    if ("dropout" in keeps and not found) or "wrong" in str(found):
        yield str(found)
    if "l2" in keeps and not (penalty := is_on.l2(model)):
        yield str(penalty)


def _norms(seen: Seen, keeps: tuple[str, ...]) -> Iterator[str]:
    if "batch_norm" not in keeps:
        return
    pictures = passes(seen.train)[0][0][:32].astype(np.float32)
    if not (found := is_on.batch_norm(seen.model, pictures)):
        yield str(found)
        return
    steps = 5 * sum(fit.steps for fit in seen.fits)  # real pictures are five times as many
    norms = [x for x in seen.model._flatten_layers() if hasattr(x, "moving_variance")]
    left = max(norm.momentum**steps for norm in norms)
    if left > STUCK:
        yield (
            f"After {steps} steps, {100 * left:.0f} % of a batch norm's moving mean and variance "
            "are still what they were at the start."
        )


def _stopped(seen: Seen, keeps: tuple[str, ...]) -> Iterator[str]:
    last = seen.fits[-1]
    stopping = [x for x in last.callbacks if isinstance(x, keras.callbacks.EarlyStopping)]
    if "stopping" in keeps and not stopping:
        yield "No EarlyStopping is among the callbacks any more."
    for each in stopping:
        name = each.monitor
        if not name.startswith("val_") or name not in last.history:
            yield f"What stops it, {name!r}, is no number of the validation pictures."
            return
        if name == "val_loss" and (penalty := float(sum(map(float, seen.model.losses)))) > 0:
            yield (
                f"What stops it, 'val_loss', holds {penalty:.2f} nats that do not come from the "
                "validation pictures."
            )
        wanted = (max if "acc" in name else min)(last.history[name])
        given = last.validation
        given = (given,) if isinstance(given, tf.data.Dataset) else tuple(given[:2])
        measured = seen.model.evaluate(*given, verbose=0, return_dict=True)
        value = measured[name.removeprefix("val_")]
        if abs(value - wanted) > 0.001 * abs(wanted) + 1e-4:
            yield (
                f"The network that comes back has {name} {value:.3f}; on its way it once had "
                f"{wanted:.3f}."
            )


def _of_real(seen: Seen, keeps: tuple[str, ...]) -> Iterator[str]:
    yield from _stopped(seen, keeps)  # once more: on marked pictures two epochs may be equal
    pictures, labels = passes(seen.train)[0]
    labels = labels.argmax(axis=1) if labels.ndim == 2 and labels.shape[1] > 1 else labels.ravel()
    said = seen.model.predict_on_batch(pictures.astype(np.float32)).argmax(axis=1)
    accuracy = float((said == labels).mean())
    if not accuracy >= LEARNT:
        yield (
            f"It is right on {100 * accuracy:.0f} % of its own {len(labels)} training pictures, at "
            "the end of training."
        )
