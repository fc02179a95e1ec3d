"""Where the runs of a sweep are executed: worker processes here, or the workers of a cluster.

Both are a `concurrent.futures.Executor` with one method more, ``stop``, which ends what is running.
The worker processes are in `course_utils.workers`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.execute import sentence
from course_utils.classroom.sweep.worker import stop_kernels


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
