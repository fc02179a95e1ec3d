"""One address and one version in every badge and every set-up cell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import quote

import click
import nbformat

from course_utils import __version__
from course_utils.classroom import notebooks, paths
from course_utils.errors import CourseError

# Each pattern holds what stands before the address, and what stands behind the release.
COLAB = re.compile(r"(https://colab\.research\.google\.com/github/)[^)\s]+?/blob/[^/)\s]+(/)")
BINDER = re.compile(r"(https://mybinder\.org/v2/gh/)[^)\s]+?/v[^/?)\s]+(\?)")
RELEASE = re.compile(r'(release = "git\+)https://[^@"]+@[^"]+(")')
BOOK = re.compile(r"(the book is at <|^url: )https://[\w-]+\.github\.io/[\w.-]+/", re.M)
CITED = re.compile(r"^(repository-code: |version: ).*$", re.M)


def repository() -> str:
    """Address of the course, from ``pyproject.toml``."""
    path = notebooks.folder().parent / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        address = project["urls"]["Repository"].rstrip("/")
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise CourseError(
            f"The address stands in {path}, under [project.urls] Repository; it is not there."
        ) from None
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise CourseError(
            f"Repository in pyproject.toml must be https://github.com/OWNER/NAME; it is {address}."
        )
    return address


def renewed(text: str, address: str, version: str) -> str:
    """Write address and version into every link and set-up cell of a page or a cell's source."""
    name, tag = quote(address.removeprefix("https://github.com/")), f"v{version}"
    text = COLAB.sub(rf"\g<1>{name}/blob/{tag}\g<2>", text)
    text = BINDER.sub(rf"\g<1>{name}/{tag}\g<2>", text)
    text = BOOK.sub(r"\g<1>https://{}.github.io/{}/".format(*name.split("/")), text)
    return RELEASE.sub(rf"\g<1>{address}@{tag}\g<2>", text)


def renew(path: Path, address: str, version: str, *, write: bool) -> bool:
    """Renew, or only look at, one page or notebook; return whether it was not current.

    The outputs of a notebook stay, and so do the digests that tie them to their cells: where a
    release is to be found changes nothing that a cell prints.
    """
    if path.suffix != ".ipynb":
        text = path.read_text(encoding="utf-8")
        new = renewed(text, address, version)
        if path.suffix == ".cff":
            said = {"repository-code: ": address, "version: ": version}
            new = CITED.sub(lambda found: found[1] + said[found[1]], new)
        stale = new != text
    else:
        nb = notebooks.read_as_it_is(path)
        stale = False
        for cell in nb.cells:
            source = renewed(cell.source, address, version)
            if source == cell.source:
                continue
            stale = True
            if cell.metadata.get("source_sha") == notebooks.digest(cell.source):
                cell.metadata["source_sha"] = notebooks.digest(source)
            cell.source = source
        new = nbformat.writes(nb) + "\n"
    if stale and write:
        paths.replace_file(path, new)
    return stale


def badges(*, write: bool, version: str = __version__) -> int:
    """Say which pages and notebooks are not current, or renew them; return the exit status."""
    address = repository()
    folder = notebooks.folder()
    pages = [
        *(folder.parent / name for name in ("README.md", "CITATION.cff")),
        *sorted(folder.glob("*.md")),
    ]
    files = [*filter(Path.is_file, pages), *notebooks.of_the_course()]
    stale = [path for path in files if renew(path, address, version, write=write)]
    for path in stale:
        click.echo(f"{path.name}: {'renewed' if write else 'not current'}")
    click.echo(f"{address} at v{version}: {len(files) - len(stale)} of {len(files)} were current.")
    if "/OWNER/" in address:
        click.echo("OWNER stands for the address that the repository does not have yet.")
    return 1 if stale and not write else 0
