"""Which official images go into which part."""

from __future__ import annotations

import numpy as np

from course_utils.datasets._catalog import SEED, DataError


def stratified_order(labels: np.ndarray, seed: int = SEED) -> np.ndarray:
    """Shuffle within each class, then interleave the classes in proportion.

    Every stretch of the result, from the front or from the back, has the class shares of the
    whole. So a validation set taken from the back stays the same whatever the training size.
    """
    # RandomState's stream is frozen for ever; Generator's may change between numpy releases.
    random = np.random.RandomState(seed)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, position))


def check_size(parameter: str, value: int | None, limit: int, what: str) -> int:
    """Return a size, `limit` where it is None; raise a sentence where it cannot be had."""
    if value is None:
        return limit
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1:
        raise DataError(f"{parameter}={value!r} must be a whole number from 1 to {limit:,}.")
    if value > limit:
        raise DataError(f"{parameter}={value:,} is too large: {what}, use at most {limit:,}.")
    return int(value)
