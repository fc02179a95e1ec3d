"""``course sweep``: one notebook, run at every point of a grid, here or on a cluster.

All runs go through one `concurrent.futures.Executor`: spawned worker processes, or the workers of a
dask scheduler. A worker gets the text of the notebook and hands back the executed notebook and the
records of that run, so that it needs no folder in common with the command. The command alone
writes: it puts a finished run into ``runs/``, in one step, and then its records into the ledger.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import multiprocessing
import os
import queue
import re
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.execute import Progress, execute, sentence
from course_utils.classroom.prepare import refuse_own_folder
from course_utils.classroom.run import (
    _annotate,
    _collect,
    environment,
    kernel_environment,
    relative,
)

TRIES = 2
# What a kernel with TensorFlow and a small network takes. More workers than fit into the memory
# would be slower, and then killed.
BYTES_PER_WORKER = 1.5e9
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")
KINDS: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "str": (str,),
}


# --- the grid ---------------------------------------------------------------------------------


def parse_grid(texts: Iterable[str], declared: dict[str, str]) -> dict[str, list[Any]]:
    """Read the values of ``-g``.

    Parameters
    ----------
    texts : iterable of str
        Each of the form ``name=values``: values separated by commas, ranges ``a..b`` among them,
        or a YAML list of the values.
    declared : dict of str to str
        Types of the notebook's parameters, as papermill infers them.

    Returns
    -------
    dict of str to list
        The values of each name. For a parameter that is a list, a single value stands for the
        list of it.

    Raises
    ------
    Refused
        For a text that cannot be read so, a value twice, or a value of another type than declared.
    """
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, _, listed = (part.strip() for part in text.partition("="))
        if not name or not listed:
            raise notebooks.Refused(
                f"-g '{text}' must be of the form NAME=VALUES, for instance -g seed=0..9."
            )
        if name in grid:
            raise notebooks.Refused(f"-g {name} is given twice; put its values into one -g.")
        kind = declared.get(name, "None").split("[")[0]
        values = [_fitting(name, value, kind) for value in _listed(name, listed, kind)]
        for index, value in enumerate(values):
            if value in values[:index]:
                raise notebooks.Refused(f"-g {name}: the value {value!r} stands there twice.")
        grid[name] = values
    return grid


def _listed(name: str, text: str, kind: str) -> list[Any]:
    """Read the values in a text, ranges written out."""
    values = _yaml(text)
    if not isinstance(values, list):
        values = _yaml(f"[{text}]")
        if not isinstance(values, list):
            raise notebooks.Refused(
                f"-g {name}: '{text}' is not a list of values. Separate them by commas, give a "
                f'range such as 0..9, or a YAML list, such as "[[relu], [F1, relu]]".'
            )
    elif kind == "list" and not all(isinstance(value, list) for value in values):
        # One run with all of them, or a run for each? Both would be a surprise to somebody.
        inner = text[1:-1].strip()
        raise notebooks.Refused(
            f'-g "{name}={text}" can be read in two ways, for {name} is a list. Write '
            f'"{name}={inner}" for a run with each value, or "{name}=[[{inner}]]" for one run.'
        )
    written_out: list[Any] = []
    for value in values:
        match = RANGE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            written_out.append(value)
            continue
        low, high = map(int, match.groups())
        if low > high:
            raise notebooks.Refused(f"-g {name}: the range {value} is empty; write {high}..{low}.")
        written_out.extend(range(low, high + 1))
    if not written_out:
        raise notebooks.Refused(f"-g {name}: there is no value in '{text}'.")
    return written_out


def _yaml(text: str) -> Any:
    """Value of a YAML text, with ``1e-4`` a number and ``None`` a null; None if it is not YAML."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    number = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
    Loader.add_implicit_resolver("tag:yaml.org,2002:float", number, list("-+.0123456789"))
    Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("None$"), ["N"])
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError:
        return None


def _fitting(name: str, value: Any, kind: str) -> Any:
    """Return the value as the parameter takes it; refuse one of another type."""
    if kind == "list" and not isinstance(value, list):
        value = [value]
    for one in value if isinstance(value, list) else [value]:
        if not (one is None or isinstance(one, (bool, int, float, str))):
            raise notebooks.Refused(f"-g {name}: {one!r} is no number, text, true, false or null.")
    if kind in KINDS:
        fits = isinstance(value, KINDS[kind]) and (kind == "bool") == isinstance(value, bool)
        if not fits:
            raise notebooks.Refused(
                f"-g {name}: {value!r} does not fit, for the notebook declares {name}: {kind}."
            )
        if kind == "float":
            value = float(value)  # 1 and 1.0 are the same run
    return value


