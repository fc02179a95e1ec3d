"""Whether the same image reaches the network in more than one version."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from course_utils.checks._finding import Finding
from course_utils.checks._undisturbed import arriving, own_copy, undisturbed
from course_utils.errors import CourseError

import keras  # isort: skip
import tensorflow as tf  # isort: skip

# Two images are the same where they differ by less than this share of the pixels' spread: more
# than rounding to bfloat16 or a grey level of noise, less than any augmentation worth the name.
SAME = 0.03
FEW = 0.01  # of the images; so many may be left out of a pass that drops its last, smaller batch
DRAWS = 8  # of a network on the same images, at most


def augmentation(source: Any, images: np.ndarray) -> Finding:
    """Whether the same image reaches the network in more than one version.

    Nothing changes for what comes next: a `tf.data.Dataset` is read in a copy with random numbers
    and caches of its own, and a network gets its states back.

    Parameters
    ----------
    source : tf.data.Dataset, other batches, ndarray or keras.Layer
        Batches of images, or of tuples that begin with images, that can be read more than once;
        or an array of images that should be new; or a network, or a layer, that augments.
    images : ndarray, shape (n, height, width, channels)
        The images before augmentation: all that `source` is made of, or for a network a few.

    Returns
    -------
    Finding
        A pipeline is on if images of its second pass are not among those of the first, a network
        if what its first layer with weights gets differs from call to call in training, and does
        not in validation. An array has one pass: it is on if it holds images that are none of
        `images`, whatever scale its pixels have. Facts: ``changed``, ``of``, counts of images.
    """
    images = np.asarray(images)
    if isinstance(source, keras.layers.Layer):
        return _of_network(source, images[:64])
    sketch = _Sketch()
    if isinstance(source, np.ndarray):
        changed = int((~_among(sketch(source), sketch(images))).sum())
        on = "on" if changed > FEW * len(source) else "OFF"
        said = f"{on}: {changed:,} of {len(source):,} images differ from the originals."
        return _finding(said, changed, len(source))
    with undisturbed():
        passes = _two_passes(source, len(images))
        first, second = (_joined(sketch, batches) for batches in passes)
    return _of_passes(first, second, sketch, images)


def _finding(said: str, changed: int, of: int) -> Finding:
    """What is said of augmentation, beginning with on, OFF or wrong, and its numbers."""
    facts = {"changed": changed, "of": of}
    return Finding(said.startswith("on"), f"Augmentation is {said}", facts)


def _two_passes(source: Any, total: int) -> list[Iterator[np.ndarray]]:
    """Two iterators over the images of a pipeline, neither of them the pipeline's own."""
    if isinstance(source, tf.data.Dataset):
        source = own_copy(source)
        endless = int(source.cardinality()) < 0
    elif isinstance(source, keras.utils.PyDataset):  # its iterator may count for the next training
        source = copy.copy(source)
        source = [source[number] for _ in range(2) for number in range(len(source))]
        half = len(source) // 2
        return [_images(source[:half], None), _images(source[half:], None)]
    else:
        endless = not hasattr(source, "__len__")
    if not isinstance(source, Iterable) or iter(source) is source:
        raise CourseError(
            f"source must be batches that can be read more than once; got "
            f"{type(source).__name__}. Hand over a tf.data.Dataset, a list of batches, or a "
            "keras.utils.PyDataset."
        )
    return [_images(source, total if endless else None) for _ in range(2)]


def _images(batches: Iterable[Any], limit: int | None) -> Iterator[np.ndarray]:
    """The images of each batch, to at most `limit` in all."""
    count = 0
    for batch in batches:
        pictures = np.asarray(batch[0] if isinstance(batch, tuple | list) else batch)
        pictures = pictures[None] if pictures.ndim == 3 else pictures
        if pictures.ndim != 4 or pictures.dtype == object:
            raise CourseError(
                f"source must hand out batches of images (n, height, width, channels), alone or "
                f"before their labels; got an array of shape {pictures.shape}."
            )
        yield pictures if limit is None else pictures[: limit - count]
        count += len(pictures)
        if limit is not None and count >= limit:
            return


class _Sketch:
    """Images in 65 numbers each, whose distances are about those of the pixels (RMS).

    The first number is the mean, the others are random sums over the pixels that a constant does
    not change. Passes of any length are compared in a few megabytes.
    """

    def __init__(self) -> None:
        self.sums: np.ndarray | None = None
        self.shape: tuple[int, ...] = ()

    def __call__(self, images: np.ndarray) -> np.ndarray:
        if self.sums is not None and images.shape[1:] != self.shape:
            raise CourseError(
                f"source and images must be images of one size; got {self.shape} and "
                f"{images.shape[1:]}."
            )
        if self.sums is None:
            self.shape, size = images.shape[1:], int(np.prod(images.shape[1:]))
            sums = np.random.RandomState(0).normal(size=(size, 64)) / np.sqrt(64 * size)
            self.sums = (sums - sums.mean(axis=0)).astype(np.float32)
        rows = [np.empty((0, 65), np.float32)]
        for start in range(0, len(images), 1000):  # a float copy of a thousand images at a time
            pixels = images[start : start + 1000].astype(np.float32).reshape(-1, len(self.sums))
            rows.append(np.column_stack([pixels.mean(axis=1), tf.matmul(pixels, self.sums)]))
        return np.concatenate(rows)


