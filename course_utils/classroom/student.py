"""``course student``: the students' edition, without outputs and without solutions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from course_utils.classroom import claims, notebooks
from course_utils.classroom.prepare import refuse_own_folder
from course_utils.classroom.run import relative

if TYPE_CHECKING:
    from nbformat import NotebookNode

GONE = (
    "*Your instructor has the solution to this exercise. The check above tells you when yours is "
    "right.*"
)


def student_edition(nb: NotebookNode) -> NotebookNode:
    """Clear the outputs of a notebook and take its solutions out, in place.

    Stubs and checks stay. Where a solution stood, a sentence says so.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    from nbformat.v4 import new_markdown_cell

    cells = []
    for cell in nb.cells:
        if "solution" in cell.metadata.get("tags", []):
            cells.append(new_markdown_cell(GONE, id=cell.id))
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.metadata.pop("source_sha", None)
        cells.append(cell)
    nb.cells = cells
    return nb


@click.command("student", short_help="Write the students' edition, and a zip of it.")
@click.argument("names", metavar="[NOTEBOOK]...", nargs=-1)
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("build/student"),
    show_default=True,
    help="Folder to write into; what the command wrote there before is replaced.",
)
def command(names: tuple[str, ...], target: Path) -> None:
    """Write notebooks for students: no outputs, no solutions; stubs and checks stay.

    NOTEBOOK is a path, a stem or a number such as 01; without one, the whole course is written.
    The page of claims, to which the conclusions link, lies beside the notebooks with its records.
    Beside the folder stands a zip of it, to hand out.
    """
    import nbformat

    sources = notebooks.find(names)
    refuse_own_folder(sources, target)
    target = target.resolve()  # the zip is named after it
    if (target / "ledger.jsonl").exists():
        raise notebooks.Refused(
            f"{relative(target)} holds notebooks that were run, and their ledger; choose another "
            f"folder with --to."
        )
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob(notebooks.PATTERN):  # those named by number, as the course names its own
        old.unlink()
    n_solutions, linked = 0, False
    for source in sources:
        nb = nbformat.read(source, as_version=4)
        n_solutions += sum("solution" in c.metadata.get("tags", []) for c in nb.cells)
        linked |= claims.link_beside(nb)
        nbformat.write(student_edition(nb), target / source.name)
    if linked:
        claims.copy(target)
    archive = shutil.make_archive(str(target), "zip", root_dir=target.parent, base_dir=target.name)
    click.echo(
        f"{len(sources)} notebooks without outputs, {n_solutions} solutions taken out: "
        f"{relative(target)} and {relative(Path(archive))}"
    )
