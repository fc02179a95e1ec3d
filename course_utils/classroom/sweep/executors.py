"""Where the runs of a sweep are executed: worker processes here, or the workers of a cluster.

Both are a `concurrent.futures.Executor` with one method more, ``stop``, which ends what is running.
"""

from __future__ import annotations

import contextlib
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
)
from typing import Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.execute import sentence
from course_utils.classroom.sweep.worker import stop_kernels


class WorkerProcesses(Executor):
    """Spawned processes, each replaced by itself when it dies.

    When a process of a `ProcessPoolExecutor` dies, the others are ended with it, and their runs
    with them. Hence a pool of one process for each worker.

    Parameters
    ----------
    n : int
        Number of processes. They are started when they are needed.
    """

    def __init__(self, n: int) -> None:
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
        pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_worker)
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


def _begin_worker() -> None:
    """Leave Ctrl-C to the command, and end with it."""
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


class Cluster(Executor):
    """The workers of a dask scheduler.

    Parameters
    ----------
    address : str
        Address of the scheduler, for instance ``tcp://10.0.0.5:8786``.
    sweep : str
        Which sweep it is for.

    Raises
    ------
    Refused
        If dask.distributed is not installed, or nothing answers at the address.
    """

    def __init__(self, address: str, sweep: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise notebooks.Refused(
                "--scheduler needs dask.distributed, which is not installed; run "
                'pip install ".[cluster]" in the course\'s folder, here and on the workers.'
            ) from None
        try:
            self._client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise notebooks.Refused(
                f"No dask scheduler answers at {address}. Start one with `dask scheduler`, and "
                f"give the address that it prints. ({told(error)})"
            ) from None
        self._executor = self._client.get_executor(pure=False)
        self._sweep = sweep
        if not self._client.nthreads():
            click.echo(
                f"The scheduler has no worker yet; the runs wait for one. Start one on each "
                f"machine: dask worker {address} --nworkers auto --nthreads 1",
                err=True,
            )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function on some worker; dask calls it again if that worker dies."""
        return self._executor.submit(fn, *args, **kwargs)

    def stop(self) -> None:
        """Cancel what waits, and kill the kernels of this sweep on all workers."""
        with contextlib.suppress(Exception):  # the scheduler may be what is gone
            self._executor.shutdown(wait=False)
            self._client.run(stop_kernels, self._sweep, on_error="ignore")
        self.shutdown()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler; it and its workers stay."""
        self._client.close(timeout=5)


def told(error: Exception) -> str:
    """Tell an exception in one sentence."""
    return sentence(type(error).__name__, str(error), [])
