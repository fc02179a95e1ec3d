"""A clone with a small notebook that stands for training, and commands that run it in batches."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils import ledger
from course_utils.classroom import notebooks

PARAMETERS = """
arms: list = ["a"]  # what to train
width: float = 1.0  # factor on the units
seed: int = 0  # the seed
train_size: int = 100  # images
fast = True
output_dir: str = "runs"  # folder for files
"""
SETUP = """
from course_utils import checks
rules = {"arms": checks.Each(checks.Text()), "fast": checks.Flag()}
checks.parameters(None, rules, arms=arms, width=width, seed=seed, fast=fast)
"""
# It tells that it was started, and by whom. It leaves a record for each arm, and after the first
# does what the test has put into a file for its seed.
TRAIN = """
import os, signal, time
from pathlib import Path
from course_utils import ledger
with open("started", "a") as started:
    print(seed, os.getppid(), os.environ["OMP_NUM_THREADS"], file=started)
order = Path(f"{seed}.order")
for arm in arms:
    _ = ledger.append({
        "notebook": "01_small", "arm": arm, "seed": seed, "protocol": "honest",
        "precision": "float32", "data": {"name": "mnist", "scale": "embedded", "train": train_size},
        "parameters": {"width": width}, "epochs": 1,
        "train": {"accuracy": 0.9, "cross_entropy": 0.3}, "validation": None, "test": None,
        "best_epoch": 1, "seconds": 1.0, "model": {"parameters": 10}})
    what = order.read_text() if order.exists() and arm == arms[0] else ""
    if "once" in what:
        order.unlink()
    if "fail" in what:
        raise RuntimeError("the lid was closed")
    if "kill" in what:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    while what == "wait" and order.exists():
        time.sleep(0.05)
Path(output_dir).mkdir()  # fails where two runs share it
"""
CLAIM = "claims.md#01-gap"
# Stands in the path of all processes of a test: imports that take half of a kernel's start, or two
# seconds with nbformat, and that nothing here needs.
QUICK = "import sys; sys.modules['debugpy'] = sys.modules['rfc3987_syntax'] = None"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    nb = new_notebook(
        cells=[
            new_code_cell(PARAMETERS.strip(), metadata={"tags": ["parameters"]}),
            new_code_cell(SETUP.strip(), metadata={"tags": ["setup"]}),
            new_code_cell(TRAIN.strip()),
            new_markdown_cell(f"- **[[01-gap]](../course_utils/reference/{CLAIM})** In each."),
        ]
    )
    nb.metadata["kernelspec"] = dict(notebooks.KERNELSPEC)
    for folder in ("notebooks", "quick", "course_utils/reference"):
        (tmp_path / folder).mkdir(parents=True)
    nbformat.write(nb, tmp_path / "notebooks" / "01_small.ipynb")
    (tmp_path / "notebooks" / "profiles.yaml").write_text("01_small: {smoke: {width: 0.5}}\n")
    (tmp_path / "quick" / "sitecustomize.py").write_text(QUICK)
    path = [str(tmp_path / "quick"), str(Path(ledger.__file__).parents[2])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.delenv("COURSE_LEDGER", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of `course` in a process and a session of its own."""
    # A shell starts what stands behind an & with Ctrl-C ignored, and these tests with it.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from course_utils.classroom.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], Any], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def order(seed: int, what: str) -> None:
    """Say what the notebook does with this seed after its first record; "" for nothing more."""
    path = Path("notebooks", f"{seed}.order")
    path.write_text(what) if what else path.unlink()


def started() -> list[list[int]]:
    """Seed, parent's process number and threads of each kernel that was started."""
    path = Path("notebooks/started")
    lines = path.read_text().splitlines() if path.exists() else []
    return [list(map(int, line.split())) for line in lines]


def seeds_started() -> list[int]:
    return sorted(line[0] for line in started())
