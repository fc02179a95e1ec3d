"""The command ``course``: every option of every command; what works is imported inside each."""

from __future__ import annotations

import errno
import warnings
from collections.abc import Callable
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
            with warnings.catch_warnings():
                warnings.showwarning = _warn
                return super().invoke(ctx)
        except (CourseError, OSError, NotImplementedError) as error:
            number = getattr(error, "errno", None)
            unknown = isinstance(error, NotImplementedError) and "flock" not in str(error)
            if unknown or number == errno.EPIPE:  # click's own: a pipe's reader left
                raise
            if number in (errno.ENOLCK, errno.ENOSYS) or isinstance(error, NotImplementedError):
                text = f"This disk knows no locks ({error}); choose a folder on another one."
                raise Refused(text) from error
            raise Refused(str(error)) from error


def _warn(message: Warning | str, *where: Any, **more: Any) -> None:
    """Say a warning's sentence, without the line of code that it comes from."""
    click.echo(str(message), err=True)


class Place(click.Path):
    """A path with ``~`` written out, which no shell does in ``--to=~/x``."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Path of a text."""
        return super().convert(Path(value).expanduser(), param, ctx)


FOLDER = Place(path_type=Path, file_okay=False)
FILE = Place(path_type=Path, exists=True, dir_okay=False)
AT_LEAST_1 = click.IntRange(min=1)
NAMES = click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
VALUES = (
    click.option("--profile", help="Take this profile's values of profiles.yaml (smoke, full)."),
    click.option("-p", "pairs", nargs=2, multiple=True, metavar="NAME VALUE", help="One value."),
    click.option("-y", "yamls", multiple=True, metavar="YAML", help="Values as a line of YAML."),
)
WRITE_TO = "Folder to write into; only what the command wrote there before is replaced."


