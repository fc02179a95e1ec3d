"""``course reproduce``: run what the recorded runs lack, and never what they have."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils import ledger
from course_utils.classroom import notebooks
from course_utils.classroom.execute import Outcome, Progress, Quiet, execute
from course_utils.classroom.run import environment, kernel_environment, relative
from course_utils.workers import WorkerProcesses, shared_cores

if TYPE_CHECKING:
    from course_utils.ledger import Record

SCALES = ("embedded", "full")


@dataclass(frozen=True)
class Planned:
    """One execution of a notebook, and the records that it should leave.

    Attributes
    ----------
    notebook : str
        Stem of the notebook.
    scale : str
        ``embedded`` or ``full``.
    seed : int
        The seed it is run with.
    leaves : tuple of str
        Arms, each with ``:protocol`` behind it where the notebook runs an arm under both.
    profile : str or None
        Profile of ``profiles.yaml``.
    values : dict
        Further parameters.
    """

    notebook: str
    scale: str
    seed: int
    leaves: tuple[str, ...]
    profile: str | None
    values: dict[str, Any]

    def missing(self, records: list[Record]) -> list[str]:
        """Arms that no record of this notebook, scale and seed has."""
        found = set()
        for r in records:
            if (r["notebook"], r["data"]["scale"], r["seed"]) == (
                self.notebook,
                self.scale,
                self.seed,
            ):
                found |= {r["arm"], f"{r['arm']}:{r['protocol']}"}
        return [arm for arm in self.leaves if arm not in found]


def folder() -> Path:
    """Folder of the recorded runs and of their plan, in the clone."""
    return notebooks.folder().parent / "course_utils" / "reference"


def plan() -> list[Planned]:
    """Every execution that the recorded runs consist of, from ``plan.yaml``.

    Returns
    -------
    list of Planned
        In the order of the file, each entry seed by seed.
    """
    import yaml

    entries = yaml.safe_load((folder() / "plan.yaml").read_text(encoding="utf-8"))
    return [
        Planned(
            entry["notebook"],
            scale,
            seed,
            tuple(entry["leaves"]),
            entry.get("profile"),
            entry.get("set", {}),
        )
        for scale in SCALES
        for entry in entries[scale]
        for seed in range(entry["seeds"])
    ]


def identity(record: Record) -> tuple[Any, ...]:
    """What two records share if one repeats the other."""
    names = ("notebook", "arm", "protocol", "seed")
    return (record["data"]["scale"], *(record[name] for name in names))


def merge(source: Path, target: Path, scale: str) -> int:
    """Append to `target` the planned records of one scale that it lacks; return how many."""
    held = {identity(record) for record in ledger.read(target)}
    known = {
        (one.notebook, arm.split(":")[0], one.seed)
        for one in plan()
        if one.scale == scale
        for arm in one.leaves
    }
    added = 0
    for record in ledger.read(source):
        run = (record["notebook"], record["arm"], record["seed"])
        planned = record["data"]["scale"] == scale and run in known
        if planned and identity(record) not in held:
            ledger.append(record, target)
            held.add(identity(record))
            added += 1
    return added


def _wanted(names: tuple[str, ...], scale: str | None) -> Iterator[Planned]:
    stems = {path.stem for path in notebooks.find(names)}
    for planned in plan():
        if planned.notebook in stems and scale in (None, planned.scale):
            yield planned


def _stem(planned: Planned, arms: list[str]) -> str:
    """Name of the executed notebook, and of the file that its records go to first."""
    name = f"{planned.scale}-{planned.notebook}-{'-'.join(arms)[:60]}-{planned.seed}"
    return name.replace(":", "_")


def _own_files(planned: Planned) -> str:
    """Pattern of the files that `_stem` names, for any of the arms."""
    return f"{planned.scale}-{planned.notebook}-*-{planned.seed}.jsonl"


def _run(planned: Planned, arms: list[str], work: Path, progress: Progress) -> Outcome:
    (source,) = notebooks.find([planned.notebook])
    values = notebooks.profile_values(source, planned.profile) | planned.values
    values |= {"seed": planned.seed}
    notebooks.check_names(source, values)
    stem = _stem(planned, arms)
    work.mkdir(parents=True, exist_ok=True)
    with environment(COURSE_LEDGER=str(work / f"{stem}.jsonl"), **kernel_environment()):
        return execute(source, work / f"{stem}.ipynb", values, timeout=None, progress=progress)


def _one_by_one(
    todo: list[tuple[Planned, list[str]]], work: Path
) -> Iterator[tuple[Planned, list[str], Outcome]]:
    progress = Progress(len(todo))
    for planned, _ in todo:
        # An earlier execution may have left these arms as well.
        held = ledger.read(folder() / f"{planned.scale}.jsonl")
        if arms := planned.missing(held):
            yield planned, arms, _run(planned, arms, work, progress)


def _in_workers(
    todo: list[tuple[Planned, list[str]]], work: Path, n: int
) -> Iterator[tuple[Planned, list[str], Outcome]]:
    executor = WorkerProcesses(n, shared_cores(n))
    try:
        waiting = {
            executor.submit(_run, planned, arms, work, Quiet(1)): (planned, arms)
            for planned, arms in todo
        }
        for future in as_completed(waiting):
            planned, arms = waiting[future]
            try:
                yield planned, arms, future.result()
            except BrokenExecutor:
                killed = "its worker process was killed; the usual cause is too little memory."
                yield planned, arms, Outcome(planned.notebook, error=killed)
    finally:
        executor.stop()


@click.command("reproduce", short_help="Run the recorded runs that are missing.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--scale", type=click.Choice(SCALES), help="Only this scale.  [default: both]")
@click.option("--list", "only_list", is_flag=True, help="Say what is missing, and run nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many executions.")
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/reproduce"),
    show_default=True,
    help="Folder for the executed notebooks.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Executions at a time, in processes that share the cores; their seconds are longer.",
)
def command(
    names: tuple[str, ...],
    scale: str | None,
    only_list: bool,
    limit: int | None,
    work: Path,
    workers: int,
) -> None:
    """Run what course_utils/reference lacks, by its plan.yaml, one notebook after the other.

    A record is written as soon as its training ends. Stop it at any time: the same command goes
    on where it stopped, and repeats no run that was recorded. At scale `full` the data must be at
    hand (course data), and the whole takes many hours on two cores.
    """
    work = work.resolve()
    if not only_list:  # another terminal may be writing these files
        for left in {left for one in plan() for left in work.glob(_own_files(one))}:
            _collect(left)
    todo = [
        (planned, arms)
        for planned in _wanted(names, scale)
        if (arms := planned.missing(ledger.read(folder() / f"{planned.scale}.jsonl")))
    ]
    if only_list or not todo:
        for planned, arms in todo:
            click.echo(
                f"{planned.scale:<9}{planned.notebook:<30} seed {planned.seed}  {', '.join(arms)}"
            )
        click.echo(f"{len(todo)} executions are missing." if todo else "Nothing is missing.")
        return
    todo, failed = todo[:limit], 0
    if workers > 1:
        click.echo(f"{len(todo)} executions, {workers} at a time; a line when one ends.")
        ended = _in_workers(todo, work, workers)
    else:
        ended = _one_by_one(todo, work)
    for planned, arms, outcome in ended:
        added = _collect(work / f"{_stem(planned, arms)}.jsonl")
        click.echo(f"{planned.notebook}, seed {planned.seed}: {added} runs recorded.")
        if outcome.interrupted:
            raise click.Abort
        if planned.missing(ledger.read(folder() / f"{planned.scale}.jsonl")):
            failed += 1
            click.echo(f"{planned.notebook}, seed {planned.seed}: {outcome.error}", err=True)
    click.echo(f"Records: {relative(folder())}")
    if failed:
        raise SystemExit(1)


def _collect(left: Path) -> int:
    """Move what finished trainings left into the recorded runs."""
    added = sum(merge(left, folder() / f"{scale}.jsonl", scale) for scale in SCALES)
    left.unlink(missing_ok=True)
    return added
