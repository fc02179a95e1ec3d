"""What the commands know about notebook files: where, which parameters, what may be stored."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode

from course_utils.classroom import values
from course_utils.classroom.paths import NOTEBOOK, PACKAGE, absolute, course_roots, relative
from course_utils.errors import CourseError

KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
# A path that exists on one machine only. What stands before it keeps web addresses out.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:root|home|tmp|work|Users)/|\b[A-Za-z]:\\+Users\b")
# Outputs that are encoded bytes: nothing in them can be read as a path.
ENCODED = {"image/png", "image/jpeg", "application/pdf"}
WIDGET = "application/vnd.jupyter.widget-view+json"


def folder() -> Path:
    """Folder of the course's notebooks: here or above, else beside an installed clone."""
    for root in (*course_roots(Path.cwd()), *course_roots(PACKAGE)):
        return root / "notebooks"
    raise CourseError(
        "No folder 'notebooks' with notebooks of the course was found here or above; "
        "change to your clone of the course, or give the path of a notebook."
    )


def of_the_course() -> list[Path]:
    """The course's notebooks, in order; copies such as ``01_…-Copy1.ipynb`` are none of them."""
    return sorted(p for p in folder().resolve().glob("*.ipynb") if NOTEBOOK.fullmatch(p.name))


def find(names: Iterable[str]) -> list[Path]:
    """Notebooks by path, stem or number (``01``); nothing means all notebooks of the course."""
    names = list(names)
    if not names:
        return of_the_course()
    found: dict[str, Path] = {}
    for name in names:
        path = _find_one(name)
        if found.setdefault(path.stem, path) != path:
            raise CourseError(f"Two notebooks are called {path.stem}; take one at a time.")
    return list(found.values())


