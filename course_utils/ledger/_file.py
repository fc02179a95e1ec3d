"""The file of the ledger, and the predictions beside it."""

from __future__ import annotations

import io
import json
import math
import os
import uuid
import warnings
import zipfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.errors import CourseError

SCHEMA = 1
KEYS = ("notebook", "arm", "seed", "protocol", "data")  # without them it is no run
LOCK_SECONDS = 60  # a line takes a millisecond; whoever holds the lock for longer is stopped
REFERENCE = Path(__file__).resolve().parents[1] / "reference"
RUN_FINISH_AGAIN = (
    "%env COURSE_LEDGER=…), and run the line with finish() again, in a new cell: the trained "
    "network and its numbers are kept until then."
)
MOST_NATS = 16.0  # a probability of 1e-7 costs as much
Record = dict[str, Any]
Predictions = Mapping[str, Mapping[str, np.ndarray]]


class LedgerError(CourseError):
    """The ledger cannot be written or read."""


def default_path() -> Path:
    """Where the ledger is, or will be: ``COURSE_LEDGER``, else ``runs/ledger.jsonl``.

    The folder ``runs`` stands at the root of the repository, or in the working folder where there
    is no repository.
    """
    if chosen := os.environ.get("COURSE_LEDGER"):
        return Path(chosen).expanduser()
    here = Path.cwd()
    root = next((p for p in (here, *here.parents) if (p / "course_utils").is_dir()), here)
    return root / "runs" / "ledger.jsonl"


