"""Make the tables of the README beside this file from build/bench.json.

The races have a table of their own, so that either table can be from another machine: a table of
which build/bench.json has no row stays as it is.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from race import RACES
from rows import ROWS, TRAINED, summary

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT))


def number(value: float) -> str:
    """Three digits, with commas from a thousand."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def line(name: str, measured: dict[str, list[float]]) -> str:
    """One row of the table."""
    row, short, n = ROWS[name], summary(name, measured), len(measured["ours"])
    published = ratio = ""
    if "ratio" in short:
        published, ratio = number(short["published"]), f"{short['ratio']:.2f}"
        ratio += f" ({short['low']:.2f} to {short['high']:.2f})" if n > 1 else ""
    return (
        f"| {row.title}: {row.unit} | {published} | {number(short['ours'])} | {ratio} "
        f"| {'≤' if row.at_most else '≥'} {row.goal} "
        f"| {'met' if short['met'] else '**missed**'} | {n} |"
    )


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
    lines += ["", "| | published way | ours | ratio | goal | | pairs |"]
    lines += ["|---|---|---|---|---|---|---|"]
    return lines + [line(name, found["measured"]) for name, found in rows.items()]


def ceilings(machine: dict[str, Any]) -> list[str]:
    """The machine's own measurements, as a table."""
    lines = [
        "",
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


def shares(results: dict[str, Any], names: list[str]) -> str:
    """How near ours comes to a network whose every product ran as fast as the best convolution."""
    machine, parts = results["machine"], []
    for name in names:
        found, no_amx = results["rows"][name], name.endswith("no-amx")
        mixed = machine["precision"] == "mixed_bfloat16" and not no_amx
        precision = "bfloat16" if mixed else "float32"
        gflops = machine["without AMX" if no_amx else "gflops"][f"conv {precision}"]
        best = found["facts"]["ours"]["flop"] / gflops / 1e9
        share = best / summary(name, found["measured"])["ours"]
        parts.append(f"{ROWS[name].title.split(',')[0]} {share:.0%} of {precision}")
    return f"Share of the convolution's best that ours reaches: {'; '.join(parts)}."


def accuracies(facts: dict[str, Any]) -> str:
    """Whether the stacked sweep ends where the separate fits end."""
    from course_utils import stats

    trained, stacked = facts["published"]["accuracies"], facts["ours"]["accuracies"]
    separate = 100 * np.array([accuracy for *_, accuracy in trained])
    stack = 100 * np.array([stacked[seed][rate] for seed, rate, _ in trained])
    found = stats.paired(separate, stack, unit="points")
    return (
        f"Test accuracies of the sweep, stacked minus separate: {found.mean:+.2f} points over "
        f"{separate.size} networks, 95 % interval {found.low:+.2f} to {found.high:+.2f}."
    )


def epochs(rows: dict[str, Any], names: list[str]) -> str:
    """After how many epochs the recorded runs of a race were there."""
    parts = []
    for name in names:
        published, ours = (rows[name]["facts"][way] for way in ("published", "ours"))
        parts.append(
            f"{ROWS[name].title.split(' to ')[0]} {100 * ours['height']:.1f} % after "
            f"{published['epochs']:.1f} epochs, ours (`{ours['arm']}`) after {ours['epochs']:.1f}"
        )
    return f"In the recorded runs: {'; '.join(parts)}."


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
    rows = results["rows"]
    races = [name for name in ROWS if name in rows and name in RACES]
    others = [name for name in ROWS if name in rows and name not in RACES]
    made = {}
    if others:
        lines = [*table(results, others), *ceilings(results["machine"])]
        if trained := [name for name in others if name in TRAINED]:
            lines += ["", shares(results, trained)]
        if "sweep" in rows:
            lines += ["", accuracies(rows["sweep"]["facts"])]
        made["results"] = "\n".join(lines)
    if races:
        made["races"] = "\n".join([*table(results, races), "", epochs(rows, races)])
    if not args.write:
        print(*made.values(), sep="\n\n")
        return
    readme = HERE / "README.md"
    page = readme.read_text(encoding="utf-8")
    for part, text in made.items():
        begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
        whole = f"{begin}\n\n{text}\n\n{end}".replace("\\", r"\\")
        page = re.sub(f"{begin}.*?{end}", whole, page, flags=re.S)
    readme.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
