"""Exercises of notebook 05."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Behaviour, Exercise, Exercises


def two_steps(
    weight: float, gradient: float, rate: float, l2: float, decay: float
) -> tuple[float, float]:
    with_l2 = weight - rate * (gradient + 2 * l2 * weight)
    return with_l2, weight - rate * gradient - rate * decay * weight


def _penalises_kernels(build: Any, rng: np.random.Generator) -> str | None:
    from keras import layers

    strength = round(float(rng.uniform(0.001, 0.02)), 4)
    model = build(strength)
    shapes = model.input_shape[1:], model.output_shape[1:]
    if shapes != ((8, 8, 3), (4,)):
        return f"The network takes {shapes[0]} and gives {shapes[1]}."
    kinds = {layers.Conv2D: 0, layers.BatchNormalization: 0, layers.Dense: 0}
    own = [layer for layer in model._flatten_layers() if isinstance(layer, tuple(kinds))]
    for layer in own:
        kinds[next(kind for kind in kinds if isinstance(layer, kind))] += 1
    if missing := [kind.__name__ for kind, n in kinds.items() if not n]:
        return f"The network has no {missing[0]}."
    model.set_weights([rng.uniform(0.5, 1.5, w.shape) for w in model.get_weights()])
    kernels = [layer.kernel for layer in own if hasattr(layer, "kernel")]
    squares = sum(float(np.square(kernel.numpy()).sum()) for kernel in kernels)
    found = float(sum(np.asarray(loss) for loss in model.losses))
    if not np.isclose(found, strength * squares, rtol=1e-3):
        return (
            f"With l2={strength} and weights drawn for it, the kernels' squares sum to "
            f"{squares:.1f}, and what the network adds to the loss is {found:.4f}."
        )
    return None


def _watches_mistakes(make: Any, rng: np.random.Generator) -> str | None:
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(2, activation="softmax")])
    entropy = keras.metrics.SparseCategoricalCrossentropy("cross_entropy")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy", entropy])
    model.fit(np.zeros((2, 1)), np.zeros(2), verbose=0)
    for turn in range(20):
        patience, n = int(rng.integers(1, 4)), 12
        mistakes = 1 + np.abs(np.arange(n) - int(rng.integers(1, 6))) / 10
        penalty = np.linspace(3, 0, n) if turn % 2 else np.linspace(0, 3, n)
        callback = make(patience)
        callback.set_model(model)
        model.stop_training = False
        callback.on_train_begin()
        epoch = 0
        for epoch, (wrong, price) in enumerate(zip(mistakes, penalty, strict=True)):
            model.set_weights([np.full(w.shape, epoch, float) for w in model.get_weights()])
            logs = {"loss": 1 / (1 + epoch), "cross_entropy": 1 / (1 + epoch), "accuracy": 0.5}
            logs |= {"val_loss": wrong + price, "val_cross_entropy": wrong, "val_accuracy": 0.5}
            callback.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
        callback.on_train_end()
        lowest = int(mistakes.argmin())
        kept = int(model.get_weights()[0].flat[0])
        if (epoch, kept) != (min(lowest + patience, n - 1), lowest):
            moves = "falling" if turn % 2 else "growing"
            return (
                f"The cross-entropy on new pictures is lowest in epoch {lowest + 1}, under a "
                f"{moves} penalty. With a patience of {patience} you train {epoch + 1} epochs, and "
                f"leave the weights of epoch {kept + 1}."
            )
    return None


EXERCISES: Exercises = {
    "two_steps": Exercise(
        two_steps,
        lambda rng: tuple(rng.uniform(-3, 3, 5).round(2).tolist()),
        (
            (3.0, 1.0, 0.1, 0.01, 0.0),
            (2.0, 0.0, 0.5, 0.0, 0.1),
            (3.0, 1.0, 0.1, 0.01, 0.02),
            (-2.0, 0.0, 0.5, 0.1, 0.2),
        ),
        "The penalty λw² adds 2λw to the gradient. Decay takes away rate × decay × weight.",
    ),
    "penalised_net": Behaviour(
        _penalises_kernels,
        "Print model.losses: one number for each penalty. Which weights of which layers should be "
        "in it, and which not?",
    ),
    "stopping": Behaviour(
        _watches_mistakes,
        "What does EarlyStopping watch if you do not say it, and which weights does it leave you "
        "with? Both are arguments.",
    ),
}
