"""A folder for each run, which no other process writes to at the same time."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from course_utils.errors import CourseError

STATE = "unfinished.npz"  # the state of a training, until it is recorded

_locks: dict[Path, FileLock] = {}  # by folder: a cell that was stopped still holds its own


class RunError(CourseError):
    """A run cannot begin, go on or be recorded."""


def claim(output_dir: str | Path, run: dict[str, Any]) -> Path:
    """Make a folder for a run, and keep every other process out of it."""
    parent = Path(output_dir).expanduser().absolute() / run["notebook"]
    digest = hashlib.blake2b(json.dumps(run, sort_keys=True).encode(), digest_size=4).hexdigest()
    name = _plain(f"{run['arm']}_seed_{run['seed']}_{digest}")
    try:
        parent.mkdir(parents=True, exist_ok=True)
        # What was broken off comes first: it may go on.
        begun = sorted(file.parent for file in parent.glob(f"{glob.escape(name)}*/{STATE}"))
        beside = (parent / f"{name}_{number}" for number in range(2, 1000))
        folder = next(filter(_lock, (*begun, parent / name, *beside)))
        folder.mkdir(exist_ok=True)
    except (OSError, NotImplementedError) as error:  # no rights, or a disk that knows no locks
        raise RunError(
            f"nothing can be written in {output_dir} ({getattr(error, 'strerror', None) or error})."
            " Set output_dir to a folder of yours."
        ) from error
    if folder.name != name and folder not in begun:
        print(
            f"Another process trains {run['arm']} with this seed and these settings: this training "
            f"has a folder of its own, {folder}."
        )
    return folder


def give_back(folder: Path) -> None:
    """Remove the state of a run that was recorded, and let others have its folder."""
    for name in (STATE, f"{STATE}.new"):  # a process that was killed leaves the second
        (folder / name).unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # it may keep files
        folder.rmdir()
    _unlock(folder)
    with contextlib.suppress(OSError):
        folder.parent.rmdir()


def of_other_settings(folder: Path, run: dict[str, Any]) -> Iterator[Path]:
    """States of this arm and seed that were broken off with other settings, the newest first."""
    name = glob.escape(_plain(f"{run['arm']}_seed_{run['seed']}_"))
    states = [state for state in folder.parent.glob(f"{name}*/{STATE}") if state.parent != folder]
    for state in sorted(states, key=lambda path: -path.stat().st_mtime):
        if state.parent not in _locks:
            if not _lock(state.parent):
                continue  # another process trains it right now
            _unlock(state.parent)
        yield state


def _plain(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _lock(folder: Path) -> bool:
    """Whether this process alone has the folder."""
    lock = _locks.get(folder) or FileLock(f"{folder}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    _locks[folder] = lock
    return True


def _unlock(folder: Path) -> None:
    lock = _locks.pop(folder)
    Path(lock.lock_file).unlink(missing_ok=True)
    lock.release(force=True)
