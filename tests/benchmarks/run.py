"""Measure the course against the published way, alternately, each time in a fresh process.

Writes build/bench.json, keeps the rows in it that are not measured now, and prints the tables of
the README beside this file; `--write` puts those of build/bench.json into it and measures nothing.
Each kind of processor has a table there, and so have the races, each from the machine it names.
Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import race
from rows import ROWS, TRAINED, WITHOUT, summary, ways

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def measure(task: str, way: str, *options: str, without: bool = False) -> dict[str, Any]:
    """Run `one.py` and read its answer; what it wrote is shown if it fails."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), task, way, *options],
        env=os.environ | {"PYTHONPATH": path} | (WITHOUT if without else {}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{task}, {way}, failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_row(name: str, turns: int, quick: bool) -> dict[str, Any]:
    """All measurements of a row, and the last one's facts."""
    options = ["--quick"] if quick else []
    if warm_and_counted := ROWS[name].steps if any(ROWS[name].steps) else ():
        options += ["--steps", *map(str, (1, 2) if quick else warm_and_counted)]
    if name == "memory":
        from course_utils import datasets

        _, arrays = datasets.find("fashion_mnist") or datasets.fetch("fashion_mnist")[::-1]
        options += ["--arrays", str(arrays)]
    task = name.removesuffix("-neither")
    measured: dict[str, list[float]] = {way: [] for way in ways(name)}
    facts: dict[str, Any] = {}
    for turn in range(turns):
        for way in measured:
            facts[way] = measure(task, way, *options, without=task != name)
            measured[way].append(facts[way].pop("value"))
        values = ", ".join(f"{way} {values[-1]:,.4g}" for way, values in measured.items())
        print(f"  {turn + 1}/{turns}: {values}", flush=True)
    return {"measured": measured, "facts": facts, "date": time.strftime("%Y-%m-%d")}


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
        f"Measured {' to '.join(dict.fromkeys((dates[0], dates[-1])))} on {machine['processor']} "
        f"({machine['kind']}), "
        f"Python {versions['python']}, TensorFlow {versions['tensorflow']}, Keras "
        f"{versions['keras']}. Medians; beside each ratio the extremes of neighbouring pairs."
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
        "| at best, GFLOP/s | float32 | bfloat16 | float32 with neither | bfloat16 with neither |",
        "|---|---|---|---|---|",
    ]
    for name, text in (
        ("matmul", "product of two 2,048 × 2,048 matrices"),
        ("conv", "convolution 3×3, 128 to 128 channels, 32 images of 28×28"),
    ):
        values = [
            f"{machine[where][f'{name} {dtype}']:,.0f}"
            for where in ("gflops", "neither")
            for dtype in ("float32", "bfloat16")
        ]
        lines.append(f"| {text} | {' | '.join(values)} |")
    return lines


def shares(results: dict[str, Any], names: list[str]) -> str:
    """How near ours comes to a network whose every product ran as fast as the best convolution."""
    machine, parts = results["machine"], []
    for name in names:
        found, without = results["rows"][name], name.endswith("-neither")
        mixed = machine["precision"] == "mixed_bfloat16" and not without
        precision = "bfloat16" if mixed else "float32"
        gflops = machine["neither" if without else "gflops"][f"conv {precision}"]
        best = found["facts"]["ours"]["flop"] / gflops / 1e9
        share = best / summary(name, found["measured"])["ours"]
        parts.append(f"{ROWS[name].title.split(',')[0]} {share:.0%} of {precision}")
    return f"Share of the convolution's best that ours reaches: {'; '.join(parts)}."


