"""``course prepare``: notebooks with a profile's values written in, not executed."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from course_utils.classroom import claims, notebooks


def prepare(sources: list[Path], profile: str, target: Path) -> list[Path]:
    """Write notebooks with the values of a profile; their stored outputs stay.

    Files that stand beside the notebooks (pictures, ``profiles.yaml``) are copied too, and so is
    the page of claims where a notebook links to it.

    Parameters
    ----------
    sources : list of pathlib.Path
        The notebooks.
    profile : str
        Name of a profile in ``profiles.yaml``.
    target : pathlib.Path
        Folder to write into; it is made.

    Returns
    -------
    list of pathlib.Path
        The notebooks written.

    Raises
    ------
    Refused
        If a name in the profile is no parameter of its notebook, or the target is the folder of
        the notebooks themselves.
    """
    import nbformat
    from papermill import execute_notebook

    plan = []
    for source in sources:
        values = notebooks.profile_values(source, profile)
        notebooks.check_names(source, values)
        plan.append((source, values))
    refuse_own_folder(sources, target)
    target.mkdir(parents=True, exist_ok=True)
    for directory in {source.parent for source in sources}:
        for path in directory.iterdir():
            if path.is_file() and path.suffix != ".ipynb" and not path.name.startswith("."):
                shutil.copy2(path, target / path.name)
    written, linked = [], False
    for source, values in plan:
        result = target / source.name
        nb = execute_notebook(
            notebooks.papermill_path(source), None, parameters=values, prepare_only=True
        )
        nb.metadata.pop("papermill", None)  # it holds the paths of this machine
        for cell in nb.cells:
            cell.metadata.pop("papermill", None)
        linked |= claims.link_beside(nb)
        nbformat.write(nb, result)
        written.append(result)
    if linked:
        claims.copy(target)
    return written


def refuse_own_folder(sources: list[Path], target: Path) -> None:
    """Refuse to write results over the notebooks they are made from."""
    if any(source.parent == target.resolve() for source in sources):
        raise notebooks.Refused(
            f"--to {target} is the folder of the notebooks themselves; choose another one."
        )


@click.command("prepare", short_help="Write a profile's values into notebooks.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option("--profile", default="smoke", show_default=True, help="Profile of profiles.yaml.")
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/smoke"),
    show_default=True,
    help="Folder to write into.",
)
def command(names: tuple[str, ...], profile: str, target: Path) -> None:
    """Write notebooks with a profile's values, without running them.

    NOTEBOOK is a path, a stem or a number such as 01; without one, all are taken. Stored outputs
    stay, so that `pytest --nbval-lax` can compare with them.
    """
    written = prepare(notebooks.find(names), profile, target)
    click.echo(f"{len(written)} notebooks with the profile '{profile}' in {target}")
