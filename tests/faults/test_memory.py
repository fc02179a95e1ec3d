"""How much memory the notebooks take at their defaults, and that many trainings take no more."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from course_utils.classroom import notebooks, run
from course_utils.classroom.sweep import worker

pytestmark = pytest.mark.slow
MOST = 2000  # megabytes; the free places to run a notebook end a kernel not far above
TEN_FITS = """
import trainings
for number in range(10):
    trainings.train(output_dir, arm=f"{seed}-{number}")
"""


def megabytes_of_children() -> float:
    """What the kernel and its worker processes hold; what they share is counted once."""
    held = 0
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            memory = child.memory_full_info()
            held += getattr(memory, "pss", memory.rss)
    return held / 1e6


@contextlib.contextmanager
def watched() -> Iterator[list[float]]:
    """Keep what the children hold, twice a second."""
    held, ended = [0.0], threading.Event()

    def watch() -> None:
        while not ended.wait(0.5):
            held.append(megabytes_of_children())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield held
    finally:
        ended.set()
        thread.join()


@pytest.mark.parametrize("stem", ["01_baseline_overfit", "06_dropout_early_stopping"])
def test_memory_of_a_notebook(
    place: Path, root: Path, stem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(place / "ledger.jsonl"))
    source = root / "notebooks" / f"{stem}.ipynb"
    plan = [(source, {"output_dir": str(place / "files")})]
    with watched() as held:
        (outcome,) = run.run_all(plan, place / "course", None)
    assert not outcome.error
    assert 200 < max(held) < MOST


def test_forty_fits_in_a_sweep(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    nb = new_notebook(
        cells=[
            new_code_cell(
                "seed: int = 0  # the seed\noutput_dir: str = 'runs'  # folder for files",
                metadata={"tags": ["parameters"]},
            ),
            new_code_cell(TEN_FITS.strip()),
        ]
    )
    nb.metadata["kernelspec"] = dict(notebooks.KERNELSPEC)
    ours, peaks = [], []
    for seed in range(4):
        task = worker.Task(
            sweep="memory",
            stem="01_small",
            text=nbformat.writes(nb),
            values={"seed": seed},
            home=str(place),
            has_output_dir=True,
            tries=None,
            threads=1,
        )
        result = worker.run_one(task)
        assert not result.error and len(result.records) == 10
        peaks.append([record["peak_memory_mb"] for record in result.records])
        ours.append(psutil.Process().memory_info().rss / 1e6)
    assert ours[-1] - ours[0] < 50, ours  # the worker: each notebook has a kernel of its own
    assert max(peaks[-1]) < 1.1 * max(peaks[0]), peaks
    assert all(each[-1] - each[0] < 100 for each in peaks), peaks  # ten fits in one kernel
