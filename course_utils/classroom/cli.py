"""The command ``course``: every option of every command; what works is imported inside each."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import click

from course_utils import __version__
from course_utils.errors import CourseError


class Refused(click.ClickException):
    """What cannot be done as asked, in one sentence."""

    exit_code = 2


class Course(click.Group):
    """The commands, in the order in which they are declared."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a promised sentence, or a file in the way, is never a traceback."""
        try:
            return super().invoke(ctx)
        except (CourseError, OSError) as error:
            if getattr(error, "errno", None) == errno.EPIPE:  # click's own: a pipe's reader left
                raise
            raise Refused(str(error)) from error


class Place(click.Path):
    """A path with ``~`` written out, which no shell does in ``--to=~/x``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Path of a text."""
        return super().convert(Path(value).expanduser(), param, ctx)


FOLDER = Place(path_type=Path, file_okay=False)
FILE = Place(path_type=Path, exists=True, dir_okay=False)
names = click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
pairs = click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="One value.")
yamls = click.option(
    "-y", "yamls", multiple=True, metavar="YAML", help="Parameters as a line of YAML."
)
profile = click.option(
    "--profile", help="Take the values of this profile of profiles.yaml (smoke, full)."
)


@click.group(cls=Course, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="course")
def main() -> None:
    """Run, check and publish the notebooks of the course *Overfit on Purpose*."""


