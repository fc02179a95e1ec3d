"""The command ``course``. Subcommands are imported when they are called, so that it starts fast."""

from __future__ import annotations

import errno
from importlib import import_module
from typing import Any

import click

from course_utils import __version__

# name: (module with a click command called `command`, one line for the overview).
# The lines stand here so that `course --help` imports none of the modules.
COMMANDS = {
    "run": ("course_utils.classroom.run", "Run notebooks; write them, HTML pages and an index."),
    "prepare": ("course_utils.classroom.prepare", "Write a profile's values into notebooks."),
    "student": ("course_utils.classroom.student", "Write the students' edition, and a zip of it."),
    "report": ("course_utils.classroom.report", "Write the pages and the index of a run again."),
    "reproduce": ("course_utils.classroom.reproduce", "Run the recorded runs that are missing."),
    "sweep": ("course_utils.classroom.sweep", "Run one notebook at every point of a grid."),
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
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        return import_module(COMMANDS[cmd_name][0]).command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a file that cannot be read or written ends it with one sentence."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            if error.errno == errno.EPIPE:  # click's own case: the reader of a pipe has left
                raise
            raise click.ClickException(str(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            lines = [(name, summary) for name, (_, summary) in COMMANDS.items()]
            lines += [(name, each.get_short_help_str(100)) for name, each in self.commands.items()]
            formatter.write_dl(lines)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="course")
def main() -> None:
    """Run, check and publish the notebooks of the course *Overfit on Purpose*."""


@main.command()
@click.option("--write", is_flag=True, help="Renew what is stale.")
@click.option("--check", is_flag=True, help="Exit with status 1 if something is stale.")
@click.pass_context
def claims(ctx: click.Context, write: bool, check: bool) -> None:
    """Render the notebooks' conclusions, and their page, from the recorded runs.

    Where the records do not say what a claim says, nothing is written, and the status is 2.
    """
    from course_utils.claims import page
    from course_utils.errors import CourseError

    try:
        rendered = page.render()
    except CourseError as error:
        click.echo(f"Error: {error}", err=True)
        ctx.exit(2)
    for line in rendered.stale:
        click.echo(line)
    if write:
        rendered.write()
    elif check and rendered.files:
        ctx.exit(1)
