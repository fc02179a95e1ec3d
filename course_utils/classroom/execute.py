"""Execute one notebook with papermill, and tell in a sentence why it failed."""

from __future__ import annotations

import os
import re
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import click
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_utils.classroom import notebooks


@dataclass
class Outcome:
    """What became of one notebook; `error` is a sentence that names the cell, or empty."""

    notebook: str = ""
    seconds: float = 0.0
    error: str = ""
    refused: bool = False  # by a sentence of the course, such as its check of the parameters
    interrupted: bool = False  # by Ctrl-C
    files: dict[str, bytes] = field(default_factory=dict)  # what a cluster sends back


def environment(**variables: str) -> AbstractContextManager[Any]:
    """Set environment variables, which kernels inherit, for a while."""
    # A kernel called python3 in the user's home must not win over this environment's own.
    always = {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    return mock.patch.dict(os.environ, always | variables)


def execute(
    nb: NotebookNode,
    executed: Path,
    values: dict[str, Any],
    *,
    cwd: Path,
    timeout: int | None = None,
    label: str = "",
) -> Outcome:
    """Execute a notebook into a file; never raises for what a notebook does.

    The outcome is noted in the file, and sliders are taken out; there is none if the kernel did not
    start. With a label, a bar on a terminal or a line elsewhere shows how far it is.
    """
    outcome = Outcome(executed.stem)
    started = time.perf_counter()
    on_terminal = bool(label) and sys.stderr.isatty()
    if label and not on_terminal:
        click.echo(label, err=True)
    cell = ""
    try:
        papermill.execute_notebook(
            notebooks.without_outputs(nb),
            # Papermill would fill in what stands in braces.
            str(executed).replace("{", "{{").replace("}", "}}"),
            parameters=values,
            kernel_name=notebooks.KERNELSPEC["name"],
            cwd=cwd,
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
        outcome.error = told(error)
    outcome.seconds = time.perf_counter() - started
    if executed.is_file():
        _note(executed, outcome, cell)
    return outcome


def _note(executed: Path, outcome: Outcome, cell: str) -> None:
    """Note the outcome in a notebook; name the cell at which it stopped if papermill did not."""
    nb = notebooks.without_widgets(nbformat.read(executed, as_version=4))
    code = [each for each in nb.cells if each.cell_type == "code"]
    begun = [each for each in code if each.metadata.get("papermill", {}).get("start_time")]
    if begun and not cell:
        cell = f"cell {len(begun)} `{first_line(begun[-1].source)}`: "
    if outcome.error:
        outcome.error = cell + outcome.error
    if "papermill" in nb.metadata:  # no path of this machine
        nb.metadata.papermill.update(input_path=executed.name, output_path=executed.name)
    nb.metadata["course"] = {"seconds": round(outcome.seconds, 1), "error": outcome.error}
    nbformat.write(nb, executed)


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


def told(error: BaseException) -> str:
    """Tell an exception in one sentence."""
    return sentence(type(error).__name__, str(error), [])