# Compared by identity: a dictionary has no hash.
@dataclass(frozen=True, eq=False)
class Run:
    """One point of the grid.

    Attributes
    ----------
    label : str
        Its grid values, for a reader.
    name : str
        Name of its folder: the label, and a digest of all its values.
    point : dict
        Its grid values.
    values : dict
        All parameters that are set.
    """

    label: str
    name: str
    point: dict[str, Any]
    values: dict[str, Any]


def runs_of(grid: dict[str, list[Any]], given: dict[str, Any]) -> list[Run]:
    """Every point of a grid, the last name running fastest.

    Parameters
    ----------
    grid : dict of str to list
        Values of each name.
    given : dict
        Parameters that are the same in all runs.

    Returns
    -------
    list of Run
        The runs.
    """
    runs = []
    for combination in itertools.product(*grid.values()):
        point = dict(zip(grid, combination, strict=True))
        values = given | point
        shown = {
            name: "+".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in point.items()
        }
        label = " ".join(f"{name}={text}" for name, text in shown.items())
        text = json.dumps(values, sort_keys=True, default=str)
        folder = re.sub(r"[^\w.=+-]+", "_", label)[:80]
        runs.append(Run(label, f"{folder}-{_short(text)}", point, values))
    return runs


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


# --- one run, in a worker ---------------------------------------------------------------------