def epochs(rows: dict[str, Any], names: list[str]) -> str:
    """After how many epochs the recorded runs of a race were there, and what the whole costs."""
    parts = []
    for name in names:
        published, ours = (rows[name]["facts"][way] for way in ("published", "ours"))
        parts.append(
            f"{ROWS[name].title.split(' to ')[0]} {100 * ours['height']:.1f} % after "
            f"{published['epochs']:.1f} epochs, ours (`{ours['arm']}`) after {ours['epochs']:.1f}"
        )
        if "whole" in ours:
            there = [each["epochs"] / each["whole"] for each in (published, ours)]
            whole = summary(name, rows[name]["measured"])["ratio"] * there[0] / there[1]
            parts[-1] += (
                f", and the whole of it ({ours['whole']} epochs) takes {whole:.2f} times the "
                f"seconds of the whole published training ({published['whole']} epochs)"
            )
    return f"In the recorded runs: {'; '.join(parts)}."


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The README's parts, of this kind of processor and of the races, as far as measured."""
    rows, made = results["rows"], {}
    races = [name for name in ROWS if name in rows and name in race.RACES]
    others = [name for name in ROWS if name in rows and name not in race.RACES]
    if others:
        lines = [*table(results, others), *ceilings(results["machine"])]
        if trained := [name for name in others if name in TRAINED]:
            lines += ["", shares(results, trained)]
        made[results["machine"]["kind"]] = "\n".join(lines)
    if races:
        made["races"] = "\n".join([*table(results, races), "", epochs(rows, races)])
    return made


def write(results: dict[str, Any]) -> None:
    """Renew the README's tables; one of which nothing was measured stays as it is."""
    page = (HERE / "README.md").read_text(encoding="utf-8")
    for part, text in tables(results).items():
        begin, end = f"<!-- {part} -->", f"<!-- end of {part} -->"
        whole = f"{begin}\n\n{text}\n\n{end}".replace("\\", r"\\")
        page = re.sub(f"{begin}.*?{end}", whole, page, flags=re.S)
    (HERE / "README.md").write_text(page, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ", ".join(ROWS)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {names}; all of them")
    parser.add_argument("--alternations", type=int, help="of each row; 5")
    parser.add_argument("--quick", action="store_true", help="only see whether all of it runs")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    chosen = [name for name in ROWS if not args.rows or name in args.rows]
    path = ROOT / "build" / ("bench_quick.json" if args.quick else "bench.json")
    path.parent.mkdir(exist_ok=True)
    if args.write:
        write(json.loads((ROOT / "build" / "bench.json").read_text(encoding="utf-8")))
        return 0

    # Not the load average: it remembers what ended a minute ago.
    busy = psutil.cpu_percent(interval=3) / 100 * (psutil.cpu_count() or 1)
    if busy > 0.5:
        print(f"This machine is busy ({busy:.1f} cores): the figures will not mean much.")
    print("What the machine can do at best", flush=True)
    quick = ["--quick"] if args.quick else []
    machine = measure("ceiling", "ours", *quick)
    machine["neither"] = measure("ceiling", "ours", *quick, without=True)["gflops"]
    for name, gflops in machine["gflops"].items():
        print(f"  {name}: {gflops:,.0f} GFLOP/s, with neither {machine['neither'][name]:,.0f}")
    if machine["kind"] == "neither" and not args.rows:  # there f2 is f2-neither
        chosen = [name for name in chosen if f"{name}-neither" not in ROWS]
    rows = {}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if before["machine"]["processor"] == machine["processor"]:
            rows = before["rows"]

    missed = 0
    for name in chosen:
        row = ROWS[name]
        if name in race.RACES and not race.recorded(name):
            print(f"{row.title}: left out, for no full run of notebook 07 is recorded yet")
            continue
        print(f"{row.title} ({row.unit})", flush=True)
        turns = args.alternations or (1 if args.quick else 5)
        rows[name] = measure_row(name, turns, args.quick) | {"load": round(busy, 1)}
        results = {"machine": machine, "rows": rows}
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        short = summary(name, rows[name]["measured"])
        missed += not short["met"]
        print(
            f"  median {short.get('ratio', short['ours']):.2f}, "
            f"goal {'at most' if row.at_most else 'at least'} {row.goal}: "
            f"{'met' if short['met'] else 'MISSED'}",
            flush=True,
        )
    print(*tables({"machine": machine, "rows": rows}).values(), sep="\n\n")
    return 1 if missed and not args.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
