"""``course sweep``: one notebook, run at every point of a grid, here or on a cluster."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import nbformat

from course_utils import ledger, machine
from course_utils.classroom import batch, claims, notebooks, parameters, paths, tables, values
from course_utils.classroom.execute import told
from course_utils.classroom.worker import Job
from course_utils.errors import CourseError

MOST_RUNS = 10_000
RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)")


def parse_grid(texts: Iterable[str], declared: dict[str, str]) -> dict[str, list[Any]]:
    """Values of each ``-g``; `declared` has the types of the notebook's parameters."""
    grid: dict[str, list[Any]] = {}
    for text in texts:
        name, _, listed = (part.strip() for part in text.partition("="))
        if not name or not listed:
            raise CourseError(
                f"-g '{text}' must be of the form NAME=VALUES, for instance -g seed=0..9."
            )
        if name in grid:
            raise CourseError(f"-g {name} is given twice; put its values into one -g.")
        kind = declared.get(name, "None").split("[")[0]
        values_ = [_fitting(value, kind) for value in _listed(name, listed, kind)]
        if twice := [value for n, value in enumerate(values_) if value in values_[:n]]:
            raise CourseError(f"-g {name}: the value {twice[0]!r} stands there twice.")
        grid[name] = values_
    return grid


def _yaml_list(text: str) -> list[Any] | None:
    with contextlib.suppress(ValueError):
        value = values.read_yaml(text)
        return value if isinstance(value, list) else None
    return None


def _listed(name: str, text: str, kind: str) -> list[Any]:
    """Values in a text: a YAML list, or what would be one in brackets; ranges written out."""
    found = _yaml_list(text)
    if found is None:
        found = _yaml_list(f"[{text}]")
    elif kind == "list" and not all(isinstance(value, list) for value in found):
        # One run with all of them, or a run for each? Both would be a surprise to somebody.
        inner = text[1:-1].strip()
        raise CourseError(
            f'-g "{name}={text}" can be read in two ways, for {name} is a list. Write '
            f'"{name}={inner}" for a run with each value, or "{name}=[[{inner}]]" for one run.'
        )
    if not found:
        raise CourseError(
            f"-g {name}: '{text}' is not a list of values. Separate them by commas, give a "
            f'range such as 0..9, or a YAML list, such as "[[relu], [F1, relu]]".'
        )
    written_out: list[Any] = []
    for value in found:
        if isinstance(value, str) and (match := RANGE.fullmatch(value)):
            low, high = map(int, match.groups())
            if low > high:
                raise CourseError(f"-g {name}: the range {value} is empty; write {high}..{low}.")
            if high - low >= MOST_RUNS:
                raise CourseError(
                    f"-g {name}: the range {value} is of more than {MOST_RUNS:,} values."
                )
            written_out.extend(range(low, high + 1))
        else:
            written_out.append(value)
    return written_out


def _fitting(value: Any, kind: str) -> Any:
    """Return the value as a parameter of this type takes it."""
    if kind == "list" and not isinstance(value, list):
        return [value]
    # 1 and 1.0 are the same run
    return float(value) if kind == "float" and type(value) is int else value


def label(point: dict[str, Any]) -> str:
    """Say which point of a grid it is."""
    shown = {n: "+".join(map(str, v)) if isinstance(v, list) else v for n, v in point.items()}
    return " ".join(f"{name}={value}" for name, value in shown.items())


