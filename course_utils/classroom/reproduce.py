"""``course reproduce``: run what the recorded runs lack, and never what they have."""

from __future__ import annotations

import contextlib
import functools
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from course_utils import ledger
from course_utils.classroom import batch, notebooks, paths, values
from course_utils.classroom.worker import Job

# Sections of plan.yaml. Each has a file of records. In the first two, one run of an arm and seed
# is enough; in `settings`, runs that differ in data sizes or parameters stand side by side.
SCALES = ("embedded", "full", "settings")


@dataclass(frozen=True)
class Planned:
    """One execution of a notebook; `leaves` has its arms, some with ``:protocol`` behind them."""

    notebook: str
    scale: str
    seed: int
    leaves: list[str]
    profile: str | None
    values: dict[str, Any]

    @property
    def name(self) -> str:
        """Name of the executed notebook and of the lock."""
        what = json.dumps([self.leaves, self.profile, self.values])
        return f"{self.scale}-{self.notebook}-{notebooks.digest(what)[:8]}-{self.seed}"

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

    def missing(self, records: Iterable[ledger.Record]) -> list[str]:
        """Arms that none of the records is of."""
        own = [record for record in records if self.wants(record)]
        found = {record["arm"] for record in own}
        found |= {f"{record['arm']}:{record['protocol']}" for record in own}
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


def plan() -> list[Planned]:
    """Every execution that the recorded runs consist of, seed by seed, from ``plan.yaml``."""
    sections = values.read_yaml((folder() / "plan.yaml").read_text(encoding="utf-8"))
    return [
        Planned(one["notebook"], scale, seed, one["leaves"], one.get("profile"), one.get("set", {}))
        for scale in SCALES
        for one in sections.get(scale, ())
        for seed in range(one["seeds"])
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
    batch.refuse_both(workers > 1, scheduler)
    planned = {one.name: one for one in plan()}
    place = paths.claim(work, "reproduce")

    def missing(chosen: Iterable[Planned]) -> Iterator[tuple[Planned, list[str]]]:
        held = {name: ledger.read(folder() / f"{name}.jsonl") for name in SCALES}
        return ((one, arms) for one in chosen if (arms := one.missing(held[one.scale])))

    def collect(name: str, book: Path) -> int:
        if name not in planned:
            return 0
        section = planned[name].scale
        alike = [one for one in planned.values() if one.scale == section]
        return batch.collect(
            book,
            folder() / f"{section}.jsonl",
            functools.partial(identity, section),
            lambda record: any(one.wants(record) for one in alike),
        )

    def keep(one: batch.Try, is_last: bool) -> str:
        added = collect(one.job.name, one.folder / "ledger.jsonl")
        click.echo(f"{one.job.label}: {added} runs recorded.")
        executed = place.path / "executed" / f"{one.job.name}.ipynb"
        with contextlib.suppress(FileNotFoundError):  # the kernel may not have started
            executed.parent.mkdir(exist_ok=True)
            os.replace(one.folder / f"{one.job.stem}.ipynb", executed)
        # An execution that failed after its last training has left all that is wanted of it.
        lacks = [", ".join(arms) for _, arms in missing([planned[one.job.name]])]
        return (one.result.error or f"no record of {lacks[0]}.") if lacks else ""

    sources = {path.stem: path for path in notebooks.find(names)}
    chosen = [
        one for one in planned.values() if one.notebook in sources and scale in (None, one.scale)
    ]
    if not only_list:
        place.note("executed", *batch.OWN)
        batch.take_over(place.path, collect)
    lacking = list(missing(chosen))
    if only_list:
        for one, arms in lacking:
            click.echo(f"{one.scale:<9}{one.notebook:<30} seed {one.seed}  {', '.join(arms)}")
    if only_list or not lacking:
        click.echo(f"{len(lacking)} executions are missing." if lacking else "Nothing is missing.")
        return 0
    plain = {
        stem: batch.job(sources[stem], notebooks.read(sources[stem]))
        for stem in {one.notebook for one, _ in lacking}
    }
    todo = [_job(one, sources[one.notebook], plain[one.notebook]) for one, _ in lacking]
    where = f"on {scheduler}" if scheduler else f"{workers} at a time"
    click.echo(f"{min(len(todo), limit or len(todo))} executions, {where}.")
    failed, is_stopped = batch.work_off(
        todo,
        place.path,
        is_finished=lambda job: not any(missing([planned[job.name]])),
        keep=keep,
        recover=collect,
        workers=workers,
        scheduler=scheduler,
        limit=limit,
    )
    for job, error in failed.items():
        click.echo(f"{job.label}: {error}", err=True)
    click.echo(f"Records: {paths.relative(folder())}")
    return batch.status(failed, is_stopped)


def _job(one: Planned, source: Path, plain: Job) -> Job:
    chosen = notebooks.profile_values(source, one.profile) | one.values | {"seed": one.seed}
    notebooks.check_names(source, chosen)
    label = f"{one.notebook}, seed {one.seed}"
    return replace(plain, name=one.name, label=label, values=chosen)
