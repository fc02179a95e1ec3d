"""One run of a sweep, in a worker: what it gets, what it does, and what it hands back."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_utils.classroom.execute import Quiet, execute
from course_utils.classroom.run import annotate, environment, kernel_environment
from course_utils.workers import limited


@dataclass(frozen=True)
class Task:
    """What a worker needs for one run.

    Attributes
    ----------
    sweep : str
        Which sweep it belongs to.
    stem, text : str
        The notebook.
    values : dict
        Its parameters.
    home : str
        The notebook's folder, where the kernel runs if the worker has it.
    has_output_dir : bool
        Whether the notebook has the parameter ``output_dir``, and it is not set.
    tries : str or None
        Folder to work in; None for a temporary one.
    threads : int or None
        Threads of the kernel; None for those of the dask worker.
    """

    sweep: str
    stem: str
    text: str
    values: dict[str, Any]
    home: str
    has_output_dir: bool
    tries: str | None
    threads: int | None


@dataclass
class Result:
    """What a worker hands back.

    Attributes
    ----------
    error : str
        One sentence that names the cell, or empty.
    seconds : float
        Time of the run.
    notebook : str
        The executed notebook.
    records : list of dict
        What the run recorded.
    folder : str or None
        Where all of this lies already, if it is on this machine.
    """

    error: str
    seconds: float = 0.0
    notebook: str = ""
    records: list[dict[str, Any]] = field(default_factory=list)
    folder: str | None = None


# papermill changes the working folder, and kernels inherit the environment; both belong to the
# whole process. A dask worker with many threads therefore runs one notebook at a time.
_one_at_a_time = threading.Lock()
_stopped: set[str] = set()  # sweeps


def run_one(task: Task) -> Result:
    """Execute one notebook; runs in a worker, and imports no TensorFlow there.

    Parameters
    ----------
    task : Task
        The run.

    Returns
    -------
    Result
        Notebook and records; with a sentence where a cell failed.
    """
    from course_utils import ledger

    with _one_at_a_time, contextlib.ExitStack() as stack:
        if task.sweep in _stopped:
            return Result("stopped by Ctrl-C.")
        if task.tries is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="course-")))
        else:
            work = Path(task.tries, uuid.uuid4().hex)
            work.mkdir()
        source, result = work / "source" / f"{task.stem}.ipynb", work / f"{task.stem}.ipynb"
        source.parent.mkdir()
        source.write_text(task.text, encoding="utf-8")
        # A file of its own for each try: what a lost or failed try recorded is read by nobody.
        book = work / "ledger.jsonl"
        # Runs beside each other must not write the same files.
        own = {"output_dir": str(work / "files")} if task.has_output_dir else {}
        home = Path(task.home)
        with environment(
            COURSE_LEDGER=str(book),
            COURSE_SWEEP=task.sweep,
            **limited(task.threads or _dask_threads()),
            **kernel_environment(),
        ):
            outcome = execute(
                source,
                result,
                task.values | own,
                timeout=None,
                progress=Quiet(1),
                cwd=home if home.is_dir() else work,
            )
        annotate(result, outcome)
        shutil.rmtree(source.parent)
        Path(f"{book}.lock").unlink(missing_ok=True)
        return Result(
            outcome.error,
            outcome.seconds,
            result.read_text(encoding="utf-8") if result.is_file() else "",
            ledger.read(book),
            None if task.tries is None else str(work),
        )


def _dask_threads() -> int:
    from distributed import get_worker

    return get_worker().state.nthreads


def stop_kernels(sweep: str) -> None:
    """Kill the kernels of one sweep in this process, and start none of it any more.

    Parameters
    ----------
    sweep : str
        Which sweep.
    """
    import psutil

    _stopped.add(sweep)
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.environ().get("COURSE_SWEEP") == sweep:
                child.kill()
