"""The networks of the course, for the notebooks after the one that introduces them.

Each stands in full, layer by layer, in its own notebook; a test holds the two equal. It is a
`keras.Sequential` that takes pixels 0–255, and is not compiled. The counts of parameters are those
of the published network, at width 1.
"""

from __future__ import annotations

from course_utils import fast, runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip
from keras import layers  # isort: skip


def _wide(filters: int, width: float) -> int:
    return max(1, round(filters * width))


def fashion_baseline(activation: str | None = None) -> keras.Sequential:
    """Three convolutions, two dense layers (notebook 01): 241,546 parameters.

    Parameters
    ----------
    activation : str, optional
        Activation of the convolutions. None, as published, leaves them linear.
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
    """Four convolutions like VGG's, dropout after each part (notebook 02): 5,240,842 parameters.

    Parameters
    ----------
    width : float
        Factor on the number of filters and units; 1 is the published network.
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

    1,411,530 parameters, 896 of them not trainable.

    Parameters
    ----------
    width : float
        Factor on the number of filters and units; 1 is the published network.
    dropout : float
        Rate of the three dropout layers inside the blocks, in [0, 1). 0.5 is published.
    momentum : float
        Momentum of batch norm's moving statistics, in [0, 1). 0.99 is Keras's and published.
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


def pets_convnet(
    image_size: int = 180, augment: bool = False, dropout: float = 0.0
) -> keras.Sequential:
    """Convolution and pooling for two animals (notebook 04): 991,041 parameters at 180 pixels.

    The one output is the probability of a dog.

    Parameters
    ----------
    image_size : int
        Height and width of the pictures in pixels. Below 78 the fourth block and the last
        convolution are left out; 180 is published.
    augment : bool
        Whether random flip, rotation and zoom stand in front, active in training only.
    dropout : float
        Rate before the last layer, in [0, 1).
    """
    n_blocks = 4 if image_size >= 78 else 3  # 78 pixels are what the published blocks need
    network = [keras.Input((image_size, image_size, 3))]
    if augment:
        network += [
            layers.RandomFlip("horizontal", dtype="float32"),
            layers.RandomRotation(0.1, dtype="float32"),
            layers.RandomZoom(0.2, dtype="float32"),
        ]
    network.append(layers.Rescaling(1 / 255, dtype="float32"))
    for filters in (32, 64, 128, 256)[:n_blocks]:
        network += [layers.Conv2D(filters, 3), layers.MaxPooling2D(2), layers.ReLU()]
    if n_blocks == 4:
        network.append(layers.Conv2D(256, 3, activation="relu"))
    network.append(layers.Flatten())
    if dropout:
        network.append(layers.Dropout(dropout))
    return keras.Sequential(
        [*network, layers.Dense(1, activation="sigmoid", dtype="float32")], name="pets_convnet"
    )


def cifar_l2(
    mean: list[float], variance: list[float], l2: float = 0.001, width: float = 1.0
) -> keras.Sequential:
    """Six convolutions for 32×32 colour images, half of them with an L2 penalty (notebook 05).

    814,122 parameters.

    Parameters
    ----------
    mean, variance : list of float
        Of each colour, over the training images.
    l2 : float
        Strength λ of the penalty; 0 leaves it out. 0.001 is published.
    width : float
        Factor on the number of filters and units; 1 is the published network.
    """
    penalty = keras.regularizers.L2(l2) if l2 else None
    blocks = []
    for number, filters in enumerate((32, 64, 128), start=1):
        options = {"filters": _wide(filters, width), "kernel_size": 3, "padding": "same"}
        blocks += [
            layers.Conv2D(**options, activation="relu", name=f"conv{number}a"),
            layers.Conv2D(**options, kernel_regularizer=penalty, name=f"conv{number}b"),
            layers.MaxPooling2D(2, 2, padding="same"),
            layers.ReLU(),
        ]
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Normalization(mean=mean, variance=variance, dtype="float32"),
            *blocks,
            layers.Flatten(),
            layers.Dense(
                _wide(256, width), activation="relu", kernel_regularizer=penalty, name="dense"
            ),
            layers.Dense(10, activation="softmax", dtype="float32", name="output"),
        ],
        name="cifar_l2",
    )


def mnist_dense(dropout: float = 0.1, penalty: str | None = None) -> keras.Sequential:
    """Two dense layers of 50, batch norm, dropout (notebook 06): 42,710 parameters.

    Parameters
    ----------
    dropout : float
        Rate behind each hidden layer, in [0, 1).
    penalty : str, optional
        Regulariser of the three kernels, by Keras's name.
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Rescaling(1 / 255, dtype="float32"),
            layers.Dense(50, activation="relu", kernel_regularizer=penalty),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(50, activation="relu", kernel_regularizer=penalty),
            layers.BatchNormalization(),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax", kernel_regularizer=penalty, dtype="float32"),
        ],
        name="mnist_dense",
    )
