"""Wrong answers to the exercises of notebook 09c, and right ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers


def with_head(
    body: Any, n: int, freeze: Callable[[Any], None] = lambda body: None, end: str = "softmax"
) -> keras.Sequential:
    freeze(body)
    shape = body.input_shape[1:]
    return keras.Sequential([keras.Input(shape), body, layers.Dense(n, activation=end)])


def whole(body: Any) -> None:
    body.trainable = False


def kernels_only(body: Any) -> None:
    for layer in body.layers:
        layer.trainable = isinstance(layer, layers.BatchNormalization)


def norms_only(body: Any) -> None:
    for layer in body.layers:
        layer.trainable = not isinstance(layer, layers.BatchNormalization)


def each_weight(body: Any) -> None:
    """The statistics of batch norm move all the same."""
    for weight in body.trainable_weights:
        weight.trainable = False


def each_layer(body: Any) -> None:
    for layer in body.layers:
        layer.trainable = False


def all_frozen(body: Any, n: int) -> keras.Model:
    model = with_head(body, n)
    model.trainable = False
    return model


def of_a_clone(body: Any, n: int) -> keras.Model:
    return with_head(keras.models.clone_model(body), n, whole)


def two_layers(body: Any, n: int) -> keras.Model:
    model = with_head(body, n, whole)
    return keras.Sequential([model, layers.Dense(n, activation="softmax")])


def of_functions(body: Any, n: int) -> keras.Model:
    """Right, in the functional style."""
    body.trainable = False
    inputs = keras.Input(body.input_shape[1:])
    features = body(inputs, training=False)
    return keras.Model(inputs, layers.Softmax()(layers.Dense(n)(features)))


def copied(body: Any, n: int) -> keras.Model:
    """Right: a clone that was given the weights."""
    clone = keras.models.clone_model(body)
    clone.set_weights(body.get_weights())
    return with_head(clone, n, whole)


def ask(
    body: Any,
    images: np.ndarray,
    scale: float = 1.0,
    training: bool = False,
    as_: Callable[[np.ndarray], Any] = lambda x: x,
) -> Any:
    return as_(np.asarray(body(images.astype("float32") * scale, training=training)))


def darkens(body: Any, images: np.ndarray) -> np.ndarray:
    features = ask(body, images)
    images //= 2
    return features


WRONG: dict[str, list[Any]] = {
    "head_parameters": [
        lambda f, o: f * o,
        lambda f, o: f * o + 1,
        lambda f, o: (f + 1) * (o + 1),
        lambda f, o: f * (o + 1),
        lambda f, o: f + o,
        lambda f, o: {1: 97, 8: 776}.get(o, 2),
        lambda f, o: ((f + 1) * o, o),
    ],
    "frozen_network": [
        with_head,
        all_frozen,
        of_a_clone,
        two_layers,
        lambda body, n: with_head(body, n, kernels_only),
        lambda body, n: with_head(body, n, norms_only),
        lambda body, n: with_head(body, n, each_weight),
        lambda body, n: with_head(body, n, whole, end="linear"),
        lambda body, n: with_head(body, n + 1, whole),
        lambda body, n: with_head(body, 1, whole, end="sigmoid"),
        lambda body, n: body,
        lambda body, n: "frozen",
    ],
    "features_of": [
        lambda body, images: ask(body, images, 1 / 255, training=True),
        lambda body, images: ask(body, images, 1 / 255),
        lambda body, images: ask(body, images, training=True),
        lambda body, images: ask(body, images, 255),
        lambda body, images: ask(body, images, as_=lambda x: x.astype(str)),
        lambda body, images: ask(body, images, as_=lambda x: x.round().astype(int)),
        lambda body, images: ask(body, images, as_=lambda x: x - x.mean(axis=0)),
        lambda body, images: ask(body, images, as_=lambda x: x.mean(axis=0)),
        lambda body, images: ask(body, images, as_=lambda x: x[::-1]),
        lambda body, images: ask(body, images[:1]),
        lambda body, images: np.zeros((len(images), 4)),
        darkens,
    ],
}

RIGHT: dict[str, list[Any]] = {
    "frozen_network": [
        of_functions,
        copied,
        lambda body, n: with_head(body, n, whole),
        lambda body, n: with_head(body, n, each_layer),
    ],
    "features_of": [ask, lambda body, images: body.predict(images, verbose=0)],
}