def append(
    record: Record, path: Path | str | None = None, predictions: Predictions | None = None
) -> Record:
    """Append one run to the ledger, whole or not at all; return it as written.

    Parameters
    ----------
    record : dict
        The run; ``schema``, ``id`` and ``time`` are filled in where they are missing.
    path : path-like, optional
        The ledger; `default_path` if not given. Its folder is made.
    predictions : mapping, optional
        What the network said of each image, as `predictions` gives it back. Written first, so
        that a line never stands without what belongs to it.
    """
    from filelock import FileLock, Timeout

    path = Path(path) if path is not None else default_path()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"schema": SCHEMA, "id": uuid.uuid4().hex[:12], "time": now} | record
    line = (
        json.dumps(_mapped(record, _without_nan), ensure_ascii=False, allow_nan=False).encode()
        + b"\n"
    )
    file = _beside(path, record)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if predictions:
            file.parent.mkdir(exist_ok=True)
            write_whole(file, _packed(predictions))
        try:
            with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
                _append_line(path, line)
        except BaseException:
            if predictions:
                file.unlink(missing_ok=True)
            raise
    except Timeout as error:
        raise LedgerError(
            f"This run is not in the ledger: another process has held {path}.lock for "
            f"{LOCK_SECONDS} seconds. End it, or set COURSE_LEDGER to another file "
            f"({RUN_FINISH_AGAIN}"
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = "a file stands where its folder should be"
        raise LedgerError(
            f"This run is not in the ledger: {path} cannot be written ({reason}). Make room, or "
            f"set COURSE_LEDGER to a file that you may write ({RUN_FINISH_AGAIN}"
        ) from error
    return record


def _append_line(path: Path, line: bytes) -> None:
    with open(path, "ab+", 0) as handle:
        before = handle.seek(0, os.SEEK_END)
        if before:
            handle.seek(-1, os.SEEK_END)
            if handle.read(1) != b"\n":  # a writer was killed in the middle of its line
                line = b"\n" + line
        try:
            while line:  # unbuffered: on a disk that fills up, a part of it may be written
                line = line[handle.write(line) :]
        except OSError:
            handle.truncate(before)
            raise


def write_whole(file: Path, content: bytes | memoryview) -> None:
    """Write a file or, where that cannot be done, leave the one before."""
    new = Path(f"{file}.new")
    try:
        new.write_bytes(content)
        os.replace(new, file)
    except BaseException:
        new.unlink(missing_ok=True)
        raise


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """A value as JSON nests it, with each leaf changed."""
    if isinstance(value, dict):
        return {key: _mapped(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(each, change) for each in value]
    return change(value)


def _without_nan(leaf: Any) -> Any:
    """JSON knows no NaN and no infinity; other readers than Python's stop at them."""
    return None if isinstance(leaf, float) and not math.isfinite(leaf) else leaf


def read(path: Path | str | None = None) -> list[Record]:
    """Read every whole record of a ledger.

    A line that is no record of a run is left out, with a warning: what a killed writer leaves
    behind, what something else has written, and the records of a newer course.

    Parameters
    ----------
    path : path-like, optional
        The ledger; `default_path` if not given. A missing file is an empty ledger.
    """
    path = Path(path) if path is not None else default_path()
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise LedgerError(
            f"The ledger {path} cannot be read ({error.strerror}): make it readable, or set "
            "COURSE_LEDGER to another file."
        ) from error
    found = [_record(line) for line in lines if line]
    records = [record for record in found if record]
    if left_out := len(found) - len(records):
        warnings.warn(
            f"{path.name}: {left_out} of {len(found)} lines left out, for they are no whole "
            "records of this version of the course (a run was killed while it was written, or "
            "something else has written there); the others are read.",
            stacklevel=2,
        )
    return records


def _with_nan(leaf: Any) -> Any:
    return math.nan if leaf is None else leaf


def _record(line: bytes) -> Record | None:
    try:
        record = json.loads(line)
    except ValueError:
        return None
    if not isinstance(record, dict) or not all(key in record for key in KEYS):
        return None
    schema, data = record.get("schema"), record["data"]
    known = isinstance(schema, int) and schema <= SCHEMA
    if not known or not isinstance(data, dict) or not {"name", "scale"} <= data.keys():
        return None
    apart = ("data", "parameters")  # there null is no number
    # A value that was not measured at all, such as ``test``, stays None.
    return {k: v if k in apart or v is None else _mapped(v, _with_nan) for k, v in record.items()}


def predictions(
    record: Record, path: Path | str | None = None
) -> dict[str, dict[str, np.ndarray]] | None:
    """Read what a run's network said of each validation and test image.

    Parameters
    ----------
    record : dict
        A record of the ledger, or of those that ship with the course.
    path : path-like, optional
        The ledger beside which they stand; `default_path` and, after it, the course's own
        recorded runs if not given.

    Returns
    -------
    dict or None
        For "validation" and "test", as far as they were measured, three arrays in the order of the
        images: ``classes``, the predicted class (uint8), ``correct`` (bool), and
        ``cross_entropy``, minus the logarithm of the probability of the true class, in nats. It is
        kept in one byte, q = round(255 · (nats / 16)^(1/3)), with no more than 16 nats: fine where
        the network is sure, and within 5 % above 0.05 nats. None where nothing was kept.
    """
    ledgers = [default_path(), REFERENCE / "ledger"] if path is None else [Path(path)]
    files = (_beside(each, record) for each in ledgers)
    if "id" not in record or not (file := next(filter(Path.is_file, files), None)):
        return None
    try:
        with np.load(file, allow_pickle=False) as stored:
            return {part: _unpacked(*stored[part]) for part in stored.files}
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise LedgerError(
            f"The predictions in {file} cannot be read ({type(error).__name__}): delete that file, "
            "or put a whole copy in its place."
        ) from error


def _beside(path: Path, record: Record) -> Path:
    return path.parent / "predictions" / f"{record.get('id')}.npz"


def _packed(predictions: Predictions) -> bytes:
    parts = {}
    for name, part in predictions.items():
        nats = np.nan_to_num(part["cross_entropy"], nan=MOST_NATS).clip(0, MOST_NATS)
        scaled = np.rint(255 * np.cbrt(nats / MOST_NATS))
        parts[name] = np.stack([part["classes"], scaled, part["correct"]]).astype(np.uint8)
    made = io.BytesIO()
    np.savez_compressed(made, **parts)  # type: ignore[arg-type]
    return made.getvalue()


def _unpacked(
    classes: np.ndarray, scaled: np.ndarray, correct: np.ndarray
) -> dict[str, np.ndarray]:
    nats = MOST_NATS * (scaled / 255) ** 3
    return {"classes": classes, "cross_entropy": nats, "correct": correct.astype(bool)}


def recorded(data: str, notebook: str | None = None, arm: str | None = None) -> list[Record]:
    """Runs that ship with the course, sorted by notebook, arm, protocol and seed.

    Parameters
    ----------
    data : {"embedded", "full", "settings", "map"}
        The scale of the runs, other settings, or those of notebook 09b's map.
    notebook, arm : str, optional
        Keep only the runs of this notebook, of this arm.
    """
    kept = [
        record
        for record in read(REFERENCE / f"{data}.jsonl")
        if notebook in (None, record["notebook"]) and arm in (None, record["arm"])
    ]
    return sorted(kept, key=lambda r: (r["notebook"], r["arm"], r["protocol"], r["seed"]))
