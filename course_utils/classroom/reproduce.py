"""``course reproduce``: run what the recorded runs lack, and never what they have."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import nbformat

from course_utils import ledger
from course_utils.classroom import batch, notebooks, paths, values
from course_utils.classroom.worker import Job
from course_utils.errors import CourseError

# Sections of plan.yaml. Each has a file of records. In the first two, one run of an arm and seed
# is enough; in `settings`, runs that differ in data sizes or parameters stand side by side.
SCALES = ("embedded", "full", "settings")


@dataclass(frozen=True)
class Planned:
    """One execution of a notebook; `leaves` has its arms, some with ``:protocol`` behind them."""

    notebook: str
    scale: str
    seed: int
    leaves: tuple[str, ...]
    profile: str | None
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the executed notebook and of the lock."""
        what = json.dumps([self.leaves, self.profile, self.values])
        return f"{self.scale}-{self.notebook}-{notebooks.digest(what)[:8]}-{self.seed}"

    @property
    def book(self) -> Path:
        """The file of its records."""
        return folder() / f"{self.scale}.jsonl"

    def wants(self, record: ledger.Record) -> bool:
        """Whether a record is of an arm that this execution should leave."""
        arms = {arm.split(":")[0] for arm in self.leaves}
        is_of_it = record["notebook"] == self.notebook and record["seed"] == self.seed
        if not is_of_it or record["arm"] not in arms:
            return False
        if self.scale != "settings":
            return record["data"]["scale"] == self.scale
        held = settings(record)
        # What no record tells, such as the list of arms to train, cannot tell two apart.
        return all(held[name] == value for name, value in self.values.items() if name in held)

    def missing(self) -> list[str]:
        """Arms that are not recorded."""
        found = set()
        for record in filter(self.wants, _read(self.book)):
            found |= {record["arm"], f"{record['arm']}:{record['protocol']}"}
        return [arm for arm in self.leaves if arm not in found]


def settings(record: ledger.Record) -> dict[str, Any]:
    """Data sizes and parameters of a record, by the names that a notebook has for them."""
    data = record["data"]
    sizes = {f"{part}_size": data.get(part) for part in ("train", "validation")}
    return record.get("parameters", {}) | sizes


def identity(scale: str, record: ledger.Record) -> tuple[Any, ...]:
    """What two records of one section share if one repeats the other."""
    names = ("notebook", "arm", "protocol", "seed")
    more = json.dumps(settings(record), sort_keys=True) if scale == "settings" else ""
    return (record["data"]["scale"], more, *(record[name] for name in names))


def folder() -> Path:
    """Folder of the recorded runs and of their plan, in the clone."""
    return notebooks.folder().parent / "course_utils" / "reference"


def _read(path: Path) -> list[ledger.Record]:
    """Records of a file, read again only where it has changed."""
    if not path.exists():
        return []
    state = path.stat()
    return _read_once(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=len(SCALES))
def _read_once(path: Path, *state: int) -> list[ledger.Record]:
    return ledger.read(path)


def plan() -> list[Planned]:
    """Every execution that the recorded runs consist of, seed by seed, from ``plan.yaml``."""
    entries = values.read_yaml((folder() / "plan.yaml").read_text(encoding="utf-8"))
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
        for entry in entries.get(scale, ())
        for seed in range(entry["seeds"])
    ]


def run(
    *,
    names: Iterable[str] = (),
    scale: str | None = None,
    only_list: bool = False,
    limit: int | None = None,
    work: Path = Path("build/reproduce"),
    workers: int = 1,
    scheduler: str | None = None,
) -> int:
    """Run what course_utils/reference lacks, by its plan.yaml; return the exit status."""
    if workers > 1 and scheduler:
        raise CourseError("--workers is for processes here; leave it out with --scheduler.")
    planned = {one.name: one for one in plan()}

    def collect(name: str, book: Path) -> int:
        if not (own := planned.get(name)) or not book.is_file():
            return 0
        alike = [one for one in planned.values() if one.scale == own.scale]

        def is_planned(record: ledger.Record) -> bool:
            return any(one.wants(record) for one in alike)

        return batch.collect(book, own.book, functools.partial(identity, own.scale), is_planned)

    def keep(one: batch.Try, is_last: bool) -> str:
        own = planned[one.job.name]
        added = collect(own.name, one.folder / "ledger.jsonl")
        if one.notebook.is_file():
            place.path.joinpath("executed").mkdir(exist_ok=True)
            os.replace(one.notebook, place.path / "executed" / f"{own.name}.ipynb")
        if added:
            click.echo(f"{own.notebook}, seed {own.seed}: {added} runs recorded.")
        # An execution that failed after its last training has left all that is wanted of it.
        lacks = own.missing()
        return (one.result.error or f"no record of {', '.join(lacks)}.") if lacks else ""

    place = paths.claim(work, "reproduce")
    stems = {path.stem for path in notebooks.find(names)}
    chosen = [
        one for one in planned.values() if one.notebook in stems and scale in (None, one.scale)
    ]
    if only_list:
        lacking = [(one, arms) for one in chosen if (arms := one.missing())]
        for one, arms in lacking:
            click.echo(f"{one.scale:<9}{one.notebook:<30} seed {one.seed}  {', '.join(arms)}")
        click.echo(f"{len(lacking)} executions are missing." if lacking else "Nothing is missing.")
        return 0
    place.note("executed", "tries", ".locks")
    batch.take_over(place.path, collect)
    plain = functools.cache(_plain_job)  # each notebook is read once
    todo = [_job(one, *plain(one.notebook)) for one in chosen if one.missing()]
    if not todo:
        click.echo("Nothing is missing.")
        return 0
    at_once = f"on {scheduler}" if scheduler else f"{workers} at a time"
    click.echo(f"{min(len(todo), limit or len(todo))} executions, {at_once}.")
    failed, is_stopped = batch.work_off(
        todo,
        place.path,
        is_finished=lambda job: not planned[job.name].missing(),
        keep=keep,
        workers=workers,
        scheduler=scheduler,
        limit=limit,
    )
    for job, error in failed.items():
        click.echo(f"{job.label}: {error}", err=True)
    click.echo(f"Records: {paths.relative(folder())}")
    if is_stopped:
        click.echo("Stopped by Ctrl-C; the same command goes on from here.")
    return 130 if is_stopped else 1 if failed else 0


def _plain_job(notebook: str) -> tuple[Path, Job]:
    (source,) = notebooks.find([notebook])
    return source, batch.job(source, nbformat.read(source, as_version=4))


def _job(one: Planned, source: Path, plain: Job) -> Job:
    chosen = notebooks.profile_values(source, one.profile) | one.values | {"seed": one.seed}
    notebooks.check_names(source, chosen)
    label = f"{one.notebook}, seed {one.seed}"
    return replace(plain, name=one.name, label=label, values=chosen)
