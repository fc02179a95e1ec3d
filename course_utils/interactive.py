"""The map of overfitting: recorded curves that a reader turns with four knobs, in one file.

The page holds its data and its JavaScript. It works from disk, without a network and a kernel.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from course_utils.errors import CourseError
from course_utils.ledger import Record

REMEDIES = {
    "none": "none",
    "dropout": "dropout 0.3",
    "l2": "L2 0.001",
    "augmentation": "augmentation",
    "all": "all three",
}
KNOBS = ["images", "width", "remedy", "noise"]


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """Cross-entropy after each measurement, over the seeds of every point of the grid.

    Parameters
    ----------
    records : sequence of dict
        Runs of notebook 09b.

    Returns
    -------
    pandas.DataFrame
        A row for each point and measurement: the knobs, ``step``, and ``mean``, ``low`` and
        ``high`` over the seeds of the training (``t_…``) and validation (``v_…``) cross-entropy,
        in nats.
    """
    rows = []
    for record in records:
        history = record["history"]
        pairs = zip(history["train_cross_entropy"], history["val_cross_entropy"], strict=True)
        for number, (train, validation) in enumerate(pairs, start=1):
            step = number * record["parameters"]["steps"]
            rows.append({**_point(record), "step": step, "t": train, "v": validation})
    grouped = pd.DataFrame(rows).groupby([*KNOBS, "step"], sort=False)
    table = grouped[["t", "v"]].agg(["mean", "min", "max"]).round(4)
    table.columns = [f"{name}_{what}" for name, what in table.columns]
    return table.reset_index()


def points(records: Sequence[Record]) -> pd.DataFrame:
    """What each point of the grid comes to, as means over its seeds.

    Parameters
    ----------
    records : sequence of dict
        Runs of notebook 09b.

    Returns
    -------
    pandas.DataFrame
        A row for each point: the knobs; ``runs``; ``gap``, training minus validation accuracy
        after the last step, in points, with ``gap_low`` and ``gap_high`` over the seeds;
        ``accuracy`` after the last step, in percent; ``lowest`` and ``last`` validation
        cross-entropy, in nats; ``turn``, the median step of the lowest.
    """
    rows = []
    for record in records:
        losses = np.array(record["history"]["val_cross_entropy"])
        train, validation = (record[part]["accuracy"] for part in ("train", "validation"))
        rows.append(
            {
                **_point(record),
                "gap": 100 * (train - validation),
                "accuracy": 100 * validation,
                "lowest": losses.min(),
                "last": losses[-1],
                "turn": (int(losses.argmin()) + 1) * record["parameters"]["steps"],
            }
        )
    grouped = pd.DataFrame(rows).groupby(KNOBS, sort=False)
    table = grouped.agg(
        runs=("gap", "size"),
        gap=("gap", "mean"),
        gap_low=("gap", "min"),
        gap_high=("gap", "max"),
        accuracy=("accuracy", "mean"),
        lowest=("lowest", "mean"),
        last=("last", "mean"),
        turn=("turn", "median"),
    )
    return table.round(3).reset_index()


def _point(record: Record) -> dict[str, Any]:
    settings = record["parameters"]
    return {
        "images": record["data"]["train"],
        "width": settings["width"],
        "remedy": REMEDIES[record["arm"]],
        "noise": round(100 * settings["label_noise"]),
    }


def overfitting_map(records: Sequence[Record]) -> str:
    """Draw the map as a page of its own: four knobs, the curves, and the gap over the grid.

    Parameters
    ----------
    records : sequence of dict
        Runs of notebook 09b; every combination of the knobs' values should be among them.

    Returns
    -------
    str
        HTML with its data and JavaScript inside, and a table of every point.

    Raises
    ------
    CourseError
        If there is no run.
    """
    if not records:
        raise CourseError("records holds no run of notebook 09b; run `course sweep 09b` first.")
    table, history = points(records), curves(records)
    values = {name: sorted(table[name].unique()) for name in KNOBS}
    values["remedy"] = list(REMEDIES.values())  # in their own order
    knobs = [_knob(name, values[name]) for name in KNOBS]
    chart = (_curves(history, table) | _grid(table)).add_params(*knobs).configure_view(stroke=None)
    with alt.data_transformers.enable("default", max_rows=None):
        page = chart.to_html(inline=True, embed_options={"actions": False, "renderer": "svg"})
    shown = table.rename(columns=lambda name: name.replace("_", " "))
    listing = shown.to_html(index=False, border=0, float_format="{:.2f}".format)
    head, end, tail = page.replace("<head>", f"<head>{_HEAD}", 1).rpartition("</body>")
    return f"{head}<details><summary>{_SUMMARY}</summary>{listing}</details>{end}{tail}"


def frame(page: str) -> str:
    """A page as an element of another page, such as a notebook's output.

    Parameters
    ----------
    page : str
        A whole page of HTML, as `overfitting_map` gives it.

    Returns
    -------
    str
        HTML of an inline frame that holds the page.
    """
    return (
        f'<div><iframe title="The map of overfitting" srcdoc="{escape(page)}" '
        f'style="width: 100%; height: 640px; border: 0"></iframe></div>'
    )


_SUMMARY = "Every point of the map as a table (gap and accuracy in points, cross-entropy in nats)"
_HEAD = """<title>The map of overfitting</title><meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 1rem; color: #111; background: #fff }
.vega-embed { display: flex; flex-direction: column-reverse; align-items: flex-start }
.vega-embed svg { max-width: 100%; height: auto } .vega-bindings { margin-bottom: .5rem }
.vega-bind { margin: .3rem 0 }
.vega-bind-name { display: inline-block; min-width: 13rem; font-weight: 600 }
.vega-bind label { margin-right: 1rem } summary { cursor: pointer; margin-top: 1rem }
table { border-collapse: collapse; font-size: 13px } th, td { padding: 2px 10px; text-align: right }
tr:nth-child(even) { background: #f3f3f3 }
</style>"""
_NAMES = {
    "images": "training images",
    "width": "width of the network",
    "remedy": "remedy",
    "noise": "labels at random (%)",
}
_FILTER = " && ".join(f"datum.{name} == {name}" for name in KNOBS)
_ORANGE, _BLUE = "#b85c00", "#1f5fa8"


def _knob(name: str, options: list[Any]) -> alt.Parameter:
    options = [value.item() if hasattr(value, "item") else value for value in options]
    bound = alt.binding_radio(options=options, name=f"{escape(_NAMES[name])} ")
    start = {"images": 750, "width": 1.0}.get(name)
    return alt.param(name=name, value=start if start in options else options[0], bind=bound)


def _curves(history: pd.DataFrame, table: pd.DataFrame) -> Any:
    top = float(np.ceil(history["v_max"].quantile(0.99) * 2) / 2)
    base = alt.Chart(history).transform_filter(_FILTER)
    steps = alt.Scale(domain=[0, int(history["step"].max())])
    x = alt.X("step:Q", title="steps of the optimiser", scale=steps)
    scale = alt.Scale(domain=[0, top], type="sqrt")

    def band(name: str, color: str) -> alt.Chart:
        return base.mark_area(opacity=0.25, color=color, clip=True).encode(
            x=x,
            y=alt.Y(f"{name}_min:Q", title="cross-entropy (nats)", scale=scale),
            y2=f"{name}_max:Q",
        )

    def line(name: str, color: str, dash: list[int]) -> alt.Chart:
        drawn = base.mark_line(color=color, strokeDash=dash, strokeWidth=2.4, clip=True)
        return drawn.encode(x=x, y=alt.Y(f"{name}_mean:Q", scale=scale))

    without = (
        alt.Chart(history)
        .transform_filter(
            _FILTER.replace("datum.remedy == remedy", "datum.remedy == 'none' && remedy != 'none'")
        )
        .mark_line(color="#777", strokeDash=[1, 3], strokeWidth=2, clip=True)
        .encode(x=x, y=alt.Y("v_mean:Q", scale=scale))
    )
    one = alt.Chart(table).transform_filter(_FILTER)
    turn = one.mark_point(shape="triangle-up", size=110, filled=True, color=_ORANGE, clip=True)
    told = [
        "'gap ' + format(datum.gap, '.1f') + ' points (seed by seed ' + "
        "format(datum.gap_low, '.1f') + ' to ' + format(datum.gap_high, '.1f') + ')'",
        "'validation accuracy ' + format(datum.accuracy, '.1f') + ' %, n = ' + datum.runs",
        "'lowest loss ' + format(datum.lowest, '.2f') + ' at step ' + format(datum.turn, ',') + "
        "', last ' + format(datum.last, '.2f')",
    ]
    texts = [
        one.transform_calculate(says=text)
        .mark_text(align="left", baseline="top", fontSize=13, color="#111")
        .encode(text="says:N", x=alt.value(70), y=alt.value(6 + 18 * row))
        for row, text in enumerate(told)
    ]
    layers = alt.layer(
        band("t", _BLUE),
        band("v", _ORANGE),
        without,
        line("t", _BLUE, [1, 0]),
        line("v", _ORANGE, [7, 4]),
        turn.encode(x=alt.X("turn:Q", scale=steps), y=alt.Y("lowest:Q", scale=scale)),
        *texts,
    )
    return layers.properties(
        width=430,
        height=320,
        title=alt.Title(
            "Training (line) and validation (dashes) at this point",
            subtitle=[
                "Bands: lowest and highest seed. Triangle: lowest validation loss.",
                "Dots: validation without a remedy.",
            ],
        ),
    )


def _grid(table: pd.DataFrame) -> Any:
    base = (
        alt.Chart(table)
        .transform_filter("datum.remedy == remedy && datum.noise == noise")
        .encode(
            x=alt.X("images:O", title="training images", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("width:O", title="width of the network", sort="descending"),
        )
    )
    most = float(table["gap"].max())
    shade = alt.Scale(scheme="greys", domain=[0, most])
    cells = base.mark_rect().encode(color=alt.Color("gap:Q", scale=shade, legend=None))
    here = base.transform_filter("datum.images == images && datum.width == width")
    return (
        cells
        + here.mark_rect(fill=None, stroke=_ORANGE, strokeWidth=4)
        + base.mark_text(fontSize=13).encode(
            text=alt.Text("gap:Q", format=".0f"),
            color=alt.condition(f"datum.gap > {0.5 * most}", alt.value("white"), alt.value("#111")),
        )
    ).properties(
        width=260,
        height=320,
        title=alt.Title(
            "Generalisation gap (points) with this remedy",
            subtitle=[
                "Training minus validation accuracy after the last step.",
                "Frame: this point.",
            ],
        ),
    )
