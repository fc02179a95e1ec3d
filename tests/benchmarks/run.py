"""Measure the course against the published way, alternately, each time in a fresh process.

Writes build/bench.json, and keeps the rows in it that are not measured now: `--sweep` adds its row
to an earlier run of the others. Exits with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import race
import startup
from rows import BY_NAME, NO_AMX, ROWS, Row, summary

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def measure(
    task: str, way: str, *options: str, environment: dict[str, str] | None = None
) -> dict[str, Any]:
    """Run `one.py` and read its answer; what it wrote is shown if it fails."""
    before = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(ROOT), before] if before else [str(ROOT)])
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), task, way, *options],
        env=os.environ | {"PYTHONPATH": path} | (environment or {}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{task}, {way}, failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def steps_of(row: Row, quick: bool) -> tuple[int, int]:
    """Steps to warm up, and steps that are measured."""
    return (1, 2) if quick and row.steps[1] else row.steps


def options_of(row: Row, quick: bool) -> list[str]:
    """What `one.py` is told."""
    options = ["--quick"] if quick else []
    if row.steps[1]:
        options += ["--steps", *map(str, steps_of(row, quick))]
    if row.task == "memory":
        from course_utils import datasets

        _, arrays = datasets.find("fashion_mnist") or datasets.fetch("fashion_mnist")[::-1]
        options += ["--arrays", str(arrays)]
    return options


def measure_row(row: Row, alternations: int, quick: bool) -> dict[str, Any]:
    """All measurements of a row, the last one's facts, and the accuracies of all turns."""
    ways = ("published", "ours") if row.compared else ("ours",)
    options = options_of(row, quick)
    measured: dict[str, list[float]] = {way: [] for way in ways}
    facts: dict[str, Any] = {}
    for turn in range(alternations):
        for way in ways:
            if row.name in startup.COMMANDS:
                found = {"value": startup.seconds(row.name)}
            else:
                found = measure(
                    row.task, way, *options, "--turn", str(turn), environment=row.environment
                )
            measured[way].append(found.pop("value"))
            found["accuracies"] = facts.get(way, {}).get("accuracies", []) + found.get(
                "accuracies", []
            )
            facts[way] = found
        values = ", ".join(f"{way} {measured[way][-1]:,.4g}" for way in ways)
        print(f"  {turn + 1}/{alternations}: {values}", flush=True)
    return {"measured": measured, "facts": facts}


def load(path: Path) -> dict[str, Any]:
    """Results so far."""
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    return {"machine": {}, "rows": {}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "rows", nargs="*", metavar="ROW", help=f"of {', '.join(BY_NAME)}; all but sweep"
    )
    parser.add_argument("--alternations", type=int, help="of each row; 5")
    parser.add_argument("--sweep", action="store_true", help="also the row sweep, which takes long")
    parser.add_argument("--quick", action="store_true", help="only see whether all of it runs")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(BY_NAME):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    chosen = [row for row in ROWS if row.name in args.rows]
    if not args.rows:
        chosen = [row for row in ROWS if row.name != "sweep"]
    if args.sweep and BY_NAME["sweep"] not in chosen:
        chosen.append(BY_NAME["sweep"])
    path = ROOT / "build" / ("bench_quick.json" if args.quick else "bench.json")
    path.parent.mkdir(exist_ok=True)
    quick = ["--quick"] if args.quick else []

    # Not the load average: it remembers what ended a minute ago.
    busy = psutil.cpu_percent(interval=3) / 100 * (psutil.cpu_count() or 1)
    if busy > 0.5:
        print(f"This machine is busy ({busy:.1f} cores): the figures will not mean much.")
    print("What the machine can do at best", flush=True)
    machine = measure("ceiling", "ours", *quick)
    machine["without AMX"] = measure("ceiling", "ours", *quick, environment=NO_AMX)["gflops"]
    for name, gflops in machine["gflops"].items():
        print(f"  {name}: {gflops:,.0f} GFLOP/s, without AMX {machine['without AMX'][name]:,.0f}")
    results = load(path)
    if results["machine"].get("processor") != machine["processor"]:
        results = {"machine": {}, "rows": {}}
    results["machine"] = machine

    missed = 0
    for row in chosen:
        if missing := race.missing(row.task):
            print(f"{row.title}: left out, for {missing}")
            continue
        steps = steps_of(row, args.quick)
        how = f", {steps[1]} steps after {steps[0]}, scaled" if steps[1] else ""
        print(f"{row.title} ({row.unit}{how})", flush=True)
        times = args.alternations or (1 if args.quick else 5)
        started = time.perf_counter()
        found = measure_row(row, times, args.quick) | {
            "date": time.strftime("%Y-%m-%d"),
            "load": round(busy, 1),
        }
        results["rows"][row.name] = found
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        short = summary(row, found["measured"])
        missed += not short["met"]
        ratio = f"ratio {short['ratio']:.2f}" if row.compared else f"{short['ours']:.2f}"
        word = "at most" if row.at_most else "at least"
        minutes = (time.perf_counter() - started) / 60
        print(
            f"  median {ratio}, goal {word} {row.goal}: "
            f"{'met' if short['met'] else 'MISSED'} ({minutes:.1f} min)",
            flush=True,
        )
    print(f"{path.relative_to(ROOT)} is written; make the table with tests/benchmarks/table.py")
    return 1 if missed and not args.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
