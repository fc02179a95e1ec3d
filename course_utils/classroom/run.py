"""``course run``: execute notebooks with papermill, one after the other."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.execute import Outcome, Progress, execute, first_line
from course_utils.classroom.prepare import refuse_own_folder
from course_utils.classroom.values import collect_values

if TYPE_CHECKING:
    from nbformat import NotebookNode

# Seconds one cell may take. The profile `full` trains for hours in one cell, so there it has none.
TIMEOUT = 1800


def annotate(path: Path, outcome: Outcome) -> NotebookNode | None:
    """Note the outcome in an executed notebook; take paths of this machine and sliders out.

    Parameters
    ----------
    path : pathlib.Path
        The executed notebook.
    outcome : Outcome
        What became of it.

    Returns
    -------
    nbformat.NotebookNode or None
        The notebook as written; None if there is no file, for the kernel did not start.
    """
    import nbformat

    if not path.is_file():
        return None
    nb = notebooks.without_widgets(nbformat.read(path, as_version=4))
    if "papermill" in nb.metadata:
        nb.metadata.papermill.update(input_path=path.name, output_path=path.name)
    nb.metadata["course"] = {"seconds": round(outcome.seconds, 1), "error": outcome.error}
    nbformat.write(nb, path)
    return nb


@contextmanager
def environment(**values: str) -> Iterator[None]:
    """Set environment variables, which kernels inherit, for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def run_all(
    plan: list[tuple[Path, dict[str, Any]]], target: Path, *, timeout: int | None, full: bool
) -> list[Outcome]:
    """Execute notebooks into a folder, with a page for each and an index.

    The runs go to ``ledger.jsonl`` in that folder, or to ``COURSE_LEDGER`` where that is set. In
    the folder's own ledger, earlier runs of the same notebooks are forgotten first (all runs, if
    the whole course is run), so that it always tells what the pages show.

    Parameters
    ----------
    plan : list of (pathlib.Path, dict)
        Notebooks and the parameters of each.
    target : pathlib.Path
        Folder to write into.
    timeout : int or None
        Seconds for one cell.
    full : bool
        Whether these are all the notebooks of the course.

    Returns
    -------
    list of Outcome
        One for each notebook.
    """
    import nbformat

    from course_utils import ledger
    from course_utils.classroom import claims, report, tables

    own = target.resolve() / "ledger.jsonl"
    chosen = os.environ.get("COURSE_LEDGER")
    book = Path(chosen).resolve() if chosen else own
    if not chosen:
        if own == ledger.default_path().resolve():
            raise notebooks.Refused(
                f"{relative(own)} is your own ledger, which this command would begin anew; choose "
                f"another folder with --to."
            )
        _forget(own, None if full else {source.stem for source, _ in plan})
    target.mkdir(parents=True, exist_ok=True)
    n_before = len(ledger.read(book))
    outcomes = []
    progress = Progress(len(plan))
    with environment(COURSE_LEDGER=str(book), **kernel_environment()):
        for source, values in plan:
            result = target.resolve() / source.name
            result.unlink(missing_ok=True)
            outcome = execute(source, result, values, timeout=timeout, progress=progress)
            if (nb := annotate(result, outcome)) is not None:
                if claims.link_beside(nb):
                    nbformat.write(nb, result)
                report.write_page(result)
            outcomes.append(outcome)
            if outcome.interrupted:
                break
    records = ledger.read(book)
    index = report.write_index(target, records[n_before:] if chosen else records)
    _print_summary(outcomes, tables.terminal_table(records[n_before:]), index)
    if outcomes[-1].interrupted:
        raise click.Abort
    return outcomes


def kernel_environment() -> dict[str, str]:
    """Environment variables that every kernel of the course gets."""
    # A kernel called python3 in the user's home must not win over this environment's own.
    return {"JUPYTER_PREFER_ENV_PATH": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


def _forget(path: Path, stems: set[str] | None) -> None:
    """Drop the records of some notebooks from the folder's own ledger; None means all."""
    from course_utils import ledger

    kept = [] if stems is None else [r for r in ledger.read(path) if r["notebook"] not in stems]
    if not kept:
        path.unlink(missing_ok=True)
        return
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:  # whole, or as it was
        new = Path(folder) / path.name
        for record in kept:
            ledger.append(record, new)
        os.replace(new, path)


def _print_summary(outcomes: list[Outcome], table: str, index: Path) -> None:
    click.echo()
    for outcome in outcomes:
        state = "failed in " + outcome.error if outcome.error else "ok"
        click.echo(f"{outcome.notebook:<32} {outcome.seconds:7.1f} s  {state}")
    click.echo(f"\n{table}\n\nIndex: {relative(index)}")


def relative(path: Path) -> str:
    """Path from the working folder, where there is one."""
    try:
        return os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)


