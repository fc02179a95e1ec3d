"""Execute notebooks, one after the other: into a folder, or in place."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import click
import nbformat
from filelock import FileLock

from course_utils import ledger
from course_utils.classroom import book, claims, notebooks, parameters, paths, tables
from course_utils.classroom.execute import Outcome, environment, execute, first_line
from course_utils.classroom.values import collect_values
from course_utils.errors import CourseError

# Seconds one cell may take. The profile `full` trains for hours in one cell, so there it has none.
TIMEOUT = 1800
RECORDING = ".course-recording.lock"
FILES = "files"  # folder for what the notebooks write


def run(
    names: tuple[str, ...],
    profile: str | None,
    pairs: tuple[tuple[str, str], ...],
    yamls: tuple[str, ...],
    files: tuple[Path, ...],
    target: Path | None,
    in_place: bool,
    timeout: int | None,
) -> int:
    """Run notebooks as the command line says; return the exit status."""
    sources = notebooks.find(names)
    given = collect_values(pairs, yamls, files)
    limit = (None if profile == "full" else TIMEOUT) if timeout is None else (timeout or None)
    if not in_place:
        plan = [(source, notebooks.profile_values(source, profile) | given) for source in sources]
        outcomes = run_all(plan, target or Path("build/course"), limit)
    elif profile or given or target:
        raise CourseError(
            "--in-place stores outputs of the notebooks' own values; "
            "leave out --profile, -p, -y, -f and --to."
        )
    else:
        outcomes = run_in_place(sources, limit)
    return int(any(outcome.error for outcome in outcomes))


def run_all(
    plan: list[tuple[Path, dict[str, Any]]], target: Path, timeout: int | None
) -> list[Outcome]:
    """Execute notebooks, each with its values, into a folder, and make the book of it.

    Everything is checked first. What a notebook left is put in its place when it ends: notebook
    and records together. The folder's ledger holds the records of the notebooks that stand there,
    whether they went to ``COURSE_LEDGER`` too or not.
    """
    own = paths.claim(target, "run", [source for source, _ in plan])
    if own.path / book.LEDGER == paths.absolute(ledger.default_path()):
        raise CourseError(
            f"{paths.relative(own.path / book.LEDGER)} is your own ledger, which this command "
            f"would begin anew; {paths.ELSEWHERE}"
        )
    for source, values in plan:
        notebooks.check_names(source, values)
        nb = notebooks.read(source)
        parameters.check(nb, values)
        own.check([source.name, book.LEDGER, FILES, book.NAME])
        own.check(claims.beside(nb))
        if "output_dir" in notebooks.parameters(source) and "output_dir" not in values:
            # A folder of its own keeps it apart from the reader's runs. The path is from the
            # kernel's folder, for no path of this machine is shown in the notebook.
            folder = Path(paths.relative(own.path / FILES, source.parent))
            values["output_dir"] = folder.as_posix()
    outcomes = []
    for number, (source, values) in enumerate(plan, 1):
        label = f"[{number}/{len(plan)}] {source.stem}"
        outcomes.append(_one(own, source, values, timeout, label))
        if outcomes[-1].interrupted:
            break
    records = tables.complete(ledger.read(own.path / book.LEDGER))
    done = {outcome.notebook for outcome in outcomes}
    _print_summary(outcomes, [r for r in records if r["notebook"] in done])
    book.make(own, own.path, book.NAME, records)
    if outcomes[-1].interrupted:
        raise click.Abort
    return outcomes


def _one(
    own: paths.Claim, source: Path, values: dict[str, Any], timeout: int | None, label: str
) -> Outcome:
    """Execute one notebook, and put what it left in its place."""
    own.note(FILES)
    with own.staging() as staged:
        executed = staged / source.name
        chosen = os.environ.get("COURSE_LEDGER")
        recorded_in = paths.absolute(chosen) if chosen else staged / "own" / book.LEDGER
        before = {record.get("id") for record in ledger.read(recorded_in)}
        with environment(COURSE_LEDGER=str(recorded_in)):
            outcome = execute(
                notebooks.read(source),
                executed,
                values,
                cwd=source.parent,
                timeout=timeout,
                label=label,
            )
        if (outcome.interrupted or outcome.refused) and source.name in own.files:
            click.echo(f"{source.stem}: the run that is there stays; {outcome.error}", err=True)
            return outcome
        if not executed.is_file():  # the kernel did not start
            return outcome
        nb = nbformat.read(executed, as_version=4)
        if copies := claims.beside(nb):
            own.write_all(copies)
        nbformat.write(nb, executed)
        new = [record for record in ledger.read(recorded_in) if record.get("id") not in before]
        sidecars = _sidecars(new, recorded_in.parent)
        for sidecar in sidecars:
            shutil.copy2(recorded_in.parent / sidecar, staged)
        # Another command may have put its records there meanwhile, and must not come between.
        with FileLock(own.path / RECORDING):
            held = ledger.read(own.path / book.LEDGER)
            kept = [record for record in held if record.get("notebook") != source.stem]
            if replaced := len(held) - len(kept):
                click.echo(f"{source.stem}: replaces the run that was there, {replaced} records.")
            (staged / book.LEDGER).touch()
            for record in kept + new:
                ledger.append(record, staged / book.LEDGER)
            own.take(staged, [source.name, book.LEDGER, *sidecars])
            own.remove(*_sidecars([record for record in held if record not in kept], own.path))
    return outcome


def _sidecars(records: list[dict[str, Any]], folder: Path) -> list[str]:
    """Files beside a ledger with the predictions of its records."""
    names = [f"predictions/{record.get('id')}.npz" for record in records]
    return [name for name in names if (folder / name).is_file()]


def _print_summary(outcomes: list[Outcome], records: list[dict[str, Any]]) -> None:
    click.echo()
    for outcome in outcomes:
        state = "failed in " + outcome.error if outcome.error else "ok"
        click.echo(f"{outcome.notebook:<32} {outcome.seconds:7.1f} s  {state}")
    click.echo(f"\n{tables.terminal_table(records)}\n")


def run_in_place(sources: list[Path], timeout: int | None) -> list[Outcome]:
    """Execute notebooks at their own values and store the outputs in them.

    A notebook is replaced in one step, and only if all of it ran and no output holds a path of
    this machine. Each one gets an empty ledger of its own, so that what is stored does not depend
    on what was run before.
    """
    bare = [notebooks.without_injected(notebooks.read(source)) for source in sources]
    outcomes = []
    for number, source in enumerate(sources, 1):
        label = f"[{number}/{len(sources)}] {source.stem}"
        outcome = _one_in_place(source, bare[number - 1], timeout, label)
        if outcome.interrupted:
            raise click.Abort
        outcomes.append(outcome)
        state = f"not changed; {outcome.error}" if outcome.error else "written"
        click.echo(f"{outcome.notebook}: {state}")
    return outcomes


def _one_in_place(
    source: Path, bare: nbformat.NotebookNode, timeout: int | None, label: str
) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="course-") as scratch:
        executed = Path(scratch, source.name)
        # A folder of its own: the notebook may be open, and a broken-off training of the reader's
        # wait in its output_dir.
        has_files = "output_dir" in notebooks.parameters(source)
        values = {"output_dir": str(Path(scratch, FILES))} if has_files else {}
        with environment(COURSE_LEDGER=str(Path(scratch, book.LEDGER))):
            outcome = execute(
                bare, executed, values, cwd=source.parent, timeout=timeout, label=label
            )
        if outcome.error:
            return outcome
        nb = notebooks.renumbered(notebooks.cleaned(nbformat.read(executed, as_version=4)))
    for index, line in notebooks.machine_paths(nb):
        cell = nb.cells[index]
        shown = f"cell {cell.execution_count} `{first_line(cell.source)}`"
        outcome.error = f"{shown} shows a path of this machine: {line[:100]}"
        return outcome
    nbformat.validate(nb)
    paths.replace_file(source, nbformat.writes(nb) + "\n")
    return outcome
