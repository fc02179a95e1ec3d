"""Exercises of notebook 04."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises, losses


def times_saved(val_losses: list[float]) -> int:
    return sum(all(loss < x for x in val_losses[:i]) for i, loss in enumerate(val_losses))


def what_differs(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return sorted(
        name
        for name in one.keys() | other.keys()
        if name not in one or name not in other or one[name] != other[name]
    )


def _settings(rng: np.random.Generator) -> Arguments:
    names = ["dropout", "epochs", "flip", "seed", "rate"]
    first, second = (
        {n: int(rng.integers(0, 3)) for n in rng.permutation(names).tolist()[: rng.integers(1, 5)]}
        for _ in range(2)
    )
    return first, second


def _moves_gently(layers_of: Any, rng: np.random.Generator) -> str | None:
    moved = layers_of()
    # Bright above, and brightest on the left: what turns it over or mirrors it can be seen.
    picture = np.full((32, 32, 3), 20, "float32")
    picture[:16], picture[:16, :12] = 120, 220
    batch = np.stack([picture] * 32)
    if not np.allclose(moved(batch, training=False), batch, atol=0.5):
        return "Pictures are changed in validation too."
    mirrored, kept = 0, 0
    for _ in range(3):
        given = np.asarray(moved(batch, training=True))
        if given.shape != batch.shape:
            return f"A batch of the shape {batch.shape} comes out as {given.shape}."
        if given.min() < -1 or given.max() > 256:
            return f"Pixels from 20 to 220 come out from {given.min():.1f} to {given.max():.1f}."
        halves = given.mean(axis=-1)
        upside_down = int((halves[:, 16:].mean((1, 2)) >= halves[:, :16].mean((1, 2))).sum())
        if upside_down:
            return f"Of {len(batch)} cats, {upside_down} stand on their heads."
        left = halves[:, :16, :16].mean((1, 2)) > halves[:, :16, 16:].mean((1, 2))
        mirrored, kept = mirrored + int((~left).sum()), kept + int(left.sum())
        if np.allclose(given, given[0], atol=0.5):
            return "All pictures of a batch are changed alike, if at all."
        if len(np.unique(given.round(), axis=0)) < 10:
            return "Of 32 like pictures fewer than 10 versions come out: is a flip all they get?"
    if not mirrored or not kept:
        return f"Of 96 pictures {mirrored} were mirrored, and {kept} were not."
    return None


def _takes_of_each(rows_for: Any, rng: np.random.Generator) -> str | None:
    for _ in range(20):
        n_cats, n_dogs = rng.integers(60, 200, 2)
        labels = np.repeat([0, 1], [n_cats, n_dogs])  # folder after folder
        n, seed = 2 * int(rng.integers(5, 25)), int(rng.integers(1000))
        rows = rows_for(labels.copy(), n, np.random.default_rng(seed))
        rows = np.asarray(rows)
        if len(np.unique(rows)) != n or len(rows) != n:
            return f"Asked for {n} pictures, it takes {len(rows)}: {len(np.unique(rows))} of them."
        cats = int((labels[rows] == 0).sum())
        if 2 * cats != n:
            return f"Of {n_cats} cats and {n_dogs} dogs it takes {cats} and {n - cats}."
        again, other = (
            sorted(np.asarray(rows_for(labels.copy(), n, np.random.default_rng(s))).tolist())
            for s in (seed, seed + 1)
        )
        if again != sorted(rows.tolist()):
            return "With two generators of the same seed, it takes different pictures."
        if other == again:
            return "With generators of two seeds, it takes the same pictures."
    return None


EXERCISES: Exercises = {
    "times_saved": Exercise(
        times_saved,
        lambda rng: (losses(rng),),
        (([0.5, 0.9, 0.8, 0.7],), ([0.7, 0.7, 0.6, 0.6],), ([0.69],)),
        "The first epoch always writes. After it, hold each loss against the lowest so far.",
    ),
    "what_differs": Exercise(
        what_differs,
        _settings,
        (
            ({"epochs": 30, "dropout": 0}, {"epochs": 100, "dropout": 0.5}),
            ({"epochs": 30}, {"epochs": 30, "dropout": 0.5}),
            ({"flip": False}, {}),
            ({}, {"flip": 0}),
            ({"b": 1, "a": 2}, {"a": 2, "b": 1}),
            ({"rate": None}, {}),
        ),
        "A setting that only one of the two has is a difference too, whatever its value.",
    ),
    "gentle_moves": Behaviour(
        _moves_gently,
        "Call your layers with training=True on one picture a few times, and look. Which way up "
        "does a cat stand, and how far is a factor of 0.5 of a full turn?",
    ),
    "some_of_each": Behaviour(
        _takes_of_each,
        "Print the labels of the rows that it takes. In which order do files come from folders?",
    ),
}
