"""A batch of runs under `course sweep` and `course reproduce`: claimed, run, kept, each once.

A worker leaves the executed notebook and its records in a folder of that try; the command alone
keeps them. Several commands may work in one place: a job is claimed through a lock file, and the
system lets a claim go when the process that holds it dies.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pebble import ProcessExpired

from course_utils import ledger
from course_utils.classroom import notebooks
from course_utils.classroom.worker import (
    Cluster,
    Job,
    Processes,
    Result,
    interrupts_ignored,
    kill_kernels,
    told,
)

TRIES = 2


@dataclass
class Try:
    """One try of a job, and the folder in which it left notebook, records and files."""

    job: Job
    number: int
    folder: Path
    claim: FileLock
    result: Result


# Keeps what a try left, and returns what its job still lacks, or "". It gets the try, and whether
# it was the last one. Ctrl-C may come between and let it begin again.
Keep = Callable[[Try, bool], str]


def job(source: Path, nb: Any) -> Job:
    """Make a job without values of a notebook that was read."""
    import nbformat

    for cell in nb.cells:
        if cell.cell_type == "code":  # stored outputs would only be sent about
            cell.outputs, cell.execution_count = [], None
    own = "output_dir" in notebooks.parameters(source)
    return Job("", "", {}, source.stem, nbformat.writes(nb), str(source.parent), own)


def collect(
    source: Path,
    target: Path,
    identity: Callable[[ledger.Record], Hashable],
    wanted: Callable[[ledger.Record], bool] = lambda record: True,
) -> int:
    """Bring the wanted records that a ledger lacks into it, each once; return how many."""
    target.parent.mkdir(parents=True, exist_ok=True)
    added = 0
    # Not the ledger's own lock, for `append` takes that: no other command reads and writes between.
    with FileLock(target.with_name(f".{target.name}.lock")):
        held = {identity(record) for record in ledger.read(target)}
        for record in filter(wanted, ledger.read(source)):
            if identity(record) not in held:
                _move(record, source, target)
                held.add(identity(record))
                added += 1
    return added


def _move(record: ledger.Record, source: Path, target: Path) -> None:
    """Write a record of one ledger into another, with its predictions."""
    ledger.append(record, target, ledger.predictions(record, source))


def work_off(
    todo: list[Job],
    place: Path,
    *,
    is_finished: Callable[[Job], bool],
    keep: Keep,
    workers: int,
    scheduler: str | None,
    n_finished: int = 0,
    limit: int | None = None,
) -> tuple[dict[Job, str], bool]:
    """Run jobs, each that fails once more; return what failed, and whether Ctrl-C came."""
    from tqdm import tqdm

    total, left = len(todo) + n_finished, len(todo) if limit is None else limit
    mark, is_waiting = uuid.uuid4().hex, False
    running: dict[Future[Result], Try] = {}
    failed: dict[Job, str] = {}

    def show(job: Job, state: str) -> None:
        n = total - len(todo) - len(running)
        if bar.disable or job in failed:
            bar.write(f"[{n}/{total}] {job.label}: {state}", file=sys.stderr)
        bar.update(n - bar.n)

    def start(job: Job, number: int, claim: FileLock) -> None:
        folder = tries / f"{job.name}.{number}"
        folder.mkdir()
        future = pool.submit(job, f"{mark}.{job.name}.", folder)
        running[future] = Try(job, number, folder, claim, Result())

    def claim_and_start(slots: int) -> int:
        n_started = 0
        for job in list(todo):
            if n_started == slots:
                break
            if claim := _lock(place, job.name):  # else another command is at it
                todo.remove(job)
                if is_finished(job):
                    claim.release()
                    show(job, "finished by another command")
                else:
                    start(job, 1, claim)
                    n_started += 1
        return n_started

    def end(future: Future[Result], is_stopped: bool = False) -> None:
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
        if error and not is_last and not is_stopped:
            bar.write(f"{one.job.label} is tried once more. It failed: {error}", file=sys.stderr)
            start(one.job, one.number + 1, one.claim)
            return
        one.claim.release()
        if error and is_last:
            failed[one.job] = error
        show(one.job, f"failed: {error}" if error else f"{one.result.seconds:.1f} s")

    with _own_folder(place, mark) as tries:
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
                    break
                bar.refresh()
        except KeyboardInterrupt:
            with interrupts_ignored():  # what follows takes a moment, and must end
                for future in [future for future in running if future.done()]:
                    end(future, is_stopped=True)
                pool.stop()
                for one in running.values():
                    one.result.error = "stopped by Ctrl-C."
                    keep(one, False)
            return failed, True
        except BaseException:
            pool.stop()
            raise
        finally:
            bar.close()
        pool.close()
    return failed, False


def _result(future: Future[Result]) -> Result:
    """Result of a run; a sentence where its worker did not live to tell."""
    try:
        return future.result()
    except (BrokenExecutor, ProcessExpired):
        return Result("its worker process was killed; the usual cause is too little memory.")
    except CancelledError:
        return Result("the scheduler gave it up, or was lost.")
    except Exception as error:  # dask's KilledWorker, or whatever a worker of a cluster lacks
        return Result(f"its worker: {told(error)}")


def _lock(place: Path, name: str) -> FileLock | None:
    """Take a lock that the system lets go when this process ends; None if another has it."""
    (place / ".locks").mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / ".locks" / f"{name}.lock", timeout=0, thread_local=False)
    with contextlib.suppress(Timeout):
        lock.acquire()
    return lock if lock.is_locked else None


def take_over(place: Path, recover: Callable[[str, Path], Any] | None = None) -> None:
    """Remove the tries of commands that were killed; hand each job's name and ledger on first."""
    for left in list((place / "tries").glob("*")):
        if (dead := _lock(place, left.name)) and left.is_dir():
            for folder in left.iterdir():
                if recover:
                    recover(folder.name.rpartition(".")[0], folder / "ledger.jsonl")
            shutil.rmtree(left)
            _drop(dead)
    _remove_empty(place / "tries")


@contextlib.contextmanager
def _own_folder(place: Path, mark: str) -> Iterator[Path]:
    """Make a folder for the tries of this command."""
    lock, folders = _lock(place, mark), place / "tries"
    (folders / mark).mkdir(parents=True)
    yield folders / mark
    shutil.rmtree(folders / mark)  # not after an error: what is in it may still be collected
    _remove_empty(folders)
    _drop(lock)


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


def _drop(lock: FileLock | None) -> None:
    """Let a lock go, and its file."""
    if lock:
        lock.release()
        Path(lock.lock_file).unlink(missing_ok=True)