@main.command(short_help="Run notebooks; write them, HTML pages and an index.")
@names
@profile
@pairs
@yamls
@click.option("-f", "files", multiple=True, type=FILE, help="Parameters in a YAML file.")
@click.option("--to", "target", type=FOLDER, help="Folder to write into.  [default: build/course]")
@click.option("--in-place", is_flag=True, help="Store the outputs in the notebooks themselves.")
@click.option(
    "--timeout",
    type=click.IntRange(min=0),
    help="Seconds one cell may take; 0 means no limit.  [default: 1800; full: no limit]",
)
def run(
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
    status is then 1. The folder's ledger.jsonl holds the training runs of its pages; where
    COURSE_LEDGER is set, they are recorded there too.
    """
    from course_utils.classroom import notebooks, values
    from course_utils.classroom import run as work

    given = values.collect_values(pairs, yamls, files)
    limit = (None if profile == "full" else work.TIMEOUT) if timeout is None else (timeout or None)
    sources = notebooks.find(names)
    if in_place:
        if profile or given or target:
            raise CourseError(
                "--in-place stores outputs of the notebooks' own values; "
                "leave out --profile, -p, -y, -f and --to."
            )
        outcomes = work.run_in_place(sources, limit)
    else:
        outcomes = work.run(sources, profile, given, target or Path("build/course"), limit)
    raise SystemExit(any(outcome.error for outcome in outcomes))


@main.command(short_help="Write a profile's values into notebooks.")
@names
@click.option("--profile", default="smoke", show_default=True, help="Profile of profiles.yaml.")
@click.option(
    "--to",
    "target",
    type=FOLDER,
    default="build/smoke",
    show_default=True,
    help="Folder to write into.",
)
def prepare(names: tuple[str, ...], profile: str, target: Path) -> None:
    """Write notebooks with a profile's values, without running them.

    NOTEBOOK is a path, a stem or a number such as 01; without one, all are taken. Stored outputs
    stay, so that `pytest --nbval-lax` can compare with them.
    """
    from course_utils.classroom import notebooks
    from course_utils.classroom import prepare as work

    work.prepare(notebooks.find(names), profile, target)


@main.command(short_help="Write the students' edition, and a zip of it.")
@names
@click.option(
    "--to",
    "target",
    type=FOLDER,
    default="build/student",
    show_default=True,
    help="Folder to write into; what the command wrote there before is replaced.",
)
def student(names: tuple[str, ...], target: Path) -> None:
    """Write notebooks for students: no outputs, no solutions; stubs and checks stay.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is written.
    The page of claims, to which the conclusions link, lies beside the notebooks with its records.
    Beside the folder stands a zip of it, to hand out.
    """
    from course_utils.classroom import notebooks
    from course_utils.classroom import student as work

    work.student(notebooks.find(names), target)


@main.command(short_help="Write the pages and the index of a run again.")
@click.argument(
    "folder",
    type=Place(path_type=Path, exists=True, file_okay=False),
    default="build/course",
)
def report(folder: Path) -> None:
    """Write the HTML page of every executed notebook in FOLDER, and index.html, again.

    FOLDER is what `course run` wrote, build/course if not given; its ledger.jsonl makes the table.
    """
    from course_utils.classroom import report as work

    work.report(folder)


@main.command(short_help="Run the recorded runs that are missing.")
@names
@click.option(
    "--scale", type=click.Choice(("embedded", "full")), help="Only this scale.  [default: both]"
)
@click.option("--list", "only_list", is_flag=True, help="Say what is missing, and run nothing.")
@click.option("--limit", type=click.IntRange(min=1), help="Stop after this many executions.")
@click.option(
    "--work",
    type=FOLDER,
    default="build/reproduce",
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
def reproduce(**options: Any) -> None:
    """Run what course_utils/reference lacks, by its plan.yaml, one notebook after the other.

    A record is written as soon as its training ends. Stop it at any time: the same command goes
    on where it stopped, and repeats no run that was recorded. At scale `full` the data must be at
    hand (course data), and the whole takes many hours on two cores.
    """
    from course_utils.classroom import reproduce as work

    raise SystemExit(work.run(**options))


@main.command(short_help="Run a notebook at every point of a grid, in parallel.")
@click.argument("name", metavar="NOTEBOOK")
@click.option(
    "-g",
    "grids",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values of one parameter; each combination of all -g is a run.",
)
@pairs
@yamls
@profile
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
def sweep(**options: Any) -> None:
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
    from course_utils.classroom import sweep as work

    raise SystemExit(work.run(**options))


@main.command(short_help="Show the published numbers beside the course's own.")
@click.option("--write", is_flag=True, help="Renew the tables in the README.")
def results(write: bool) -> None:
    """Show the published accuracies beside the course's recorded full-scale runs.

    Accuracies are in percent, with the half width of the 95 % t interval where there are two runs
    or more. Fewer than six runs are a record, not a claim.
    """
    from course_utils.classroom import results as work

    if write:
        work.renew()
    else:
        click.echo(work.tables())


@main.command(short_help="List every parameter of every notebook.")
@names
@click.option("--write", is_flag=True, help="Renew the tables in notebooks/instructors.md.")
def parameters(names: tuple[str, ...], write: bool) -> None:
    """List every parameter of every notebook: type, default, what is allowed, and what it is.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is listed.
    """
    from course_utils.classroom import notebooks
    from course_utils.classroom import parameters as work

    if not write:
        click.echo(work.tables(notebooks.find(names)))
    elif names:
        raise CourseError("--write renews the tables of all notebooks; leave out the names.")
    else:
        work.renew()


@main.command(short_help="Hold badges and set-up cells to one address and version.")
@click.option("--write", is_flag=True, help="Renew what is not current.")
def badges(write: bool) -> None:
    """Hold the badges and the set-up cells to the course's address and version.

    Looks at the README, the pages in Markdown beside the notebooks, and the notebooks. The exit
    status is 1 if one of them is not current and --write was not given.
    """
    from course_utils.classroom import badges as work

    raise SystemExit(work.badges(write=write))


@main.command(short_help="Fetch and verify the full data sets.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--to",
    "folder",
    type=FOLDER,
    help="Put canonical copies into FOLDER, e.g. a class share; set COURSE_DATA_DIR to it.",
    metavar="FOLDER",
)
def data(names: tuple[str, ...], folder: Path | None) -> None:
    """Fetch the full data sets and verify them.

    NAME is any of fashion_mnist, mnist, cifar10, cats_vs_dogs; all four where none is given.
    Sets that are in COURSE_DATA_DIR or in the user's cache already are verified and not
    downloaded.
    """
    from course_utils.classroom import data as work

    raise SystemExit(work.fetch(names, folder))


@main.command(short_help="Say what this machine has and what is missing.")
def doctor() -> None:
    """Say what this machine has, and what to do about what is missing.

    Ends with status 1 only where the course cannot run at all.
    """
    from course_utils.classroom import doctor as work

    raise SystemExit(work.doctor())
