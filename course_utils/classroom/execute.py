"""Execute one notebook with papermill, tell how far it is, and why it failed."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from course_utils.classroom import notebooks

ENGINE = "course"


@dataclass
class Outcome:
    """What became of one notebook.

    Attributes
    ----------
    notebook : str
        Stem of the file.
    seconds : float
        Time from start to end, kernel included.
    error : str
        One sentence that names the cell, or empty.
    interrupted : bool
        Whether the user stopped it.
    """

    notebook: str
    seconds: float = 0.0
    error: str = ""
    interrupted: bool = False


class Progress:
    """Shows which notebook and which cell is running: a bar on a terminal, plain lines elsewhere.

    Parameters
    ----------
    total : int
        Number of notebooks.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.number = 0
        self.cell = 0
        self.source = ""
        self._bar: Any = None
        self._started = 0.0
        self._shown = 0.0

    def open(self, name: str, n_cells: int) -> None:
        """Begin a notebook."""
        from tqdm import tqdm

        self.number += 1
        self.cell, self.n_cells, self.source = 0, n_cells, ""
        self.title = f"[{self.number}/{self.total}] {name}"
        if sys.stderr.isatty():
            layout = "{desc}: {n_fmt}/{total_fmt} cells |{bar}| {elapsed}{postfix}"
            self._bar = tqdm(total=n_cells, desc=self.title, dynamic_ncols=True, bar_format=layout)
        else:
            click.echo(f"{self.title}: {n_cells} code cells", err=True)

    def start(self, source: str) -> None:
        """Begin a code cell."""
        self.cell += 1
        self.source = first_line(source)
        self._started = time.perf_counter()
        if self._bar is not None:
            self._bar.set_postfix_str(self.source[:30])

    def tick(self) -> None:
        """Show the time while a long cell runs; called whenever the kernel says something."""
        if self._bar is not None and time.perf_counter() - self._shown > 1:
            self._shown = time.perf_counter()
            self._bar.refresh()

    def end(self) -> None:
        """End a code cell."""
        if self._bar is not None:
            self._bar.update()
        else:
            seconds = time.perf_counter() - self._started
            line = f"  cell {self.cell:>2}/{self.n_cells} {seconds:7.1f} s  {self.source[:60]}"
            click.echo(line, err=True)

    def close(self) -> None:
        """End a notebook."""
        if self._bar is not None:
            self._bar.set_postfix_str("")
            self._bar.close()
            self._bar = None


class Quiet(Progress):
    """Counts cells and shows nothing: for commands that show whole runs."""

    def open(self, name: str, n_cells: int) -> None:
        """Begin a notebook."""
        self.cell, self.n_cells, self.source = 0, n_cells, ""

    def end(self) -> None:
        """End a code cell."""


def first_line(source: str) -> str:
    """First line of a cell that is code, to recognise the cell by."""
    lines = [line.strip() for line in source.splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), "".join(lines[:1]))


def _register_engine() -> None:
    """Give papermill an engine that tells us when a cell starts and ends."""
    from papermill.engines import NBClientEngine, papermill_engines

    class CourseEngine(NBClientEngine):
        @classmethod
        def execute_managed_notebook(cls, nb_man, kernel_name, progress=None, **kwargs):
            started, completed = nb_man.cell_start, nb_man.cell_complete
            autosave = nb_man.autosave_cell

            def cell_start(cell, cell_index=None, **rest):
                if cell.cell_type == "code":
                    progress.start(cell.source)
                started(cell, cell_index=cell_index, **rest)

            def cell_complete(cell, cell_index=None, **rest):
                completed(cell, cell_index=cell_index, **rest)
                if cell.cell_type == "code":
                    progress.end()

            def autosave_cell(**rest):
                progress.tick()
                autosave(**rest)

            nb_man.cell_start, nb_man.cell_complete = cell_start, cell_complete
            nb_man.autosave_cell = autosave_cell
            return super().execute_managed_notebook(nb_man, kernel_name, **kwargs)

    papermill_engines.register(ENGINE, CourseEngine)


def sentence(ename: str, evalue: str, traceback: list[str]) -> str:
    """Tell an exception in one sentence.

    Parameters
    ----------
    ename, evalue : str
        Name and text of the exception.
    traceback : list of str
        What the kernel showed. The course's own errors show their sentence and nothing else.

    Returns
    -------
    str
        One line.
    """
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback)).strip()
    if shown and not re.search(r"Traceback \(most recent|Cell In\[|^ *File ", shown, re.M):
        return " ".join(shown.split())
    text = next((line.strip() for line in evalue.splitlines() if line.strip()), "")
    return f"{ename}: {text}" if text else ename


def execute(
    source: Path,
    result: Path,
    values: dict[str, Any],
    *,
    timeout: int | None,
    progress: Progress,
    cwd: Path | None = None,
) -> Outcome:
    """Execute one notebook.

    Parameters
    ----------
    source, result : pathlib.Path
        The notebook, and where it is written, whole or up to the cell that failed.
    values : dict
        Parameters to inject.
    timeout : int or None
        Seconds for one cell; None means no limit.
    progress : Progress
        Display to report to.
    cwd : pathlib.Path, optional
        Working folder of the kernel; the notebook's own if not given.

    Returns
    -------
    Outcome
        With a sentence where a cell failed; never raises for what a notebook does.
    """
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill import PapermillExecutionError, execute_notebook

    _register_engine()
    outcome = Outcome(source.stem)
    started = time.perf_counter()
    try:
        nb = nbformat.read(source, as_version=4)
        n_cells = sum(cell.cell_type == "code" for cell in nb.cells) + bool(values)
        progress.open(source.stem, n_cells)
        execute_notebook(
            notebooks.papermill_path(source),
            notebooks.papermill_path(result),
            parameters=values,
            engine_name=ENGINE,
            kernel_name=notebooks.KERNELSPEC["name"],
            cwd=cwd or source.parent,
            progress_bar=False,
            progress=progress,
            execution_timeout=timeout,
            record_timing=False,
            coalesce_streams=True,
            # ipykernel 7 says on stderr that a local kernel is not encrypted, and how it was ended.
            extra_arguments=["--log-level=CRITICAL"],
        )
    except PapermillExecutionError as error:
        outcome.error = sentence(error.ename, error.evalue, error.traceback)
    except CellTimeoutError:
        outcome.error = f"took longer than {timeout} s; --timeout gives a cell more time."
    except DeadKernelError:
        outcome.error = "the kernel died; the usual cause is too little memory."
    except KeyboardInterrupt:
        outcome.error, outcome.interrupted = "stopped by Ctrl-C.", True
    except Exception as error:
        outcome.error = sentence(type(error).__name__, str(error), [])
    finally:
        progress.close()
    outcome.seconds = time.perf_counter() - started
    if outcome.error and progress.cell:
        outcome.error = f"cell {progress.cell} `{progress.source}`: {outcome.error}"
    return outcome
