"""Wrong answers to the exercises of notebook 05, and right ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, regularizers

Stop = keras.callbacks.EarlyStopping


def net(conv: Any = None, dense: Any = None, last: Any = None, n: int = 4) -> Any:
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, kernel_regularizer=conv),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(5, activation="relu", kernel_regularizer=dense),
            layers.Dense(n, activation="softmax", kernel_regularizer=last),
        ]
    )


def everywhere(l2: float, kind: Any = regularizers.L2) -> Any:
    return net(kind(l2), kind(l2), kind(l2))


def _biased(own: Any) -> Any:
    options = {"kernel_regularizer": own, "bias_regularizer": own}
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, **options),
            layers.BatchNormalization(),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4, activation="softmax", **options),
        ]
    )


def gamma_too(l2: float) -> Any:
    own = regularizers.L2(l2)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, kernel_regularizer=own),
            layers.BatchNormalization(gamma_regularizer=own),
            layers.GlobalMaxPooling2D(),
            layers.Dense(4, activation="softmax", kernel_regularizer=own),
        ]
    )


def functional(l2: float) -> Any:
    """Right: one convolution, one dense layer, in the functional style."""
    own, inputs = regularizers.L2(l2), keras.Input((8, 8, 3))
    x = layers.Conv2D(6, 3, use_bias=False, kernel_regularizer=own)(inputs)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    return keras.Model(inputs, layers.Softmax()(layers.Dense(4, kernel_regularizer=own)(x)))


WRONG: dict[str, list[Any]] = {
    "two_steps": [
        lambda w, g, r, l2, d: (w - r * (g + l2 * w), w - r * g - r * d * w),
        lambda w, g, r, l2, d: (w - r * (g + 2 * l2 * w), w - r * g - d * w),
        lambda w, g, r, l2, d: (w - r * g - r * d * w, w - r * (g + 2 * l2 * w)),
        lambda w, g, r, l2, d: (w - r * (g + 2 * l2 * abs(w)), w - r * g - r * d * w),
        lambda w, g, r, l2, d: (w + r * (g + 2 * l2 * w), w + r * g + r * d * w),
        lambda w, g, r, l2, d: (w - r * (g + l2 * w**2), w - r * g - r * d * w),
        lambda w, g, r, l2, d: w - r * (g + 2 * l2 * w),
    ],
    "penalised_net": [
        lambda l2: everywhere(l2, lambda strength: "l2"),
        lambda l2: everywhere(l2 / 2),
        lambda l2: everywhere(l2, regularizers.L1),
        lambda l2: net(regularizers.L2(l2), regularizers.L2(l2)),
        lambda l2: net(None, regularizers.L2(l2), regularizers.L2(l2)),
        lambda l2: net(),
        lambda l2: net(*[regularizers.L2(l2)] * 3, n=10),
        lambda l2: _biased(regularizers.L2(l2)),
        gamma_too,
        lambda l2: keras.Sequential([keras.Input((8, 8, 3)), layers.Flatten(), layers.Dense(4)]),
    ],
    "stopping": [
        lambda patience: Stop(patience=patience),
        lambda patience: Stop("val_loss", patience=patience, restore_best_weights=True),
        lambda patience: Stop("val_cross_entropy", patience=patience, mode="min"),
        lambda patience: Stop("cross_entropy", patience=patience, restore_best_weights=True),
        lambda patience: Stop("val_accuracy", patience=patience, restore_best_weights=True),
        lambda patience: Stop(
            "val_cross_entropy", mode="max", patience=patience, restore_best_weights=True
        ),
        lambda patience: Stop("val_cross_entropy", patience=3, restore_best_weights=True),
    ],
}
RIGHT: dict[str, list[Any]] = {
    "penalised_net": [everywhere, functional],
    "stopping": [
        lambda patience: Stop("val_cross_entropy", patience=patience, restore_best_weights=True),
        lambda patience: Stop(
            "val_cross_entropy", mode="min", patience=patience, restore_best_weights=True
        ),
    ],
}
