"""The command ``course``. Subcommands are imported when they are called, so that it starts fast."""

from __future__ import annotations

import errno
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from course_utils import __version__
from course_utils.errors import CourseError

# name: (module with a click command called `command`, one line for the overview).
# The lines stand here so that `course --help` imports none of the modules.
COMMANDS = {
    "run": ("course_utils.classroom.run", "Run notebooks; write them, HTML pages and an index."),
    "prepare": ("course_utils.classroom.prepare", "Write a profile's values into notebooks."),
    "student": ("course_utils.classroom.student", "Write the students' edition, and a zip of it."),
    "report": ("course_utils.classroom.report", "Write the pages and the index of a run again."),
    "reproduce": ("", "Run the recorded runs that are missing."),
    "sweep": ("", "Run one notebook at every point of a grid."),
    "results": ("course_utils.classroom.results", "Show published numbers beside the course's."),
    "parameters": ("course_utils.classroom.parameters", "List every parameter of every notebook."),
    "badges": ("course_utils.classroom.badges", "Hold badges and set-up cells to one address."),
    "data": ("course_utils.classroom.data", "Fetch and verify the full data sets."),
    "doctor": ("course_utils.classroom.doctor", "Say what this machine has and what is missing."),
}


class LazyGroup(click.Group):
    """A click group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS or cmd_name in self.commands:
            return self.commands.get(cmd_name)
        return import_module(COMMANDS[cmd_name][0]).command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a file that cannot be read or written ends it with one sentence."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:  # click's own case: the reader of a pipe has left
                raise
            raise click.ClickException(str(error)) from error
        except CourseError as error:
            raise click.UsageError(str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="course")
def main() -> None:
    """Run, check and publish the notebooks of the course *Overfit on Purpose*."""


@main.command("sweep", short_help="Run a notebook at every point of a grid, in parallel.")
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
def _sweep(**options: Any) -> None:
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


@main.command("reproduce", short_help="Run the recorded runs that are missing.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option(
    "--scale",
    type=click.Choice(["embedded", "full", "settings"]),
    help="Only this section of the plan.  [default: all]",
)
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
@click.option("--scheduler", metavar="ADDRESS", help="Run on the workers of this dask scheduler.")
def _reproduce(**options: Any) -> None:
    """Run what course_utils/reference lacks, by its plan.yaml, one notebook after the other.

    A record is kept as soon as its execution ends. Stop it at any time: the same command goes
    on where it stopped, and repeats no run that was recorded. Two such commands share the work.
    At scale `full` the data must be at hand (course data), and the whole takes many hours on two
    cores.
    """
    from course_utils.classroom import reproduce

    raise SystemExit(reproduce.run(**options))
