"""Exercises of notebook 09b."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def pays_up_to(sizes: list[int], without: list[float], with_remedy: list[float]) -> int:
    points = zip(sizes, without, with_remedy, strict=True)
    return max((n for n, plain, helped in points if helped > plain), default=0)


def best_remedy(training: dict[str, list[float]], validation: dict[str, list[float]]) -> str:
    return max(validation, key=lambda name: float(np.mean(validation[name])))


def _at_sizes(rng: np.random.Generator) -> Arguments:
    sizes = rng.permutation([250, 750, 2000, 6000])[: rng.integers(2, 5)].tolist()
    plain, helped = rng.integers(60, 66, (2, len(sizes))).tolist()
    return sizes, plain, helped


def _accuracies(rng: np.random.Generator) -> Arguments:
    names = rng.permutation(["none", "l2", "all"])[: rng.integers(2, 4)].tolist()
    validation = {name: rng.integers(60, 80, rng.integers(1, 4)).tolist() for name in names}
    if len({np.mean(each) for each in validation.values()}) < len(names):
        return _accuracies(rng)  # no two share the first place
    training = {
        name: rng.integers(70, 100, len(each)).tolist() for name, each in validation.items()
    }
    return training, validation


def _place(run: dict[str, Any]) -> tuple[Any, ...]:
    settings = run["parameters"]
    return run["data"]["train"], settings["width"], settings["label_noise"], run["seed"]


def _finds_pairs(find: Any, rng: np.random.Generator) -> str | None:
    from course_utils import ledger

    kept = ("id", "arm", "seed", "data", "parameters", "train", "validation", "test")
    made = [{key: run[key] for key in kept} for run in ledger.recorded("map", "09b_map")]
    made += [run | {"id": f"{run['id']}-1", "seed": 1} for run in made]
    for n_runs in (len(made), 200, 60, 1):
        runs = copy.deepcopy([made[i] for i in rng.permutation(len(made))[:n_runs]])
        before, remedy = (
            copy.deepcopy(runs),
            str(rng.choice(["dropout", "l2", "augmentation", "all"])),
        )
        given = find(runs, remedy)
        told = f'Of {n_runs} runs, with the remedy "{remedy}",'
        if runs != before:
            return f"{told} it changes the runs that it was given."
        pairs = [(plain["id"], helped["id"]) for plain, helped in given]
        by_id = {run["id"]: run for run in runs}
        for plain, helped in ((by_id[a], by_id[b]) for a, b in pairs):
            if (plain["arm"], helped["arm"]) != ("none", remedy):
                return f'{told} it pairs "{plain["arm"]}" with "{helped["arm"]}".'
            if _place(plain) != _place(helped):
                return (
                    f"{told} it pairs runs of (pictures, width, label noise, seed) "
                    f"{_place(plain)} and {_place(helped)}."
                )
        if len(set(pairs)) < len(pairs):
            return f"{told} it gives a pair twice."
        plain_at = {_place(run) for run in runs if run["arm"] == "none"}
        there = sum(run["arm"] == remedy and _place(run) in plain_at for run in runs)
        if len(pairs) < there:
            return f"{told} it finds {len(pairs)} pairs, and there are more."
    return None


EXERCISES: Exercises = {
    "pays_up_to": Exercise(
        pays_up_to,
        _at_sizes,
        (([750, 250], [70, 60], [71, 65]), ([250, 750], [60, 70], [60, 70])),
        "Equal is not higher, and the sizes may come in any order.",
    ),
    "fair_pairs": Behaviour(
        _finds_pairs,
        "Write down the four things that say where a run stands. Two runs make a pair if all "
        "four are equal and only the arm is not.",
    ),
    "best_remedy": Exercise(
        best_remedy,
        _accuracies,
        (
            ({"none": [99], "all": [70]}, {"none": [85], "all": [71]}),
            ({"none": [99, 99], "l2": [99, 99]}, {"none": [80, 82], "l2": [84, 70]}),
            ({"l2": [99, 98], "none": [99]}, {"l2": [85, 79], "none": [81]}),
        ),
        "A narrow gap can mean a network that learned little. And the best seed of a few is luck.",
    ),
}
