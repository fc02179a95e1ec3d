"""Wrong answers to the exercises of notebook 10, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def left(
    accuracies: np.ndarray,
    sd: float,
    kept: Callable[[float, float], float] = lambda noise, all_: max(0.0, 1 - noise / all_),
) -> float:
    mean = np.mean(accuracies)
    return float(mean + kept(sd**2, np.var(accuracies)) * (np.max(accuracies) - mean))


def by_group(
    groups: np.ndarray,
    n: int,
    rng: np.random.Generator,
    deal: Callable[[Any, int, int], Any] = lambda rng, n_groups, n: rng.permutation(
        np.arange(n_groups) % n
    ),
) -> np.ndarray:
    names, row = np.unique(groups, return_inverse=True)
    return np.asarray(deal(rng, len(names), n))[row]


def in_a_loop(groups: np.ndarray, n: int, rng: np.random.Generator) -> list[int]:
    """Right: deals the groups out as they come, once they are shuffled."""
    names = list(dict.fromkeys(groups.tolist()))
    order = rng.permutation(len(names)).tolist()
    fold = {names[place]: turn % n for turn, place in enumerate(order)}
    return [fold[name] for name in groups.tolist()]


def sorts_groups(groups: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    groups.sort()
    return by_group(groups, n, rng)


def nested(
    right: np.ndarray,
    fold: np.ndarray,
    chosen_by: Callable[[np.ndarray, int], Any] = lambda fold, k: fold != k,
    of_folds: bool = False,
) -> float:
    parts = []
    for k in np.unique(fold):
        best = right[:, chosen_by(fold, k)].mean(axis=1).argmax()
        parts.append(right[best, fold == k])
    return float(np.mean([part.mean() for part in parts] if of_folds else np.concatenate(parts)))


def lost(v: np.ndarray, t: np.ndarray, best: int) -> float:
    return float(100 * (v[best].mean() - t[best].mean()))


WRONG: dict[str, list[Any]] = {
    "points_lost": [
        lambda v, t: 100 * (v.mean(1).max() - t.mean(1).max()),
        lambda v, t: 100 * (v.mean(1) - t.mean(1)).max(),
        lambda v, t: 100 * (v[t.mean(1).argmax()].mean() - t.mean(1).max()),
        lambda v, t: v.mean(1).max() - t[v.mean(1).argmax()].mean(),
        lambda v, t: 100 * (v.sum(1).max() - t[v.sum(1).argmax()].sum()) / v.shape[1],
        lambda v, t: lost(v, t, len(v) - 1 - v.mean(1)[::-1].argmax()),
        lambda v, t: abs(lost(v, t, v.mean(1).argmax())),
        lambda v, t: -lost(v, t, v.mean(1).argmax()),
        lambda v, t: 100 * (v.mean() - t.mean()),
        lambda v, t: lost(v, t, 0),
    ],
    "what_is_left": [
        lambda a, sd: left(a, sd, lambda noise, all_: 1 - noise / all_),
        lambda a, sd: np.mean(a) + max(0, 1 - sd**2 / np.var(a, ddof=1)) * (max(a) - np.mean(a)),
        lambda a, sd: np.mean(a) + max(0, 1 - sd / np.std(a)) * (np.max(a) - np.mean(a)),
        lambda a, sd: np.max(a) - sd,
        lambda a, sd: np.max(a),
        lambda a, sd: np.mean(a),
        lambda a, sd: left(a, sd, lambda noise, all_: all_ / (all_ + noise)),
        lambda a, sd: left(a, sd, lambda noise, all_: min(1.0, noise / all_)),
        lambda a, sd: left(a, sd) - np.mean(a),
    ],
    "grouped_folds": [
        lambda groups, n, rng: rng.permutation(np.arange(len(groups)) % n),
        lambda groups, n, rng: rng.integers(0, n, len(groups)),
        lambda groups, n, rng: np.argsort(np.argsort(groups, kind="stable")) * n // len(groups),
        lambda groups, n, rng: by_group(groups, n, rng, lambda rng, m, n: rng.integers(0, n, m)),
        lambda groups, n, rng: by_group(groups, n, rng, lambda rng, m, n: np.arange(m) % n),
        lambda groups, n, rng: by_group(groups, n, rng, lambda rng, m, n: [0] * m),
        lambda groups, n, rng: by_group(groups, n, rng, lambda rng, m, n: rng.permutation(m)),
        lambda groups, n, rng: by_group(groups, n, np.random.default_rng(0)),
        lambda groups, n, rng: by_group(groups, n, np.random.default_rng()),
        lambda groups, n, rng: by_group(groups, n, rng) + 1,
        lambda groups, n, rng: by_group(groups, 5, rng),
        lambda groups, n, rng: by_group(groups, n, rng).astype(str),
        lambda groups, n, rng: by_group(groups, n, rng).astype(float),
        lambda groups, n, rng: np.unique(by_group(groups, n, rng)),
        sorts_groups,
    ],
    "nested_accuracy": [
        lambda right, fold: nested(right, fold, lambda fold, k: fold >= 0, of_folds=True),
        lambda right, fold: nested(right, fold, lambda fold, k: fold >= 0),
        lambda right, fold: nested(right, fold, of_folds=True),
        lambda right, fold: nested(right, fold, lambda fold, k: fold == k),
        lambda right, fold: right.mean(axis=1).max(),
        lambda right, fold: right.mean(),
        lambda right, fold: right[0].mean(),
        lambda right, fold: nested(right[::-1], fold),
        lambda right, fold: 100 * nested(right, fold),
    ],
}

RIGHT: dict[str, list[Any]] = {
    "grouped_folds": [by_group, in_a_loop],
    "nested_accuracy": [nested],
    "what_is_left": [left],
}
