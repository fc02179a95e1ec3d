"""``course data``: fetch the full data sets once, for this machine or for a class share."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="data")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Put canonical copies into FOLDER, e.g. a class share; set COURSE_DATA_DIR to it.",
    metavar="FOLDER",
)
def command(names: tuple[str, ...], folder: Path | None) -> None:
    """Fetch the full data sets and verify them.

    NAME is any of fashion_mnist, mnist, cifar10, cats_vs_dogs; all four where none is given.
    Sets that are in COURSE_DATA_DIR or in the user's cache already are verified and not
    downloaded.
    """
    from course_utils import datasets

    for name in names:
        if name not in datasets.NAMES:
            known = ", ".join(datasets.NAMES)
            raise click.BadParameter(f"{name!r} is not a data set: use any of {known}.")
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
            raise click.exceptions.Exit(130) from None
        else:
            click.echo(f"{name:<14} {path}  ({source}, verified)")
    if folder and not failed:
        click.echo(f"Ready: set COURSE_DATA_DIR to {folder.resolve()}")
    if failed:
        raise click.exceptions.Exit(1)
