"""Is it really on? Checks of augmentation, dropout, L2, batch norm and the validation split.

Two of the course's sources defined a remedy and did not apply it, and nothing in their code
complained. Each function here looks at what a network or a pipeline *does*, and says so in one
sentence. Nothing is trained, and the networks keep their weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip
from keras import layers  # isort: skip


class CheckFailed(AssertionError):
    """Something that should be on is off; Jupyter shows the sentence without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"CheckFailed: {self}"]


@dataclass(frozen=True)
class Finding:
    """What a check found: true where the thing is on.

    Attributes
    ----------
    on : bool
        Whether it is on.
    sentence : str
        What was found, with numbers.
    facts : dict
        The numbers by name; each check lists its own.
    """

    on: bool
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return self.on

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__


def require(*findings: Finding) -> None:
    """Print each finding, and stop where one of them is off.

    Parameters
    ----------
    *findings : Finding
        Results of the checks of this module.

    Raises
    ------
    CheckFailed
        If a finding is off; the message holds the sentences of those that are.
    """
    for finding in findings:
        print(finding.sentence)
    if off := [finding.sentence for finding in findings if not finding]:
        raise CheckFailed(" ".join(off))


def augmentation(source: Any, images: np.ndarray) -> Finding:
    """Whether images are changed before the network learns from them.

    Parameters
    ----------
    source : tf.data.Dataset, ndarray or keras.Layer
        A pipeline of batches ``(images, labels)``; or an array of images that should be new; or a
        network, or a layer, whose own ``Random…`` layers augment. A pipeline is read once, to at
        most 2,000 images.
    images : ndarray, shape (n, height, width, channels)
        The images before augmentation, with pixels on the scale of `source`.

    Returns
    -------
    Finding
        On if most of the images differ from all of `images`, pixel for pixel; for a network, if
        they differ in training and do not in validation. Facts: ``new``, ``of``.
    """
    if isinstance(source, keras.layers.Layer):
        return _augmentation_layers(source, np.asarray(images)[:64])
    if isinstance(source, np.ndarray):
        seen = source
    else:
        seen = np.concatenate(list(_first_images(source, limit=2000)))
    # Pipelines hand on float32 what an array keeps as uint8: compare as numbers, not as bytes.
    known = {image.tobytes() for image in np.asarray(images, dtype=np.float32)}
    new = sum(image.tobytes() not in known for image in np.asarray(seen, dtype=np.float32))
    return _augmented(new, len(seen), "the originals")


def _first_images(batches: Iterable[Any], limit: int) -> Iterator[np.ndarray]:
    count = 0
    for batch in batches:
        images = np.asarray(batch[0] if isinstance(batch, tuple | list) else batch)
        yield images[: limit - count]
        count += len(images)
        if count >= limit:
            return


def _augmented(new: int, total: int, compared_with: str) -> Finding:
    on = new > total / 2
    return Finding(
        on,
        f"Augmentation is {'on' if on else 'OFF'}: {new:,} of {total:,} images differ from "
        f"{compared_with}.",
        {"new": new, "of": total},
    )


def _augmentation_layers(network: keras.layers.Layer, images: np.ndarray) -> Finding:
    random_layers = [
        layer for layer in _leaves(network) if type(layer).__name__.startswith("Random")
    ]
    if not random_layers:
        return Finding(
            False, "Augmentation is OFF: the network has no Random… layer.", {"new": 0, "of": 0}
        )

    def through(training: bool) -> np.ndarray:
        signal = images.astype(np.float32)
        for layer in random_layers:
            signal = layer(signal, training=training)
        return np.asarray(signal, dtype=np.float32)

    def changed(signal: np.ndarray) -> int:
        return int((np.abs(signal - images).reshape(len(images), -1).max(axis=1) > 1e-3).sum())

    in_validation = changed(through(training=False))
    if in_validation:
        return Finding(
            False,
            f"Augmentation is wrong: it changes {in_validation:,} of {len(images):,} images in "
            f"validation too.",
            {"new": in_validation, "of": len(images)},
        )
    return _augmented(changed(through(training=True)), len(images), "the originals in training")


def _leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    inner = getattr(layer, "layers", None)
    if isinstance(inner, list | tuple) and inner:
        for child in inner:
            yield from _leaves(child)
    else:
        yield layer


def dropout(model: keras.Model) -> Finding:
    """Whether a network drops signals in training, and only there.

    Parameters
    ----------
    model : keras.Model
        The network.

    Returns
    -------
    Finding
        On if at least one dropout layer drops. Facts: ``rates``, the measured share of signals
        that each layer drops in training, by layer name.
    """
    ones = np.ones((1, 10_000), dtype=np.float32)
    rates = {}
    for layer in _leaves(model):
        # a spatial dropout layer wants its own number of dimensions; its base class does not
        if isinstance(layer, layers.Dropout):
            in_training = np.asarray(layer(_shaped_for(layer, ones), training=True), np.float32)
            rates[layer.name] = round(float((in_training == 0).mean()), 2)
    dropping = [rate for rate in rates.values() if rate]
    if not dropping:
        why = "its layers drop nothing" if rates else "the network has no Dropout layer"
        return Finding(False, f"Dropout is OFF: {why}.", {"rates": rates})
    listed = ", ".join(f"{100 * rate:.0f} %" for rate in rates.values())
    return Finding(
        True,
        f"Dropout is on: of the signals, {listed} are dropped in training.",
        {"rates": rates},
    )


