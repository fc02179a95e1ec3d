"""What the commands know about notebook files: where, which parameters, what may be stored."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nbformat import NotebookNode

PATTERN = "[0-9]*.ipynb"
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# A path that exists on one machine only. What stands before it keeps web addresses out.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home|tmp|work|Users)/|\b[A-Za-z]:\\+Users\b")
# Outputs that are encoded bytes: nothing in them can be read as a path.
ENCODED = {"image/png", "image/jpeg", "application/pdf"}


class Refused(click.ClickException):
    """A request that cannot be carried out, told in one sentence; exit status 2."""

    exit_code = 2


def folder() -> Path:
    """Folder of the course's notebooks.

    Returns
    -------
    pathlib.Path
        ``notebooks`` in the working folder or the nearest folder above it, else beside the
        package where that is installed from a clone.

    Raises
    ------
    Refused
        If there is none.
    """
    here = Path.cwd()
    beside_package = Path(__file__).resolve().parents[2]
    for root in (here, *here.parents, beside_package):
        candidate = root / "notebooks"
        if any(candidate.glob(PATTERN)):
            return candidate
    raise Refused(
        "No folder 'notebooks' with notebooks of the course was found here or above; "
        "change to your clone of the course, or give the path of a notebook."
    )


def find(names: Iterable[str]) -> list[Path]:
    """Notebooks by path, stem or number.

    Parameters
    ----------
    names : iterable of str
        For instance ``"notebooks/01_baseline_overfit.ipynb"``, ``"01_baseline_overfit"``, ``"01"``.
        Nothing means all notebooks of the course.

    Returns
    -------
    list of pathlib.Path
        Absolute paths: as named, or in the order of the course.

    Raises
    ------
    Refused
        If a name fits no notebook, or two notebooks have the same stem.
    """
    names = list(names)
    if not names:
        return sorted(folder().resolve().glob(PATTERN))
    found: dict[str, Path] = {}
    for name in names:
        path = _find_one(name)
        if found.setdefault(path.stem, path) != path:
            raise Refused(f"Two notebooks are called {path.stem}; run them one after the other.")
    return list(found.values())


def _find_one(name: str) -> Path:
    path = Path(name)
    if path.suffix == ".ipynb" and path.is_file():
        return path.resolve()
    stems = {p.stem: p for p in sorted(folder().resolve().glob(PATTERN))}
    number = name.zfill(2) if name.isdigit() else None
    for stem, candidate in stems.items():
        if path.name in (stem, candidate.name) or stem.split("_")[0] == number:
            return candidate
    raise Refused(
        f"There is no notebook '{name}'{_nearest(name, stems)} The course has {', '.join(stems)}."
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else "."


def profile_values(notebook: Path, profile: str | None) -> dict[str, Any]:
    """Parameter values of one profile for one notebook.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook; ``profiles.yaml`` stands in its folder.
    profile : str or None
        Name of the profile; None means the notebook's own values.

    Returns
    -------
    dict
        Values to inject. Empty where the file has no entry for the notebook.

    Raises
    ------
    Refused
        If there is no such file, or no notebook in it has the profile.
    """
    if profile is None:
        return {}
    import yaml

    path = notebook.with_name("profiles.yaml")
    if not path.is_file():
        raise Refused(f"--profile {profile} needs the file profiles.yaml beside {notebook.name}.")
    profiles = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    known = sorted({name for entry in profiles.values() for name in entry})
    if profile not in known:
        raise Refused(f"profiles.yaml has no profile '{profile}'; it has {', '.join(known)}.")
    return (profiles.get(notebook.stem) or {}).get(profile) or {}


def parameters(notebook: Path) -> dict[str, dict[str, str]]:
    """Parameters of a notebook as papermill reads them.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.

    Returns
    -------
    dict
        For each name a dictionary with ``inferred_type_name``, ``default`` and ``help``.
    """
    from papermill import inspect_notebook

    return inspect_notebook(papermill_path(notebook))


def papermill_path(path: Path) -> str:
    """Path for papermill, which would fill in what stands in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def check_names(notebook: Path, values: Iterable[str]) -> None:
    """Refuse parameter names that a notebook does not have: papermill would only warn.

    Parameters
    ----------
    notebook : pathlib.Path
        The notebook.
    values : iterable of str
        Names that are to be set.

    Raises
    ------
    Refused
        For the first name that the notebook does not have.
    """
    values = list(values)
    if not values:
        return
    known = parameters(notebook)
    for name in values:
        if name not in known:
            raise Refused(
                f"{notebook.stem} has no parameter '{name}'{_nearest(name, known)} "
                f"It has {', '.join(known) or 'none'}."
            )


def digest(source: str) -> str:
    """Digest of a cell's code, stored with its outputs to show that they belong together."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def machine_paths(nb: NotebookNode) -> Iterator[tuple[int, str]]:
    """Find paths of one machine in the outputs of a notebook.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The notebook.

    Yields
    ------
    int
        Index of the cell.
    str
        The line in which a path stands.
    """
    for index, cell in enumerate(nb.cells):
        for text in _strings(cell.get("outputs", [])):
            for line in text.splitlines():
                if MACHINE_PATH.search(line):
                    yield index, line.strip()


def _strings(value: Any) -> Iterator[str]:
    """Every string in an output, without encoded images."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, part in value.items():
            if not (key in ENCODED and isinstance(part, str)):
                yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)


def without_injected(nb: NotebookNode) -> NotebookNode:
    """Remove, in place, the cells and error notes that papermill added."""
    added = {"injected-parameters", "papermill-error-cell-tag"}
    nb.cells = [cell for cell in nb.cells if not added & set(cell.metadata.get("tags", []))]
    return nb


WIDGET = "application/vnd.jupyter.widget-view+json"


def without_widgets(nb: NotebookNode) -> NotebookNode:
    """Put a sentence in the place of sliders, in place: none of them works without its kernel.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The executed notebook.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                output["data"] = {"text/plain": "Run this cell, and a slider stands here."}
    return nb


def cleaned(nb: NotebookNode) -> NotebookNode:
    """Make an executed notebook fit to be committed, in place.

    What changes from run to run without saying anything goes (papermill's and the front end's
    timing, the Python version); the digest of each code cell is stored beside its outputs.

    Parameters
    ----------
    nb : nbformat.NotebookNode
        The executed notebook.

    Returns
    -------
    nbformat.NotebookNode
        The same notebook.
    """
    without_injected(nb)
    without_widgets(nb)
    nb.metadata.pop("papermill", None)
    nb.metadata["kernelspec"] = dict(KERNELSPEC)
    nb.metadata.get("language_info", {}).pop("version", None)
    nb.nbformat, nb.nbformat_minor = 4, max(nb.nbformat_minor, 5)
    for cell in nb.cells:
        for key in ("papermill", "execution", "ExecuteTime"):
            cell.metadata.pop(key, None)
        if not cell.metadata.get("tags", True):
            del cell.metadata["tags"]
        if cell.cell_type == "code":
            cell.metadata["source_sha"] = digest(cell.source)
    return nb
