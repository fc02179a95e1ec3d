"""Make the tables and the picture of the README beside this file from build/bench.json.

The races have a table of their own, so that either table can be from another machine: a table of
which build/bench.json has no row stays as it is.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from rows import BY_NAME, ROWS, Row, summary

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))
README, PICTURE = HERE / "README.md", HERE / "seconds.png"
MARKS = ("<!-- {} -->\n", "<!-- end of {} -->\n")
TRAINED = ("f2", "c1", "l1", "f2-no-amx", "c1-no-amx", "l1-no-amx")


def number(value: float) -> str:
    """Three digits, with commas from a thousand."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def line(row: Row, found: dict[str, Any]) -> str:
    """One row of the table."""
    short = summary(row, found["measured"])
    n = len(found["measured"]["ours"])
    word = "≤" if row.at_most else "≥"
    if row.compared:
        spread = f" ({short['low']:.2f} to {short['high']:.2f})" if n > 1 else ""
        published, ratio = number(short["published"]), f"{short['ratio']:.2f}{spread}"
    else:
        published, ratio = "", ""
    return (
        f"| {row.title}: {row.unit} | {published} | {number(short['ours'])} | {ratio} "
        f"| {word} {row.goal} | {'met' if short['met'] else '**missed**'} | {n} |"
    )


def ceiling_seconds(name: str, results: dict[str, Any], precision: str) -> float:
    """Seconds per epoch if every multiplication ran as fast as the large convolution did."""
    found, machine = results["rows"][name], results["machine"]
    gflops = machine["without AMX" if name.endswith("no-amx") else "gflops"]
    return found["facts"]["ours"]["flop"] / gflops[f"conv {precision}"] / 1e9


def precision_of(name: str, results: dict[str, Any]) -> str:
    """In what ours computes the convolutions of a row."""
    mixed = results["machine"]["precision"] == "mixed_bfloat16" and not name.endswith("no-amx")
    return "bfloat16" if mixed else "float32"


def ceilings(results: dict[str, Any]) -> list[str]:
    """The machine's own measurements, as a table."""
    machine = results["machine"]
    lines = [
        "| at best, GFLOP/s | float32 | bfloat16 | float32 without AMX | bfloat16 without AMX |",
        "|---|---|---|---|---|",
    ]
    for name, text in (
        ("matmul", "product of two 2,048 × 2,048 matrices"),
        ("conv", "convolution 3×3, 128 to 128 channels, 32 images of 28×28"),
    ):
        values = [
            f"{machine[where][f'{name} {dtype}']:,.0f}"
            for where in ("gflops", "without AMX")
            for dtype in ("float32", "bfloat16")
        ]
        lines.append(f"| {text} | {' | '.join(values)} |")
    return lines


def accuracies(results: dict[str, Any]) -> list[str]:
    """Whether the stacked sweep ends where the separate fits end."""
    from course_utils import stats

    facts = results["rows"]["sweep"]["facts"]
    all_of_stack = facts["ours"]["accuracies"]
    trained = facts["published"]["accuracies"]
    separate = 100 * np.array([accuracy for *_, accuracy in trained])
    stack = 100 * np.array([all_of_stack[seed][rate] for seed, rate, _ in trained])
    found = stats.paired(separate, stack, unit="points")
    return [
        "",
        f"Test accuracies of the sweep, stacked minus separate: {found.mean:+.2f} points over "
        f"{separate.size} networks, 95 % interval {found.low:+.2f} to {found.high:+.2f}.",
    ]


