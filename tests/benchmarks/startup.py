"""Seconds that `import course_utils` and `course --help` take, a fresh process each."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

COURSE = Path(sys.executable).with_name("course.exe" if sys.platform == "win32" else "course")
COMMANDS = {
    "import": [sys.executable, "-c", "import course_utils"],
    "help": [str(COURSE), "--help"],
}


def seconds(name: str) -> float:
    """Run one of the commands; the seconds include the start of Python itself."""
    started = time.perf_counter()
    subprocess.run(COMMANDS[name], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
