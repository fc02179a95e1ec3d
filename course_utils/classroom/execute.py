"""Execute one notebook with papermill, and tell in a sentence why it failed."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_utils.classroom import notebooks


@dataclass
class Outcome:
    """What became of one notebook; `error` is a sentence that names the cell, or empty."""

    notebook: str
    seconds: float = 0.0
    error: str = ""
    refused: bool = False  # by a sentence of the course, such as its check of the parameters
    interrupted: bool = False  # by Ctrl-C


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set environment variables, which kernels inherit, for a while."""
    # A kernel called python3 in the user's home must not win over this environment's own.
    always = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    before = dict(os.environ)
    os.environ.update(always | variables)
    try:
        yield
    finally:
        for name in always | variables:
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


def execute(
    source: Path,
    executed: Path,
    values: dict[str, Any],
    *,
    timeout: int | None = None,
    label: str = "",
    cwd: Path | None = None,
) -> Outcome:
    """Execute a notebook into a file; never raises for what a notebook does.

    The kernel runs in the notebook's own folder, or in `cwd`. With a label, a bar on a terminal or
    a line elsewhere shows it.
    """
    outcome = Outcome(source.stem)
    started = time.perf_counter()
    on_terminal = bool(label) and sys.stderr.isatty()
    if label and not on_terminal:
        click.echo(label, err=True)
    cell = ""
    try:
        nb = notebooks.read(source)
        for each in nb.cells:
            each.update({"outputs": []} if each.cell_type == "code" else {})
        papermill.execute_notebook(
            nb,
            notebooks.escaped(executed),
            parameters=values,
            kernel_name=notebooks.KERNELSPEC["name"],
            cwd=cwd or source.parent,
            progress_bar={"desc": label} if on_terminal else False,
            execution_timeout=timeout,
            record_timing=False,
            coalesce_streams=True,
            # ipykernel 7 says on stderr that a local kernel is not encrypted, and how it was ended.
            extra_arguments=["--log-level=CRITICAL"],
        )
    except papermill.PapermillExecutionError as error:
        outcome.error = sentence(error.ename, error.evalue, error.traceback)
        outcome.refused = error.ename in ("CourseError", "ParameterError")
        cell = f"cell {error.exec_count} `{first_line(error.source)}`: "
    except CellTimeoutError:
        outcome.error = f"took longer than {timeout} s; --timeout gives a cell more time."
    except DeadKernelError:
        outcome.error = "the kernel died; the usual cause is too little memory."
    except KeyboardInterrupt:
        outcome.error, outcome.interrupted = "stopped by Ctrl-C.", True
    except Exception as error:  # whatever stops one notebook, the others go on
        outcome.error = sentence(type(error).__name__, str(error), [])
    outcome.seconds = time.perf_counter() - started
    if outcome.error:
        outcome.error = (cell or _last_begun(executed)) + outcome.error
    return outcome


def _last_begun(executed: Path) -> str:
    """Name the cell at which an execution stopped that papermill does not name."""
    if not executed.is_file():
        return ""
    code = [cell for cell in nbformat.read(executed, 4).cells if cell.cell_type == "code"]
    begun = [cell for cell in code if cell.metadata.get("papermill", {}).get("start_time")]
    return f"cell {len(begun)} `{first_line(begun[-1].source)}`: " if begun else ""


def first_line(source: str) -> str:
    """First line of a cell that is code, to recognise the cell by."""
    lines = [line.strip() for line in source.splitlines()]
    return next((line for line in lines if line and not line.startswith("#")), "".join(lines[:1]))


def sentence(ename: str, evalue: str, traceback: list[str]) -> str:
    """Tell an exception in one line: the course's own errors show their sentence and no more."""
    shown = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(traceback)).strip()
    if shown and not re.search(r"Traceback \(most recent|Cell In\[|^ *File ", shown, re.M):
        return " ".join(shown.split())
    text = next((line.strip() for line in evalue.splitlines() if line.strip()), "")
    return f"{ename}: {text}" if text else ename


def annotate(executed: Path, outcome: Outcome) -> NotebookNode | None:
    """Note the outcome in an executed notebook; take paths of this machine and sliders out.

    None if there is no file, for the kernel did not start.
    """
    if not executed.is_file():
        return None
    nb = notebooks.without_widgets(nbformat.read(executed, as_version=4))
    if "papermill" in nb.metadata:
        nb.metadata.papermill.update(input_path=executed.name, output_path=executed.name)
    nb.metadata["course"] = {"seconds": round(outcome.seconds, 1), "error": outcome.error}
    nbformat.write(nb, executed)
    return nb
