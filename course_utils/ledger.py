"""The ledger: every training run is one line of JSON, appended when the run ends.

Schema, version 1. A record is a JSON object with the keys

``schema, id, time, notebook, arm, seed, protocol, data, parameters, history, best_epoch, epochs,
train, validation, test, test_uses, seconds, images_per_second, peak_memory_mb, model, versions,
device, precision``.

``protocol`` is "published" (as the tutorial did it) or "honest". ``history`` maps Keras's names to
one number per epoch. ``best_epoch`` counts from 1 and is the epoch of the lowest validation loss.
``train``, ``validation`` and ``test`` hold ``accuracy`` and ``cross_entropy`` of the final network,
measured with dropout off and without penalties; each is null where it was not measured.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
Record = dict[str, Any]


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
    OSError
        If the ledger cannot be written.
    TypeError
        If the record holds something that JSON cannot, for instance a NumPy number.
    """
    from filelock import FileLock

    path = Path(path) if path is not None else default_path()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"schema": SCHEMA, "id": uuid.uuid4().hex[:12], "time": now} | record
    line = json.dumps(record, ensure_ascii=False).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"), open(path, "ab+") as handle:
        if handle.tell():
            handle.seek(-1, os.SEEK_END)
            if handle.read(1) != b"\n":  # a writer was killed in the middle of its line
                line = b"\n" + line
        handle.write(line)
    return record


def read(path: Path | str | None = None) -> list[Record]:
    """Read every whole record of a ledger.

    A line that is not valid JSON is what a killed writer leaves behind; it is left out.

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
    """
    path = Path(path) if path is not None else default_path()
    if not path.exists():
        return []
    records = []
    for line in path.read_bytes().splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if record["schema"] > SCHEMA:
            raise ValueError(
                f"{path.name} holds records of schema {record['schema']}; this course reads "
                f"schema {SCHEMA}. Update the course, or choose another COURSE_LEDGER."
            )
        records.append(record)
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
    """Summarise runs: one row for each notebook, arm, scale and protocol, means over seeds.

    Parameters
    ----------
    records : iterable of dict
        Records of the ledger.

    Returns
    -------
    pandas.DataFrame
        Columns ``notebook, arm, data, protocol, n``, accuracies in percent, cross-entropies in
        nats, ``gap`` (train minus validation accuracy, in points), ``best epoch``, ``epochs``,
        ``seconds`` and ``parameters``. Empty where there are no records.
    """
    import pandas as pd

    def percent(part: dict[str, float] | None) -> float:
        return 100 * part["accuracy"] if part else float("nan")

    rows = [
        {
            "notebook": r["notebook"],
            "arm": r["arm"],
            "data": f"{r['data']['name']} ({r['data']['scale']})",
            "protocol": r["protocol"],
            "train acc %": percent(r["train"]),
            "val acc %": percent(r["validation"]),
            "test acc %": percent(r["test"]),
            "val cross-entropy": (r["validation"] or {}).get("cross_entropy", float("nan")),
            "gap": percent(r["train"]) - percent(r["validation"]),
            "best epoch": r["best_epoch"] or float("nan"),  # None would drop the column
            "epochs": r["epochs"],
            "seconds": r["seconds"],
            "parameters": r["model"]["parameters"],
        }
        for r in records
    ]
    if not rows:
        return pd.DataFrame()
    keys = ["notebook", "arm", "data", "protocol"]
    groups = pd.DataFrame(rows).groupby(keys, sort=False)
    summary = groups.mean(numeric_only=True)
    summary.insert(0, "n", groups.size())
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
        Columns ``arm, source, n, images, test acc %, val acc %, gap, best epoch``, one row for
        each arm and source, arms in the order of `published`.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    sources = [("reproduced here", list(reproduced)), ("your run", list(yours))]
    for arm, accuracy in published.items():
        rows.append({"arm": arm, "source": "published", "n": 1, "test acc %": accuracy})
        for source, records in sources:
            kept = [record for record in records if record["arm"] == arm]
            for _, row in table(kept).iterrows():
                images = kept[0]["data"]["train"]
                rows.append(row.to_dict() | {"source": source, "images": images})
    columns = ["arm", "source", "n", "images", "test acc %", "val acc %", "gap", "best epoch"]
    return pd.DataFrame(rows).reindex(columns=columns).round(2)