def _find_one(name: str) -> Path:
    if name.endswith(".ipynb") or "/" in name or os.sep in name:  # a path, and nothing else
        path = absolute(name)
        if path.is_file() and path.suffix == ".ipynb":
            return path
        raise CourseError(f"There is no notebook '{name}': a path must lead to an .ipynb file.")
    by_stem = {path.stem: path for path in of_the_course()}
    number = name.zfill(2) if name.isdigit() else name
    for stem, path in by_stem.items():
        if name == stem or stem.split("_")[0] == number:
            return path
    raise CourseError(
        f"There is no notebook '{name}'{_nearest(name, by_stem)} "
        f"The course has {', '.join(by_stem)}."
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else "."


def read(path: Path) -> NotebookNode:
    """Read a notebook, with what old and foreign ones lack: ids of the cells, name of a kernel."""
    nb = read_as_it_is(path)
    nb = nbformat.v4.upgrade(nb) or nb
    nb.metadata.setdefault("kernelspec", dict(KERNELSPEC)).setdefault("language", "python")
    return nbformat.from_dict(nb)  # of version 3 comes another class, which papermill does not know


def read_as_it_is(path: Path) -> NotebookNode:
    """Read a notebook, or say in a sentence why it is none."""
    text = decoded(path.read_bytes(), relative(path))
    try:
        return nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises whatever its JSON or its schema trips over
        raise CourseError(
            f"{relative(path)} cannot be read as a notebook ({type(error).__name__}); "
            "take it from where it came again."
        ) from error


def decoded(content: bytes, shown: str) -> str:
    """Text of a notebook's file, by whose name, `shown`, the reader is told if it is none."""
    # Some shells of Windows write UTF-16.
    text = content.decode(json.detect_encoding(content), errors="replace").lstrip("\ufeff")
    if not text.strip("\0 \r\n\t"):
        raise CourseError(f"{shown} is empty, and no notebook; remove it.")
    if re.search(r"^<{7} ", text, re.M):
        raise CourseError(
            f"{shown} holds the marks of a merge that is not finished (<<<<<<<): "
            "choose one side of each, or take the file from one of the branches."
        )
    return text


def title(nb: NotebookNode) -> str:
    """First heading of a notebook, as plain text."""
    for cell in nb.cells:
        # Papermill puts a note about an error above the title.
        if cell.cell_type == "markdown" and (
            found := re.search(r"^#\s+(.+?)\s*#*$", cell.source, re.M)
        ):
            return re.sub(r"[*_`]", "", found[1])
    return ""


def tags(cell: NotebookNode) -> list[str]:
    """Tags of a cell."""
    return cell.metadata.get("tags", [])


def profile_values(notebook: Path, profile: str | None) -> dict[str, Any]:
    """Values that the ``profiles.yaml`` beside a notebook has for it; without a profile, none."""
    if profile is None:
        return {}
    path = notebook.with_name("profiles.yaml")
    if not path.is_file():
        raise CourseError(f"--profile {profile} needs a profiles.yaml beside {notebook.name}.")
    profiles = values.read_file(path)
    for stem, entries in profiles.items():
        if not (NOTEBOOK.fullmatch(f"{stem}.ipynb") or path.with_name(f"{stem}.ipynb").exists()):
            raise CourseError(
                f"profiles.yaml: '{stem}' is no notebook; write its whole name, such as "
                f"{notebook.stem}."
            )
        for name, entry in values.named(entries, f"profiles.yaml, {stem}").items():
            values.named(entry, f"profiles.yaml, {stem}, {name}")
    own = profiles.get(notebook.stem, {})
    if profile not in own:
        known = sorted({name for entries in profiles.values() for name in entries})
        raise CourseError(
            f"profiles.yaml has no profile '{profile}' for {notebook.stem}; it has "
            f"{', '.join(sorted(own)) or 'none'} for it, and in all {', '.join(known) or 'none'}."
        )
    return own[profile]


def parameters(notebook: Path) -> dict[str, dict[str, str]]:
    """Parameters as papermill reads them: each with inferred_type_name, default and help."""
    return papermill.inspect_notebook(read(notebook))


def check_names(notebook: Path, names: Iterable[str]) -> None:
    """Refuse parameter names that a notebook does not have: papermill would only warn."""
    names = list(names)
    known = parameters(notebook) if names else {}
    for name in names:
        if name not in known:
            raise CourseError(
                f"{notebook.stem} has no parameter '{name}'{_nearest(name, known)} "
                f"It has {', '.join(known) or 'none'}."
            )


def digest(source: str) -> str:
    """Digest of a cell's code, stored with its outputs to show that they belong together."""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def machine_paths(nb: NotebookNode) -> Iterator[tuple[int, str]]:
    """Index of the cell, and the line, of each path of one machine in the outputs."""
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
        value = [part for key, part in value.items() if key not in ENCODED]
    if isinstance(value, list):
        for part in value:
            yield from _strings(part)


def without_outputs(nb: NotebookNode) -> NotebookNode:
    """Clear the outputs of every cell, in place."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nb


def without_injected(nb: NotebookNode) -> NotebookNode:
    """Remove, in place, the cells and error notes that papermill added."""
    added = {"injected-parameters", "papermill-error-cell-tag"}
    nb.cells = [cell for cell in nb.cells if not added & set(tags(cell))]
    return nb


def renumbered(nb: NotebookNode) -> NotebookNode:
    """Count the cells that were executed from 1 on, in place: one that was injected is gone."""
    number = 0
    for cell in nb.cells:
        if cell.get("execution_count") is not None:
            number += 1
            cell.execution_count = number
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = number
    return nb


def without_widgets(nb: NotebookNode) -> NotebookNode:
    """Put a sentence in the place of sliders, in place: none of them works without its kernel."""
    nb.metadata.pop("widgets", None)
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            if WIDGET in output.get("data", {}):
                output["data"] = {"text/plain": "Run this cell, and a slider stands here."}
    return nb


def cleaned(nb: NotebookNode) -> NotebookNode:
    """Make an executed notebook fit to be committed, in place.

    What changes from run to run without saying anything goes; the digest of each code cell is
    stored beside its outputs.
    """
    without_injected(nb)
    without_widgets(nb)
    for key in ("papermill", "course"):
        nb.metadata.pop(key, None)
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
