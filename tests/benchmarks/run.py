"""Measure the course against the published way, alternately, each time in a fresh process.

Writes build/bench.json and keeps the rows in it that are not measured now. Exits with 1 if a goal
is missed.
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
from rows import NO_AMX, ROWS, summary, ways

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def measure(task: str, way: str, *options: str, without_amx: bool = False) -> dict[str, Any]:
    """Run `one.py` and read its answer; what it wrote is shown if it fails."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, str(HERE / "one.py"), task, way, *options],
        env=os.environ | {"PYTHONPATH": path} | (NO_AMX if without_amx else {}),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SystemExit(f"{task}, {way}, failed:\n{done.stderr[-3000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_row(name: str, turns: int, quick: bool) -> dict[str, Any]:
    """All measurements of a row, the last one's facts, and the accuracies of all turns."""
    options = ["--quick"] if quick else []
    if warm_and_counted := ROWS[name].steps if any(ROWS[name].steps) else ():
        options += ["--steps", *map(str, (1, 2) if quick else warm_and_counted)]
    if name == "memory":
        from course_utils import datasets

        _, arrays = datasets.find("fashion_mnist") or datasets.fetch("fashion_mnist")[::-1]
        options += ["--arrays", str(arrays)]
    task = name.removesuffix("-no-amx")
    measured: dict[str, list[float]] = {way: [] for way in ways(name)}
    facts: dict[str, Any] = {}
    for turn in range(turns):
        for way in measured:
            more = [*options, "--turn", str(turn)]
            found = measure(task, way, *more, without_amx=task != name)
            measured[way].append(found.pop("value"))
            before = facts.get(way, {}).get("accuracies", [])
            facts[way] = found | {"accuracies": before + found.get("accuracies", [])}
        values = ", ".join(f"{way} {values[-1]:,.4g}" for way, values in measured.items())
        print(f"  {turn + 1}/{turns}: {values}", flush=True)
    return {"measured": measured, "facts": facts, "date": time.strftime("%Y-%m-%d")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    names = ", ".join(ROWS)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {names}; all but sweep")
    parser.add_argument("--alternations", type=int, help="of each row; 5")
    parser.add_argument("--quick", action="store_true", help="only see whether all of it runs")
    args = parser.parse_args()
    if unknown := set(args.rows) - set(ROWS):
        parser.error(f"there is no row {', '.join(sorted(unknown))}")
    chosen = [name for name in ROWS if name in args.rows or (not args.rows and name != "sweep")]
    path = ROOT / "build" / ("bench_quick.json" if args.quick else "bench.json")
    path.parent.mkdir(exist_ok=True)

    # Not the load average: it remembers what ended a minute ago.
    busy = psutil.cpu_percent(interval=3) / 100 * (psutil.cpu_count() or 1)
    if busy > 0.5:
        print(f"This machine is busy ({busy:.1f} cores): the figures will not mean much.")
    print("What the machine can do at best", flush=True)
    quick = ["--quick"] if args.quick else []
    machine = measure("ceiling", "ours", *quick)
    machine["without AMX"] = measure("ceiling", "ours", *quick, without_amx=True)["gflops"]
    for name, gflops in machine["gflops"].items():
        print(f"  {name}: {gflops:,.0f} GFLOP/s, without AMX {machine['without AMX'][name]:,.0f}")
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
    print(f"{path.relative_to(ROOT)} is written; make the table with tests/benchmarks/table.py")
    return 1 if missed and not args.quick else 0


if __name__ == "__main__":
    raise SystemExit(main())
