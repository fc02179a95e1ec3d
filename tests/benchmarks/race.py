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

# row: data set, the published arm and its protocol, shape of a picture, classes
RACES = {
    "race-fashion": ("fashion_mnist", "F2", "published", (28, 28, 1), 10),
    "race-cats": ("cats_vs_dogs", "C2", "published", (180, 180, 3), 2),
    "race-cifar": ("cifar10", "l2_1e-3", "published", (32, 32, 3), 10),
    "race-mnist": ("mnist", "D2", "honest", (28, 28, 1), 10),
}
CELLS = ("recipes", "network", "augment", "pipeline", "cycle", "compile")


def epochs(
    published: Sequence[Sequence[float]], ours: Sequence[Sequence[float]]
) -> tuple[float, float, float]:
    """The mean best accuracy of published curves, and the mean epochs after which each is there.

    Ours count from where they first reached that height; infinite if one of them never did.
    """
    height = float(np.mean([max(curve) for curve in published]))
    first = [next((i for i, v in enumerate(c, 1) if v >= height), math.inf) for c in ours]
    return height, float(np.mean([np.argmax(c) + 1 for c in published])), float(np.mean(first))


def recorded(name: str) -> dict[str, Any]:
    """`epochs` of the recorded full runs, how many they have as a whole, and one run of ours.

    Always the recipe whose accuracy the course tells: the same in a fifth of the epochs is there
    earlier and ends lower, so its seconds say nothing about that accuracy. Empty where no full run
    of notebook 07 is recorded yet.
    """
    from course_utils import ledger

    dataset, arm, protocol, *_ = RACES[name]
    runs = ledger.recorded("full")

    def curves(of: str, protocol: str) -> list[list[float]]:
        chosen = [run for run in runs if (run["arm"], run["protocol"]) == (of, protocol)]
        return [run["history"]["val_accuracy"] for run in chosen]

    ours = f"{dataset}_ours"
    if not (reached := curves(ours, "honest")):
        return {}
    height, theirs, mine = epochs(published := curves(arm, protocol), reached)
    run = next(run for run in runs if run["arm"] == ours)
    whole = {"published": len(published[0]), "ours": len(reached[0])}
    return {"height": height, "published": theirs, "ours": mine, "whole": whole, "run": run}


def capstone(name: str, images: np.ndarray, labels: np.ndarray, batch_size: int) -> tuple[Any, Any]:
    """Notebook 07's compiled network of the arm `ours`, and its batches."""
    from one import from_notebook

    from course_utils import models, runtime, training

    import keras  # isort: skip
    import tensorflow as tf

    dataset, *_, n_classes = RACES[name]
    runtime.fresh_start(0)
    names = {"models": models, "keras": keras, "layers": keras.layers, "np": np, "tf": tf}
    names |= {"training": training, "data": "full", "dataset": dataset}
    names |= {"batch_size": batch_size, "pictures": SimpleNamespace(x_train=images)}
    with contextlib.redirect_stdout(io.StringIO()):
        names = from_notebook("07_capstone", *CELLS, **names)
    size = names["size"]
    first = images[:500] if size == images.shape[1] else np.zeros((2, size, size, 3), "uint8")
    shape = (size, size, images.shape[-1])
    recipe = names["recipe"]
    if "units" in recipe:
        model = models.mnist_dense(0.0, units=recipe["units"][0], momentum=0.9)
    else:
        blocks = {key: recipe[key] for key in ("filters", "convs", "stem") if key in recipe}
        prepare, shift = models.whitened(first), models.QuickShift
        model = names["residual_net"](
            **blocks, shape=shape, n_classes=n_classes, prepare=prepare, shift=shift
        )
    chosen = {"one_cycle": True, "weight_decay": True, "label_smoothing": True}
    model = names["compiled"](model, chosen, 1000)
    one_hot = np.eye(n_classes, dtype="float32")[labels]
    batches = training.shuffled_batches(images, one_hot, batch_size, 0)
    return model, names["augmented"](batches, 0)
