"""Runs in worker processes: all of them, elsewhere, and none left when something ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from course_utils import workers


def from_a_notebook(source: str) -> Callable:
    """A function that no other process can import, as one that is written in a cell."""
    names: dict = {"__name__": "__main__", "os": os, "offset": 10}
    exec(source, names)
    return names["function"]


SQUARES = "def function(a, b):\n    return os.getpid(), a * b + offset"


def test_every_job_once_in_other_processes(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [(n, n) for n in range(6)]
    done = dict(workers.each(from_a_notebook(SQUARES), jobs, 2))
    assert {job: value for job, (_, value) in done.items()} == {(n, n): n * n + 10 for n, _ in jobs}
    pids = {pid for pid, _ in done.values()}
    assert 1 <= len(pids) <= 2 and os.getpid() not in pids
    assert not any(psutil.pid_exists(pid) for pid in pids)
    shown = capsys.readouterr()
    assert "6/6" in shown.out and not shown.err


def test_without_workers_they_run_here() -> None:
    assert list(workers.each(from_a_notebook(SQUARES), [(2, 3), (4, 5)], 0)) == [
        ((2, 3), (os.getpid(), 16)),
        ((4, 5), (os.getpid(), 30)),
    ]


def test_the_processor_is_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    function = from_a_notebook("def function(name):\n    return os.environ[name]")
    (pair,) = workers.each(function, [("TF_NUM_INTRAOP_THREADS",)], 3)
    assert pair[1] == "8"  # one job, so one worker
    pairs = list(workers.each(function, [("OMP_NUM_THREADS",)] * 3, 2))
    assert [threads for _, threads in pairs] == ["4"] * 3


def test_an_error_of_the_function_comes_through() -> None:
    function = from_a_notebook("def function(a):\n    raise ValueError(f'not {a}')")
    with pytest.raises(ValueError, match="not 3"):
        list(workers.each(function, [(3,)], 1))


def test_a_killed_worker_ends_it_with_a_sentence() -> None:
    function = from_a_notebook("def function(number):\n    os.kill(os.getpid(), number)")
    with pytest.raises(workers.WorkerError, match="Set n_workers to a smaller number"):
        list(workers.each(function, [(getattr(signal, "SIGKILL", signal.SIGTERM),)], 1))


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_the_stop_button_ends_the_workers(tmp_path: Path) -> None:
    code = (
        "import os, signal, time, sys; from pathlib import Path\n"
        "from course_utils import workers\n"
        "def function(name):\n    Path(name).write_text(str(os.getpid())); time.sleep(600)\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "list(workers.each(function, [(each,) for each in sys.argv[1:]], 2))\n"
    )
    files = [tmp_path / name for name in ("a", "b")]
    parent = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, files)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while not all(file.is_file() and file.read_text() for file in files):
        assert time.monotonic() < deadline, "the workers did not start"
        time.sleep(0.05)
    parent.send_signal(signal.SIGINT)
    assert parent.wait(timeout=60) != 0
    assert not any(psutil.pid_exists(int(file.read_text())) for file in files)


def test_tensorflow_starts_without_a_word_in_a_worker(capfd: pytest.CaptureFixture[str]) -> None:
    from course_utils import runtime  # noqa: F401  (as in a notebook)

    import keras  # isort: skip

    function = from_a_notebook(
        "def function(n):\n    return keras.ops.convert_to_numpy(n + 1).item()"
    )
    function.__globals__["keras"] = keras
    capfd.readouterr()
    assert list(workers.each(function, [(1.0,)], 1)) == [((1.0,), 2.0)]
    assert not capfd.readouterr().err
