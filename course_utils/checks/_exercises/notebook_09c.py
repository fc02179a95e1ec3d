"""Exercises of notebook 09c."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Behaviour, Exercise, Exercises

FEATURES = 4  # of the body that is lent


def head_parameters(n_features: int, n_outputs: int) -> int:
    return (n_features + 1) * n_outputs


def _body(rng: np.random.Generator) -> Any:
    """A body as the notebook's, small, with random weights and statistics."""
    import keras
    from keras import layers

    inside = [layers.Rescaling(1 / 255), layers.Conv2D(FEATURES, 3)]
    inside += [layers.BatchNormalization(momentum=0.5), layers.GlobalAveragePooling2D()]
    body = keras.Sequential([keras.Input((8, 8, 3)), *inside], name="body")
    body.set_weights([rng.uniform(0.2, 1, weight.shape) for weight in body.get_weights()])
    return body


def _changed(body: Any, before: list[np.ndarray]) -> str | None:
    """What has changed in a body, in words."""
    moved = [
        weight.name
        for weight, old in zip(body.weights, before, strict=True)
        if not np.array_equal(weight.numpy(), old)
    ]
    return ", ".join(moved) or None


def _is_frozen(build: Any, rng: np.random.Generator) -> str | None:
    body, n_classes = _body(rng), int(rng.integers(2, 9))
    before = body.get_weights()
    model = build(body, n_classes)
    shapes = model.input_shape[1:], model.output_shape[1:]
    if shapes != ((8, 8, 3), (n_classes,)):
        return f"With {n_classes} classes, it takes {shapes[0]} and gives {shapes[1]}."
    images, labels = rng.integers(0, 256, (12, 8, 8, 3)), np.arange(12) % n_classes
    sums = np.asarray(model(images.astype("float32"))).sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        return f"The {n_classes} answers for a picture sum to {sums[0]:.2f}."
    lent = model.get_weights()
    if not all(any(np.array_equal(old, own) for own in lent) for old in before):
        return "The network does not hold the weights that the body came with."
    trains = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    if trains != head_parameters(FEATURES, n_classes):
        return f"With {FEATURES} features and {n_classes} classes, it trains {trains} numbers."
    old_head = [weight.numpy() for weight in model.trainable_weights]
    model.compile("adam", loss="sparse_categorical_crossentropy", run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(images.astype("float32"), labels)
    kept = model.get_weights()
    if not all(any(np.array_equal(old, own) for own in kept) for old in before):
        moved = _changed(body, before) or "its weights"
        return f"After two steps of training, these have changed in the body: {moved}."
    if all(map(np.array_equal, old_head, [w.numpy() for w in model.trainable_weights])):
        return "After two steps of training, the head is as it was."
    return None


def _takes_features(take: Any, rng: np.random.Generator) -> str | None:
    body = _body(rng)
    before, images = body.get_weights(), rng.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
    wanted = np.asarray(body(images.astype("float32"), training=False))
    own = images.copy()
    given = take(body, own)
    if moved := _changed(body, before):
        return f"After one call, these have changed in the body: {moved}."
    if not np.array_equal(own, images):
        return "The images that it was given are changed."
    given = np.asarray(given)
    if given.shape != wanted.shape or given.dtype.kind != "f":
        return f"Of {len(images)} pictures it makes {given.dtype} numbers of shape {given.shape}."
    if not np.allclose(given, wanted, rtol=1e-3, atol=1e-4):
        alone = np.asarray(take(body, images[:1].copy()))
        if not np.allclose(alone[0], given[0], rtol=1e-3, atol=1e-4):
            return "A picture alone has other features than the same picture among six."
        ratio = float(np.mean(np.abs(given)) / np.mean(np.abs(wanted)))
        return f"The features are not those of the body: on average {ratio:.3g} times as large."
    return None


EXERCISES: Exercises = {
    "head_parameters": Exercise(
        head_parameters,
        lambda rng: tuple(rng.integers(1, 300, 2).tolist()),
        ((96, 1), (96, 8), (1, 1)),
        "Each output has a weight for each feature, and one bias.",
    ),
    "frozen_network": Behaviour(
        _is_frozen,
        "Which one attribute says that nothing in a layer, and in all layers inside, is to "
        "change? Print model.summary(): how many numbers can be trained?",
    ),
    "features_of": Behaviour(
        _takes_features,
        "Print the smallest and the largest number that reaches the first convolution. And what "
        "does batch norm do where training is True?",
    ),
}
