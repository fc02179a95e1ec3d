"""The networks of the course, for the notebooks after the one that introduces them.

Each stands in full, layer by layer, in its own notebook; a test holds the two equal. It is a
`keras.Sequential` that takes pixels 0–255, and is not compiled. The counts of parameters are those
of the published network, at width 1.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course_utils import fast, runtime  # noqa: F401  (imports TensorFlow quietly)
from course_utils.errors import CourseError

import keras  # isort: skip
from keras import layers  # isort: skip


def _wide(filters: int, width: float) -> int:
    return max(1, round(filters * width))


def quick(model: keras.Model) -> keras.Model:
    """The same network with the quicker layers and Adam of `course_utils.fast` swapped in.

    Weights, random states and, if the model is compiled, its loss and metrics are those of `model`,
    which may not have been trained yet. Batch norm, dropout and Adam take fewer passes over memory;
    what has no quicker version stays Keras's.

    Parameters
    ----------
    model : keras.Model
        A `Sequential` or functional network, built, compiled or not.

    Returns
    -------
    keras.Model
        A new network. The arithmetic differs from `model`'s by rounding, and in dropout by which
        signals are dropped.

    Raises
    ------
    CourseError
        If `model` was trained already: what its optimiser remembers would be lost.
    """
    if model.compiled and int(model.optimizer.iterations):
        raise CourseError("model was trained already; call models.quick on it before fit.")
    state = random.getstate()  # Keras draws the seeds of new layers from it
    twin = keras.models.clone_model(model, clone_function=_quicker)
    random.setstate(state)
    for old, new in zip(model.variables, twin.variables, strict=True):
        new.assign(old)
    if model.compiled:
        settings = keras.saving.deserialize_keras_object(model.get_compile_config())
        # Itself, not a copy: what it leaves out of weight decay is in no configuration.
        settings["optimizer"] = optimizer = model.optimizer
        if type(optimizer) is keras.optimizers.Adam and not (
            optimizer.amsgrad or optimizer.weight_decay
        ):
            settings["optimizer"] = fast.Adam.from_config(optimizer.get_config())
        twin.compile(**settings)
    return twin


def _quicker(layer: keras.Layer) -> keras.Layer:
    swaps: dict[type, Any] = {
        layers.BatchNormalization: fast.BatchNormalization,
        layers.Conv2D: fast.Conv2D,
        layers.Dropout: fast.Dropout,
    }
    return swaps.get(type(layer), type(layer)).from_config(layer.get_config())


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
            layers.Dropout(0.5),
            layers.Conv2D(_wide(128, width), 3, padding="same", activation="relu"),
            layers.Conv2D(_wide(256, width), 3, padding="valid", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(_wide(512, width), activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(_wide(256, width), activation="relu"),
            layers.Dropout(0.5),
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
            layers.BatchNormalization(momentum=momentum),
            layers.Conv2D(filters, 3, padding="valid", activation="relu"),
            layers.Dropout(dropout),
            layers.MaxPooling2D(2, 2),
        ]
    network += [
        layers.Flatten(),
        layers.Dense(_wide(512, width), activation="relu"),
        layers.Dropout(0.5),
        layers.Dense(_wide(256, width), activation="relu"),
        layers.Dropout(0.5),
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


@keras.saving.register_keras_serializable("course_utils.models")
class QuickShift(layers.Layer):
    """Adds a trainable number to each channel, and learns it 64 times as fast (notebook 07b).

    Eight times the number is added, so its gradient is eight times as large, and each step of it
    counts eight times. K. Jordan's way to let a short training move the shift of batch norm.
    """

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the shift, one number for each channel."""
        self.shift = self.add_weight(shape=input_shape[-1:], initializer="zeros", name="shift")

    def call(self, inputs: Any) -> Any:
        """Shift the signal."""
        return inputs + 8 * self.shift


