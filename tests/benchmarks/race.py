"""Seconds to the best validation accuracy of a published recipe: its own, and the capstone's.

Epochs come from the recorded runs, seconds of an epoch are measured now, in turn. The mean over
the recorded seeds says when the published recipe was at its best, how high that was, and when
notebook 07 was there first.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np

# data set: the published arm, shape of a picture, classes
RACES = {
    "fashion_mnist": ("F2", (28, 28, 1), 10),
    "cats_vs_dogs": ("C2", (180, 180, 3), 2),
    "cifar10": ("l2_1e-3", (32, 32, 3), 10),
}

TASKS = {"race_fashion": "fashion_mnist", "race_cats": "cats_vs_dogs", "race_cifar": "cifar10"}


def epochs(
    published: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]
) -> tuple[float, float, float]:
    """The height, and the epochs after which each side is there, means over the seeds.

    Parameters
    ----------
    published, ours : sequence of sequence of float
        Validation accuracy after each epoch, one sequence for each seed.

    Returns
    -------
    tuple of float
        Mean best accuracy of the published runs; mean epoch at which each had its best; mean
        epoch at which ours first reached the height, infinite if one of them never did.
    """
    height = float(np.mean([max(curve) for curve in published]))
    first = [next((i for i, v in enumerate(c, 1) if v >= height), math.inf) for c in ours]
    return height, float(np.mean([np.argmax(c) + 1 for c in published])), float(np.mean(first))


def recorded(dataset: str) -> dict[str, Any]:
    """`epochs` of the recorded full runs, and one run of ours.

    Always the recipe whose accuracy the course tells: the same in a fifth of the epochs is there
    earlier and ends lower, so its seconds say nothing about that accuracy.
    """
    from course_utils import ledger

    def runs(arm: str, protocol: str) -> list[Any]:
        return [
            run
            for run in ledger.recorded("full")
            if (run["arm"], run["protocol"]) == (arm, protocol)
        ]

    def curves(some: list[Any]) -> list[list[float]]:
        return [run["history"]["val_accuracy"] for run in some]

    published, ours = runs(RACES[dataset][0], "published"), runs(f"{dataset}_ours", "honest")
    height, theirs, mine = epochs(curves(published), curves(ours))
    return {"height": height, "published": theirs, "ours": mine, "run": ours[0]}


def missing(task: str) -> str:
    """Why a row cannot be measured, or nothing: a race needs recorded runs of both sides."""
    from course_utils import ledger

    dataset = TASKS.get(task)
    if dataset is None or ledger.recorded("full", "07_capstone", f"{dataset}_ours"):
        return ""
    return f"no full run of notebook 07 on {dataset} is recorded yet"


def capstone(
    dataset: str, images: np.ndarray, labels: np.ndarray, batch_size: int
) -> tuple[Any, Any]:
    """Notebook 07's compiled network of the arm `ours`, and its batches."""
    from one import from_notebook

    from course_utils import fast, plots, runtime, training

    import keras  # isort: skip
    import tensorflow as tf

    n_classes = RACES[dataset][-1]
    runtime.fresh_start(0)
    names = {
        "fast": fast,
        "keras": keras,
        "layers": keras.layers,
        "np": np,
        "tf": tf,
        "plots": plots,
        "training": training,
        "data": "full",
        "dataset": dataset,
        "batch_size": batch_size,
        "pictures": SimpleNamespace(x_train=images),
    }
    with contextlib.redirect_stdout(io.StringIO()):
        cells = [
            "recipes",
            "quick-shift",
            "network",
            "whiten",
            "augment",
            "pipeline",
            "cycle",
            "compile",
        ]
        names = from_notebook("07_capstone", *cells, **names)
    size = names["size"]
    first = images[:500] if size == images.shape[1] else np.zeros((2, size, size, 3), "uint8")
    shape = (size, size, images.shape[-1])
    model = names["convnet"](names["recipe"], shape, n_classes, names["whitened"](first))
    chosen = {"one_cycle": True, "weight_decay": True, "label_smoothing": True}
    names["compiled"](model, chosen, 1000)
    one_hot = np.eye(n_classes, dtype="float32")[labels]
    batches = training.shuffled_batches(images, one_hot, batch_size, 0)
    return model, names["augmented"](batches, 0)
