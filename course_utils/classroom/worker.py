"""One run in a worker, and where workers are: processes here, or those of a dask scheduler."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil

from course_utils import machine
from course_utils.classroom.execute import Outcome, environment, execute, told
from course_utils.errors import CourseError

KEPT = ("*.ipynb", "ledger.jsonl", "predictions/*.npz")  # what a cluster sends back of a run
MARK = "COURSE_RUN"  # in the environment of a kernel: which command it belongs to, and which run


@dataclass(frozen=True, eq=False)  # compared by identity: a dictionary has no hash
class Job:
    """One execution of a notebook; `name` is that of its folder and lock, `label` for readers."""

    name: str
    label: str
    values: dict[str, Any]
    stem: str
    text: str  # of the notebook: a worker elsewhere may not have the file
    home: str  # the notebook's folder, where the kernel runs if the worker has it
    has_output_dir: bool  # whether the notebook has this parameter


# papermill changes the working folder, and kernels inherit the environment; both belong to the
# whole process. A dask worker with many threads therefore runs one notebook at a time.
_one_at_a_time = threading.Lock()
_stopped: set[str] = set()  # marks of commands that Ctrl-C ended


def run_one(job: Job, mark: str, folder: str | None = None) -> Outcome:
    """Execute a notebook in a folder, or in one that is temporary; imports no TensorFlow here."""
    with _one_at_a_time, contextlib.ExitStack() as stack:
        is_elsewhere = folder is None
        if any(mark.startswith(stopped) for stopped in _stopped):
            return Outcome(error="stopped by Ctrl-C.")
        variables = {MARK: mark}
        if folder is None:
            from distributed import get_worker

            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="course-"))
            threads = str(get_worker().state.nthreads)
            variables |= dict.fromkeys(machine.share(1), threads)
        work, home = Path(folder), Path(job.home)
        # Runs beside each other must not write the same files.
        values = {"output_dir": str(work / "files")} if job.has_output_dir else {}
        with environment(COURSE_LEDGER=str(work / "ledger.jsonl"), **variables):
            outcome = execute(
                nbformat.reads(job.text, as_version=4),
                work / f"{job.stem}.ipynb",
                values | job.values,
                cwd=home if home.is_dir() else work,
            )
        (work / "ledger.jsonl.lock").unlink(missing_ok=True)
        if is_elsewhere:
            for path in (path for pattern in KEPT for path in work.glob(pattern)):
                outcome.files[path.relative_to(work).as_posix()] = path.read_bytes()
        return outcome


def kill_kernels(mark: str) -> None:
    """Kill what bears this mark on this machine, orphans of a killed worker too."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK, "").startswith(mark):
                process.kill()  # psutil makes sure that the number is still this process's


def stop_here(mark: str) -> None:
    """Kill the kernels of one command, and start none of it any more."""
    _stopped.add(mark)
    kill_kernels(mark)


def _begin(variables: dict[str, str]) -> None:
    """Take a share of the cores; end with the command, and with it what was started here."""
    os.environ.update(variables)
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent:
            parent.join()
        for child in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                child.kill()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


class Processes:
    """Worker processes of this machine; pebble replaces one that dies, and only its job fails."""

    def __init__(self, n: int, mark: str) -> None:
        self.slots, self._mark = n, mark
        self._pool = self._new()

    def _new(self) -> Any:
        from pebble import ProcessPool

        spawn, share = multiprocessing.get_context("spawn"), machine.share(self.slots)
        return ProcessPool(self.slots, initializer=_begin, initargs=[share], context=spawn)

    def submit(self, job: Job, mark: str, folder: Path) -> Future[Outcome]:
        """Run a job in the next process that is free."""
        # A process that is started now ignores Ctrl-C from its start, and leaves it to us.
        with interrupts_ignored():
            if not self._pool.active:  # given up, for a worker died that had no job yet
                self._pool.join()
                self._pool = self._new()
            return self._pool.schedule(run_one, [job, mark, str(folder)])

    def stop(self) -> None:
        """Kill the processes and their kernels, whatever they are doing."""
        kill_kernels(self._mark)
        self._pool.stop()
        self._pool.join()
        kill_kernels(self._mark)  # one that was about to be started

    def close(self) -> None:
        """End the processes."""
        self._pool.close()
        self._pool.join()


class Cluster:
    """The workers of a dask scheduler, which itself repeats the job of a worker that dies."""

    def __init__(self, address: str, mark: str) -> None:
        self._address, self._mark = address, mark
        try:
            from distributed import Client

            self._client = Client(address, timeout=10, set_as_default=False)
        except ImportError:
            raise CourseError(
                "--scheduler needs dask.distributed, which is not installed; run "
                'pip install ".[cluster]" in the course\'s folder, here and on the workers.'
            ) from None
        except (OSError, ValueError) as error:
            raise CourseError(
                f"No dask scheduler answers at {address}. Start one with `dask scheduler`, and "
                f"give the address that it prints. ({told(error)})"
            ) from None
        self._executor = self._client.get_executor(pure=False)
        if not self._client.nthreads():
            print(
                f"The scheduler has no worker yet; the runs wait for one. Start one on each "
                f"machine: dask worker {address} --nworkers auto --nthreads 1",
                file=sys.stderr,
            )

    @property
    def slots(self) -> int:
        """Number of workers now: they may come and go."""
        try:
            return max(1, len(self._client.nthreads()))
        except Exception as error:  # which one is not documented
            raise CourseError(f"The dask scheduler at {self._address} was lost.") from error

    def submit(self, job: Job, mark: str, folder: Path) -> Future[Outcome]:
        """Run a job on some worker; its files are sent back."""
        return self._executor.submit(run_one, job, mark)

    def stop(self) -> None:
        """Cancel what waits, and kill the kernels of this command on all workers."""
        with contextlib.suppress(Exception):  # the scheduler may be what is gone
            self._executor.shutdown(wait=False)
            self._client.run(stop_here, self._mark, on_error="ignore")
        self.close()

    def close(self) -> None:
        """Leave the scheduler; it and its workers stay."""
        self._client.close(timeout=5)


@contextlib.contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Let no Ctrl-C come between."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