class Sweep:
    """The runs of one notebook in one folder, and what became of them."""

    def __init__(
        self, source: Path, grid: dict[str, list[Any]], given: dict[str, Any], to: str | None
    ) -> None:
        self.source, self.grid = source, grid
        nb = notebooks.read(source)
        self.code = _digest("\0".join(c.source for c in nb.cells if c.cell_type == "code"))
        # The page of claims lies in the folder, and the notebooks two folders below.
        self.beside = claims.beside(nb, "../../")
        self.jobs: list[Job] = []
        plain = batch.job(source, nb)
        if (n := math.prod(map(len, grid.values()))) > MOST_RUNS:
            raise CourseError(f"The grid has {n:,} points, and a sweep at most {MOST_RUNS:,} runs.")
        for each in itertools.product(*grid.values()):  # the last name runs fastest
            point = dict(zip(grid, each, strict=True))
            chosen = given | point
            try:
                parameters.check(nb, chosen)
            except CourseError as error:
                raise CourseError(f"-g {label(point)}: {error}") from None
            digest = _digest(json.dumps(chosen, sort_keys=True, default=str))
            name = re.sub(r"[^\w.=+-]+", "_", label(point))[:80] + f"-{digest}"
            self.jobs.append(replace(plain, name=name, label=label(point), values=chosen))
        # An address cannot hold the state: finished runs are kept here, and copied there.
        self.remote = to.rstrip("/") if to and "://" in to else None
        folder = f"build/sweep/{source.stem}{f'-{_digest(self.remote)}' if self.remote else ''}"
        self.claim = paths.claim(folder if self.remote else to or folder, "sweep", [source])
        self.folder = self.claim.path
        chosen_book = os.environ.get("COURSE_LEDGER")
        self.book = paths.absolute(chosen_book) if chosen_book else self.folder / "ledger.jsonl"
        self.upload_errors: dict[Job, str] = {}

    def place(self, job: Job) -> Path:
        """Folder of a finished run; it exists only if the run finished."""
        return self.folder / "runs" / job.name

    def finished(self) -> list[Job]:
        """Runs that need not be run again."""
        return [job for job in self.jobs if self.place(job).is_dir()]

    def refuse_other_code(self) -> None:
        """Refuse to mix runs of a notebook before and after its code was changed."""
        kept = [(self.place(job) / "run.json").read_bytes() for job in self.finished()]
        if other := sum(json.loads(text)["code"] != self.code for text in kept):
            raise CourseError(
                f"The code of {self.source.stem} has changed since {other} of these runs finished "
                f"in {paths.relative(self.folder)}. Choose another --to, or delete this folder."
            )

    def keep(self, one: batch.Try, is_last: bool) -> str:
        """Store a finished run, or what its last try left; record what finished."""
        error, failure = one.result.error, self.folder / "failed" / one.job.name
        target = failure if error else self.place(one.job)
        if (is_last or not error) and one.folder.is_dir() and not self.place(one.job).is_dir():
            seconds = round(one.result.seconds, 1)
            about = {"tries": one.number, "error": error, "seconds": seconds, "code": self.code}
            about |= {"notebook": self.source.stem, "values": one.job.values}
            (one.folder / "run.json").write_text(json.dumps(about, indent=1) + "\n")
            shutil.rmtree(failure, ignore_errors=True)
            target.parent.mkdir(exist_ok=True)
            # In one step: what is in runs/ is whole, whenever the command is stopped.
            os.replace(one.folder, target)
        if not error:
            self.record([one.job])
        return error

    def record(self, jobs: list[Job]) -> None:
        """Bring the records of finished runs into the ledger, each exactly once, and upload."""
        for job in jobs:
            batch.collect(self.place(job) / "ledger.jsonl", self.book, lambda r: r.get("id"))
            if self.remote:
                self._upload(job)

    def _upload(self, job: Job) -> None:
        from papermill.iorw import write_ipynb

        done = self.place(job) / "uploaded"
        if done.exists():
            return
        nb = nbformat.read(self.place(job) / f"{self.source.stem}.ipynb", as_version=4)
        claims.beside(nb)
        try:
            write_ipynb(nb, f"{self.remote}/{job.name}.ipynb")
        except Exception as error:  # each store has its own; the run itself is safe
            self.upload_errors[job] = f"finished, but not written to {self.remote}: {told(error)}"
        else:
            done.touch()
            self.upload_errors.pop(job, None)

    def check_remote(self) -> None:
        """Write the list of runs to the address, so that a refusal comes before the first run."""
        from papermill.iorw import papermill_io

        listed = json.dumps({job.name: job.values for job in self.jobs}, indent=1)
        try:
            for name, text in ({"sweep.json": listed} | self.beside).items():
                papermill_io.write(text, f"{self.remote}/{name}")
        except Exception as error:  # each store has its own
            raise CourseError(f"--to {self.remote} cannot be written. {told(error)}") from None

    def table(self) -> str:
        """Table of the finished runs, with what tells runs of one arm apart, except the seed."""
        telling = [name for name, each in self.grid.items() if name != "seed" and len(each) > 1]
        shown = []
        for job in self.finished():
            point = [f"{name}={job.values[name]}" for name in telling]
            for record in ledger.read(self.place(job) / "ledger.jsonl"):
                shown.append(record | {"arm": ", ".join([str(record.get("arm")), *point])})
        try:
            return tables.terminal_table(shown)
        except (KeyError, TypeError) as error:  # a notebook of somebody else may record otherwise
            return f"{len(shown)} records, without a table: they lack {error}."


