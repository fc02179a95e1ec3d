"""Many records as a table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from course_utils.ledger._file import Record

if TYPE_CHECKING:
    import pandas as pd

MISSING = float("nan")
# A hair's breadth more, so that whoever rounds 97.255 to two digits gets 97.26: by hand, in
# `stats.rounded`, in a text and in pandas, which would take the nearest even digit or the number's
# binary neighbour.
HALF_UP = 1 + 4 * sys.float_info.epsilon


def identity(record: Record) -> dict[str, Any]:
    """Say which run a record is of: two records that agree in this repeat one run.

    It is what they hold of notebook, arm, seed, protocol, data (but not where they lay), parameters
    and precision, as the ledger's file holds them.
    """
    names = ("notebook", "arm", "seed", "protocol", "data", "parameters", "precision")
    same = {name: record.get(name) for name in names}
    same["data"] = {k: v for k, v in (record.get("data") or {}).items() if k != "source"}
    return json.loads(json.dumps(same))


def table(records: Iterable[Record]) -> pd.DataFrame:
    """Summarise runs: one row for each notebook, arm, data and protocol, means over seeds.

    Runs on different numbers of training images, with other parameters, or in another precision
    have rows of their own. A run that was repeated counts once: the last record of it.

    The columns are ``notebook, arm, data, images`` (to train on), ``protocol, precision, n``,
    accuracies in percent, cross-entropies in nats, ``gap`` (train minus validation accuracy, in
    points), ``best epoch``, ``epochs``, ``seconds`` and ``parameters``. Behind ``arm`` stands
    ``settings`` where arms of one name differ in their parameters: those that differ. Runs that
    diverged are not in ``n`` nor in the means; where there are any, ``diverged`` counts them. Where
    a test set was used again for the same decision, ``test uses`` is the highest count of each row.
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
    summary = groups.mean(numeric_only=True).round(9) * HALF_UP
    diverged, test_uses = groups["diverged"].sum(), groups["test uses"].max()
    summary = summary.drop(columns=["diverged", "test uses"])
    summary.insert(0, "n", groups.size() - diverged)
    if (test_uses > 1).any():
        summary.insert(1, "test uses", test_uses)
    if diverged.any():
        summary.insert(1, "diverged", diverged)
    return summary.reset_index()


def _row(r: Record) -> dict[str, Any]:
    train, validation, test = (r.get(part) or {} for part in ("train", "validation", "test"))
    percent = [100 * part.get("accuracy", MISSING) for part in (train, validation, test)]
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
        "train acc %": percent[0],
        "val acc %": percent[1],
        "test acc %": percent[2],
        "val cross-entropy": validation.get("cross_entropy", MISSING),
        "gap": percent[0] - percent[1],
        "best epoch": went.get("best_epoch") or MISSING,
        "epochs": went.get("epochs", MISSING),
        "seconds": went.get("seconds", MISSING),
        "parameters": r.get("model", {}).get("parameters", MISSING),
    }


def _settings(records: list[Record]) -> list[str]:
    """For each record, the parameters in which the runs of its arm differ."""
    names = [(r["notebook"], r["arm"], r["data"]["name"], r["data"]["scale"]) for r in records]
    own = [r.get("parameters") or {} for r in records]
    values: dict[Any, dict[str, set[str]]] = {}  # of each parameter, by arm
    for name in dict.fromkeys(names):
        runs = [parameters for other, parameters in zip(names, own, strict=True) if other == name]
        keys = dict.fromkeys(key for parameters in runs for key in parameters)
        values[name] = {key: {json.dumps(each.get(key)) for each in runs} for key in keys}
    return [
        ", ".join(f"{k}={parameters.get(k)}" for k, found in values[name].items() if len(found) > 1)
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
        Records of your own.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    tables = {"reproduced here": table(reproduced), "your run": table(yours)}
    for arm, accuracy in published.items():
        rows.append({"arm": arm, "source": "published", "n": 1, "test acc %": accuracy})
        for source, found in tables.items():
            kept = found[found["arm"] == arm] if len(found) else found
            rows += [row | {"source": source} for row in kept.to_dict("records")]
    first = ["arm", "source", "n", "images", "precision"]
    columns = [*first, "test acc %", "val acc %", "gap", "best epoch"]
    return pd.DataFrame(rows).reindex(columns=columns).round(2)
