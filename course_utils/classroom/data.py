"""Fetch the full data sets once, for this machine or for a class share."""

from __future__ import annotations

from pathlib import Path

import click

from course_utils import datasets
from course_utils.classroom import paths
from course_utils.errors import CourseError


def fetch(names: tuple[str, ...], folder: Path | None) -> int:
    """Fetch and verify data sets; return the exit status."""
    for name in names:
        if name not in datasets.NAMES:
            raise CourseError(f"'{name}' is no data set: use any of {', '.join(datasets.NAMES)}.")
    if folder:
        paths.refuse_forbidden(paths.absolute(folder))
    failed = []
    for name in names or datasets.NAMES:
        try:
            path, source = datasets.fetch(name, folder)
        except datasets.DataError as error:
            failed.append(name)
            click.echo(f"{name:<14} failed: {error}")
        except KeyboardInterrupt:
            click.echo(
                f"{name:<14} stopped by you: run `course data` again, which goes on with what is "
                "there already."
            )
            return 130
        else:
            click.echo(f"{name:<14} {path}  ({source}, verified)")
    if folder and not failed:
        click.echo(f"Ready: set COURSE_DATA_DIR to {paths.absolute(folder)}")
    return 1 if failed else 0
