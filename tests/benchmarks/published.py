"""The networks of the published tutorials, on today's Keras."""

from __future__ import annotations

import keras
from keras import layers


def f1() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(64, 3),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(128, 3),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax"),
        ]
    )


def f2() -> keras.Sequential:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.5),
            layers.Conv2D(128, 3, padding="same", activation="relu"),
            layers.Conv2D(256, 3, padding="valid", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(512, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(256, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def c1(as_c2: bool = False) -> keras.Sequential:
    """C1, or C2: the same with random flips, rotations and zooms in front, and dropout."""
    augment = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.2)]
    network = [keras.Input((180, 180, 3)), *(augment if as_c2 else []), layers.Rescaling(1 / 255)]
    for filters in (32, 64, 128, 256):
        network += [layers.Conv2D(filters, 3, activation="relu"), layers.MaxPooling2D(2)]
    network += [layers.Conv2D(256, 3, activation="relu"), layers.Flatten()]
    network += [layers.Dropout(0.5)] if as_c2 else []
    return keras.Sequential([*network, layers.Dense(1, activation="sigmoid")])


def l1() -> keras.Sequential:
    penalty = keras.regularizers.L2(0.001)
    network = [keras.Input((32, 32, 3))]
    for filters in (32, 64, 128):
        options = {"padding": "same", "activation": "relu"}
        network += [
            layers.Conv2D(filters, 3, **options),
            layers.Conv2D(filters, 3, **options, kernel_regularizer=penalty),
            layers.MaxPooling2D(2, 2, padding="same"),
        ]
    network += [layers.Flatten()]
    network += [layers.Dense(256, activation="relu", kernel_regularizer=penalty)]
    return keras.Sequential([*network, layers.Dense(10, activation="softmax")])


def d2() -> keras.Sequential:
    network = [keras.Input((28, 28, 1)), layers.Flatten()]
    for _ in range(2):
        network += [layers.Dense(50, activation="relu"), layers.BatchNormalization()]
        network += [layers.Dropout(0.1)]
    return keras.Sequential([*network, layers.Dense(10, activation="softmax")])
