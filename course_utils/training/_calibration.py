"""Is the network as sure as it is right? Calibration, and the one number that mends most of it."""

from __future__ import annotations

import numpy as np

BINS = 15


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Make a network less sure of everything, or more, without changing one decision.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        What the network gives each class; rows sum to 1.
    temperature : float
        Above 1 for less sure. The logarithms of the probabilities are divided by it.
    """
    logits = np.log(np.clip(np.asarray(probabilities, dtype=float), 1e-12, 1)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _cross_entropy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    of_the_label = probabilities[np.arange(len(labels)), labels]
    return float(-np.log(np.clip(of_the_label, 1e-12, 1)).mean())


def best_temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Temperature with the lowest cross-entropy on these images (Guo et al., ICML 2017).

    It is between 0.1 and 20. Judge it on other images than these.

    Parameters
    ----------
    probabilities : ndarray, shape (n, classes)
        What the network gives each class.
    labels : ndarray, shape (n,)
        Class numbers.
    """
    from scipy.optimize import minimize_scalar

    found = minimize_scalar(
        lambda log: _cross_entropy(tempered(probabilities, float(np.exp(log))), labels),
        bounds=(np.log(0.1), np.log(20)),
        method="bounded",
    )
    return float(np.exp(found.x))


def reliability(
    probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence against accuracy, for a reliability diagram.

    Parameters
    ----------
    probabilities, labels
        See `best_temperature`.
    bins : int
        Equal steps of confidence from 0 to 1.

    Returns
    -------
    confidence, accuracy : ndarray, shape (bins,)
        Means over the images of each bin, 0 to 1; NaN where there is none.
    count : ndarray of int, shape (bins,)
        Images in each bin.
    """
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(place, values, bins) / count for values in (confidence, right)]
    return means[0], means[1], count


def calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: mean distance of confidence and accuracy, weighted by images.

    It is between 0 and 1, and too high with few images: a bin of ten is off by chance. The
    parameters are those of `reliability`.
    """
    confidence, accuracy, count = reliability(probabilities, labels, bins)
    held = count > 0
    return float((np.abs(confidence - accuracy)[held] * count[held]).sum() / count.sum())


def calibration(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Fit a temperature on the first half of the images, and measure on the rest what it mends.

    Both halves must hold all classes: the sets of `datasets.load` are in such an order.

    Parameters
    ----------
    probabilities, labels
        Of the validation images; see `best_temperature`.

    Returns
    -------
    dict
        ``temperature``; ``cross_entropy`` in nats and ``error`` (expected calibration error, 0 to
        1) of the second half as it is; both once more, as ``cross_entropy_tempered`` and
        ``error_tempered``, at that temperature. The accuracy is the same by construction.
    """
    half = len(labels) // 2
    temperature = best_temperature(probabilities[:half], labels[:half])
    held, truth = probabilities[half:], labels[half:]
    found = {"temperature": temperature}
    for name, given in (("", held), ("_tempered", tempered(held, temperature))):
        found[f"cross_entropy{name}"] = _cross_entropy(given, truth)
        found[f"error{name}"] = calibration_error(given, truth)
    return {name: round(value, 5) for name, value in found.items()}