def run_in_place(plan: list[Path], *, timeout: int | None) -> list[Outcome]:
    """Execute notebooks at their own values and store the outputs in them.

    A notebook is replaced in one step, and only if all of it ran and no output holds a path of
    this machine. Each one gets an empty ledger of its own, so that what is stored does not depend
    on what was run before.

    Parameters
    ----------
    plan : list of pathlib.Path
        Notebooks.
    timeout : int or None
        Seconds for one cell.

    Returns
    -------
    list of Outcome
        One for each notebook.
    """
    outcomes = []
    progress = Progress(len(plan))
    for source in plan:
        with tempfile.TemporaryDirectory(prefix="course-") as scratch:
            book = str(Path(scratch) / "ledger.jsonl")
            with environment(COURSE_LEDGER=book, **kernel_environment()):
                outcome = _one_in_place(source, Path(scratch), timeout, progress)
        if outcome.interrupted:
            raise click.Abort
        outcomes.append(outcome)
        state = f"not changed; {outcome.error}" if outcome.error else "written"
        click.echo(f"{outcome.notebook}: {state}")
    return outcomes


def _one_in_place(source: Path, scratch: Path, timeout: int | None, progress: Progress) -> Outcome:
    import nbformat

    bare, result = scratch / source.name, scratch / f"{source.stem}.out.ipynb"
    nbformat.write(notebooks.without_injected(nbformat.read(source, as_version=4)), bare)
    outcome = execute(bare, result, {}, timeout=timeout, progress=progress, cwd=source.parent)
    if outcome.error:
        return outcome
    nb = notebooks.cleaned(nbformat.read(result, as_version=4))
    for index, line in notebooks.machine_paths(nb):
        cell = nb.cells[index]
        outcome.error = (
            f"cell {cell.execution_count} `{first_line(cell.source)}` shows a path of this "
            f"machine: {line[:100]}"
        )
        return outcome
    nbformat.validate(nb)
    # Beside the original, so that the replacement is a rename and cannot be seen half done.
    handle, name = tempfile.mkstemp(dir=source.parent, prefix=".", suffix=".tmp")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as out:
            nbformat.write(nb, out)
        os.chmod(name, source.stat().st_mode & 0o777)
        os.replace(name, source)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return outcome


@click.command("run", short_help="Run notebooks; write them, HTML pages and an index.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--profile", help="Take the values of this profile of profiles.yaml (smoke, full).")
@click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="One parameter.")
@click.option("-y", "yamls", multiple=True, metavar="YAML", help="Parameters as a line of YAML.")
@click.option(
    "-f",
    "files",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Parameters in a YAML file.",
)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write into.  [default: build/course]",
)
@click.option("--in-place", is_flag=True, help="Store the outputs in the notebooks themselves.")
@click.option(
    "--timeout",
    type=click.IntRange(min=0),
    help=f"Seconds one cell may take; 0 means no limit.  [default: {TIMEOUT}; full: no limit]",
)
def command(
    names: tuple[str, ...],
    profile: str | None,
    pairs: tuple[tuple[str, str], ...],
    yamls: tuple[str, ...],
    files: tuple[Path, ...],
    target: Path | None,
    in_place: bool,
    timeout: int | None,
) -> None:
    """Run notebooks and write them with their outputs, an HTML page each, and index.html.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is run. A
    notebook that fails is named with its cell and error, and the others still run; the exit
    status is then 1. Training runs are recorded in ledger.jsonl of the folder, or in
    COURSE_LEDGER where that is set.
    """
    sources = notebooks.find(names)
    given = collect_values(pairs, yamls, files)
    limit = (None if profile == "full" else TIMEOUT) if timeout is None else (timeout or None)
    if in_place:
        if profile or given or target:
            raise notebooks.Refused(
                "--in-place stores outputs of the notebooks' own values; "
                "leave out --profile, -p, -y, -f and --to."
            )
        outcomes = run_in_place(sources, timeout=limit)
    else:
        target = target or Path("build/course")
        refuse_own_folder(sources, target)
        plan = [(s, notebooks.profile_values(s, profile) | given) for s in sources]
        for source, values in plan:
            notebooks.check_names(source, values)
        outcomes = run_all(plan, target, timeout=limit, full=not names)
    if any(outcome.error for outcome in outcomes):
        raise SystemExit(1)
