"""The command ``course sweep``: its options, what it says before and after, and its exit status."""

from __future__ import annotations

import os
import shutil
import uuid
from collections import defaultdict
from typing import Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.prepare import refuse_own_folder
from course_utils.classroom.run import relative
from course_utils.classroom.sweep.executors import Cluster
from course_utils.classroom.sweep.grid import parse_grid, runs_of
from course_utils.classroom.sweep.runs import Display, Sweep, work_off
from course_utils.classroom.sweep.worker import Task
from course_utils.classroom.values import collect_values
from course_utils.workers import WorkerProcesses

# What a kernel with TensorFlow and a small network takes. More workers than fit into the memory
# would be slower, and then killed.
BYTES_PER_WORKER = 1.5e9


def table(sweep: Sweep) -> str:
    """Table of the finished runs, with what tells runs of the same arm apart, except the seed.

    Parameters
    ----------
    sweep : Sweep
        The sweep.

    Returns
    -------
    str
        The table, or a sentence where the records lack what it shows.
    """
    from course_utils.classroom import tables

    records = [(r, run.point) for run in sweep.finished() for r in sweep.records(run)]
    points: dict[Any, list[dict[str, Any]]] = defaultdict(list)

    def arm(record: dict[str, Any]) -> tuple[Any, ...]:
        # Whatever else differs is said behind the arm, the training size too.
        data = record.get("data") or {}
        told = [record.get(key) for key in ("notebook", "arm", "protocol")]
        return (*map(str, told), data.get("name"), data.get("scale"))

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
        return tables.terminal_table(shown)
    except (KeyError, TypeError) as error:  # a notebook of somebody else may record otherwise
        return f"{len(shown)} records, without a table: they lack {error}."


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _default_workers(n_runs: int) -> int:
    import psutil

    fitting = int(psutil.virtual_memory().available / BYTES_PER_WORKER)
    return max(1, min(cores(), fitting, n_runs))


def _announce(sweep: Sweep, grid: dict[str, list[Any]], where: str) -> None:
    n, n_finished = len(sweep.runs), len(sweep.finished())
    sizes = " × ".join(f"{len(values)} {name}" for name, values in grid.items())
    to_go = f"{n - n_finished} to go, {where}" if n > n_finished else "none to go"
    click.echo(f"{n} runs of {sweep.source.stem}: {sizes}. {n_finished} finished, {to_go}.")
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
    chosen = collect_values(pairs, yamls)
    given = notebooks.profile_values(source, profile) | chosen
    declared = {key: one["inferred_type_name"] for key, one in notebooks.parameters(source).items()}
    grid = parse_grid(grids, declared)
    notebooks.check_names(source, [*given, *grid])
    if both := sorted(grid.keys() & chosen.keys()):
        raise notebooks.Refused(f"{both[0]} is given by -g and by -p or -y; leave one out.")
    sweep = Sweep(source, runs_of(grid, given), to)
    refuse_own_folder([source], sweep.folder)
    sweep.refuse_other_code()
    left = len(sweep.runs) - len(sweep.finished())
    n = None if scheduler else workers or _default_workers(left)
    threads = max(1, cores() // n) if n else None
    here = f"{n} at a time with {threads} of {cores()} cores each" if n else f"on {scheduler}"
    _announce(sweep, grid, here)
    if dry_run:
        for run in sweep.runs:
            click.echo(f"{'finished' if sweep.place(run).is_dir() else 'to run':<10}{run.label}")
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
    click.echo(f"\n{table(sweep)}\n")
    for run, error in sweep.failed.items():
        click.echo(f"{run.label}: {error}")
    if any((sweep.folder / "failed" / run.name).is_dir() for run in sweep.failed):
        click.echo(f"What is left of them: {relative(sweep.folder / 'failed')}")
    click.echo(f"{len(sweep.finished())} of {len(sweep.runs)} runs are finished and recorded.")
    if stopped:
        click.echo("Stopped by Ctrl-C; the same command goes on from here.")
        raise SystemExit(130)
    if sweep.failed:
        raise SystemExit(1)


def _carry_out(
    sweep: Sweep, scheduler: str | None, n: int | None, threads: int | None, own_output_dir: bool
) -> bool:
    """Run what is not finished; return whether Ctrl-C stopped it."""
    if sweep.remote:
        sweep.check_remote()
    token = uuid.uuid4().hex
    executor = Cluster(scheduler, token) if scheduler else WorkerProcesses(n or 1)
    shutil.rmtree(sweep.tries, ignore_errors=True)  # what a killed command was at
    sweep.tries.mkdir()
    finished = sweep.finished()
    sweep.record(finished)  # a command that was killed may not have come to it
    tasks = {
        run: Task(
            sweep=token,
            stem=sweep.source.stem,
            text=sweep.text,
            values=run.values,
            home=str(sweep.source.parent),
            has_output_dir=own_output_dir,
            tries=str(sweep.tries) if n else None,
            threads=threads,
        )
        for run in sweep.runs
        if run not in finished
    }
    display = Display(len(sweep.runs), len(finished))
    try:
        return work_off(sweep, executor, tasks, display)
    finally:
        display.close()
        shutil.rmtree(sweep.tries, ignore_errors=True)