def _joined(sketch: _Sketch, batches: Iterator[np.ndarray]) -> np.ndarray:
    rows = [sketch(images) for images in batches]
    if not rows:
        raise CourseError(
            "source handed out no image when it was read (again). Hand over batches that can be "
            "read more than once, such as a tf.data.Dataset."
        )
    return np.concatenate(rows)


def _twins(of: np.ndarray, among: np.ndarray, *, itself: bool = False) -> np.ndarray:
    """Whether each sketch has its like `among` others, or among its own kind but `itself`."""
    radius = SAME * max(_spread(among), 1e-6)
    nearest = 2 if itself else 1
    distance, _ = cKDTree(among).query(of, k=[nearest], distance_upper_bound=radius)
    return np.isfinite(distance[:, 0])


def _spread(sketches: np.ndarray) -> float:
    """Standard deviation of all pixels: between the means, and within the images."""
    return float(np.sqrt(sketches[:, 0].var() + (sketches[:, 1:] ** 2).sum(axis=1).mean()))


def _among(sketches: np.ndarray, originals: np.ndarray) -> np.ndarray:
    """Whether each image is one of the originals, on a scale that is the same for all."""

    def normalised(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        contrast = np.linalg.norm(rows[:, 1:], axis=1)
        return rows[:, 1:] / np.maximum(contrast, 1e-9)[:, None], contrast

    (shape, contrast), (known, original) = normalised(sketches), normalised(originals)
    distance, partner = cKDTree(known).query(shape, distance_upper_bound=SAME)
    found = np.isfinite(distance)
    if not found.any():
        return found
    partner = partner[found]
    scale = np.median(contrast[found] / np.maximum(original[partner], 1e-9))
    shift = np.median(sketches[found, 0] - scale * originals[partner, 0])
    expected = originals[partner] * scale
    expected[:, 0] += shift
    apart = np.linalg.norm(sketches[found] - expected, axis=1)
    found[found] = apart <= SAME * _spread(sketches)
    return found


def _of_passes(
    first: np.ndarray, second: np.ndarray, sketch: _Sketch, images: np.ndarray
) -> Finding:
    new = ~_twins(second, first)
    changed, of = int(new.sum()), f"{len(second):,}"
    originals = sketch(images) if images.shape[1:] == sketch.shape else None
    if new.mean() <= FEW:
        same = f"{len(second) - changed:,} of {of}"
        said = f"OFF: {same} images come back as they were in the pass before."
        if originals is not None and _among(second, originals).mean() < 0.9:
            said += (
                " They are the same versions in each pass: is cache() behind the augmentation, or "
                "its seed the same for each pass?"
            )
    elif _shows_parts_only(first, second, new, originals, len(images)):
        said = (
            f"OFF: each pass shows other images, {of} of {len(images):,}, and no image in two "
            "versions."
        )
    else:
        said = (
            f"on: {changed:,} of {of} images come back in another version than in the pass before."
        )
    return _finding(said, changed, len(second))


def _shows_parts_only(
    first: np.ndarray,
    second: np.ndarray,
    new: np.ndarray,
    originals: np.ndarray | None,
    total: int,
) -> bool:
    """Whether images are new because each pass draws other ones from the originals."""
    different = int((~_twins(first, first, itself=True)).sum() + new.sum())
    if different > (1 + FEW) * max(total, len(first)):
        return False  # more different images than there are originals
    unchanged = 0.0 if originals is None else float(_among(second, originals).mean())
    if unchanged >= 1 - FEW:
        return True
    # All are changed, or nothing can be said of them: then those that two draws of so many have
    # in common are counted, of which augmentation leaves half at most.
    common = len(first) * len(second) / max(total, 1)
    return unchanged <= FEW and len(second) - new.sum() >= 0.75 * common


def _of_network(network: keras.layers.Layer, images: np.ndarray) -> Finding:
    def changed(signals: list[np.ndarray]) -> int:
        """How many images differ between any of the signals and the first."""
        spread = max(float(signals[0].std()), 1e-6)
        apart = np.stack(signals[1:]) - signals[0]
        apart = np.sqrt((apart**2).reshape(len(apart), len(images), -1).mean(axis=2)).max(axis=0)
        return int((apart > SAME * spread).sum())

    with undisturbed(network):
        validation = [arriving(network, images, training=False) for _ in range(2)]
        training = [arriving(network, images, training=True) for _ in range(2)]
        while changed(training) < len(images) / 2 and len(training) < DRAWS:
            training.append(arriving(network, images, training=True))

    n_changed, of = changed(training), f"{len(images):,} images"
    if wrong := changed(validation):
        said = f"wrong: it changes {wrong:,} of {of} in validation too, in another way each time."
    elif n_changed:
        said = (
            f"on: {n_changed:,} of {of} come in several versions in training, and in one in "
            "validation."
        )
    else:
        said = f"OFF: none of {of} comes in several versions in training."
    return _finding(said, n_changed, len(images))