@keras.saving.register_keras_serializable("course_utils.models")
class DensePerNetwork(layers.Layer):
    """A dense layer for each network of a stack (notebook 08).

    Signals have the shape (images, networks, units).
    """

    def __init__(self, units: int, activation: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.activation = units, keras.activations.get(activation)

    def build(self, shape: tuple[int, ...]) -> None:
        """Make a matrix and a bias for each network."""
        limit = np.sqrt(6 / shape[2])  # he_uniform, which would count the networks as inputs
        start = keras.initializers.RandomUniform(-limit, limit)
        self.kernel = self.add_weight((shape[1], shape[2], self.units), start)
        self.bias = self.add_weight((shape[1], self.units), "zeros")

    def call(self, signal: Any) -> Any:
        """Each network's own product."""
        product = keras.ops.einsum("bni,niu->bnu", signal, self.kernel)
        return self.activation(product + self.bias)

    def get_config(self) -> dict[str, Any]:
        """What the layer was made with."""
        name = keras.activations.serialize(self.activation)
        return super().get_config() | {"units": self.units, "activation": name}


def whitened(images: np.ndarray, n: int = 2) -> list[keras.Layer]:
    """Layers that turn patches into uncorrelated numbers, each with its negative (notebook 07b).

    Parameters
    ----------
    images : ndarray of uint8, shape (n_images, height, width, channels)
        Training pictures; the first 500 are used.
    n : int
        Side of a patch in pixels.

    Returns
    -------
    list of keras.Layer
        Rescaling, a convolution with fixed weights, and ReLU.
    """
    x = images[:500].astype("float32") / 255
    shifted = [
        x[:, i : x.shape[1] + 1 - n + i, j : x.shape[2] + 1 - n + j]
        for i in range(n)
        for j in range(n)
    ]
    patches = np.stack(shifted, axis=3).reshape(-1, n * n * x.shape[-1])[::7]
    spread, directions = np.linalg.eigh(np.cov(patches, rowvar=False))
    filters = (directions / np.sqrt(spread + 5e-4)).T.reshape(-1, n, n, x.shape[-1])
    filters = np.concatenate([filters, -filters]).transpose(1, 2, 3, 0)
    return [
        layers.Rescaling(1 / 255, dtype="float32"),
        layers.Conv2D(
            filters.shape[-1],
            n,
            use_bias=False,
            trainable=False,
            kernel_initializer=keras.initializers.Constant(filters),
        ),
        layers.ReLU(),
    ]


def residual_net(
    filters: tuple[int, ...] = (64, 256, 256),
    convs: int = 2,
    stem: int | None = None,
    shape: tuple[int, int, int] = (32, 32, 3),
    n_classes: int = 10,
    prepare: Sequence[keras.Layer] = (),
    width: float = 1.0,
    shift: Callable[[], keras.Layer] = layers.Identity,
) -> keras.Model:
    """Convolutions with bridges around them, and global pooling (notebook 07).

    Parameters
    ----------
    filters : tuple of int
        Of each block; a block halves the picture.
    convs : int
        Convolutions of a block, the first one in front of its bridge.
    stem : int, optional
        Filters of a first convolution in steps of two, for pictures larger than 64 pixels.
    shape : tuple of int
        Height, width and channels of a picture.
    n_classes : int
        Number of probabilities that come out.
    prepare : sequence of keras.Layer
        What the pictures pass first, `whitened` for instance.
    width : float
        Factor on the filters.
    shift : callable
        Makes the layer between batch norm and ReLU, `QuickShift` for instance.
    """

    def conv(x: Any, n: int, strides: int = 1) -> Any:
        return layers.Conv2D(
            max(8, round(n * width)),
            3,
            strides,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
        )(x)

    def norm(x: Any) -> Any:
        return layers.ReLU()(shift()(layers.BatchNormalization(momentum=0.9)(x)))

    x = inputs = keras.Input(shape)
    for layer in prepare:
        x = layer(x)
    if stem and shape[0] > 64:
        x = norm(conv(x, stem, strides=2))
    for n in filters:
        x = block = norm(layers.MaxPooling2D(2)(conv(x, n)))
        for _ in range(convs - 1):
            block = norm(conv(block, n))
        x = layers.add([x, block])
    x = layers.Dense(n_classes, use_bias=False, dtype="float32")(layers.GlobalMaxPooling2D()(x))
    return keras.Model(inputs, layers.Softmax(dtype="float32")(x / 8))


def with_batch_norm(network: keras.Sequential) -> keras.Sequential:
    """The same layers, and batch norm of momentum 0.9 behind each convolution (notebook 07)."""
    after = [keras.Input(network.input_shape[1:])]
    for layer in network.layers:
        after.append(layer)
        if isinstance(layer, layers.Conv2D):
            after.append(layers.BatchNormalization(momentum=0.9))
    return keras.Sequential(after)


def operations(model: keras.Model) -> int:
    """Multiplications and additions of one forward pass through kernels, for one picture.

    A kernel of k numbers that acts at p positions makes 2 · k · p. Training costs about three times
    as much: forward, and backward for signals and for weights.
    """
    return sum(
        2 * int(np.prod(layer.output.shape[1:-1]) * np.prod(layer.kernel.shape))
        for layer in model.layers
        if hasattr(layer, "kernel")
    )


def mnist_dense(
    dropout: float = 0.1, penalty: str | None = None, units: int = 50, momentum: float = 0.99
) -> keras.Sequential:
    """Two dense layers, batch norm, dropout (notebook 06): 42,710 parameters with 50 units.

    Parameters
    ----------
    dropout : float
        Rate behind each hidden layer, in [0, 1).
    penalty : str, optional
        Regulariser of the three kernels, by Keras's name.
    units : int
        Outputs of each hidden layer; 50 is published.
    momentum : float
        Of batch norm's moving statistics, in [0, 1).
    """
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Rescaling(1 / 255, dtype="float32"),
            layers.Dense(units, activation="relu", kernel_regularizer=penalty),
            layers.BatchNormalization(momentum=momentum),
            layers.Dropout(dropout),
            layers.Dense(units, activation="relu", kernel_regularizer=penalty),
            layers.BatchNormalization(momentum=momentum),
            layers.Dropout(dropout),
            layers.Dense(10, activation="softmax", kernel_regularizer=penalty, dtype="float32"),
        ],
        name="mnist_dense",
    )
