"""Exercises of notebook 00."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises, losses


def last_gap(accuracy: list[float], val_accuracy: list[float]) -> float:
    return 100 * (accuracy[-1] - val_accuracy[-1])


def _two_lists(rng: np.random.Generator) -> Arguments:
    first, second = rng.uniform(0.3, 1, (2, rng.integers(1, 5))).round(5).tolist()
    return first, second


def turning_epoch(val_losses: list[float]) -> int:
    return 1 + int(np.argmin(val_losses))


def _thrifty(build: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks._exercises import _networks

    images = rng.integers(0, 256, (8, 28, 28, 1), dtype="uint8")
    network, wrong = _networks.network_of(build, images, 10_000, rng)
    if wrong is None and not any(len(weight.shape) == 4 for weight in network.trainable_weights):
        return "None of its layers is a convolution."
    return wrong


def _shuffled(batches_of: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks._exercises import _networks

    n, size, seed = 60, 8, int(rng.integers(1000))
    labels = np.repeat(np.arange(10), 6)  # class by class
    images = np.arange(n, dtype="uint8")[:, None, None, None] * np.ones((1, 2, 2, 1), "uint8")
    batches = batches_of(images, labels, size, seed)
    orders = []
    for seen, y, sizes in _networks.passes(batches):
        rows = seen[:, 0, 0, 0].astype(int)
        if sorted(rows) != list(range(n)):
            return f"One pass shows {len(set(rows))} of {n} pictures, and {len(rows)} in all."
        if max(sizes) > size:
            return f"Asked for {size} pictures a batch, it hands out {max(sizes)}."
        if (y != labels[rows]).any():
            return f"In one pass, {(y != labels[rows]).sum()} of {n} pictures carry a wrong label."
        ends = np.cumsum(sizes)
        kinds = [len(set(part.tolist())) for part in np.split(y, ends[:-1])]
        if np.mean(kinds) < 3:
            return f"From a file in order of class, the first batches hold {kinds[:3]} classes."
        if np.corrcoef(rows, np.arange(n))[0, 1] > 0.5:
            return f"The order of the file shows through: the first rows are {rows[:8].tolist()}."
        orders.append(rows)
    if (orders[0] == orders[1]).all():
        return "The second pass has the order of the first."
    again, other = (_networks.passes(batches_of(images, labels, size, s), 1) for s in (seed, 9999))
    if (again[0][0][:, 0, 0, 0] != orders[0]).any():
        return "Made again with the same seed, the batches come in another order."
    if (other[0][0][:, 0, 0, 0] == orders[0]).all():
        return "Made with another seed, the batches come in the same order."
    return None


EXERCISES: Exercises = {
    "last_gap": Exercise(
        last_gap,
        _two_lists,
        (([0.6, 0.9], [0.5, 0.7]), ([0.9, 0.6], [0.8, 0.55]), ([0.5], [0.52])),
        "Both lists hold one number for each epoch. The gap has a sign, and is asked for in "
        "points, as it is.",
    ),
    "turning_epoch": Exercise(
        turning_epoch,
        lambda rng: (losses(rng),),
        (([0.5],), ([0.9, 0.6, 0.8, 0.4, 0.7],), ([0.7, 0.5, 0.5],), ([0.9, 0.8, 0.7],)),
        "Look for the lowest of all, not for the first rise. Python counts from 0, epochs from 1. "
        "Of two that are equally low, the first is meant.",
    ),
    "thrifty_network": Behaviour(
        _thrifty,
        "Print network.summary(): which layer holds most of the parameters, and how many numbers "
        "does Flatten hand to it? The last layer needs ten units, and an activation that makes "
        "probabilities of them.",
    ),
    "mended_batches": Behaviour(
        _shuffled,
        "What does shuffle() get to shuffle, pictures or batches? And of how many of them does it "
        "draw at a time?",
    ),
}
