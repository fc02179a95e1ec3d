"""What the answer to an exercise is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Arguments = tuple[Any, ...]


@dataclass(frozen=True)
class Exercise:
    """A function that the reader writes: the course's own, and inputs that tell others from it."""

    reference: Callable[..., Any]
    draw: Callable[[np.random.Generator], Arguments]  # small inputs, short to print
    cases: tuple[Arguments, ...]  # on which the likely mistakes differ from the reference
    hint: str


@dataclass(frozen=True)
class Behaviour:
    """Something that the reader builds (a network, a pipeline, a rule), and what it has to do.

    `judge` gives None, or one sentence that says what was seen and does not tell the answer. It
    draws what it needs from the generator, and imports TensorFlow inside.
    """

    judge: Callable[[Any, np.random.Generator], str | None]
    hint: str


class NotDone(Exception):
    """What the reader wrote is a stub still."""


Exercises = dict[str, Exercise | Behaviour]


def losses(rng: np.random.Generator) -> list[float]:
    return (rng.integers(3, 9, rng.integers(2, 9)) / 10).tolist()  # some are equal
