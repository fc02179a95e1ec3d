"""The students' edition: notebooks without outputs and without solutions, and a zip of them."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import click
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course_utils.classroom import claims, notebooks, paths
from course_utils.classroom.execute import first_line
from course_utils.errors import CourseError

GONE = (
    "*Your instructor has the solution to this exercise. The check above tells you when yours is "
    "right.*"
)
# A name that only a solution defines.
SOLUTION = re.compile(
    r"^\s*(?:(?:def|class)\s+solution_\w+|solution_\w+\s*(?::[^=\n]+)?=(?!=))", re.M
)


def student_edition(nb: NotebookNode, name: str) -> int:
    """Clear outputs and take the solutions out, in place; return how many.

    Stubs and checks stay. Where a solution stood, a sentence says so.
    """
    cells = []
    for cell in nb.cells:
        if "solution" in notebooks.tags(cell):
            cells.append(new_markdown_cell(GONE, id=cell.id))
            continue
        if cell.cell_type == "code":
            if SOLUTION.search(cell.source):
                raise CourseError(
                    f"{name}: the cell `{first_line(cell.source)}` defines a solution and lacks "
                    "the tag 'solution', by which it would be taken out; give it the tag again."
                )
            cell.metadata.pop("source_sha", None)
        cells.append(cell)
    nb.cells = cells
    notebooks.without_outputs(nb)
    return sum(cell.source == GONE for cell in cells)


def student(names: tuple[str, ...], target: Path) -> None:
    """Write the students' edition of notebooks and, beside the folder, a zip of it."""
    sources = notebooks.find(names)
    own = paths.claim(target, "student", sources)
    files: dict[str, str | bytes] = {}
    n_solutions = 0
    for source in sources:
        nb = notebooks.read(source)
        files |= claims.beside(nb)
        n_solutions += student_edition(nb, source.stem)
        files[source.name] = nbformat.writes(nb) + "\n"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(f"{own.path.name}/{name}", content)
    beside = own.path.with_name(f"{own.path.name}.zip")
    files[f"../{beside.name}"] = packed.getvalue()
    own.replace_all(files)
    click.echo(
        f"{len(sources)} notebooks without outputs, {n_solutions} solutions taken out: "
        f"{paths.relative(own.path)} and {paths.relative(beside)}"
    )
