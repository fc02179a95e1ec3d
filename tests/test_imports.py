"""What starts quickly stays quick: it imports none of the packages that take long."""

from __future__ import annotations

import subprocess
import sys

import pytest

COMMAND = "from course_utils.classroom.cli import main; main({}, standalone_mode=False)"
HEAVY = "tensorflow pandas matplotlib papermill nbformat"
LIGHT: dict[str, tuple[str, str]] = {
    "course --help": (COMMAND.format(["--help"]), HEAVY),
    "course sweep --help": (COMMAND.format(["sweep", "--help"]), HEAVY),
    "a worker": (
        "import course_utils.classroom.worker, course_utils.ledger, nbclient, papermill",
        "tensorflow keras pandas distributed",
    ),
    "data": (
        "import course_utils.datasets",
        "tensorflow keras pandas matplotlib pooch gdown requests",
    ),
    "checks of parameters": ("from course_utils import checks", "tensorflow"),
}


@pytest.mark.parametrize("what", LIGHT)
def test_nothing_heavy_is_imported(what: str) -> None:
    code, heavy = LIGHT[what]
    code += f"\nimport sys; print([name for name in {heavy.split()} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"
