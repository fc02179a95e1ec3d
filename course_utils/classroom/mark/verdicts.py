"""What a submission's answers are worth: run in the sandbox, compared here."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from course_utils import __version__
from course_utils.checks._answers import faults
from course_utils.checks._exercises import EXERCISES, Exercise
from course_utils.classroom import notebooks
from course_utils.classroom.mark import inside, sandbox
from course_utils.classroom.mark.hand_ins import File, HandIn, clean
from course_utils.errors import CourseError

RIGHT, WRONG, NOT_DONE, MISSING, LOOK = "right", "wrong", "not done", "missing", "look"
JUDGE_LONGER = 6  # times as long for what builds networks: TensorFlow alone takes seconds


@dataclass(frozen=True)
class Asked:
    """An exercise of the course: the name of its answer, its cell, and what stands in it."""

    notebook: str
    name: str
    id: str
    stub: str


@dataclass
class Verdict:
    """What is said of an answer; `code` is what was handed in."""

    asked: Asked
    value: str
    words: str = ""
    code: str = ""


@dataclass
class Marked:
    """All verdicts on one student's work, and what else is to be said."""

    student: str
    verdicts: list[Verdict] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def asked_in(sources: Iterable[Path]) -> list[Asked]:
    """Exercises of the course's notebooks, in order."""
    return [
        Asked(path.stem, found[1], cell.id, cell.source)
        for path in sources
        for cell in notebooks.read(path).cells
        if "exercise" in notebooks.tags(cell)
        and (found := re.search(r"^(?:def |class )?(\w+)\s*[(:=]", cell.source, re.M))
    ]


@dataclass(frozen=True)
class Cell:
    """A code cell that was handed in."""

    id: str
    source: str


def _cells(file: File) -> list[Cell]:
    """Code cells of a notebook: only what is asked for is looked at, whatever else it holds."""
    text = notebooks.decoded(file.content(), file.name)
    try:
        return [
            Cell(str(cell.get("id", "")), "".join(cell["source"]))
            for cell in json.loads(text)["cells"]
            if cell["cell_type"] == "code"
        ]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CourseError(
            f"{file.name} cannot be read as a notebook ({type(error).__name__})"
        ) from None


def _notebook(file: File, cells: list[Cell], ids: dict[str, set[str]]) -> str:
    """Which of the course's notebooks one is: by the file's name, else by the ids of its cells."""
    by_name = [stem for stem in ids if stem in file.name.lower()]
    if by_name:
        return max(by_name, key=len)
    own = {cell.id for cell in cells}
    shares = {stem: len(own & its) / len(its) for stem, its in ids.items()}
    stem = max(shares, key=lambda stem: shares[stem])
    return stem if shares[stem] > 0.5 else ""


def mark(
    hand_in: HandIn,
    asked: list[Asked],
    ids: dict[str, set[str]],
    seconds: float,
    hidden: list[Path],
) -> Marked:
    """Mark what one student handed in; never raises for what is in it."""
    marked = Marked(hand_in.student, remarks=list(hand_in.remarks))
    found: dict[str, tuple[File, list[Cell]]] = {}
    for file in hand_in.files:
        try:
            cells = _cells(file)
        except CourseError as error:
            marked.remarks.append(clean(str(error)))
            continue
        except Exception as error:  # zipfile raises many kinds for what is broken or locked
            marked.remarks.append(f"{file.name} cannot be read ({type(error).__name__})")
            continue
        stem = _notebook(file, cells, ids)
        if not stem:
            marked.remarks.append(f"{file.name} is none of the course's notebooks")
            continue
        if stem in found:
            marked.remarks.append(f"more than one {stem}: the file that was saved last was marked")
        if stem not in found or file.saved >= found[stem][0].saved:
            found[stem] = file, cells
    if not hand_in.files:
        marked.remarks.append("no notebook was handed in")
    for stem, (file, cells) in sorted(found.items()):
        sources = "\n".join(cell.source for cell in cells)
        release = re.search(r"overfit-on-purpose@v([\w.]{1,20})", sources)
        if release and release[1] != __version__:
            marked.remarks.append(
                f"{file.name} is of release {release[1]}; what is marked here is {__version__}"
            )
        for each in asked:
            if each.notebook == stem:
                marked.verdicts.append(_verdict(each, cells, seconds, hidden))
    return marked


