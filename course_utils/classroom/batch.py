"""A batch of runs under `course sweep` and `course reproduce`: claimed, run, kept, each once.

A worker leaves the executed notebook and its records in a folder of that try; the command alone
keeps them. Several commands may work in one place: whoever holds a job's lock runs it, and the
system lets the lock go when the process that holds it dies. What that process left of the try is
handed on by whoever holds the lock next.
"""

from __future__ import annotations

import glob
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Hashable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from filelock import FileLock, Timeout
from pebble import ProcessExpired

from course_utils import ledger
from course_utils.classroom import notebooks
from course_utils.classroom.execute import Outcome, told
from course_utils.classroom.worker import (
    Cluster,
    Job,
    Processes,
    interrupts_ignored,
    kill_kernels,
)
from course_utils.errors import CourseError

TRIES = 2
OWN = ("tries", ".locks")  # folders of a place that are the batch's


@dataclass
class Try:
    """One try of a job, and the folder in which it left notebook, records and files."""

    job: Job
    number: int
    folder: Path
    lock: FileLock
    result: Outcome = field(default_factory=Outcome)


# Keeps what a try left, and returns what its job still lacks, or "". It gets the try, and whether
# it was the last one. Ctrl-C may come between and let it begin again.
Keep = Callable[[Try, bool], str]
Recover = Callable[[str, Path], Any]  # keeps what is of use in the ledger of a job's broken try


def job(source: Path, nb: Any) -> Job:
    """Make a job without values of a notebook that was read."""
    text = nbformat.writes(notebooks.without_outputs(nb))  # outputs would only be sent about
    own = "output_dir" in notebooks.parameters(source)
    return Job("", "", {}, source.stem, text, str(source.parent), own)


def collect(
    source: Path,
    target: Path,
    identity: Callable[[ledger.Record], Hashable],
    wanted: Callable[[ledger.Record], bool] = lambda record: True,
) -> int:
    """Bring the wanted records that a ledger lacks into it, each once; return how many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    # Not the ledger's own lock, for `append` takes that: no other command reads and writes between.
    with FileLock(target.with_name(f".{target.name}.lock")):
        before = {identity(record) for record in ledger.read(target)}
        held = set(before)
        for record in filter(wanted, ledger.read(source)):
            if identity(record) not in held:
                ledger.append(record, target, ledger.predictions(record, source))
                held.add(identity(record))
    return len(held) - len(before)


def refuse_both(workers: int | bool | None, scheduler: str | None) -> None:
    """Refuse workers here and workers elsewhere."""
    if workers and scheduler:
        raise CourseError("--workers is for processes here; leave it out with --scheduler.")


def take_over(place: Path, recover: Recover | None = None) -> None:
    """Remove the tries of commands that were killed; hand each one's ledger on first."""
    for name in {folder.name.rpartition(".")[0] for folder in (place / "tries").glob("*")}:
        if lock := _lock(place, name, recover):
            lock.release()


def _lock(place: Path, name: str, recover: Recover | None) -> FileLock | None:
    """Take a job that no living command has, and what a killed one left of it; or None."""
    (place / ".locks").mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / ".locks" / f"{name}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return None
    for left in (place / "tries").glob(f"{glob.escape(name)}.*"):
        if recover:
            recover(name, left / "ledger.jsonl")
        shutil.rmtree(left, ignore_errors=True)
    return lock