def _digest(text: str) -> str:
    return notebooks.digest(text)[:8]


def run(
    *,
    name: str,
    grids: Iterable[str],
    pairs: Iterable[tuple[str, str]] = (),
    yamls: Iterable[str] = (),
    profile: str | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    to: str | None = None,
    dry_run: bool = False,
) -> int:
    """Run a notebook at every point of a grid; return the exit status."""
    (source,) = notebooks.find([name])
    if not grids:
        raise CourseError("There is no -g; give one, such as -g seed=0..9, or `course run`.")
    batch.refuse_both(workers, scheduler)
    chosen = values.collect_values(pairs, yamls)
    given = notebooks.profile_values(source, profile) | chosen
    declared = {key: one["inferred_type_name"] for key, one in notebooks.parameters(source).items()}
    grid = parse_grid(grids, declared)
    notebooks.check_names(source, [*given, *grid])
    if both := sorted(grid.keys() & chosen.keys()):
        raise CourseError(f"{both[0]} is given by -g and by -p or -y; leave one out.")
    sweep = Sweep(source, grid, given, to)
    sweep.refuse_other_code()
    finished = sweep.finished()
    todo = [job for job in sweep.jobs if job not in finished]
    n = workers or machine.kernels(len(todo))
    threads = max(1, machine.cores() // n)
    where = f"{n} at a time with {threads} of {machine.cores()} cores each"
    where = f"on {scheduler}" if scheduler else where
    sizes = " × ".join(f"{len(each)} {key}" for key, each in grid.items())
    to_go = f"{len(todo)} to go, {where}" if todo else "none to go"
    click.echo(
        f"{len(sweep.jobs)} runs of {source.stem}: {sizes}. {len(finished)} finished, {to_go}."
    )
    target = sweep.remote or f"{paths.relative(sweep.folder)}/runs"
    click.echo(f"Notebooks: {target}; records: {paths.relative(sweep.book)}")
    if dry_run:
        for job in sweep.jobs:
            click.echo(f"{'finished' if job in finished else 'to run':<10}{job.label}")
        return 0

    if sweep.remote:
        sweep.check_remote()
    ledgers = ("ledger.jsonl", ".ledger.jsonl.lock", "ledger.jsonl.lock")
    sweep.claim.note("runs", "failed", *batch.OWN, *ledgers)
    if sweep.beside:
        sweep.claim.write_all(sweep.beside)
    batch.take_over(sweep.folder)
    try:
        sweep.record(finished)  # a command that was killed may not have come to it
        failed, is_stopped = batch.work_off(
            todo,
            sweep.folder,
            is_finished=lambda job: sweep.place(job).is_dir(),
            keep=sweep.keep,
            workers=n,
            scheduler=scheduler,
            n_finished=len(finished),
        )
        sweep.record(sweep.finished())  # also what another command has run
    except (OSError, CourseError) as error:  # a full disk, a scheduler that was lost
        kept = "Finished runs are kept; the same command goes on from here."
        raise CourseError(f"{error} {kept}") from error
    failed |= sweep.upload_errors
    click.echo(f"\n{sweep.table()}\n")
    for job, problem in failed.items():
        click.echo(f"{job.label}: {problem}")
    if any((sweep.folder / "failed" / job.name).is_dir() for job in failed):
        click.echo(f"What is left of them: {paths.relative(sweep.folder / 'failed')}")
    click.echo(f"{len(sweep.finished())} of {len(sweep.jobs)} runs are finished and recorded.")
    return batch.status(failed, is_stopped)