def table(results: dict[str, Any], names: list[str]) -> list[str]:
    """Where and when some rows were measured, and the rows."""
    machine, rows = results["machine"], {name: results["rows"][name] for name in names}
    dates = sorted({found["date"] for found in rows.values()})
    versions = machine["versions"]
    lines = [
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} on {machine['processor']}, "
        f"Python {versions['python']}, TensorFlow {versions['tensorflow']}, Keras "
        f"{versions['keras']}. Medians; beside each ratio the extremes of neighbouring pairs.",
    ]
    if busy := [name for name, found in rows.items() if found["load"] > 0.5]:
        lines.append(f"The machine was busy with something else during: {', '.join(busy)}.")
    lines += [
        "",
        "| | published way | ours | ratio | goal | | pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    return lines + [line(BY_NAME[name], found) for name, found in rows.items()]


def races(results: dict[str, Any], names: list[str]) -> str:
    """Everything between the marks of the races."""
    lines = table(results, names)
    epochs = []
    for name in names:
        facts = results["rows"][name]["facts"]
        after = [f"{facts[way]['epochs']:.1f}" for way in ("published", "ours")]
        title = BY_NAME[name].title.split(" to ")[0]
        epochs.append(
            f"{title} {100 * facts['ours']['height']:.1f} % after {after[0]} epochs, ours "
            f"(`{facts['ours']['arm']}`) after {after[1]}"
        )
    return "\n".join([*lines, "", f"In the recorded runs: {'; '.join(epochs)}."]) + "\n"


def text(results: dict[str, Any], names: list[str]) -> str:
    """Everything between the marks of the other rows, without the picture."""
    rows = results["rows"]
    lines = table(results, names)
    lines += ["", *ceilings(results)]
    if trained := [name for name in TRAINED if name in rows]:
        parts = []
        for name in trained:
            short = summary(BY_NAME[name], rows[name]["measured"])
            precision = precision_of(name, results)
            share = ceiling_seconds(name, results, precision) / short["ours"]
            parts.append(f"{BY_NAME[name].title.split(',')[0]} {share:.0%} of {precision}")
        lines += ["", f"Share of the convolution's best that ours reaches: {'; '.join(parts)}."]
    if "sweep" in rows and "accuracies" in rows["sweep"]["facts"].get("published", {}):
        lines += accuracies(results)
    return "\n".join(lines) + "\n"


def picture(results: dict[str, Any]) -> tuple[Any, str]:
    """Seconds per epoch of both ways, and what the machine's best convolution would take."""
    from course_utils import plots

    names = [name for name in TRAINED if name in results["rows"]]
    figure, ax = plots.new_figure(size=(8, 0.9 + 0.42 * len(names)))
    said = []
    for place, name in enumerate(names):
        short = summary(BY_NAME[name], results["rows"][name]["measured"])
        precision = precision_of(name, results)
        best = ceiling_seconds(name, results, precision)
        ax.plot([short["ours"], short["published"]], [place, place], color="0.8", zorder=0)
        ax.plot(short["published"], place, "D", color=plots.VALIDATION["color"])
        ax.plot(short["ours"], place, "o", color=plots.TRAIN["color"])
        ax.plot(best, place, "|", color="k", markersize=14, markeredgewidth=2)
        if not place:
            for value, word in ((best, "ceiling"), (short["ours"], "ours")):
                ax.annotate(word, (value, place), (0, 9), textcoords="offset points", ha="center")
            ax.annotate(
                "published way",
                (short["published"], place),
                (0, 9),
                textcoords="offset points",
                ha="center",
            )
        said.append(
            f"{BY_NAME[name].title.split(',')[0]}: {number(short['published'])}, "
            f"{number(short['ours'])}, {number(best)}"
        )
    ax.set_yticks(
        range(len(names)),
        [f"{BY_NAME[n].title.split(',')[0]}, {precision_of(n, results)}" for n in names],
    )
    ax.set(
        title="One epoch: the published way, ours, and the machine's ceiling",
        ylim=(len(names) - 0.5, -0.8),
        xscale="log",
        xlabel="seconds per epoch (ceiling: the precision's best convolution throughout)",
    )
    ax.grid(axis="y", visible=False)
    alt = (
        f"Seconds per epoch, the published way, ours, and the machine's ceiling. {'; '.join(said)}."
    )
    return figure, alt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", nargs="?", type=Path, default=ROOT / "build" / "bench.json")
    parser.add_argument("--write", action="store_true", help="into README.md; else print it")
    args = parser.parse_args()
    if args.write and "quick" in args.results.name:
        parser.error("a quick run only shows that the code runs; its figures are not for the table")
    if not args.results.exists():
        parser.error(f"{args.results} does not exist: run `make bench` first")
    results = json.loads(args.results.read_text(encoding="utf-8"))
    names = [row.name for row in ROWS if row.name in results["rows"]]
    of_races = [name for name in names if name.startswith("race-")]
    others = [name for name in names if name not in of_races]
    made = {"races": races(results, of_races)} if of_races else {}
    if others:
        made["results"] = text(results, others)
    if any(name in others for name in TRAINED):
        figure, alt = picture(results)
        made["results"] += f"\n![{alt}]({PICTURE.name})\n"
        where = PICTURE if args.write else args.results.with_suffix(".png")
        figure.savefig(where, metadata={"Software": None})
    if not args.write:
        print(*made.values(), sep="\n")
        return
    page = README.read_text(encoding="utf-8")
    for part, lines in made.items():
        begin, end = (mark.format(part) for mark in MARKS)
        before, _, rest = page.partition(begin)
        _, _, after = rest.partition(end)
        page = f"{before}{begin}\n{lines}\n{end}{after}"
    README.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