def values(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that set parameters."""
    for option in reversed(VALUES):
        command = option(command)
    return command


def to(default: str) -> Callable[..., Any]:
    """Option ``--to`` of a command that writes a folder."""
    return click.option(
        "--to", "target", type=FOLDER, default=default, show_default=True, help=WRITE_TO
    )


@click.group(cls=Course, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="course")
def main() -> None:
    """Run, check and publish the notebooks of the course *Overfit on Purpose*."""


@main.command(short_help="Run notebooks; write them, and the book of them.")
@NAMES
@values
@click.option("-f", "files", multiple=True, type=FILE, help="Values in a YAML file.")
@click.option("--to", "target", type=FOLDER, help=f"{WRITE_TO}  [default: build/course]")
@click.option("--in-place", is_flag=True, help="Store the outputs in the notebooks themselves.")
@click.option(
    "--timeout",
    type=click.IntRange(min=0),
    help="Seconds one cell may take; 0 means no limit.  [default: 1800; full: no limit]",
)
def run(**options: Any) -> None:
    """Run notebooks and write them with their outputs, and as a book: book/index.html.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is run. A
    notebook that fails is named with its cell and error, and the others still run; the exit
    status is then 1. The folder's ledger.jsonl holds the training runs of its notebooks; where
    COURSE_LEDGER is set, they are recorded there too.
    """
    from course_utils.classroom.run import run

    raise SystemExit(run(**options))


@main.command(short_help="Write a profile's values into notebooks.")
@NAMES
@click.option("--profile", default="smoke", show_default=True, help="Profile of profiles.yaml.")
@to("build/smoke")
def prepare(**options: Any) -> None:
    """Write notebooks with a profile's values, without running them.

    NOTEBOOK is a path, a stem or a number such as 01; without one, all are taken. Stored outputs
    stay, so that `pytest --nbval-lax` can compare with them.
    """
    from course_utils.classroom.prepare import prepare

    prepare(**options)


@main.command(short_help="Write the students' edition, and a zip of it.")
@NAMES
@to("build/student")
def student(**options: Any) -> None:
    """Write notebooks for students: no outputs, no solutions; stubs and checks stay.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is written.
    The page of claims, to which the conclusions link, lies beside the notebooks with its records.
    Beside the folder stands a zip of it, to hand out.
    """
    from course_utils.classroom.student import student

    student(**options)


@main.command(short_help="Mark what a class handed in.")
@click.argument("submissions", type=Place(path_type=Path))
@to("marks")
@click.option(
    "--seconds",
    type=click.IntRange(1, 3600),
    default=20,
    show_default=True,
    help="Time for one answer; six times as long for one that builds a network.",
)
@click.option(
    "--workers", type=AT_LEAST_1, help="Students at a time.  [default: one for each core]"
)
def mark(**options: Any) -> None:
    """Mark what a class handed in: marks.csv, a page of feedback each, and the class's numbers.

    SUBMISSIONS is a folder, or a zip, of notebooks, students' folders and zips, also as Moodle and
    Canvas write them. The answers run in a sandbox (bubblewrap, on Linux), without a network, on
    inputs drawn anew, and are compared outside of it. The cells say right, wrong, not done,
    missing, or look: for you to look at.
    """
    from course_utils.classroom.mark import mark

    mark(**options)


@main.command(short_help="Make the book of a folder of executed notebooks.")
@click.argument("folder", type=Place(path_type=Path, exists=True, file_okay=False), required=False)
@click.option(
    "--to", "target", type=FOLDER, help="Folder of its own for it.  [default: FOLDER/book]"
)
def report(folder: Path | None, target: Path | None) -> None:
    """Make the book of the executed notebooks in FOLDER: pages that open from disk.

    FOLDER is what `course run` wrote, build/course if not given, or any other folder of notebooks.
    Where it has a ledger.jsonl, those runs stand in the book's tables too.
    """
    from course_utils.classroom.book import report

    report(folder or Path("build/course"), target)


@main.command(short_help="Run the recorded runs that are missing.")
@NAMES
@click.option(
    "--scale",
    type=click.Choice(("embedded", "full", "settings")),
    help="Only this section of the plan.  [default: all]",
)
@click.option("--list", "only_list", is_flag=True, help="Say what is missing, and run nothing.")
@click.option("--limit", type=AT_LEAST_1, help="Stop after this many executions.")
@click.option("--work", type=FOLDER, default="build/reproduce", show_default=True, help=WRITE_TO)
@click.option(
    "--workers",
    type=AT_LEAST_1,
    default=1,
    show_default=True,
    help="Executions at a time, in processes that share the cores; their seconds are longer.",
)
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of this dask scheduler.")
def reproduce(**options: Any) -> None:
    """Run what course_utils/reference lacks, by its plan.yaml, one notebook after the other.

    A record is kept as soon as its execution ends. Stop it at any time: the same command goes
    on where it stopped, and repeats no run that was recorded. Two such commands share the work.
    At scale `full` the data must be at hand (course data), and the whole takes many hours on two
    cores.
    """
    from course_utils.classroom import reproduce

    raise SystemExit(reproduce.run(**options))


@main.command(short_help="Run a notebook at every point of a grid, in parallel.")
@click.argument("name", metavar="NOTEBOOK")
@click.option(
    "-g",
    "grids",
    multiple=True,
    metavar="NAME=VALUES",
    help="Values of one parameter; each combination of all -g is a run.",
)
@values
@click.option(
    "--workers",
    type=AT_LEAST_1,
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
    the same command goes on where it stopped, and repeats no finished run. Two such commands in
    one folder share the runs. Finished runs are recorded in ledger.jsonl of the folder, or in
    COURSE_LEDGER where that is set. The exit status is 1 if a run failed, and 130 after Ctrl-C.

    A notebook runs in its own folder, with an output_dir of its own unless you set one. On a
    cluster (`dask worker ADDRESS --nthreads 1`) the workers need the course and the data; a worker
    runs one notebook at a time, on as many threads as it has, and only the notebook and its
    records come back.
    """
    from course_utils.classroom import sweep

    raise SystemExit(sweep.run(**options))


@main.command(short_help="Show the published numbers beside the course's own.")
@click.option("--write", is_flag=True, help="Renew the tables in the README.")
def results(write: bool) -> None:
    """Show the published accuracies beside the course's recorded full-scale runs.

    Accuracies are in percent, with the half width of the 95 % t interval where there are two runs
    or more. Fewer than six runs are a record, not a claim.
    """
    from course_utils.classroom.results import results

    results(write=write)


@main.command(short_help="List every parameter of every notebook.")
@NAMES
@click.option("--write", is_flag=True, help="Renew the tables in notebooks/instructors.md.")
def parameters(names: tuple[str, ...], write: bool) -> None:
    """List every parameter of every notebook: type, default, what is allowed, and what it is.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is listed.
    """
    from course_utils.classroom.parameters import parameters

    parameters(names, write=write)


@main.command(short_help="Hold badges and set-up cells to one address and version.")
@click.option("--write", is_flag=True, help="Renew what is not current.")
def badges(write: bool) -> None:
    """Hold the badges and the set-up cells to the course's address and version.

    Looks at the README, the pages in Markdown beside the notebooks, and the notebooks. The exit
    status is 1 if one of them is not current and --write was not given.
    """
    from course_utils.classroom.badges import badges

    raise SystemExit(badges(write=write))


@main.command(short_help="Give the course its address, and say what remains to publish it.")
@click.option("--owner", required=True, help="Who owns the repository on GitHub.")
@click.option("--repository", help="Name of the repository.  [default: as it is]")
@click.option("--version", help="Version, such as 1.0.0.  [default: as it is]")
def publish(**options: Any) -> None:
    """Set the address and the version of the course, everywhere, and say what remains to be done.

    The address goes into pyproject.toml and the version into course_utils/__init__.py. Badges,
    set-up cells, the links to Binder and Colab and CITATION.cff are renewed from them. Then
    everything that a command renders is checked; the exit status is 1 if something is stale.
    """
    from course_utils.classroom.publish import publish

    raise SystemExit(publish(**options))


@main.command(short_help="Render the conclusions of the notebooks from the recorded runs.")
@click.option("--write", is_flag=True, help="Renew what is stale.")
@click.option("--check", is_flag=True, help="End with status 1 if something is stale.")
def claims(write: bool, check: bool) -> None:
    """Render the notebooks' conclusions, and the page that leads to their runs, from the records.

    Where the records contradict a claim, all such claims are named and nothing is written.
    """
    from course_utils.claims import page

    rendered = page.render()
    for line in rendered.stale:
        click.echo(line)
    if write:
        rendered.write()
    elif check and rendered.files:
        raise SystemExit(1)


@main.command(short_help="Fetch and verify the full data sets.")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--to",
    "folder",
    type=FOLDER,
    metavar="FOLDER",
    help="Put canonical copies into FOLDER, e.g. a class share; set COURSE_DATA_DIR to it.",
)
def data(names: tuple[str, ...], folder: Path | None) -> None:
    """Fetch the full data sets and verify them.

    NAME is any of fashion_mnist, mnist, cifar10, cats_vs_dogs; all four where none is given.
    Sets that are in COURSE_DATA_DIR or in the user's cache already are verified and not
    downloaded.
    """
    from course_utils.classroom.data import fetch

    raise SystemExit(fetch(names, folder))


@main.command(short_help="Say what this machine has and what is missing.")
def doctor() -> None:
    """Say what this machine has, and what to do about what is missing.

    Ends with status 1 only where the course cannot run at all.
    """
    from course_utils.classroom.doctor import doctor

    raise SystemExit(doctor())
