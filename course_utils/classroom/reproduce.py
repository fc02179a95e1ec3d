"""``course reproduce``: run what the recorded runs lack, and never what they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from course_utils.classroom import notebooks
from course_utils.classroom.execute import Outcome, Progress, execute
from course_utils.classroom.run import environment, kernel_environment, relative

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
    from course_utils import ledger

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


def _run(planned: Planned, arms: list[str], work: Path, progress: Progress) -> Outcome:
    (source,) = notebooks.find([planned.notebook])
    values = notebooks.profile_values(source, planned.profile) | planned.values
    values |= {"seed": planned.seed}
    notebooks.check_names(source, values)
    result = work / f"{planned.scale}-{planned.notebook}-{'-'.join(arms)[:60]}-{planned.seed}.ipynb"
    result = result.with_name(result.name.replace(":", "_"))
    work.mkdir(parents=True, exist_ok=True)
    with environment(COURSE_LEDGER=str(work / "ledger.jsonl"), **kernel_environment()):
        return execute(source, result, values, timeout=None, progress=progress)


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
def command(
    names: tuple[str, ...], scale: str | None, only_list: bool, limit: int | None, work: Path
) -> None:
    """Run what course_utils/reference lacks, by its plan.yaml, one notebook after the other.

    A record is written as soon as its training ends. Stop it at any time: the same command goes
    on where it stopped, and repeats no run that was recorded. At scale `full` the data must be at
    hand (course data), and the whole takes many hours on two cores.
    """
    from course_utils import ledger

    work = work.resolve()
    _collect(work)
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
    todo = todo[:limit]
    progress, failed = Progress(len(todo)), 0
    for planned, _ in todo:
        # An earlier execution may have left these arms as well.
        held = ledger.read(folder() / f"{planned.scale}.jsonl")
        if not (arms := planned.missing(held)):
            continue
        outcome = _run(planned, arms, work, progress)
        added = _collect(work)
        click.echo(f"{planned.notebook}, seed {planned.seed}: {added} runs recorded.")
        if outcome.interrupted:
            raise click.Abort
        if planned.missing(ledger.read(folder() / f"{planned.scale}.jsonl")):
            failed += 1
            click.echo(f"{planned.notebook}, seed {planned.seed}: {outcome.error}", err=True)
    click.echo(f"Records: {relative(folder())}")
    if failed:
        raise SystemExit(1)


def _collect(work: Path) -> int:
    """Move what finished trainings left into the recorded runs."""
    left = work / "ledger.jsonl"
    added = sum(merge(left, folder() / f"{scale}.jsonl", scale) for scale in SCALES)
    left.unlink(missing_ok=True)
    return added
