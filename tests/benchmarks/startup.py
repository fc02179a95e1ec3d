"""Seconds that `import course_utils` and `course --help` take: medians of fresh processes."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

REPEATS = 5
COURSE = Path(sys.executable).with_name("course.exe" if sys.platform == "win32" else "course")
ROWS = [
    ("python -c pass", [sys.executable, "-c", "pass"], None),
    ("import course_utils", [sys.executable, "-c", "import course_utils"], 0.3),
    ("course --help", [str(COURSE), "--help"], 0.5),
]


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> int:
    measured: dict[str, list[float]] = {name: [] for name, _, _ in ROWS}
    for _ in range(REPEATS):  # in turn, so that a busy moment does not hit one row alone
        for name, command, _ in ROWS:
            measured[name].append(seconds(command))
    missed = 0
    print(f"Median of {REPEATS} fresh processes, in seconds")
    for name, _, limit in ROWS:
        median = statistics.median(measured[name])
        late = limit is not None and median > limit
        missed += late
        goal = "" if limit is None else f"  (at most {limit})" + ("  MISSED" if late else "")
        print(f"{name:<22}{median:6.3f}{goal}")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