@dataclass(frozen=True)
class Task:
    """What a worker needs for one run.

    Attributes
    ----------
    sweep : str
        Which sweep it belongs to.
    run : str
        Name of the run.
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
    run: str
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


class _Quiet(Progress):
    """Counts cells and shows nothing: the command shows the runs."""

    def open(self, name: str, n_cells: int) -> None:
        self.cell, self.n_cells, self.source = 0, n_cells, ""

    def end(self) -> None:
        pass


# papermill changes the working folder, and kernels inherit the environment; both belong to the
# whole process. A dask worker with many threads therefore runs one notebook at a time.
_one_at_a_time = threading.Lock()
_running: dict[str, str] = {}  # ledger of a run: its sweep
_stopped: set[str] = set()  # sweeps that were stopped


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
            work = Path(task.tries, f"{task.run}-{uuid.uuid4().hex[:8]}")
            work.mkdir()
        source, result = work / "source" / f"{task.stem}.ipynb", work / f"{task.stem}.ipynb"
        source.parent.mkdir()
        source.write_text(task.text, encoding="utf-8")
        # A file of its own for each try: what a lost or failed try recorded is read by nobody.
        book = work / "ledger.jsonl"
        values = dict(task.values)
        if task.has_output_dir:  # runs beside each other must not write the same files
            values["output_dir"] = str(work / "files")
        threads = str(task.threads or _dask_threads())
        home = Path(task.home)
        with environment(
            COURSE_LEDGER=str(book),
            TF_NUM_INTRAOP_THREADS=threads,
            OMP_NUM_THREADS=threads,
            **kernel_environment(),
        ):
            _running[str(book)] = task.sweep
            try:
                outcome = execute(
                    source,
                    result,
                    values,
                    timeout=None,
                    progress=_Quiet(1),
                    cwd=home if home.is_dir() else work,
                )
            finally:
                del _running[str(book)]
        _annotate(result, outcome)
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


def _stop_here(sweep: str) -> None:
    """Kill the kernels of one sweep in this process, and start none of it any more."""
    import psutil

    _stopped.add(sweep)
    ours = {book for book, owner in _running.items() if owner == sweep}
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if child.environ().get("COURSE_LEDGER") in ours:
                child.kill()


# --- executors --------------------------------------------------------------------------------


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
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


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
            reason = sentence(type(error).__name__, str(error), [])
            raise notebooks.Refused(
                f"No dask scheduler answers at {address}. Start one with `dask scheduler`, and "
                f"give the address that it prints. ({reason})"
            ) from None
        self._executor = self._client.get_executor(pure=False)
        self._sweep = sweep

    def workers(self) -> dict[str, int]:
        """Threads of each worker by its address."""
        return dict(self._client.nthreads())

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Call a function on some worker; dask calls it again if that worker dies."""
        return self._executor.submit(fn, *args, **kwargs)

    def stop(self) -> None:
        """Cancel what waits, and kill the kernels of this sweep on all workers."""
        with contextlib.suppress(Exception):  # the scheduler may be what is gone
            self._executor.shutdown(wait=False)
            self._client.run(_stop_here, self._sweep, on_error="ignore")
        self.shutdown()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the scheduler; it and its workers stay."""
        self._client.close(timeout=5)


# --- the sweep --------------------------------------------------------------------------------


class Sweep:
    """The runs of one notebook in one folder, and what became of them.

    Parameters
    ----------
    source : pathlib.Path
        The notebook.
    runs : list of Run
        What is to be there in the end.
    to : str or None
        Where the executed notebooks go: a folder, or an address that papermill can write to.
    """

    def __init__(self, source: Path, runs: list[Run], to: str | None) -> None:
        import nbformat

        self.source, self.runs = source, runs
        # An address cannot hold the state: finished runs are kept here, and copied there.
        self.remote = to.rstrip("/") if to and "://" in to else None
        self.folder = Path(to) if to and not self.remote else Path("build/sweep") / source.stem
        if self.remote:
            self.folder = self.folder.with_name(f"{source.stem}-{_short(self.remote)}")
        self.folder = self.folder.resolve()
        self.tries = self.folder / "tries"
        chosen = os.environ.get("COURSE_LEDGER")
        self.book = Path(chosen).resolve() if chosen else self.folder / "ledger.jsonl"
        nb = nbformat.read(source, as_version=4)
        for cell in nb.cells:
            if cell.cell_type == "code":  # stored outputs would only be sent about
                cell.outputs, cell.execution_count = [], None
        self.text = nbformat.writes(nb)
        self.code = _short("\0".join(c.source for c in nb.cells if c.cell_type == "code"))
        self.failed: dict[Run, str] = {}

    def place(self, run: Run) -> Path:
        """Folder of a finished run; it exists only if the run finished."""
        return self.folder / "runs" / run.name

    def finished(self) -> list[Run]:
        """Runs that need not be run again."""
        return [run for run in self.runs if self.place(run).is_dir()]

    def about(self, run: Run) -> dict[str, Any]:
        """What is kept about a finished run."""
        return json.loads((self.place(run) / "run.json").read_text(encoding="utf-8"))

    def refuse_other_code(self) -> None:
        """Refuse to mix runs of a notebook before and after its code was changed."""
        other = [run for run in self.finished() if self.about(run)["code"] != self.code]
        if other:
            raise notebooks.Refused(
                f"The code of {self.source.stem} has changed since {len(other)} of these runs "
                f"finished in {relative(self.folder)}. Choose another folder with --to, or "
                f"delete this one."
            )

    def task(self, run: Run, sweep: str, has_output_dir: bool, threads: int | None) -> Task:
        """Describe a run to a worker."""
        tries = None if threads is None else str(self.tries)
        home = str(self.source.parent)
        return Task(
            sweep,
            run.name,
            self.source.stem,
            self.text,
            run.values,
            home,
            has_output_dir,
            tries,
            threads,
        )

    def keep(self, run: Run, result: Result, tries: int) -> None:
        """Store the last try of a run; record it if it finished."""
        target = self.place(run)
        failure = self.folder / "failed" / run.name
        if result.error:
            self.failed[run] = result.error
            target = failure
        if not target.is_dir() or result.error:
            work = Path(result.folder or self.tries / uuid.uuid4().hex)
            if not result.folder:
                self._write(work, result)
            about = {
                "notebook": self.source.stem,
                "values": run.values,
                "code": self.code,
                "tries": tries,
                "seconds": round(result.seconds, 1),
                "error": result.error,
            }
            (work / "run.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            shutil.rmtree(failure, ignore_errors=True)
            target.parent.mkdir(exist_ok=True)
            # In one step: what is in runs/ is whole, whenever the command is stopped.
            os.replace(work, target)
        if not result.error:
            self.record([run])

    def _write(self, work: Path, result: Result) -> None:
        from course_utils import ledger

        work.mkdir()
        if result.notebook:
            (work / f"{self.source.stem}.ipynb").write_text(result.notebook, encoding="utf-8")
        for record in result.records:
            ledger.append(record, work / "ledger.jsonl")
        (work / "ledger.jsonl.lock").unlink(missing_ok=True)

    def records(self, run: Run) -> list[dict[str, Any]]:
        """Records of a finished run."""
        from course_utils import ledger

        return ledger.read(self.place(run) / "ledger.jsonl")

    def record(self, runs: list[Run]) -> None:
        """Bring the records of finished runs into the ledger, each exactly once, and upload."""
        from course_utils import ledger

        new = [record for run in runs for record in self.records(run)]
        held = {record.get("id") for record in ledger.read(self.book)} if new else set()
        for record in new:
            if record["id"] not in held:
                ledger.append(record, self.book)
        for run in runs if self.remote else ():
            self._upload(run)

    def _upload(self, run: Run) -> None:
        import nbformat
        from papermill.iorw import write_ipynb

        done = self.place(run) / "uploaded"
        if done.exists():
            return
        nb = nbformat.read(self.place(run) / f"{self.source.stem}.ipynb", as_version=4)
        try:
            write_ipynb(nb, f"{self.remote}/{run.name}.ipynb")
        except Exception as error:  # each store has its own; the run itself is safe
            reason = sentence(type(error).__name__, str(error), [])
            self.failed[run] = f"finished, but not written to {self.remote}: {reason}"
        else:
            done.touch()
            self.failed.pop(run, None)

    def check_remote(self) -> None:
        """Write the list of runs to the address, so that a refusal comes before the first run."""
        from papermill.iorw import papermill_io

        listed = json.dumps({run.name: run.values for run in self.runs}, indent=1)
        try:
            papermill_io.write(listed, f"{self.remote}/sweep.json")
        except Exception as error:  # each store has its own
            reason = sentence(type(error).__name__, str(error), [])
            raise notebooks.Refused(f"--to {self.remote} cannot be written. {reason}") from None


class _Display:
    """Runs done and to do: a bar on a terminal, a line for each run elsewhere."""

    def __init__(self, total: int, done: int) -> None:
        self._total, self._done, self._bar = total, done, None
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=total, initial=done, unit="run", dynamic_ncols=True)

    def say(self, text: str) -> None:
        if self._bar is None:
            click.echo(text, err=True)
        else:
            self._bar.write(text, file=sys.stderr)

    def end_of(self, run: Run, result: Result) -> None:
        self._done += 1
        state = f"failed: {result.error}" if result.error else f"{result.seconds:.1f} s"
        if self._bar is None or result.error:
            self.say(f"[{self._done}/{self._total}] {run.label}: {state}")
        if self._bar is not None:
            self._bar.set_postfix_str(run.label[:40], refresh=False)
            self._bar.update()

    def tick(self) -> None:
        if self._bar is not None:
            self._bar.refresh()

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _result(future: Future[Any]) -> Result:
    """Result of a run; a sentence where its worker did not live to tell."""
    try:
        return future.result()
    except BrokenExecutor:
        return Result("its worker process was killed; the usual cause is too little memory.")
    except CancelledError:
        return Result("the scheduler gave it up, or was lost.")
    except Exception as error:  # dask's KilledWorker, or whatever a worker of a cluster lacks
        return Result(f"its worker: {sentence(type(error).__name__, str(error), [])}")


def _work_off(
    sweep: Sweep, executor: WorkerProcesses | Cluster, tasks: dict[Run, Task], display: _Display
) -> bool:
    """Run the tasks; return whether Ctrl-C stopped it."""
    waiting: dict[Future[Any], tuple[Run, int]] = {}

    def collect(done: Iterable[Future[Any]], again: bool) -> None:
        for future in done:
            run, tries = waiting[future]
            result = _result(future)
            if result.error and again and tries < TRIES:
                display.say(f"{run.label} is tried once more. It failed: {result.error}")
                waiting[executor.submit(run_one, tasks[run])] = (run, tries + 1)
            elif again or not result.error:
                sweep.keep(run, result, tries)
                display.end_of(run, result)
            del waiting[future]  # last, so that Ctrl-C in between loses nothing

    try:
        for run, task in tasks.items():
            waiting[executor.submit(run_one, task)] = (run, 1)
        while waiting:
            done, _ = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
            collect(done, again=True)
            display.tick()
    except KeyboardInterrupt:
        with _interrupts_ignored():  # what follows takes a moment, and must end
            for future in waiting:
                future.cancel()
            collect([f for f in waiting if f.done() and not f.cancelled()], again=False)
            sweep.record(sweep.finished())  # it may have come between a run and its record
            executor.stop()
        return True
    except BaseException:
        executor.stop()
        raise
    executor.shutdown()
    return False


def _table(sweep: Sweep) -> str:
    """Table of the finished runs, with what tells runs of the same arm apart, except the seed."""
    from course_utils.classroom import report

    records = [(r, run.point) for run in sweep.finished() for r in sweep.records(run)]
    points: dict[Any, list[dict[str, Any]]] = defaultdict(list)

    def arm(record: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(str(record.get(key)) for key in ("notebook", "arm", "data", "protocol"))

    for record, point in records:
        points[arm(record)].append(point)
    shown = []
    for record, point in records:
        others = points[arm(record)]
        parts = [
            f"{name}={value}"
            for name, value in point.items()
            if name != "seed" and any(other[name] != value for other in others)
        ]
        shown.append(record | {"arm": ", ".join([str(record.get("arm")), *parts])})
    try:
        return report.terminal_table(shown)
    except (KeyError, TypeError) as error:  # a notebook of somebody else may record otherwise
        return f"{len(shown)} records, without a table: they lack {error}."


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _default_workers(n_runs: int) -> int:
    import psutil

    fitting = int(psutil.virtual_memory().available / BYTES_PER_WORKER)
    return max(1, min(_cores(), fitting, n_runs))


def _announce(sweep: Sweep, grid: dict[str, list[Any]], parallel: int | None, where: str) -> None:
    finished = sweep.finished()
    n, left = len(sweep.runs), len(sweep.runs) - len(finished)
    sizes = " × ".join(f"{len(values)} {name}" for name, values in grid.items())
    to_go = f"{left} to go{where}" if left else "none to go"
    click.echo(f"{n} runs of {sweep.source.stem}: {sizes}. {len(finished)} finished, {to_go}.")
    times = [sweep.about(run)["seconds"] for run in finished]
    if times and left and parallel:
        typical = statistics.median(times)
        rounds = -(-left // parallel)
        click.echo(f"A run took {typical:.0f} s: about {max(1, round(typical * rounds / 60))} min.")
    target = sweep.remote or f"{relative(sweep.folder)}/runs"
    click.echo(f"Notebooks: {target}; records: {relative(sweep.book)}")


@click.command("sweep", short_help="Run a notebook at every point of a grid, in parallel.")
@click.argument("name", metavar="NOTEBOOK")
@click.option(
    "-g",
    "grids",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values of one parameter; each combination of all -g is a run.",
)
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="One parameter.")
@click.option("-y", "yamls", multiple=True, metavar="YAML", help="Parameters as a line of YAML.")
@click.option("--profile", help="Take the values of this profile of profiles.yaml (smoke, full).")
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Worker processes here.  [default: one for each core that has memory]",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of this dask scheduler.")
@click.option(
    "--to",
    metavar="PATH",
    help="Where the notebooks go: a folder, or s3://…, gs://….  [default: build/sweep/NOTEBOOK]",
)
@click.option("--dry-run", is_flag=True, help="List the runs, and run nothing.")
def command(
    name: str,
    grids: tuple[str, ...],
    pairs: tuple[tuple[str, str], ...],
    yamls: tuple[str, ...],
    profile: str | None,
    workers: int | None,
    scheduler: str | None,
    to: str | None,
    dry_run: bool,
) -> None:
    r"""Run one notebook at every point of a grid, on all cores or on a cluster.

    \b
    VALUES of a parameter:
      -g width=0.25,0.5             separated by commas
      -g seed=0..9                  a range, both ends included
      -g "arms=[[F1],[F1,relu]]"    for a list: a YAML list of lists
      -g dropout_rates=0.1,0.2      for a list: each value alone, [0.1] and [0.2]

    A run that fails is tried once more, and costs no other run. Stop with Ctrl-C at any time:
    the same command goes on where it stopped, and repeats no finished run. Finished runs are
    recorded in ledger.jsonl of the folder, or in COURSE_LEDGER where that is set. The exit status
    is 1 if a run failed, and 130 after Ctrl-C.

    A notebook runs in its own folder, with an output_dir of its own unless you set one. On a
    cluster (`dask worker ADDRESS --nthreads 1`) the workers need the course and the data; a worker
    runs one notebook at a time, on as many threads as it has, and only the notebook and its
    records come back.
    """
    from filelock import FileLock, Timeout

    (source,) = notebooks.find([name])
    if not grids:
        raise notebooks.Refused("There is no -g; give one, such as -g seed=0..9, or `course run`.")
    if workers and scheduler:
        raise notebooks.Refused("--workers is for processes here; leave it out with --scheduler.")
    given = notebooks.profile_values(source, profile) | (chosen := _collect(pairs, yamls, ()))
    notebooks.check_names(source, [*given, *(text.partition("=")[0].strip() for text in grids)])
    declared = {key: one["inferred_type_name"] for key, one in notebooks.parameters(source).items()}
    grid = parse_grid(grids, declared)
    if both := sorted(grid.keys() & chosen.keys()):
        raise notebooks.Refused(f"{both[0]} is given by -g and by -p or -y; leave one out.")
    sweep = Sweep(source, runs_of(grid, given), to)
    refuse_own_folder([source], sweep.folder)
    sweep.refuse_other_code()
    left = len(sweep.runs) - len(sweep.finished())
    n = None if scheduler else workers or _default_workers(left)
    threads = max(1, _cores() // n) if n else None
    here = f", {n} at a time with {threads} of {_cores()} cores each" if n else f", on {scheduler}"
    _announce(sweep, grid, n, here)
    if dry_run:
        done = set(sweep.finished())
        for run in sweep.runs:
            click.echo(f"{'finished' if run in done else 'to run':<10}{run.label}")
        return

    sweep.folder.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(sweep.folder / "sweep.lock").acquire(timeout=0)
    except Timeout:
        raise notebooks.Refused(
            f"Another `course sweep` is at work in {relative(sweep.folder)}; "
            f"wait for it, or choose another folder with --to."
        ) from None
    own_output_dir = "output_dir" in declared.keys() - given.keys() - grid.keys()
    with held:
        try:
            stopped = _carry_out(sweep, scheduler, n, threads, own_output_dir)
        except OSError as error:  # a full disk, a ledger that cannot be written
            raise click.ClickException(
                f"{error} Finished runs are kept; the same command goes on from here."
            ) from error
    n_finished = len(sweep.finished())
    click.echo(f"\n{_table(sweep)}\n")
    for run, error in sweep.failed.items():
        click.echo(f"{run.label}: {error}")
    if any((sweep.folder / "failed" / run.name).is_dir() for run in sweep.failed):
        click.echo(f"What is left of them: {relative(sweep.folder / 'failed')}")
    click.echo(f"{n_finished} of {len(sweep.runs)} runs are finished and recorded.")
    if stopped:
        click.echo("Stopped by Ctrl-C; the same command goes on from here.")
        raise SystemExit(130)
    if sweep.failed:
        raise SystemExit(1)


def _carry_out(
    sweep: Sweep, scheduler: str | None, n: int | None, threads: int | None, own_output_dir: bool
) -> bool:
    """Run what is not finished; return whether Ctrl-C stopped it."""
    token = uuid.uuid4().hex
    executor = Cluster(scheduler, token) if scheduler else WorkerProcesses(n or 1)
    shutil.rmtree(sweep.tries, ignore_errors=True)  # what a killed command was at
    sweep.tries.mkdir()
    if sweep.remote:
        sweep.check_remote()
    finished = set(sweep.finished())
    sweep.record(list(finished))  # a command that was killed may not have come to it
    if isinstance(executor, Cluster):
        _describe(executor.workers(), scheduler)
    tasks = {
        run: sweep.task(run, token, own_output_dir, threads)
        for run in sweep.runs
        if run not in finished
    }
    display = _Display(len(sweep.runs), len(finished))
    try:
        return _work_off(sweep, executor, tasks, display)
    finally:
        display.close()
        shutil.rmtree(sweep.tries, ignore_errors=True)


def _describe(workers: dict[str, int], scheduler: str | None) -> None:
    """Say what a scheduler offers, and what would keep the runs waiting."""
    if not workers:
        click.echo(
            f"The scheduler has no worker yet; the runs wait for one. Start one on each machine: "
            f"dask worker {scheduler} --nworkers auto --nthreads 1",
            err=True,
        )
    elif max(workers.values()) > 1:
        click.echo(
            f"Workers: {len(workers)}, some with many threads. Each runs one notebook at a time; "
            f"with small networks, workers with --nthreads 1 get more done.",
            err=True,
        )