def work_off(
    todo: list[Job],
    place: Path,
    *,
    is_finished: Callable[[Job], bool],
    keep: Keep,
    workers: int,
    scheduler: str | None,
    recover: Recover | None = None,
    n_finished: int = 0,
    limit: int | None = None,
) -> tuple[dict[Job, str], bool]:
    """Run jobs, each that fails once more; return what failed, and whether Ctrl-C came."""
    from tqdm import tqdm

    total, left = len(todo) + n_finished, len(todo) if limit is None else limit
    mark, is_waiting = uuid.uuid4().hex, False
    running: dict[Future[Outcome], Try] = {}
    failed: dict[Job, str] = {}

    def show(job: Job, state: str) -> None:
        n = total - len(todo) - len(running)
        if bar.disable or job in failed:
            bar.write(f"[{n}/{total}] {job.label}: {state}", file=sys.stderr)
        bar.update(n - bar.n)

    def start(job: Job, number: int, lock: FileLock) -> None:
        folder = place / "tries" / f"{job.name}.{mark}{number}"
        folder.mkdir(parents=True)
        running[pool.submit(job, f"{mark}.{job.name}.", folder)] = Try(job, number, folder, lock)

    def claim_and_start(slots: int) -> int:
        n_started = 0
        for job in list(todo):
            if n_started == slots:
                break
            if lock := _lock(place, job.name, recover):  # else another command is at it
                todo.remove(job)
                if is_finished(job):
                    lock.release()
                    show(job, "finished by another command")
                else:
                    start(job, 1, lock)
                    n_started += 1
        return n_started

    def end(future: Future[Outcome], is_stopped: bool = False) -> None:
        one = running[future]
        one.result = _result(future)
        for name, content in one.result.files.items():
            (one.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (one.folder / name).write_bytes(content)
        if one.result.error:
            kill_kernels(f"{mark}.{one.job.name}.")  # a killed worker leaves its kernel behind
        is_last = one.number == TRIES and not is_stopped
        error = keep(one, is_last)
        del running[future]  # now that all is kept: Ctrl-C in between loses nothing
        shutil.rmtree(one.folder, ignore_errors=True)
        if error and not is_last and not is_stopped:
            bar.write(f"{one.job.label} is tried once more. It failed: {error}", file=sys.stderr)
            start(one.job, one.number + 1, one.lock)
            return
        one.lock.release()
        if error and is_last:
            failed[one.job] = error
        show(one.job, f"failed: {error}" if error else f"{one.result.seconds:.1f} s")

    pool = Cluster(scheduler, mark) if scheduler else Processes(workers, mark)
    # A bar on a terminal, and a line for each run elsewhere.
    bar = tqdm(total=total, initial=n_finished, unit="run", dynamic_ncols=True, disable=None)
    try:
        while True:
            left -= claim_and_start(min(left, pool.slots - len(running)))
            if running:
                for future in wait(running, timeout=1, return_when=FIRST_COMPLETED).done:
                    end(future)
            elif todo and left:  # if the other command is killed, its runs are left to us
                if not is_waiting:
                    print(f"Another command is at the last {len(todo)}; waiting for it.")
                is_waiting = True
                time.sleep(1)
            else:
                pool.close()
                return failed, False
            bar.refresh()
    except KeyboardInterrupt:
        with interrupts_ignored():  # what follows takes a moment, and must end
            for future in [future for future in running if future.done()]:
                end(future, is_stopped=True)
            pool.stop()
            for one in running.values():
                one.result.error = "stopped by Ctrl-C."
                keep(one, False)
                shutil.rmtree(one.folder, ignore_errors=True)
        return failed, True
    except BaseException:  # what is in the folders may still be collected
        pool.stop()
        raise
    finally:
        bar.close()


def status(failed: dict[Job, str], is_stopped: bool) -> int:
    """Exit status of a batch; where Ctrl-C came, say how it goes on."""
    if is_stopped:
        print("Stopped by Ctrl-C; the same command goes on from here.")
    return 130 if is_stopped else 1 if failed else 0


def _result(future: Future[Outcome]) -> Outcome:
    """Result of a run; a sentence where its worker did not live to tell."""
    try:
        return future.result()
    except (BrokenExecutor, ProcessExpired):
        return Outcome(error="its worker process was killed; the usual cause is too little memory.")
    except CancelledError:
        return Outcome(error="the scheduler gave it up, or was lost.")
    except Exception as error:  # dask's KilledWorker, or whatever a worker of a cluster lacks
        return Outcome(error=f"its worker: {told(error)}")
