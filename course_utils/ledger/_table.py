"""Many records as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from course_utils.ledger._file import Record

if TYPE_CHECKING:
    import pandas as pd

MISSING = float("nan")


def identity(record: Record) -> dict[str, Any]:
    """Say which run a record is of: two records that agree in this repeat one run.

    Parameters
    ----------
    record : dict
        A record of the ledger.

    Returns
    -------
    dict
        Notebook, arm, seed, protocol, data (but not where they lay), parameters and precision, as
        the ledger's file holds them.
    """
    names = ("notebook", "arm", "seed", "protocol", "data", "parameters", "precision")
    same = {name: record.get(name) for name in names}
    same["data"] = {k: v for k, v in (record.get("data") or {}).items() if k != "source"}
    return json.loads(json.dumps(same))


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Summarise runs: one row for each notebook, arm, data and protocol, means over seeds.

    Runs on different numbers of training images, with other parameters, or in another precision
    have rows of their own. A run that was repeated counts once: the last record of it.

    Parameters
    ----------
    records : iterable of dict
        Records of the ledger.

    Returns
    -------
    pandas.DataFrame
        Columns ``notebook, arm, data, images`` (to train on), ``protocol, precision, n``,
        accuracies in percent, cross-entropies in nats, ``gap`` (train minus validation accuracy,
        in points), ``best epoch``, ``epochs``, ``seconds`` and ``parameters``. Behind ``arm``
        stands ``settings`` where arms of one name differ in their parameters: those that differ.
        Runs that diverged are not in ``n`` nor in the means; where there are any, ``diverged``
        counts them. Where a test set was used again for the same decision, ``test uses`` is the
        highest count of each row. Empty where there are no records.
    """
    import pandas as pd

    once = {json.dumps(identity(record), sort_keys=True): record for record in records}
    rows = [_row(record) for record in once.values()]
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    frame.insert(2, "settings", _settings(list(once.values())))
    keys = ["notebook", "arm", "settings", "data", "images", "protocol", "precision"]
    if not frame["settings"].any():
        frame = frame.drop(columns=keys.pop(2))
    groups = frame.groupby(keys, sort=False, dropna=False)
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


def _row(r: Record) -> dict[str, Any]:
    percent = {
        part: 100 * (r.get(part) or {}).get("accuracy", MISSING)
        for part in ("train", "validation", "test")
    }
    # How a run went before it diverged says nothing. None would drop the column.
    went = {} if "diverged" in r else r
    return {
        "notebook": r["notebook"],
        "arm": r["arm"],
        "data": f"{r['data']['name']} ({r['data']['scale']})",
        "images": r["data"].get("train", MISSING),
        "protocol": r["protocol"],
        "precision": r.get("precision"),
        "diverged": "diverged" in r,
        "test uses": r.get("test_uses", 0),
        "train acc %": percent["train"],
        "val acc %": percent["validation"],
        "test acc %": percent["test"],
        "val cross-entropy": (r.get("validation") or {}).get("cross_entropy", MISSING),
        "gap": percent["train"] - percent["validation"],
        "best epoch": went.get("best_epoch") or MISSING,
        "epochs": went.get("epochs", MISSING),
        "seconds": went.get("seconds", MISSING),
        "parameters": r.get("model", {}).get("parameters", MISSING),
    }


def _settings(records: list[Record]) -> list[str]:
    """For each record, the parameters in which the runs of its arm differ."""
    names = [(r["notebook"], r["arm"], r["data"]["name"], r["data"]["scale"]) for r in records]
    own = [r.get("parameters") or {} for r in records]
    of_arm: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for name, parameters in zip(names, own, strict=True):
        of_arm.setdefault(name, []).append(parameters)
    differ = {
        name: [
            key
            for key in dict.fromkeys(key for parameters in runs for key in parameters)
            if len({json.dumps(parameters.get(key)) for parameters in runs}) > 1
        ]
        for name, runs in of_arm.items()
    }
    return [
        ", ".join(f"{key}={parameters.get(key)}" for key in differ[name])
        for name, parameters in zip(names, own, strict=True)
    ]


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
