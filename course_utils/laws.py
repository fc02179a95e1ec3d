"""Power laws through learning curves, what they foretell, and what a shift between two is worth.

A learning curve is the error of a network over the number n of pictures that it learned from. Its
straight law is a · n^−b: a straight line where both axes are logarithmic. The other law,
a · n^−b + c, bends towards a floor c. Errors and c are in percent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any

import numpy as np

RESAMPLES = 1000
FORECAST = files("course_utils") / "reference" / "forecast.json"


def table(records: Sequence[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Sizes, and the errors of the records at them, shape (runs, sizes)."""
    sizes = sorted(int(n) for n in records[0]["errors"])
    by_size = [{int(n): error for n, error in record["errors"].items()} for record in records]
    return np.array(sizes, float), np.array([[run[n] for n in sizes] for run in by_size])


def straight(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float, float]:
    """Fit a · n^−b by least squares on the logarithms; return a, b and 0."""
    slope, height = np.polyfit(np.log(sizes), np.log(errors), 1)
    return float(np.exp(height)), float(-slope), 0.0


def floor(sizes: np.ndarray, errors: np.ndarray) -> tuple[float, float, float]:
    """Fit a · n^−b + c, c not below zero, by least squares on the relative errors.

    For each b of a fine grid, a and c are a linear problem; the best b is taken.
    """
    grid = np.arange(0.05, 2, 0.005)
    falls = sizes ** -grid[:, None]
    x, y = falls / errors, 1 / errors
    xx, xy, yy, x1 = (x * x).sum(1), (x * y).sum(1), (y * y).sum(), x.sum(1)
    c = np.maximum(0, (xx * y.sum() - xy * x1) / (xx * yy - xy**2))
    a = (x1 - c * xy) / xx
    best = int((((a[:, None] * x + c[:, None] * y) - 1) ** 2).sum(1).argmin())
    return float(a[best]), float(grid[best]), float(c[best])


FITS = {"straight": straight, "floor": floor}


def at(law: tuple[float, float, float], n: float | np.ndarray) -> Any:
    """Error of a law, (a, b, c), at n pictures."""
    a, b, c = law
    return a * np.asarray(n, float) ** -b + c


def resampled(of: Callable[..., Any], *runs: np.ndarray) -> np.ndarray:
    """What `of` gives for the mean errors of runs that are drawn again, with replacement.

    Parameters
    ----------
    of : callable
        Takes the mean errors by size, one array for each of `runs`; gives a number or several.
    *runs : ndarray, shape (runs, sizes)
        Errors of the same seeds in the same order: the same seeds are drawn from each.
    """
    rng, n = np.random.default_rng(0), len(runs[0])
    rows = rng.integers(0, n, (RESAMPLES, n))
    return np.array([of(*(each[drawn].mean(axis=0) for each in runs)) for drawn in rows])


def interval(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of resampled values."""
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def forecast(records: Sequence[dict[str, Any]], n: int) -> dict[str, dict[str, float]]:
    """What each law, fitted to the records of one arm, foretells for n pictures.

    Parameters
    ----------
    records : sequence of dict
        A run each, with ``errors`` in percent by the number of pictures.
    n : int
        Pictures for which the error is foretold.

    Returns
    -------
    dict
        For each law ``a``, ``b``, ``c``, the foretold ``error``, and ``low`` and ``high``, the ends
        of its 95 % interval over resampled runs.
    """
    sizes, runs = table(records)
    told = {}
    for name, fit in FITS.items():
        law = fit(sizes, runs.mean(axis=0))
        low, high = interval(resampled(lambda mean, fit=fit: at(fit(sizes, mean), n), runs))
        numbers = dict(zip("abc", law, strict=True)) | {"error": float(at(law, n))}
        numbers |= {"low": low, "high": high}
        told[name] = {key: round(value, 4) for key, value in numbers.items()}
    return told


def times_the_pictures(sizes: np.ndarray, plain: np.ndarray, better: np.ndarray) -> float:
    """How many times the pictures `plain` needs for the errors of `better`, on average.

    Two straight laws with one slope are fitted: log error = height − b · log n. The distance of
    the heights over b is how far one lies to the right of the other.
    """
    x = np.log(sizes)
    centred = x - x.mean()
    slope = -(centred @ (np.log(plain) + np.log(better))) / (2 * centred @ centred)
    return float(np.exp((np.log(plain) - np.log(better)).mean() / slope))


def worth(
    plain: Sequence[dict[str, Any]], better: Sequence[dict[str, Any]]
) -> tuple[float, float, float]:
    """`times_the_pictures` of the records of two arms, and the ends of its 95 % interval."""
    sizes, before = table(plain)
    after = table(better)[1]

    def times(one: np.ndarray, other: np.ndarray) -> float:
        return times_the_pictures(sizes, one, other)

    means = (before.mean(axis=0), after.mean(axis=0))
    return (times(*means), *interval(resampled(times, before, after)))


def written() -> dict[str, Any]:
    """The forecast for the full set, as it was written down.

    It holds ``written``, ``pictures``, and in ``forecast``, by arm, what `forecast` gives.
    """
    return json.loads(FORECAST.read_text(encoding="utf-8"))