def _verdict(asked: Asked, cells: list[Cell], seconds: float, hidden: list[Path]) -> Verdict:
    """Mark one answer."""
    name = asked.name
    # Only to find the cell: what really defines the name is decided in the sandbox.
    defines = re.compile(rf"^(?:(?:async )?def|class)\s+{name}\b|^{name}\s*[:=]|\b{name}\s*=", re.M)
    there = [cell.source for cell in cells if defines.search(cell.source)]
    if not there:
        own = next((cell.source for cell in cells if cell.id == asked.id), "")
        words = f"the cell of the exercise defines no {name}" if own else "its cell is gone"
        return Verdict(asked, MISSING, words, own)
    code = there[-1]
    if all(source.strip() == asked.stub.strip() for source in there):
        return Verdict(asked, NOT_DONE)
    if name not in EXERCISES:
        return Verdict(asked, LOOK, "marked by a person", code)
    task: dict[str, Any] = {"name": name, "sources": [cell.source for cell in cells]}
    seed = int.from_bytes(os.urandom(8), "big")
    exercise = EXERCISES[name]
    if isinstance(exercise, Exercise):
        return Verdict(asked, *_compared(name, task, seed, seconds, hidden), code)
    task["seed"] = seed
    longer = JUDGE_LONGER * seconds
    said, problem = sandbox.run(task, longer, hidden, judge=True)
    if "judged" in said:
        judged = said["judged"]
        if judged is None:
            return Verdict(asked, NOT_DONE, "", code)
        words = f"the check says: {clean(str(judged[0]))[:300] if judged else 'right'}"
    else:
        words = problem or _stopped(said)
    return Verdict(asked, LOOK, words, code)


def _stopped(said: dict[str, Any]) -> str:
    kind, words = (clean(str(each))[:200] for each in [*(said.get("error") or []), "", ""][:2])
    return f"the cell stops with {kind}: {words}" if kind else "said nothing that can be read"


def _compared(
    name: str, task: dict[str, Any], seed: int, seconds: float, hidden: list[Path]
) -> tuple[str, str]:
    """Have an answer called in the sandbox, and hold what it gave against the course's own here."""
    inputs: list[Any] = []

    def noted(*arguments: Any) -> str:
        inputs.append([inside.plain(each) for each in arguments])
        return "noted"

    faults(name, noted, seed)
    said, problem = sandbox.run({**task, "inputs": inputs}, seconds, hidden)
    calls = said.get("calls", ())
    if calls is None:
        return NOT_DONE, ""
    if problem or not isinstance(calls, list) or len(calls) != len(inputs):
        return WRONG, problem or _stopped(said)
    replies = iter(calls)

    def again(*arguments: Any) -> Any:
        """Do to the arguments, and give, what the answer did and gave; or stop as it did."""
        call = next(replies)
        if "error" in call:
            kind, words = call["error"]
            raise type(inside.clean_name(kind), (Exception,), {})(words[:200])
        given, after = inside.real(call["given"]), map(inside.real, call["after"])
        for own, changed in zip(arguments, after, strict=True):
            if isinstance(own, list):
                own[:] = changed
            elif isinstance(own, np.ndarray):
                own[...] = changed
        return given

    failed, of = faults(name, again, seed)
    if failed is None:
        return NOT_DONE, ""
    if failed:
        return WRONG, f"on {len(failed)} of {of} inputs; {clean(min(failed, key=len))[:300]}"
    return RIGHT, ""
