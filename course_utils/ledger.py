"""The ledger: every training run is one line of JSON, appended when the run ends.

Schema, version 1. A record is a JSON object with the keys

``schema, id, time, notebook, arm, seed, protocol, data, parameters, history, best_epoch, epochs,
train, validation, test, test_uses, seconds, images_per_second, peak_memory_mb, model, versions,
device, precision``.

``protocol`` is "published" (as the tutorial did it) or "honest". ``history`` maps Keras's names to
one number per epoch. ``best_epoch`` counts from 1 and is the epoch of the lowest validation loss.
``train``, ``validation`` and ``test`` hold ``accuracy`` and ``cross_entropy`` of the final network,
measured with dropout off and without penalties; each is null where it was not measured.

Three more keys where they say something: ``resumed``, the epochs, counted from 1, at which a broken
run went on; ``diverged``, epoch and step at which the loss became NaN or infinite (the three
measurements are then NaN, and `table` counts the run apart); ``stopped``, in a record that
`training.Recorder.finish` returns for a run that you stopped, and that is never written.
"""

from __future__ import annotations

import json
import os
import uuid
import warnings
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
LOCK_SECONDS = 60  # a line takes a millisecond; whoever holds the lock for longer is stopped
AGAIN = (
    "%env COURSE_LEDGER=…), and run the line with finish() again, in a new cell: the trained "
    "network and its numbers are kept until then."
)
Record = dict[str, Any]


class LedgerError(OSError):
    """The ledger cannot be written or read; Jupyter shows the sentence without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"LedgerError: {self}"]


def default_path() -> Path:
    """Where the ledger is: ``COURSE_LEDGER``, else ``runs/ledger.jsonl``.

    The folder ``runs`` stands at the root of the repository, or in the working folder where there
    is no repository.

    Returns
    -------
    pathlib.Path
        The file's path; the file need not exist.
    """
    if chosen := os.environ.get("COURSE_LEDGER"):
        return Path(chosen)
    here = Path.cwd()
    root = next((p for p in (here, *here.parents) if (p / "course_utils").is_dir()), here)
    return root / "runs" / "ledger.jsonl"


def append(record: Record, path: Path | str | None = None) -> Record:
    """Append one run to the ledger, whole or not at all, safely beside other writers.

    Parameters
    ----------
    record : dict
        The run; ``schema``, ``id`` and ``time`` are filled in where they are missing.
    path : path-like, optional
        The ledger; `default_path` if not given. Its folder is made.

    Returns
    -------
    dict
        The record as written.

    Raises
    ------
    LedgerError
        If the ledger cannot be written; it is then as it was before. An OSError.
    TypeError
        If the record holds something that JSON cannot, for instance a NumPy number.
    """
    from filelock import FileLock, Timeout

    path = Path(path) if path is not None else default_path()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"schema": SCHEMA, "id": uuid.uuid4().hex[:12], "time": now} | record
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS), open(path, "ab+", 0) as handle:
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
    except Timeout as error:
        raise LedgerError(
            f"This run is not in the ledger: another process has held {path}.lock for "
            f"{LOCK_SECONDS} seconds. End it, or set COURSE_LEDGER to another file ({AGAIN}"
        ) from error
    except (OSError, NotImplementedError) as error:
        reason = getattr(error, "strerror", None) or error
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = "a file stands where its folder should be"
        raise LedgerError(
            f"This run is not in the ledger: {path} cannot be written ({reason}). Make room, or "
            f"set COURSE_LEDGER to a file that you may write ({AGAIN}"
        ) from error
    return record


def read(path: Path | str | None = None) -> list[Record]:
    """Read every whole record of a ledger.

    A line that is no whole record is what a killed writer leaves behind; it is left out, with a
    warning.

    Parameters
    ----------
    path : path-like, optional
        The ledger; `default_path` if not given. A missing file is an empty ledger.

    Returns
    -------
    list of dict
        Records in the order in which they were written.

    Raises
    ------
    ValueError
        If a record was written by a newer version of the schema.
    LedgerError
        If the file is there and cannot be read. An OSError.
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
    records, torn = [], 0
    for line in filter(None, lines):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
            torn += 1
            continue
        if record["schema"] > SCHEMA:
            raise ValueError(
                f"{path.name} holds records of schema {record['schema']}; this course reads "
                f"schema {SCHEMA}. Update the course, or choose another COURSE_LEDGER."
            )
        records.append(record)
    if torn:
        warnings.warn(
            f"{path.name}: {torn} of {torn + len(records)} lines left out, for they are no whole "
            "records (a run was killed while it was written); the others are read.",
            stacklevel=2,
        )
    return records


