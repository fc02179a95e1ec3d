"""``course badges``: one address and one version in every badge and every set-up cell."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import quote

import click

from course_utils.classroom import notebooks

# Each pattern holds what stands before the address, and what stands behind the release.
COLAB = re.compile(r"(https://colab\.research\.google\.com/github/)[^)\s]+?/blob/[^/)\s]+(/)")
BINDER = re.compile(r"(https://mybinder\.org/v2/gh/)[^)\s]+?/v[^/?)\s]+(\?)")
RELEASE = re.compile(r'(release = "git\+)https://[^@"]+@[^"]+(")')


def repository() -> tuple[str, str]:
    """Address and version of the course, from ``pyproject.toml``.

    Returns
    -------
    tuple of str
        For instance ``("https://github.com/OWNER/overfit-on-purpose", "0.1.0")``.

    Raises
    ------
    Refused
        If the file or the address in it is not of that form.
    """
    path = notebooks.folder().parent / "pyproject.toml"
    try:
        project = tomllib.loads(path.read_text(encoding="utf-8"))["project"]
        address, version = project["urls"]["Repository"].rstrip("/"), project["version"]
    except (OSError, KeyError, tomllib.TOMLDecodeError):
        raise notebooks.Refused(
            f"The address stands in {path}, under [project.urls] Repository; it is not there."
        ) from None
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise notebooks.Refused(
            f"Repository in pyproject.toml must be https://github.com/OWNER/NAME; it is {address}."
        )
    return address, version


def renewed(text: str, address: str, version: str) -> str:
    """Write the address and the version into every badge and every set-up cell of a text.

    Parameters
    ----------
    text : str
        A page in Markdown, or the source of a cell.
    address : str
        Address of the repository on GitHub.
    version : str
        Version of the course; its release has the tag ``v`` and the version.

    Returns
    -------
    str
        The text, unchanged where it holds neither.
    """
    name, tag = quote(address.removeprefix("https://github.com/")), f"v{version}"
    text = COLAB.sub(rf"\g<1>{name}/blob/{tag}\g<2>", text)
    text = BINDER.sub(rf"\g<1>{name}/{tag}\g<2>", text)
    return RELEASE.sub(rf"\g<1>{address}@{tag}\g<2>", text)


def renew(path: Path, address: str, version: str, *, write: bool) -> bool:
    """Renew one page or one notebook.

    The outputs of a notebook stay, and so do the digests that tie them to their cells: where a
    release is to be found changes nothing that a cell prints.

    Parameters
    ----------
    path : pathlib.Path
        A file in Markdown, or a notebook.
    address, version : str
        As `renewed` takes them.
    write : bool
        Whether to write the file, or only to look.

    Returns
    -------
    bool
        Whether the file was not current.
    """
    import nbformat

    if path.suffix == ".md":
        text = path.read_text(encoding="utf-8")
        if (new := renewed(text, address, version)) == text:
            return False
        if write:
            path.write_text(new, encoding="utf-8", newline="\n")
        return True
    nb = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    stale = False
    for cell in nb.cells:
        new = renewed(cell.source, address, version)
        if new == cell.source:
            continue
        stale = True
        if cell.metadata.get("source_sha") == notebooks.digest(cell.source):
            cell.metadata["source_sha"] = notebooks.digest(new)
        cell.source = new
    if stale and write:
        with open(path, "w", encoding="utf-8", newline="\n") as out:
            nbformat.write(nb, out)
    return stale


@click.command("badges", short_help="Write the repository's address into badges and set-up cells.")
@click.option("--write", is_flag=True, help="Renew what is not current.")
def command(write: bool) -> None:
    """Hold the badges and the set-up cells to the address and version in pyproject.toml.

    Looks at the README, the pages in Markdown beside the notebooks, and the notebooks. The exit
    status is 1 if one of them is not current and --write was not given.
    """
    address, version = repository()
    folder = notebooks.folder()
    pages = [folder.parent / "README.md", *sorted(folder.glob("*.md"))]
    paths = [*filter(Path.is_file, pages), *notebooks.find([])]
    stale = [path for path in paths if renew(path, address, version, write=write)]
    for path in stale:
        click.echo(f"{path.name}: {'renewed' if write else 'not current'}")
    click.echo(f"{address} at v{version}: {len(paths) - len(stale)} of {len(paths)} were current.")
    if "/OWNER/" in address:
        click.echo("OWNER stands for the address that the repository does not have yet.")
    if stale and not write:
        raise SystemExit(1)
