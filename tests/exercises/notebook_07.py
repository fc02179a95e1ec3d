"""Wrong answers to the exercises of notebook 07, and right ones."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

Ladder = list[dict[int, float]]


def running(weights: list[float], m: float, first: float | None = None) -> list[float]:
    averages = [weights[0] if first is None else first]
    for weight in weights[1:] if first is None else weights:
        averages.append(m * averages[-1] + (1 - m) * weight)
    return averages if first is None else averages[1:]


def lines(step: int, n: int, highest: float, rise: int, start: float = 0.0) -> float:
    if step <= rise:
        return highest * (start + (1 - start) * step / rise)
    return highest * (n - step) / (n - rise)


def cosine(step: int, n: int, highest: float) -> float:
    """Right: a rise along a line, from a tenth, and a fall along a cosine."""
    if step <= n // 5:
        return lines(step, n, highest, n // 5, start=0.1)
    return highest * (1 + float(np.cos(np.pi * (step - n // 5) / (n - n // 5)))) / 2


def changed(change: Callable[[float], Any]) -> Callable[[int, int, float], Any]:
    return lambda step, n, highest: change(cosine(step, n, highest))


def pairs(ladder: Ladder, key: Callable[[dict, dict], Any] = lambda a, b: a.keys() & b.keys()):
    return [(a, b, sorted(key(a, b))) for a, b in itertools.pairwise(ladder)]


WRONG: dict[str, list[Any]] = {
    "averaged": [
        lambda w, m: list(np.cumsum(w) / np.arange(1, len(w) + 1)),
        lambda w, m: [w[0], *(m * a + (1 - m) * b for a, b in itertools.pairwise(w))],
        lambda w, m: [w[-1]] * len(w),
        lambda w, m: running(w, 1 - m),
        lambda w, m: running(w, m, first=0.0),
        lambda w, m: running(w, m)[-1],
        lambda w, m: running(w, m)[1:],
    ],
    "rate_at": [
        lambda step, n, highest: highest,
        lambda step, n, highest: highest * (1 - step / n),
        lambda step, n, highest: lines(step, n, highest, n // 2),
        lambda step, n, highest: lines(step, n, highest, n // 5, start=0.5),
        lambda step, n, highest: lines(step, n, highest, n // 5 + 1),
        lambda step, n, highest: max(0.0, lines(step, n - 1, highest, n // 5)),
        lambda step, n, highest: lines(step, n - 1, highest, n // 5),
        lambda step, n, highest: lines(step, n + 1, highest, n // 5),
        lambda step, n, highest: lines(step, n, 0.5, n // 5),
        lambda step, n, highest: lines(step, 100, highest, 20),
        changed(lambda rate: round(rate, 2)),
        changed(str),
        changed(lambda rate: [rate]),
        changed(lambda rate: max(rate, 0.001)),
        lambda step, n, highest: {0: 0.0, n // 5: highest, n: 0.0}.get(step, highest / 2),
    ],
    "worth_of_steps": [
        lambda ladder: [
            np.mean(list(b.values())) - np.mean(list(ladder[0].values())) for b in ladder[1:]
        ],
        lambda ladder: [
            np.mean(list(b.values())) - np.mean(list(a.values())) for a, b, _ in pairs(ladder)
        ],
        lambda ladder: [
            np.mean([b[s] - ladder[0][s] for s in sorted(ladder[0].keys() & b.keys())])
            for b in ladder[1:]
        ],
        lambda ladder: [
            np.mean([y - x for x, y in zip(a.values(), b.values(), strict=False)])
            for a, b, _ in pairs(ladder)
        ],
        lambda ladder: [
            np.mean([b.get(s, 0) - a.get(s, 0) for s in every])
            for a, b, every in pairs(ladder, lambda a, b: a.keys() | b.keys())
        ],
        lambda ladder: [np.mean([a[s] - b[s] for s in both]) for a, b, both in pairs(ladder)],
        lambda ladder: [b[0] - a[0] for a, b, _ in pairs(ladder)],
        lambda ladder: [b[both[0]] - a[both[0]] for a, b, both in pairs(ladder)],
    ],
}

RIGHT: dict[str, list[Any]] = {
    "averaged": [running, lambda w, m: np.array(running(w, m))],
    "rate_at": [cosine, lambda step, n, highest: lines(step, n, highest, n // 5)],
    "worth_of_steps": [
        lambda ladder: [sum(b[s] - a[s] for s in both) / len(both) for a, b, both in pairs(ladder)]
    ],
}
