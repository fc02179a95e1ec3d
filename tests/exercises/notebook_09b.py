"""Wrong answers to the exercises of notebook 09b, and right ones."""

from __future__ import annotations

from typing import Any

import numpy as np

Runs = list[dict[str, Any]]
PLACES = ("train", "width", "label_noise", "seed")


def place(run: dict[str, Any], without: str = "") -> tuple[Any, ...]:
    everything = run["data"] | run["parameters"] | {"seed": run["seed"]}
    return tuple(everything[name] for name in PLACES if name != without)


def pairs(runs: Runs, remedy: str, without: str = "", arm: str = "none") -> list[tuple[Any, Any]]:
    """Right, unless something is left out of where a run stands."""
    return [
        (one, other)
        for one in runs
        for other in runs
        if (one["arm"], other["arm"]) == (arm, remedy)
        and place(one, without) == place(other, without)
    ]


def of_different_arms(runs: Runs, remedy: str) -> list[tuple[Any, Any]]:
    return [(a, b) for a in runs for b in runs if a["arm"] != b["arm"] and place(a) == place(b)]


def in_order(runs: Runs, remedy: str) -> list[tuple[Any, Any]]:
    found = ([run for run in runs if run["arm"] == arm] for arm in ("none", remedy))
    return list(zip(*found, strict=False))


def marks(runs: Runs, remedy: str) -> list[tuple[Any, Any]]:
    for run in runs:
        run["place"] = place(run)
    return pairs(runs, remedy)


def sorts(runs: Runs, remedy: str) -> list[tuple[Any, Any]]:
    runs.sort(key=place)
    return pairs(runs, remedy)


def strict(n: list[int], a: list[float], b: list[float]) -> list[int]:
    return [m for m, x, z in zip(n, a, b, strict=True) if z > x]


def up_to_the_first_loss(n: list[int], a: list[float], b: list[float]) -> int:
    largest = 0
    for m, x, z in sorted(zip(n, a, b, strict=True)):
        if z <= x:
            break
        largest = m
    return largest


def best(of: dict[str, list[float]], measure: Any = np.mean, choose: Any = max) -> str:
    return choose(of, key=lambda name: measure(of[name]))


WRONG: dict[str, list[Any]] = {
    "pays_up_to": [
        lambda n, a, b: max((m for m, x, z in zip(n, a, b, strict=True) if z >= x), default=0),
        lambda n, a, b: next((m for m, x, z in zip(n, a, b, strict=True) if z > x), 0),
        lambda n, a, b: n[-1] if b[-1] > a[-1] else 0,
        lambda n, a, b: (strict(n, a, b) or [0])[-1],
        lambda n, a, b: min(strict(n, a, b), default=0),
        lambda n, a, b: max(strict(n, b, a), default=0),
        lambda n, a, b: max(strict(n, a, b), default=None) or -1,
        lambda n, a, b: 750,
        up_to_the_first_loss,
    ],
    "fair_pairs": [
        *(lambda runs, remedy, name=name: pairs(runs, remedy, name) for name in PLACES),
        lambda runs, remedy: [(b, a) for a, b in pairs(runs, remedy)],
        lambda runs, remedy: pairs(runs, "l2") + pairs(runs, "dropout"),
        lambda runs, remedy: pairs(runs, remedy)[:10],
        lambda runs, remedy: pairs(runs, remedy) * 2,
        lambda runs, remedy: pairs(runs, remedy, arm=remedy),
        lambda runs, remedy: [],
        lambda runs, remedy: len(pairs(runs, remedy)),
        of_different_arms,
        in_order,
        marks,
        sorts,
    ],
    "best_remedy": [
        lambda t, v: min(t, key=lambda name: max(t[name]) - max(v[name])),
        lambda t, v: min(t, key=lambda name: np.mean(t[name]) - np.mean(v[name])),
        lambda t, v: best(v, max),
        lambda t, v: best(v, min),
        lambda t, v: best(v, sum),
        lambda t, v: best(v, lambda each: each[-1]),
        lambda t, v: best(t),
        lambda t, v: best(v, choose=min),
        lambda t, v: np.mean(v[best(v)]),
        lambda t, v: [best(v)],
        lambda t, v: "none",
    ],
}

RIGHT: dict[str, list[Any]] = {
    "fair_pairs": [pairs, lambda runs, remedy: tuple(reversed(pairs(runs, remedy)))],
    "best_remedy": [lambda t, v: best(v), lambda t, v: best(v, lambda x: sum(x) / len(x))],
}
