"""Exercises of notebook 03."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def leaked_copies(drawn: np.ndarray, n_originals: int, first: int) -> int:
    rows = n_originals + np.arange(len(drawn))
    return int(np.sum((rows >= first) & (drawn < first)))


def _split(rng: np.random.Generator) -> Arguments:
    n_originals, n_copies = rng.integers(2, 9, 2)
    first = rng.integers(1, n_originals + n_copies)
    return rng.integers(0, n_originals, n_copies), int(n_originals), int(first)


def _dolls(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pictures with a bright head above a body, whose grey level says the label."""
    labels = rng.permutation(np.repeat(np.arange(10), 5)).astype("uint8")
    dolls = rng.integers(0, 50, (50, 28, 28, 1), dtype="uint8")
    dolls[:, 4:9, 10:18] = 250
    dolls[:, 11:24, 8:20] = (100 + 10 * labels)[:, None, None, None]
    return dolls, labels


def _levels(doll: np.ndarray) -> tuple[float, bool]:
    """Grey level of a doll's body, and whether its head is above it."""
    middle = (doll > 90) & (doll < 205)
    level = float(np.median(doll[middle])) if middle.any() else 0.0
    head, body = (np.nonzero(part)[0] for part in (doll > 225, middle))
    return level, len(head) == 0 or len(body) == 0 or head.mean() < body.mean()


def _augmented(batches_of: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks import is_on
    from course_utils.checks._exercises import _networks

    dolls, labels = _dolls(rng)
    batches = batches_of(dolls, labels, 16, int(rng.integers(1000)))
    if not (finding := is_on.augmentation(batches, dolls)):
        return str(finding)
    for images, y, sizes in _networks.passes(batches):
        if images.shape != dolls.shape or sorted(y) != sorted(labels) or max(sizes) > 16:
            return (
                f"Of {len(dolls)} pictures, one pass hands out {images.shape}, {max(sizes)} each."
            )
        images = images.astype(float) * (255 if images.max() <= 1.5 else 1)
        found = [_levels(image[..., 0]) for image in images]
        if turned := sum(not upright for _, upright in found):
            return f"{turned} of {len(found)} pictures come upside down."
        apart = np.abs(
            [level - 100 - 10 * label for (level, _), label in zip(found, y, strict=True)]
        )
        if (apart > 5).any():
            return f"{(apart > 5).sum()} of {len(y)} pictures do not carry their own label."
    return None


def _mirrored(batches_of: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks._exercises import _networks

    n, size = 60, 15
    images = np.tile(np.arange(n, dtype="uint8")[:, None, None, None], (1, 6, 6, 1))
    images[:, :, -1] = 255  # an edge that tells left from right
    labels = rng.integers(0, 10, n)
    # As in the notebook. With it, tf.random.uniform in a map draws the same in every pass.
    _networks.keras.utils.set_random_seed(int(rng.integers(1000)))
    batches = batches_of(images, labels, size, int(rng.integers(1000)))
    flips = []
    for seen, y, sizes in _networks.passes(batches, 3):
        rows = seen[:, 2, 2, 0].astype(int)
        if sorted(rows) != list(range(n)):
            return f"One pass shows {len(set(rows))} of {n} pictures, and {len(rows)} in all."
        if (y != labels[rows]).any():
            return f"{(y != labels[rows]).sum()} of {n} pictures carry a wrong label."
        flipped, straight = seen[:, 2, 0, 0] == 255, images[rows]
        if not np.array_equal(
            np.where(flipped[:, None, None, None], seen[:, :, ::-1], seen), straight
        ):
            return "Some pictures are neither the original nor its mirror image."
        if not 0.2 < flipped.mean() < 0.8:
            return f"In one pass {flipped.sum()} of {n} pictures are mirrored."
        parts = np.split(flipped, np.cumsum(sizes)[:-1])
        if alike := sum(len(part) > 10 and part.mean() in (0, 1) for part in parts):
            return f"In {alike} of {len(parts)} batches all pictures, or none, are mirrored."
        flips.append(flipped[np.argsort(rows)])
    for earlier, later in ((0, 1), (1, 2)):
        if (same := np.mean(flips[earlier] == flips[later])) > 0.85:
            return f"{100 * same:.0f} % of the pictures come as in the pass before."
    return None


EXERCISES: Exercises = {
    "leaked_copies": Exercise(
        leaked_copies,
        _split,
        ((np.array([0, 1, 2, 0]), 4, 4), (np.array([3, 2, 1, 3]), 4, 3)),
        "Copy i stands in row n_originals + i, and shows original drawn[i].",
    ),
    "my_augmented": Behaviour(
        _augmented,
        "Map a function over the batches that changes the pictures and hands on the labels. The "
        "random layers of Keras take training=True there. Look at some of the pictures.",
    ),
    "mended_pipeline": Behaviour(
        _mirrored,
        "Which line is run once for each picture and epoch, and which only once? A stateless "
        "operation gives the same number for the same seed, always; with a global seed, "
        "tf.random.uniform begins anew in each epoch. How does `augmented` above get its seeds?",
    ),
}
