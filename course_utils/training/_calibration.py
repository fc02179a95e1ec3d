"""Is the network as sure as it is right? Calibration, and the one number that mends most of it."""

from __future__ import annotations

import numpy as np

BINS = 15  # equal steps of confidence from 0 to 1


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Fit a temperature on the first half of the images, and measure on the rest what it mends.

    The logarithms of the probabilities are divided by the temperature: above 1, the network is less
    sure of everything, and decides as before. Taken is the one with the lowest cross-entropy (Guo
    et al., ICML 2017). Both halves must hold all classes: the sets of `datasets.load` are in such
    an order.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        What the network gives each class of the validation images; rows sum to 1.
    labels : ndarray, shape (n,)
        Class numbers.

    Returns
    -------
    dict
        ``temperature``, between 0.1 and 20; of the second half as it is, ``cross_entropy`` in nats
        and ``error``, the expected calibration error, 0 to 1 (with few images it is too high: a bin
        of ten is off by chance); both once more, as ``cross_entropy_tempered`` and
        ``error_tempered``, at that temperature. The accuracy is the same by construction.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import softmax

    log = np.log(np.clip(np.asarray(probabilities, dtype=float), 1e-12, 1))
    half = len(labels) // 2

    def cross_entropy(tempered: np.ndarray, truth: np.ndarray) -> float:
        return float(-np.log(np.clip(tempered[np.arange(len(truth)), truth], 1e-12, 1)).mean())

    found = minimize_scalar(
        lambda x: cross_entropy(softmax(log[:half] / np.exp(x), axis=1), labels[:half]),
        bounds=(np.log(0.1), np.log(20)),
        method="bounded",
    )
    temperature = float(np.exp(found.x))
    measured = {"temperature": temperature}
    for name, divisor in (("", 1), ("_tempered", temperature)):
        given = softmax(log[half:] / divisor, axis=1)
        measured[f"cross_entropy{name}"] = cross_entropy(given, labels[half:])
        measured[f"error{name}"] = _error(given, labels[half:])
    return {name: round(value, 5) for name, value in measured.items()}


def _error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean distance of confidence and accuracy over the bins, weighted by their images."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return float(np.abs(np.bincount(place, confidence - right)).sum() / len(labels))
