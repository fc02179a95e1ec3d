"""The runs of a sweep: what is finished, what is kept of each, and the work on the others."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from pathlib import Path
from typing import Any

from course_utils.classroom import claims, notebooks
from course_utils.classroom.run import relative
from course_utils.classroom.sweep.executors import Cluster, told
from course_utils.classroom.sweep.grid import Run, short_digest
from course_utils.classroom.sweep.worker import Result, Task, run_one
from course_utils.workers import WorkerProcesses

TRIES = 2


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
            self.folder = self.folder.with_name(f"{source.stem}-{short_digest(self.remote)}")
        self.folder = self.folder.resolve()
        self.tries = self.folder / "tries"
        chosen = os.environ.get("COURSE_LEDGER")
        self.book = Path(chosen).resolve() if chosen else self.folder / "ledger.jsonl"
        nb = nbformat.read(source, as_version=4)
        for cell in nb.cells:
            if cell.cell_type == "code":  # stored outputs would only be sent about
                cell.outputs, cell.execution_count = [], None
        # The page of claims lies in the folder, and the notebooks two folders below.
        self.linked = claims.link_beside(nb, folder="../../")
        self.text = nbformat.writes(nb)
        self.code = short_digest("\0".join(c.source for c in nb.cells if c.cell_type == "code"))
        self.failed: dict[Run, str] = {}

    def place(self, run: Run) -> Path:
        """Folder of a finished run; it exists only if the run finished."""
        return self.folder / "runs" / run.name

    def finished(self) -> list[Run]:
        """Runs that need not be run again."""
        return [run for run in self.runs if self.place(run).is_dir()]

    def refuse_other_code(self) -> None:
        """Refuse to mix runs of a notebook before and after its code was changed."""
        kept = [(self.place(run) / "run.json").read_bytes() for run in self.finished()]
        if other := sum(json.loads(text)["code"] != self.code for text in kept):
            raise notebooks.Refused(
                f"The code of {self.source.stem} has changed since {other} of these runs "
                f"finished in {relative(self.folder)}. Choose another folder with --to, or "
                f"delete this one."
            )

    def keep(self, run: Run, result: Result, tries: int) -> None:
        """Store the last try of a run; record it if it finished.

        Parameters
        ----------
        run : Run
            The run.
        result : Result
            What its worker handed back.
        tries : int
            How often it was tried.
        """
        failure = self.folder / "failed" / run.name
        target = failure if result.error else self.place(run)
        if result.error:
            self.failed[run] = result.error
        if result.error or not target.is_dir():
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
            if self.linked and not (self.folder / "claims.md").exists():
                claims.copy(self.folder)
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
        if self.remote:
            for run in runs:
                self._upload(run)

    def _upload(self, run: Run) -> None:
        import nbformat
        from papermill.iorw import write_ipynb

        done = self.place(run) / "uploaded"
        if done.exists():
            return
        nb = nbformat.read(self.place(run) / f"{self.source.stem}.ipynb", as_version=4)
        claims.link_beside(nb)
        try:
            write_ipynb(nb, f"{self.remote}/{run.name}.ipynb")
        except Exception as error:  # each store has its own; the run itself is safe
            self.failed[run] = f"finished, but not written to {self.remote}: {told(error)}"
        else:
            done.touch()
            self.failed.pop(run, None)

    def check_remote(self) -> None:
        """Write the list of runs to the address, so that a refusal comes before the first run."""
        from papermill.iorw import papermill_io

        listed = json.dumps({run.name: run.values for run in self.runs}, indent=1)
        beside = {"sweep.json": listed} | (claims.texts() if self.linked else {})
        try:
            for name, text in beside.items():
                papermill_io.write(text, f"{self.remote}/{name}")
        except Exception as error:  # each store has its own
            raise notebooks.Refused(
                f"--to {self.remote} cannot be written. {told(error)}"
            ) from None


class Display:
    """Runs done and to do: a bar on a terminal, a line for each run elsewhere.

    Parameters
    ----------
    total, done : int
        Number of runs, and of those that are finished.
    """

    def __init__(self, total: int, done: int) -> None:
        from tqdm import tqdm

        self._total, self._done, self._has_bar = total, done, sys.stderr.isatty()
        self._bar = tqdm(
            total=total, initial=done, unit="run", dynamic_ncols=True, disable=not self._has_bar
        )

    def say(self, text: str) -> None:
        """Show a line above the bar."""
        self._bar.write(text, file=sys.stderr)

    def end_of(self, run: Run, result: Result) -> None:
        """Count a run."""
        self._done += 1
        state = f"failed: {result.error}" if result.error else f"{result.seconds:.1f} s"
        if result.error or not self._has_bar:
            self.say(f"[{self._done}/{self._total}] {run.label}: {state}")
        self._bar.set_postfix_str(run.label[:40], refresh=False)
        self._bar.update()

    def tick(self) -> None:
        """Show the time."""
        self._bar.refresh()

    def close(self) -> None:
        """End the bar."""
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
        return Result(f"its worker: {told(error)}")


def work_off(
    sweep: Sweep, executor: WorkerProcesses | Cluster, tasks: dict[Run, Task], display: Display
) -> bool:
    """Run the tasks, and those that fail once more.

    Parameters
    ----------
    sweep : Sweep
        What keeps the results.
    executor : WorkerProcesses or Cluster
        Where they run; it is shut down in the end.
    tasks : dict of Run to Task
        What is to be run.
    display : Display
        What shows them.

    Returns
    -------
    bool
        Whether Ctrl-C stopped it.
    """
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


@contextlib.contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let no Ctrl-C come between."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
