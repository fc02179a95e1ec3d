"""Whether a training that goes on is the one that was broken off; what differs, in words."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import reprlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly, so before keras)

import keras  # isort: skip
import tensorflow as tf  # isort: skip

ELSEWHERE = {"filepath", "log_dir", "verbose"}  # settings of callbacks that change no training


def described(
    model: keras.Model, callbacks: Sequence[keras.callbacks.Callback], batches: Iterable[Any]
) -> dict[str, Any]:
    """All that makes a training, beside its images and parameters, as JSON holds it."""
    compiled = model.get_compile_config() or {}
    optimizer = compiled.get("optimizer") or {}
    made = {
        "layers": [_layer(layer) for layer in model.layers],
        "optimizer": {"kind": optimizer.get("class_name")} | (optimizer.get("config") or {}),
        "loss": compiled.get("loss"),
        "metrics": compiled.get("metrics"),
        "callbacks": [_callback(each) for each in callbacks],
        "batches": [name for name, _ in _functions(batches)],
    }
    return json.loads(json.dumps(made, default=str))


def random_states(batches: Iterable[Any]) -> list[tf.Variable]:
    """Seeds of the random layers that a pipeline maps over its batches; each batch changes them."""
    found = [v for _, function in _functions(batches) for v in getattr(function, "variables", ())]
    return list({id(v): v for v in found if "seed_generator_state" in v.name}.values())


def _functions(batches: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Steps of a pipeline: its kind and a digest of what it computes, and the function itself."""
    if not isinstance(batches, tf.data.Dataset):
        return
    yield type(batches).__name__.strip("_"), None
    for wrapped in batches._functions():  # there is no public way to look into a pipeline
        digest = hashlib.blake2b(digest_size=8)
        graph = wrapped.function.graph.as_graph_def()
        nodes = [*graph.node, *(n for inner in graph.library.function for n in inner.node_def)]
        # By kind and constant: the names of nodes count what was made before.
        held = [n.attr["value"].SerializeToString() if n.op == "Const" else b"" for n in nodes]
        for node, constant in sorted(zip((n.op for n in nodes), held, strict=True)):
            digest.update(node.encode() + constant)
        yield digest.hexdigest(), wrapped.function
    for before in batches._inputs():
        yield from _functions(before)


def _layer(layer: keras.layers.Layer) -> dict[str, Any]:
    config: dict[str, Any] = {}
    with contextlib.suppress(NotImplementedError):  # a layer of the reader's own, with arguments
        config = layer.get_config()
    return config | {"kind": type(layer).__name__, "name": None}


def _callback(callback: keras.callbacks.Callback) -> dict[str, Any]:
    """Kind of a callback and, of one of Keras's, what it was made with."""
    kind = type(callback)
    given: dict[str, Any] = {}
    if kind.__module__.startswith("keras."):
        names = inspect.signature(kind).parameters.keys() - ELSEWHERE
        given = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
    for name, value in given.items():
        if callable(value):  # a schedule of learning rates
            code = getattr(value, "__code__", None)
            given[name] = code and f"{value.__qualname__} {code.co_code.hex()} {code.co_consts}"
        elif isinstance(value, float):
            given[name] = abs(value)  # EarlyStopping turns the sign of its own min_delta
    return {"kind": kind.__name__} | given


def differences(then: Any, now: Any, name: str = "") -> Iterator[str]:
    """Say, one by one, where two runs are not the same."""
    alike = (
        isinstance(then, list) and name in ("layers", "callbacks") and _kinds(then) == _kinds(now)
    )
    if isinstance(then, dict) and isinstance(now, dict):
        where = f"{name}'s " if name not in ("", "parameters") else ""
        for key in now | then:
            yield from differences(then.get(key), now.get(key), where + key)
    elif alike:
        for number, (old, new) in enumerate(zip(then, now, strict=True), start=1):
            which = f"layer {number} ({new['kind']})" if name == "layers" else new["kind"]
            yield from differences(old, new, which)
    elif name == "layers":
        yield f"its network has other layers, {_kinds(then)} and now {_kinds(now)}"
    elif name == "callbacks":
        yield f"its callbacks were {_kinds(then)} and are {_kinds(now)} now"
    elif name == "batches" and then != now:
        yield "its batches are made in another way now (their order, or their augmentation)"
    elif then != now:
        yield f"{name} was {reprlib.repr(then)} and is {reprlib.repr(now)} now"


def _kinds(described: list[dict[str, Any]]) -> str:
    return ", ".join(each["kind"] for each in described)
