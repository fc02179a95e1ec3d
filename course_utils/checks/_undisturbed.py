"""Look at a network or a pipeline, and leave no trace in what it does next."""

from __future__ import annotations

import contextlib
import gc
import random
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly)

import keras  # isort: skip
import tensorflow as tf  # isort: skip
from tensorflow.python.eager import context  # isort: skip

# Nodes of a pipeline that keep something from pass to pass, and what stands for "make it anew".
KEEPERS = {
    "ShuffleDatasetV3": "DummySeedGenerator",
    "RandomDatasetV2": "DummySeedGenerator",
    "CacheDatasetV2": "DummyMemoryCache",
}


@contextlib.contextmanager
def undisturbed(network: keras.layers.Layer | None = None) -> Iterator[None]:
    """Put weights, statistics and every random number generator back afterwards."""
    variables = list(network.variables) if network else []
    # Layers keep generators in many places; whichever are alive may be drawn from.
    generators = (keras.random.SeedGenerator, tf.random.Generator)
    variables += [x.state for x in gc.get_objects() if issubclass(type(x), generators)]
    held = [(variable, variable.numpy()) for variable in variables]
    python, eager = random.getstate(), context.context()
    numpy = np.random.get_state()  # noqa: NPY002  (the state that a reader's code may draw from)
    drawn_from = getattr(eager, "_rng", None)  # seeds of TensorFlow's own random operations
    seeds = drawn_from.getstate() if drawn_from else None
    try:
        yield
    finally:
        for variable, value in held:
            variable.assign(value)
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if drawn_from:
            drawn_from.setstate(seeds)
            eager.clear_kernel_cache()  # an operation remembers how far it has come with a seed


def own_copy(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Copy a pipeline with generators and caches of its own, as they are before the first pass."""
    variant = tf.data.experimental.to_variant(dataset)
    graph = tf.compat.v1.GraphDef.FromString(
        tf.raw_ops.DatasetToGraphV2(input_dataset=variant).numpy()
    )
    bodies = [(graph.node, "")] + [(body.node_def, ":handle:0") for body in graph.library.function]
    for nodes, output in bodies:
        for node in list(nodes):
            if node.op in KEEPERS:
                last = max(i for i, name in enumerate(node.input) if not name.startswith("^"))
                fresh = nodes.add(name=f"{node.name}/own", op=KEEPERS[node.op])
                node.input[last] = fresh.name + output
    copied = tf.raw_ops.DatasetFromGraph(graph_def=graph.SerializeToString())
    return tf.data.experimental.from_variant(copied, dataset.element_spec)


@contextlib.contextmanager
def each_call(see: Callable[..., None]) -> Iterator[None]:
    """Call ``see(layer, inputs, call)`` before each layer that runs; ``call(x)`` runs it on `x`."""
    original = keras.layers.Layer.__call__

    def seen(layer: keras.layers.Layer, *inputs: Any, **options: Any) -> Any:
        symbolic = any(isinstance(x, keras.KerasTensor) for x in keras.tree.flatten(inputs))
        if inputs and not symbolic:
            see(layer, inputs[0], lambda x: original(layer, x, *inputs[1:], **options))
        return original(layer, *inputs, **options)

    with mock.patch.object(keras.layers.Layer, "__call__", seen):
        yield


class _Arrived(Exception):
    """The signal has reached the first layer that learns."""


def arriving(network: keras.layers.Layer, images: np.ndarray, training: bool) -> np.ndarray:
    """What the first layer with weights to learn gets; where there is none, the output."""
    arrived = []

    def see(layer: keras.layers.Layer, inputs: Any, call: Any) -> None:
        has_parts = any(part is not layer for part in layer._flatten_layers())
        if layer.trainable_variables and not has_parts:
            arrived.append(inputs)
            raise _Arrived

    with contextlib.suppress(_Arrived), each_call(see):
        arrived.append(network(images.astype(np.float32), training=training))
    return np.asarray(keras.ops.cast(arrived[0], "float32"))
