"""The networks of the course, for the notebooks after the one that introduces them.

Each stands in full, layer by layer, in its own notebook; a test holds the two equal.
"""

from __future__ import annotations

from course_utils import fast, runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip
from keras import layers  # isort: skip


def _wide(filters: int, width: float) -> int:
    return max(1, round(filters * width))


def fashion_baseline(activation: str | None = None) -> keras.Sequential:
    """Three convolutions and two dense layers for 28×28 grey images (notebook 01).

    Parameters
    ----------
    activation : str, optional
        Activation of the convolutions. None, as published, leaves them linear.

    Returns
    -------
    keras.Sequential
        241,546 parameters; takes pixels 0–255, gives ten probabilities. Not compiled.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255, dtype="float32"),
            layers.Conv2D(32, 3, activation=activation),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(64, 3, activation=activation),
            layers.MaxPooling2D(2, 2),
            layers.Conv2D(128, 3, activation=activation),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(10, activation="softmax", dtype="float32"),
        ],
        name="fashion_baseline",
    )


def fashion_vgg(width: float = 1.0) -> keras.Sequential:
    """Four convolutions in the manner of VGG, with dropout after each part (notebook 02).

    Parameters
    ----------
    width : float
        Factor on the number of filters and units; 1 is the published network.

    Returns
    -------
    keras.Sequential
        5,240,842 parameters at width 1; takes pixels 0–255. Not compiled.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Rescaling(1 / 255, dtype="float32"),
            layers.Conv2D(_wide(32, width), 3, padding="same", activation="relu"),
            layers.Conv2D(_wide(64, width), 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            fast.Dropout(0.5),
            layers.Conv2D(_wide(128, width), 3, padding="same", activation="relu"),
            layers.Conv2D(_wide(256, width), 3, padding="valid", activation="relu"),
            layers.MaxPooling2D(2),
            fast.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(_wide(512, width), activation="relu"),
            fast.Dropout(0.5),
            layers.Dense(_wide(256, width), activation="relu"),
            fast.Dropout(0.5),
            layers.Dense(10, activation="softmax", dtype="float32"),
        ],
        name="fashion_vgg",
    )


def fashion_batchnorm(
    width: float = 1.0, dropout: float = 0.5, momentum: float = 0.99
) -> keras.Sequential:
    """Three blocks of convolution, batch norm, convolution, dropout, pooling (notebook 02).

    Parameters
    ----------
    width : float
        Factor on the number of filters and units; 1 is the published network.
    dropout : float
        Rate of the three dropout layers inside the blocks, in [0, 1). 0.5 is published.
    momentum : float
        Momentum of batch norm's moving statistics, in [0, 1). 0.99 is Keras's and published.

    Returns
    -------
    keras.Sequential
        1,411,530 parameters at width 1, 896 of them not trainable; takes pixels 0–255.
        Not compiled.
    """
    network = [keras.Input((28, 28, 1)), layers.Rescaling(1 / 255, dtype="float32")]
    for filters in (64, 128, 256):
        filters = _wide(filters, width)
        network += [
            layers.Conv2D(filters, 3, padding="same", activation="relu"),
            fast.BatchNormalization(momentum=momentum),
            layers.Conv2D(filters, 3, padding="valid", activation="relu"),
            fast.Dropout(dropout),
            layers.MaxPooling2D(2, 2),
        ]
    network += [
        layers.Flatten(),
        layers.Dense(_wide(512, width), activation="relu"),
        fast.Dropout(0.5),
        layers.Dense(_wide(256, width), activation="relu"),
        fast.Dropout(0.5),
        layers.Dense(10, activation="softmax", dtype="float32"),
    ]
    return keras.Sequential(network, name="fashion_batchnorm")