def recorded(data: str, notebook: str | None = None, arm: str | None = None) -> list[Record]:
    """Runs that ship with the course, made by ``course reproduce``.

    Parameters
    ----------
    data : {"embedded", "full"}
        The scale of the runs.
    notebook, arm : str, optional
        Keep only the runs of this notebook, of this arm.

    Returns
    -------
    list of dict
        Records, sorted by notebook, arm, protocol and seed.
    """
    source = resources.files("course_utils") / "reference" / f"{data}.jsonl"
    with resources.as_file(source) as path:
        records = read(path)
    kept = [
        record
        for record in records
        if notebook in (None, record["notebook"]) and arm in (None, record["arm"])
    ]
    return sorted(kept, key=lambda r: (r["notebook"], r["arm"], r["protocol"], r["seed"]))


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Summarise runs: one row for each notebook, arm, data and protocol, means over seeds.

    Runs on different numbers of training images, or in another precision, have rows of their own.

    Parameters
    ----------
    records : iterable of dict
        Records of the ledger.

    Returns
    -------
    pandas.DataFrame
        Columns ``notebook, arm, data, images`` (to train on), ``protocol, precision, n``,
        accuracies in percent, cross-entropies in nats, ``gap`` (train minus validation accuracy,
        in points), ``best epoch``, ``epochs``, ``seconds`` and ``parameters``. Runs that diverged
        are not in ``n`` nor in the means; where there are any, ``diverged`` counts them. Where a
        test set was used again for the same decision, ``test uses`` is the highest count of each
        row. Empty where there are no records.
    """
    import pandas as pd

    def percent(part: dict[str, float] | None) -> float:
        return 100 * part["accuracy"] if part else float("nan")

    rows = [
        {
            "diverged": "diverged" in r,
            "test uses": r.get("test_uses", 0),
            "notebook": r["notebook"],
            "arm": r["arm"],
            "data": f"{r['data']['name']} ({r['data']['scale']})",
            "images": r["data"].get("train", float("nan")),
            "protocol": r["protocol"],
            "precision": r["precision"],
            "train acc %": percent(r["train"]),
            "val acc %": percent(r["validation"]),
            "test acc %": percent(r["test"]),
            "val cross-entropy": (r["validation"] or {}).get("cross_entropy", float("nan")),
            "gap": percent(r["train"]) - percent(r["validation"]),
            # None would drop the column; how a run went before it diverged says nothing
            "best epoch": (r["best_epoch"] if "diverged" not in r else None) or float("nan"),
            "epochs": r["epochs"] if "diverged" not in r else float("nan"),
            "seconds": r["seconds"] if "diverged" not in r else float("nan"),
            "parameters": r["model"]["parameters"],
        }
        for r in records
    ]
    if not rows:
        return pd.DataFrame()
    keys = ["notebook", "arm", "data", "images", "protocol", "precision"]
    groups = pd.DataFrame(rows).groupby(keys, sort=False, dropna=False)
    # Versions of pandas add up in different orders; a mean of 16.85 must print alike in all.
    summary = groups.mean(numeric_only=True).round(9)
    diverged, test_uses = groups["diverged"].sum(), groups["test uses"].max()
    summary = summary.drop(columns=["diverged", "test uses"])
    summary.insert(0, "n", groups.size() - diverged)
    if (test_uses > 1).any():
        summary.insert(1, "test uses", test_uses)
    if diverged.any():
        summary.insert(1, "diverged", diverged)
    return summary.reset_index()


def beside_published(
    published: dict[str, float], reproduced: Iterable[Record], yours: Iterable[Record]
) -> pd.DataFrame:
    """Lay the published test accuracies, the course's full-scale runs and your runs side by side.

    Parameters
    ----------
    published : dict of str to float
        Reported test accuracy, in percent, by arm.
    reproduced : iterable of dict
        Full-scale records; arms without one get no row.
    yours : iterable of dict
        Records of this session.

    Returns
    -------
    pandas.DataFrame
        Columns ``arm, source, n, images, precision, test acc %, val acc %, gap, best epoch``, one
        row for each arm and source, arms in the order of `published`.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    sources = [("reproduced here", list(reproduced)), ("your run", list(yours))]
    for arm, accuracy in published.items():
        rows.append({"arm": arm, "source": "published", "n": 1, "test acc %": accuracy})
        for source, records in sources:
            kept = [record for record in records if record["arm"] == arm]
            for _, row in table(kept).iterrows():
                rows.append(row.to_dict() | {"source": source})
    first = ["arm", "source", "n", "images", "precision"]
    columns = [*first, "test acc %", "val acc %", "gap", "best epoch"]
    return pd.DataFrame(rows).reindex(columns=columns).round(2)
