"""Exercises of notebook 07."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def averaged(weights: list[float], m: float) -> list[float]:
    averages = [weights[0]]
    for weight in weights[1:]:
        averages.append(m * averages[-1] + (1 - m) * weight)
    return averages


def worth_of_steps(ladder: list[dict[int, float]]) -> list[float]:
    return [
        float(np.mean([after[seed] - before[seed] for seed in before.keys() & after.keys()]))
        for before, after in pairwise(ladder)
    ]


def _cycles(rate_at: Any, rng: np.random.Generator) -> str | None:
    trainings = [(5, 1.0), (50, 0.5), (100, 0.01)]
    trainings += [(5 * int(rng.integers(2, 20)), float(rng.uniform(0.01, 2))) for _ in range(15)]
    for n_steps, highest in trainings:
        highest, top = round(highest, 3), n_steps // 5
        rates = [rate_at(step, n_steps, highest) for step in range(n_steps + 1)]
        if odd := [rate for rate in rates if isinstance(rate, str | bool | list)]:
            return f"A step size of {odd[0]!r} is no number."
        sizes = np.array([float(rate) for rate in rates])
        told = f"With {n_steps} steps and {highest} as the highest,"
        if not -1e-6 * highest <= sizes[0] <= (0.1 + 1e-6) * highest:
            return f"{told} it begins at {sizes[0]:.4g}."
        if not np.isclose(sizes[top], highest, rtol=1e-5):
            return f"{told} it is {sizes[top]:.4g} at step {top}."
        if (held := np.flatnonzero(np.diff(sizes[: top + 1]) <= 0)).size:
            return f"{told} it does not rise from step {held[0]} to {held[0] + 1}."
        if (held := np.flatnonzero(np.diff(sizes[top:]) >= 0)).size:
            return f"{told} it does not fall from step {top + held[0]} to {top + held[0] + 1}."
        if abs(sizes[-1]) > 1e-6 * highest:
            return f"{told} it is {sizes[-1]:.4g} at step {n_steps}."
        if (early := np.flatnonzero(sizes[1:-1] <= 1e-6 * highest)).size:
            return f"{told} nothing is left of it at step {early[0] + 1}."
    return None


def _ladder(rng: np.random.Generator) -> Arguments:
    ladder = []
    for _ in range(rng.integers(2, 5)):
        seeds = [0, *rng.permutation([1, 2, 3])[: rng.integers(0, 4)].tolist()]
        ladder.append({seed: float(rng.integers(600, 700) / 10) for seed in seeds})
    return (ladder,)


EXERCISES: Exercises = {
    "averaged": Exercise(
        averaged,
        lambda rng: (
            rng.integers(0, 9, rng.integers(2, 6)).tolist(),
            round(float(rng.random()), 2),
        ),
        (([1.0, 1.0, 1.0], 0.9), ([4.0, 0.0, 8.0], 0.75), ([2.0, 3.0], 0.0), ([5.0], 0.5)),
        "Keep the average so far; each new one is m times it plus 1 - m times the weight.",
    ),
    "rate_at": Behaviour(
        _cycles,
        "How many steps does the rise have, and how many are left for the fall? Try it with ten "
        "steps, and print all eleven.",
    ),
    "worth_of_steps": Exercise(
        worth_of_steps,
        _ladder,
        (
            ([{0: 60.0}, {0: 63.0}, {0: 64.0}],),
            ([{0: 60.0, 1: 70.0}, {0: 61.0}],),
            ([{0: 60.0, 1: 70.0}, {1: 71.0, 0: 62.0}, {1: 72.0, 2: 50.0}],),
        ),
        "Go from step to step, not back to the first. Of two steps, take the seeds that both have.",
    ),
}