def _shaped_for(layer: keras.layers.Layer, values: np.ndarray) -> np.ndarray:
    """`values` with the number of dimensions that the layer asks for."""
    spec = layer.input_spec
    wanted = getattr(spec, "ndim", None) or 2
    return values.reshape((1,) * (wanted - 1) + (-1,))


def l2(model: keras.Model) -> Finding:
    """Whether the loss holds a penalty on the weights, and of which layers.

    Parameters
    ----------
    model : keras.Model
        The network, built.

    Returns
    -------
    Finding
        On if a penalty is added to the loss. Facts: ``penalty``, the sum as `fit` adds it;
        ``layers``, a dict of layer name to its factor λ, where the regulariser has one. A weight
        decay of the optimiser is no penalty; the sentence names it.
    """
    penalty = float(sum(float(loss) for loss in model.losses))
    factors = {
        layer.name: float(layer.kernel_regularizer.l2)
        for layer in _leaves(model)
        if hasattr(getattr(layer, "kernel_regularizer", None), "l2")
    }
    decay = getattr(getattr(model, "optimizer", None), "weight_decay", None)
    beside = f" The optimiser decays the weights by {decay:g}, outside the loss." if decay else ""
    facts = {"penalty": penalty, "layers": factors}
    if penalty <= 0:
        return Finding(False, f"L2 is OFF: the loss holds no penalty.{beside}", facts)
    strengths = ", ".join(f"{value:g}" for value in sorted(set(factors.values())))
    of = f", λ = {strengths}, on {len(factors)} layers" if factors else ""
    return Finding(True, f"L2 is on: the penalty is {penalty:.4f} nats now{of}.{beside}", facts)


def batch_norm(model: keras.Model, images: np.ndarray) -> Finding:
    """Whether batch norm gathers statistics in training, and keeps them in validation.

    Parameters
    ----------
    model : keras.Model
        The network, built. Its weights and statistics are put back afterwards.
    images : ndarray, shape (n, height, width, channels)
        A few images, as the network takes them; 32 are enough.

    Returns
    -------
    Finding
        On if each of its batch norm layers moves its statistics in training and none does in
        validation. Facts: ``moving``, ``of``, both counts of layers.
    """
    norms = [layer for layer in _leaves(model) if isinstance(layer, layers.BatchNormalization)]
    if not norms:
        facts = {"moving": 0, "of": 0}
        return Finding(False, "Batch norm is OFF: the network has no such layer.", facts)
    before = model.get_weights()

    def moved(training: bool) -> int:
        held = [norm.moving_mean.numpy() for norm in norms]
        model(images[:32], training=training)
        return sum(
            not np.array_equal(old, norm.moving_mean.numpy())
            for old, norm in zip(held, norms, strict=True)
        )

    in_validation, in_training = moved(training=False), moved(training=True)
    model.set_weights(before)
    on = in_training == len(norms) and not in_validation
    said = f"{in_training} of {len(norms)} layers gather statistics in training"
    if in_validation:
        said += f", and {in_validation} in validation too"
    facts = {"moving": in_training, "of": len(norms)}
    return Finding(on, f"Batch norm is {'on' if on else 'OFF'}: {said}.", facts)


def validation_split(x_train: np.ndarray, x_validation: np.ndarray) -> Finding:
    """Whether the validation images are images that the network does not train on.

    Parameters
    ----------
    x_train, x_validation : ndarray, shape (n, height, width, channels)
        Pixels of both sets, of the same dtype.

    Returns
    -------
    Finding
        On if no validation image is an exact copy of a training image. Facts: ``copies``, how
        many are; ``of``, the number of validation images; ``where``, a boolean array, shape (n,).

    Raises
    ------
    ValueError
        If the two differ in dtype or in the shape of an image.
    """
    x_train, x_validation = np.asarray(x_train), np.asarray(x_validation)
    kinds = [(str(x.dtype), x.shape[1:]) for x in (x_train, x_validation)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"x_train and x_validation must hold images of one dtype and shape; got {kinds[0]} and "
            f"{kinds[1]}. Compare them before one of them is scaled."
        )
    known = {image.tobytes() for image in x_train}
    where = np.array([image.tobytes() in known for image in x_validation], dtype=bool)
    copies = int(where.sum())
    facts = {"copies": copies, "of": len(where), "where": where}
    if copies:
        sentence = (
            f"The validation split is BROKEN: {copies:,} of {len(where):,} validation images are "
            f"copies of training images."
        )
    else:
        sentence = (
            f"The validation split is clean: none of {len(where):,} images is a copy of a training "
            f"image."
        )
    return Finding(copies == 0, sentence, facts)
