"""Whether a network's dropout, L2 penalty and batch norm do what they are there for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from course_utils.checks._finding import Finding
from course_utils.checks._undisturbed import each_call, undisturbed
from course_utils.errors import CourseError

import keras  # isort: skip
from keras import layers  # isort: skip

SIGNALS = 20_000  # on which a layer's share of dropped signals is measured


def dropout(model: keras.Model) -> Finding:
    """Whether a network drops signals in training, and only there.

    Parameters
    ----------
    model : keras.Model
        The network, built. It gets its states back.

    Returns
    -------
    Finding
        On if at least one layer drops signals in training and none does in validation. Facts:
        ``rates``, the measured share of signals that each layer drops in training, by layer name.
        Layers that drop inside, recurrent ones and attention, are listed with the rate they were
        given.
    """
    with undisturbed(model):
        in_training, in_validation = _dropped(model, training=True), _dropped(model, training=False)
        signal = _some_input(model)
        twice = [keras.tree.flatten(model(signal, training=False)) for _ in range(2)]
    inside = {
        layer.name: float(rate)
        for layer in _leaves(model)
        for attribute in ("dropout", "recurrent_dropout")
        if isinstance(rate := getattr(layer, attribute, None), int | float) and rate > 0
    }
    facts = {"rates": inside | in_training}
    dropping = [rate for rate in facts["rates"].values() if rate]
    if left_on := [name for name, rate in in_validation.items() if rate]:
        said = f"wrong: {', '.join(left_on)} drops signals in validation too."
    elif not all(np.allclose(one, other, atol=1e-4) for one, other in zip(*twice, strict=True)):
        said = (
            "wrong: two predictions for the same image differ, so something in the network is "
            "random in validation too."
        )
    elif dropping:
        listed = ", ".join(f"{100 * rate:.0f} %" for rate in dropping)
        said = f"on: of the signals, {listed} are dropped in training."
    else:
        why = "its layers drop nothing" if facts["rates"] else "the network has no Dropout layer"
        said = f"OFF: {why}."
    return Finding(said.startswith("on"), f"Dropout is {said}", facts)


def _some_input(model: keras.Model) -> Any:
    """Two random examples of the kind that the network takes."""
    try:
        given = model.inputs
    except (AttributeError, ValueError):
        given = None
    if not given:
        raise CourseError(
            "model must know what it takes; got a network that is not built. Let it begin with "
            "keras.Input."
        )
    random = np.random.RandomState(0)
    signals = [
        random.uniform(0, 1, [2, *(size or 8 for size in tensor.shape[1:])]).astype(tensor.dtype)
        for tensor in given
    ]
    return signals if len(signals) > 1 else signals[0]


def _dropped(model: keras.Model, training: bool) -> dict[str, float]:
    """The share of signals that each layer drops when the network is called, on ones."""
    rates: dict[str, float] = {}
    measuring = False

    def see(layer: keras.layers.Layer, inputs: Any, call: Any) -> None:
        nonlocal measuring
        shape = getattr(inputs, "shape", ())
        # Augmentation, which knows how to transform images, may black out a part of them.
        if measuring or layer.weights or len(shape) < 2 or hasattr(layer, "transform_images"):
            return
        measuring = True
        try:
            size = int(np.prod(shape[1:]))
            ones = np.ones((max(SIGNALS // size, 256 if size < SIGNALS else 4), *shape[1:]))
            ones = keras.ops.cast(ones, inputs.dtype)
            first, second = (np.asarray(keras.ops.cast(call(ones), "float32")) for _ in range(2))
        finally:
            measuring = False
        if first.shape != ones.shape:
            return
        is_one = isinstance(layer, layers.Dropout | layers.GaussianDropout | layers.AlphaDropout)
        share = _share_dropped(layer, first) if not np.array_equal(first, second) else 0.0
        if is_one or share:
            rates[layer.name] = max(round(share, 2), rates.get(layer.name, 0.0))

    with each_call(see):
        model(_some_input(model), training=training)
    return rates


def _share_dropped(layer: keras.layers.Layer, of_ones: np.ndarray) -> float:
    """The share of ones that a layer has dropped, whatever it puts in their place."""
    if isinstance(layer, layers.GaussianDropout):  # noise of variance rate / (1 - rate) on each
        return float(of_ones.var() / (1 + of_ones.var()))
    if isinstance(layer, layers.AlphaDropout):  # the same negative number for each
        return float((of_ones == of_ones.min()).mean())
    return float((of_ones == 0).mean())


def _leaves(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    inner = getattr(layer, "layers", None)
    if isinstance(inner, list | tuple) and inner:
        for child in inner:
            yield from _leaves(child)
    else:
        yield layer


def l2(model: keras.Model) -> Finding:
    """Whether the loss holds a penalty on the squares of the weights, and of which layers.

    Parameters
    ----------
    model : keras.Model
        The network, built.

    Returns
    -------
    Finding
        On if a penalty on squares is added to the loss. Facts: ``penalty``, the sum of all
        penalties as `fit` adds it; ``layers``, a dict of layer name to its factor λ, where weights
        that are trained have a regulariser. A weight decay of the optimiser is no penalty; the
        sentence names it.
    """
    penalty = float(sum(float(loss) for loss in model.losses))
    factors = {
        layer.name: _strength(weight)
        for layer in _leaves(model)
        for weight in layer.trainable_variables
        if weight.regularizer is not None
    }
    decay = getattr(getattr(model, "optimizer", None), "weight_decay", None)
    beside = f" The optimiser decays the weights by {decay:g}, outside the loss." if decay else ""
    facts = {"penalty": penalty, "layers": factors}
    strengths = sorted({factor for factor in factors.values() if factor > 0})
    if not strengths:
        what = "no penalty on squares" if penalty > 0 else "no penalty"
        return Finding(False, f"L2 is OFF: the loss holds {what}.{beside}", facts)
    listed = ", ".join(f"{value:g}" for value in strengths)
    count = sum(factor > 0 for factor in factors.values())
    return Finding(
        True,
        f"L2 is on: the penalty is {penalty:.4f} nats now, λ = {listed}, on {count} layers."
        f"{beside}",
        facts,
    )


def _strength(weight: Any) -> float:
    """λ of what a regulariser does: twice the weight is four times the penalty on its square."""
    ones = np.ones(weight.shape, np.float32)
    once, twice = (float(weight.regularizer(factor * ones)) for factor in (1, 2))
    return float(f"{(twice - 2 * once) / (2 * ones.size):.6g}")


def batch_norm(model: keras.Model, images: np.ndarray) -> Finding:
    """Whether batch norm gathers statistics in training, and keeps them in validation.

    Parameters
    ----------
    model : keras.Model
        The network, built. It gets its weights, statistics and states back.
    images : ndarray, shape (n, height, width, channels)
        A few images, as the network takes them; 32 are enough.

    Returns
    -------
    Finding
        On if each of its batch norm layers moves its statistics in training and none does in
        validation. Facts: ``moving``, ``of``, both counts of layers.
    """
    norms = [x for x in model._flatten_layers() if isinstance(x, layers.BatchNormalization)]
    if not norms:
        facts = {"moving": 0, "of": 0}
        return Finding(False, "Batch norm is OFF: the network has no such layer.", facts)

    def moved(training: bool) -> int:
        statistics = [(norm.moving_mean, norm.moving_variance) for norm in norms]
        before = [[value.numpy() for value in pair] for pair in statistics]
        model(images[:32], training=training)
        return sum(
            any(not np.array_equal(a, b.numpy()) for a, b in zip(old, new, strict=True))
            for old, new in zip(before, statistics, strict=True)
        )

    with undisturbed(model):
        in_validation, in_training = moved(training=False), moved(training=True)
    on = in_training == len(norms) and not in_validation
    said = f"{in_training} of {len(norms)} layers gather statistics in training"
    if in_validation:
        said += f", and {in_validation} in validation too"
    facts = {"moving": in_training, "of": len(norms)}
    return Finding(on, f"Batch norm is {'on' if on else 'OFF'}: {said}.", facts)
