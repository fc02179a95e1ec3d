"""Runs in worker processes: several at once, and memory that is given back when they end.

`each` is for a notebook's own function. `WorkerProcesses` is the executor behind it, and behind
``course sweep`` where no cluster is named.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from typing import Any, TypeVar

QUIET = "course_utils.runtime"  # imports TensorFlow without its start-up lines, so before Keras
Job = TypeVar("Job", bound=tuple)
Result = TypeVar("Result")


class WorkerError(RuntimeError):
    """A worker process died; Jupyter shows the sentence, no traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"WorkerError: {self}"]


def each(
    function: Callable[..., Result], jobs: Iterable[Job], n_workers: int
) -> Iterator[tuple[Job, Result]]:
    """Call a function once for each job, in worker processes, and show a progress bar.

    A function that is written in a notebook may be given; it takes along what it uses of the
    notebook: arrays, other functions. It must not keep anything but what it returns. Stop the
    kernel's work, and the workers are ended too.

    Parameters
    ----------
    function : callable
        Called as ``function(*job)``. What it returns must be picklable.
    jobs : iterable of tuple
        Its arguments.
    n_workers : int
        Number of processes, which share the processor's cores. With 0, and on a machine with a
        GPU, which one process alone can use, the jobs are done one by one in this process.

    Yields
    ------
    job : tuple
        In the order in which the jobs end.
    result
        What the function returned.

    Raises
    ------
    WorkerError
        If a worker died, for instance because memory ran out. The other jobs are given up.
    """
    from tqdm import tqdm

    jobs = list(jobs)
    n_workers = 0 if _has_gpu() else min(n_workers, len(jobs))
    # On standard error it would be red.
    with tqdm(total=len(jobs), unit="run", file=sys.stdout, mininterval=1, ncols=72) as bar:
        ended = _in_workers(function, jobs, n_workers) if n_workers else _here(function, jobs)
        for each_ended in ended:
            bar.update()
            yield each_ended


def _here(function: Callable[..., Result], jobs: list[Job]) -> Iterator[tuple[Job, Result]]:
    for job in jobs:
        yield job, function(*job)


def limited(threads: int) -> dict[str, str]:
    """Environment variables that keep TensorFlow to a number of threads."""
    names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return dict.fromkeys(names, str(threads))


def shared_cores(n_workers: int) -> dict[str, str]:
    """Environment variables that give each of several processes its share of the cores."""
    return limited(max(1, (os.cpu_count() or 1) // n_workers))


def _in_workers(
    function: Callable[..., Result], jobs: list[Job], n_workers: int
) -> Iterator[tuple[Job, Result]]:
    import cloudpickle

    packed = cloudpickle.dumps(function)  # once: it may hold all images
    quiet = QUIET if QUIET in sys.modules else None
    executor = WorkerProcesses(n_workers, shared_cores(n_workers))
    try:
        waiting = {executor.submit(_call_packed, packed, job, quiet): job for job in jobs}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    except BrokenExecutor as error:
        raise WorkerError(
            "A worker process was killed; the usual cause is too little memory. Set n_workers to "
            "a smaller number; what had ended before is in the ledger."
        ) from error
    finally:
        executor.stop()


def _call_packed(packed: bytes, job: tuple[Any, ...], quiet: str | None) -> Any:
    import cloudpickle

    if quiet:
        importlib.import_module(quiet)
    return cloudpickle.loads(packed)(*job)


def _has_gpu() -> bool:
    if "tensorflow" not in sys.modules:
        return False
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


class WorkerProcesses(Executor):
    """Spawned processes, each replaced by itself when it dies.

    When a process of a `ProcessPoolExecutor` dies, the others are ended with it, and their runs
    with them. Hence a pool of one process for each worker.

    Parameters
    ----------
    n : int
        Number of processes. They are started when they are needed.
    environment : dict of str to str, optional
        Environment variables that each process sets before it imports anything else.
    """

    def __init__(self, n: int, environment: dict[str, str] | None = None) -> None:
        self._environment = environment or {}
        self._threads = ThreadPoolExecutor(n)
        self._idle: queue.SimpleQueue[ProcessPoolExecutor | None] = queue.SimpleQueue()
        self._pids: set[int] = set()
        self._lock = threading.Lock()
        self._is_stopped = False
        for _ in range(n):
            self._idle.put(None)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function in the next process that is free."""
        return self._threads.submit(self._call, fn, *args, **kwargs)

    def _call(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        pool = self._idle.get()
        try:
            pool = pool or self._start()
            return pool.submit(fn, *args, **kwargs).result()
        except BrokenExecutor:
            if pool:
                pool.shutdown(wait=False)
            pool = None
            raise
        finally:
            self._idle.put(pool)

    def _start(self) -> ProcessPoolExecutor:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            1, mp_context=context, initializer=_begin_worker, initargs=(self._environment,)
        )
        # Ctrl-C goes to all processes of the terminal. Until a new one can ignore it, it is held.
        with _interrupts_held():
            started = pool.submit(os.getpid)
        pid = started.result()
        with self._lock:
            self._pids.add(pid)
            if self._is_stopped:
                _kill([pid])
                raise BrokenExecutor("stopped")
        return pool

    def stop(self) -> None:
        """Kill the processes and their kernels, whatever they are doing."""
        with self._lock:
            self._is_stopped = True
            _kill(self._pids)
        self.shutdown(cancel_futures=True)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what was submitted and end the processes."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        while not self._idle.empty():
            if pool := self._idle.get():
                pool.shutdown(wait)


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C back from this thread, and from the processes that it starts."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(environment: dict[str, str]) -> None:
    """Leave Ctrl-C to the parent, and end with it."""
    os.environ.update(environment)
    # What comes with JupyterLab takes two seconds of a core to import, for a check of addresses
    # that notebooks do not need. jsonschema, which nbformat uses, does without where it is absent.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()

    def follow() -> None:
        parent.join()
        os._exit(1)  # the kernel sees that it has lost its parent, and ends too

    threading.Thread(target=follow, daemon=True).start()


def _kill(pids: Iterable[int]) -> None:
    """Kill processes with all that they have started."""
    import psutil

    doomed = []
    for pid in pids:
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(pid)
            doomed += [process, *process.children(recursive=True)]
    for process in doomed:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(doomed, timeout=5)
