"""Whether images of one set stand in the other too, as copies or nearly so."""

from __future__ import annotations

import numpy as np

from course_utils.checks._finding import Finding
from course_utils.errors import CourseError


def validation_split(x_train: np.ndarray, x_validation: np.ndarray) -> Finding:
    """Whether the validation images are images that the network does not train on.

    Parameters
    ----------
    x_train, x_validation : ndarray, shape (n, height, width, channels)
        Pixels of both sets, of the same dtype.

    Returns
    -------
    Finding
        On if no validation image is an exact copy of a training image. Facts: ``copies``, how
        many are; ``of``, the number of validation images; ``where``, a boolean array, shape (n,).

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(5, dtype="uint8").reshape(5, 1, 1, 1)
    >>> validation_split(x[:4], x[3:])
    The validation split is BROKEN: 1 of 2 validation images are copies of training images.
    """
    x_train, x_validation = _alike(x_train, x_validation, "x_validation")
    known = {image.tobytes() for image in x_train}
    where = np.array([image.tobytes() in known for image in x_validation], dtype=bool)
    copies = int(where.sum())
    facts = {"copies": copies, "of": len(where), "where": where}
    if copies:
        said = (
            f"BROKEN: {copies:,} of {len(where):,} validation images are copies of training images"
        )
    else:
        said = f"clean: none of {len(where):,} images is a copy of a training image"
    return Finding(copies == 0, f"The validation split is {said}.", facts)


def near_duplicates(
    x_train: np.ndarray,
    x_other: np.ndarray,
    y_train: np.ndarray | None = None,
    y_other: np.ndarray | None = None,
    *,
    above: float = 0.95,
) -> Finding:
    """Whether images of another set are nearly those of the training set.

    Parameters
    ----------
    x_train, x_other : ndarray, shape (n, height, width, channels)
        Pixels of both sets, of the same dtype.
    y_train, y_other : ndarray, shape (n,), optional
        Labels. With both of them only a pair with the same label counts.
    above : float
        Correlation of the pixels of two images above which one nearly is the other.

    Returns
    -------
    Finding
        On if there is no such pair. Facts: ``pairs``, how many images of the other set have a
        near-duplicate; ``of``; ``where``, a boolean array, shape (n,), of those images;
        ``nearest`` and ``correlation``, for each of them the row of the training image that is
        most like it, and how much.
    """
    x_train, x_other = _alike(x_train, x_other, "x_other")
    if not -1 <= above < 1:
        raise CourseError(f"above must be a correlation from -1 to below 1; got {above!r}.")
    labels = None if y_train is None or y_other is None else (np.ravel(y_train), np.ravel(y_other))
    other = _normalised(x_other)
    best, nearest = np.full(len(other), -2.0, np.float32), np.zeros(len(other), int)
    for start in range(0, len(x_train), 1000):  # memory for a thousand training images at a time
        alike = _normalised(x_train[start : start + 1000]) @ other.T
        if labels:
            alike[labels[0][start : start + 1000, None] != labels[1]] = -2.0
        row = alike.argmax(axis=0)
        value = alike[row, np.arange(len(other))]
        better = value > best
        best[better], nearest[better] = value[better], row[better] + start
    where = best > above
    pairs = int(where.sum())
    kind = " with the same label" if labels else ""
    said = (
        f"{pairs:,} of {len(other):,} images have a near-duplicate{kind} among the "
        f"{len(x_train):,} training images (correlation above {above:g})."
    )
    facts = {"pairs": pairs, "of": len(other), "where": where, "nearest": nearest}
    return Finding(pairs == 0, said, facts | {"correlation": best})


def _normalised(images: np.ndarray) -> np.ndarray:
    """Images as rows of mean 0 and length 1, so that a product of two is their correlation."""
    rows = images.reshape(len(images), -1).astype(np.float32)
    rows -= rows.mean(axis=1, keepdims=True)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def _alike(x_train: np.ndarray, x_other: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    x_train, x_other = np.asarray(x_train), np.asarray(x_other)
    kinds = [(str(x.dtype), x.shape[1:]) for x in (x_train, x_other)]
    if kinds[0] != kinds[1]:
        raise CourseError(
            f"x_train and {name} must hold images of one dtype and shape; got {kinds[0]} and "
            f"{kinds[1]}. Compare them before one of them is scaled."
        )
    return x_train, x_other
