"""Notebooks with a profile's values written in, not executed."""

from __future__ import annotations

from pathlib import Path

import click
import nbformat
import papermill

from course_utils.classroom import claims, notebooks, parameters, paths


def prepare(names: tuple[str, ...], profile: str, target: Path) -> None:
    """Write notebooks with the values of a profile; their stored outputs stay.

    The ``profiles.yaml`` and the files that a notebook names, such as pictures, are copied from
    beside it, and so is the page of claims where a notebook links to it.
    """
    sources = notebooks.find(names)
    own = paths.claim(target, "prepare", sources)
    files: dict[str, str | bytes] = {}
    for source in sources:
        values = notebooks.profile_values(source, profile)
        notebooks.check_names(source, values)
        nb = notebooks.read(source)
        parameters.check(nb, values)
        nb = papermill.execute_notebook(nb, None, parameters=values, prepare_only=True)
        nb.metadata.pop("papermill", None)  # it holds the paths of this machine
        for cell in nb.cells:
            cell.metadata.pop("papermill", None)
        for path in source.parent.iterdir():
            named = any(path.name in cell.source for cell in nb.cells)
            if path.name == "profiles.yaml" or (named and path.suffix != ".ipynb"):
                files |= {path.name: path.read_bytes()} if path.is_file() else {}
        files |= claims.beside(nb)
        files[source.name] = nbformat.writes(nb) + "\n"
    own.check(files)
    own.write_all(files)
    click.echo(
        f"{len(sources)} notebooks with the profile '{profile}' in {paths.relative(own.path)}"
    )
