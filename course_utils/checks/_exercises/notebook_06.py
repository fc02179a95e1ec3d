"""Exercises of notebook 06."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Behaviour, Exercise, Exercises, NotDone, losses

MOST_MISSED, MOST_EPOCHS = 0.3, 31  # percent, and a mean: a patience of 8 to 10 keeps both
LONG = {  # arms whose recorded trainings were not stopped early
    "02_deeper_vgg_style": ("deeper",),
    "03_data_augmentation": ("plain_long", "augmented_long"),
    "04_small_data_cats_vs_dogs": ("dropout", "augmentation"),
    "06_dropout_early_stopping": ("D1", "D4", "watch"),
}


def stopping_epoch(val_losses: list[float], patience: int) -> tuple[int, int]:
    best = 0
    for epoch, loss in enumerate(val_losses):
        if loss < val_losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch + 1, best + 1
    return len(val_losses), best + 1


def _drops_late(build: Any, rng: np.random.Generator) -> str | None:
    from keras import layers

    from course_utils.checks import is_on

    rate = round(float(rng.uniform(0.2, 0.6)), 2)
    model = build(rate)
    shapes = model.input_shape[1:], model.output_shape[1:]
    if shapes != ((28, 28, 1), (10,)):
        return f"The network takes {shapes[0]} and gives {shapes[1]}."
    if not (found := is_on.dropout(model)):
        return found.sentence
    rates = [measured for measured in found.facts["rates"].values() if measured]
    if any(abs(measured - rate) > 0.04 for measured in rates):
        return f"late_dropout({rate}) drops {', '.join(map(str, rates))} of the signals."
    kinds = [type(layer) for layer in model._flatten_layers() if not hasattr(layer, "layers")]
    if (norms := kinds.count(layers.BatchNormalization)) != 2:
        return f"The network has {norms} batch norms."
    if layers.BatchNormalization in kinds[kinds.index(layers.Dropout) :]:
        return "A batch norm stands behind a dropout."
    answers = np.asarray(model(rng.uniform(0, 255, (20, 28, 28, 1)), training=True))
    if answers.min() < 0 or not np.allclose(answers.sum(axis=1), 1, atol=1e-3):
        return f"In training, the ten answers for a picture sum to {answers[0].sum():.2f}."
    return None


def _keeps_best(callback_class: Any, rng: np.random.Generator) -> str | None:
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    cases = [([0.3, 0.9, 0.8, 0.7, 0.2], 3), ([0.9, 0.5, 0.4, 0.6], 5), ([0.5, 0.5, 0.4], 1)]
    cases += [(losses(rng), int(rng.integers(1, 4))) for _ in range(50)]
    for val_losses, patience in cases:
        model.stop_training = False
        callback = callback_class(patience)
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, loss in enumerate(val_losses, 1):
            model.set_weights([np.full((1, 1), epoch), np.full(1, epoch)])
            logs = {"loss": 1 / epoch, "accuracy": 0.5, "val_loss": loss, "val_accuracy": 0.5}
            if callback.on_epoch_end(epoch - 1, logs) is ...:
                raise NotDone
            if model.stop_training:
                break
        callback.on_train_end()
        kept = int(model.get_weights()[0].item())
        if (epoch, kept) != stopping_epoch(val_losses, patience):
            return (
                f"With validation losses {val_losses} and a patience of {patience} it trains "
                f"{epoch} epochs and leaves the weights of epoch {kept}."
            )
    return None


def _stops_well(rule: Any, rng: np.random.Generator) -> str | None:
    from course_utils import ledger

    runs = [
        record["history"]["val_loss"]
        for data in ("embedded", "settings")
        for record in ledger.recorded(data)
        if record["arm"] in LONG.get(record["notebook"], ())
        and record["protocol"] == "honest"
        and record["epochs"] >= 60
    ]
    trained, missed = [], []
    for run in rng.permutation(len(runs)):
        val_losses = runs[run]
        for epoch in range(1, len(val_losses) + 1):
            so_far = val_losses[:epoch]
            stop = rule(so_far)
            if not isinstance(stop, bool | np.bool_):
                return f"After {epoch} epochs the rule says {str(stop)[:20]!r}: neither yes nor no."
            if so_far != val_losses[:epoch]:
                return "The rule changes the losses that it is given."
            if stop:
                break
        trained.append(epoch)
        missed.append(100 * (min(val_losses[:epoch]) / min(val_losses) - 1))
    if np.mean(missed) <= MOST_MISSED and np.mean(trained) <= MOST_EPOCHS:
        return None
    return (
        f"On average your rule trains {np.mean(trained):.1f} epochs, and the lowest loss that it "
        f"has seen is {np.mean(missed):.2f} % above the lowest of all epochs."
    )


EXERCISES: Exercises = {
    "stopping_epoch": Exercise(
        stopping_epoch,
        lambda rng: (losses(rng), int(rng.integers(1, 4))),
        (
            ([0.3, 0.9, 0.8, 0.7, 0.2], 3),
            ([0.9, 0.5, 0.6, 0.7, 0.4], 3),
            ([0.5, 0.5, 0.5], 1),
            ([0.3, 0.2, 0.1], 5),
        ),
        "Go through the epochs; keep the lowest loss so far and the epochs since then.",
    ),
    "late_dropout": Behaviour(
        _drops_late,
        "List your layers from the picture to the answer. Where is the first place behind the "
        "last batch norm?",
    ),
    "KeepBest": Behaviour(
        _keeps_best,
        "Which loss should the next one be held against? And what does best_weights hold one "
        "epoch later, when the network has trained on?",
    ),
    "stop_now": Behaviour(
        _stops_well,
        "Plot where the lowest loss came, and how long the longest wait before it was. A rule on "
        "the number of epochs alone does not know a slow training from a quick one.",
    ),
}
