"""What an examination is made of: a program, the one thing wrong with it, and how it is mended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Template

import numpy as np

SOUND = "nothing: it is sound"
# What each program may be called wrong; the order is that of the list which readers are shown.
MISTAKES = (
    SOUND,
    "softmax twice",
    "labels shuffled apart from the pictures",
    "scaled twice",
    "validation augmented",
    "cache behind the augmentation",
    "dropout left on in evaluation",
    "a leak by copies",
    "batch-norm statistics that hardly move",
    "early stopping on a penalised loss",
    "best weights not restored",
    "the test set chooses",
    "a learning rate ten times too high",
)


@dataclass(frozen=True)
class Program:
    """A program with one mistake, or none, in one or more forms."""

    mistake: str
    hint: str
    why: str  # for the answer key
    forms: tuple[str, ...]  # the body of each, and how it is mended
    sources: tuple[str, ...] = ()  # where people really made the mistake
    keeps: tuple[str, ...] = ()  # remedies that a mended program still has
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # to choose from, by seed


FRAME = """\
def program(x, y, x_test, y_test):
{}
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]"""
COMMON: dict[str, tuple[str, ...]] = {
    "net": ("model", "net", "network", "classifier"),
    "run": ("run", "fitted", "log", "training"),
    "width": ("64", "72", "80", "96"),
    "part": ("4", "5"),
    "batch": ("25", "32", "40"),
    "number": tuple(map(str, range(1, 40))),
}


@dataclass(frozen=True)
class Paper:
    """One program as one reader gets it."""

    program: Program
    text: str
    mended: str


def printed(program: Program, rng: np.random.Generator) -> Paper:
    """Choose a form and the words in it."""
    form = program.forms[rng.integers(len(program.forms))]
    chosen = {name: str(rng.choice(own)) for name, own in (COMMON | dict(program.words)).items()}
    given, mended = (_version(form, chosen, without) for without in "+-")
    return Paper(program, given, mended)


def _version(form: str, chosen: Mapping[str, str], without: str) -> str:
    """The text without the lines that begin with one of the two signs."""
    kept = [line for line in form.strip("\n").splitlines() if not line.startswith(without)]
    body = "\n".join(re.sub("^[+-]", " ", line) for line in kept)
    return _aligned(Template(FRAME.format(body)).substitute(chosen))


def _aligned(text: str) -> str:
    """Put lines that go on in brackets below what follows the bracket; names differ in length."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(12 * " "):
            before = lines[-1]
            opened = before.rfind("(", 0, len(before) - 1)
            while before.count(")", opened) > before.count("(", opened) - 1:
                opened = before.rfind("(", 0, opened)
            line = (opened + 1) * " " + line.lstrip()
        lines.append(line)
    return "\n".join(lines)
