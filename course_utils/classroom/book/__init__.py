"""The book: executed notebooks, and the course's own pages around them, made by Sphinx."""

from __future__ import annotations

import base64
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from course_utils import __version__, ledger
from course_utils.classroom import badges, claims, notebooks, paths, results, tables
from course_utils.classroom.book import runs
from course_utils.errors import CourseError

LEDGER = "ledger.jsonl"
NAME = "book"  # the folder in that of a run
HERE = Path(__file__).parent
COURSE = paths.PACKAGE.parent / "notebooks"
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "sphinx_design", "pybtex")
INSTALL = 'run `make setup`, or pip install ".[book]" in a clone'
# The API holds what notebooks import: neither the command nor what only the package itself needs.
INTERNAL = {"classroom", "claims", "embedded", "errors", "fast", "machine", "workers"}
LINK = re.compile(r"\[(?P<words>[^\]]*\]?)\]\((?P<path>[^)#\s:]+)(?P<anchor>#[^)\s]*)?\)")
BADGE = re.compile(r"\[!\[[^\]]*\]\(https?://[^)]*\)\]\([^)]*\)\s*")
TERM = re.compile(r"^\*\*(?P<names>[^*]+)\*\* · (?P<said>.+)$", re.M)


def executed(folder: Path) -> dict[str, NotebookNode]:
    """Notebooks of a folder by their stems; what cannot be read is named and left out."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            found[path.stem] = notebooks.read(path)
        except CourseError as error:
            click.echo(f"Left out: {error}", err=True)
    return found


def error_of(nb: NotebookNode) -> str:
    """Why a notebook failed: as `course run` noted it, else the first error in its outputs."""
    if noted := nb.metadata.get("course", {}).get("error"):
        return noted
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return f"cell {cell.execution_count}: {output.ename}: {output.evalue}"
    return ""


def figure(nb: NotebookNode) -> tuple[bytes, str] | None:
    """PNG and alternative text of the figure tagged thumbnail, else of the first."""
    cells = [cell for cell in nb.cells if cell.cell_type == "code"]
    marked = [cell for cell in cells if "thumbnail" in notebooks.tags(cell)]
    for cell in marked + cells:
        for output in cell.outputs:
            if data := output.get("data", {}).get("image/png"):
                alt = output.metadata.get("image/png", {}).get("alt", "")
                return base64.b64decode("".join(data)), alt
    return None


def address() -> str:
    """Address of the course, empty where it has none yet."""
    try:
        repository = badges.repository()
    except CourseError:  # an installed package, without its clone
        return ""
    return "" if "/OWNER/" in repository else repository


def _linked(text: str, pages: Iterable[str]) -> str:
    """Point links of a page of ``notebooks/`` to pages of the book, else to the repository."""
    repository = address()
    release = f"{repository}/blob/v{__version__}"

    def renew(found: re.Match[str]) -> str:
        words, anchor = found["words"], found["anchor"] or ""
        name = posixpath.basename(found["path"])
        if name in pages:
            return f"[{words}]({name}{anchor})"
        if name == "README.md" and found["path"] == "../README.md":
            return f"[{words}]({'bibliography' if anchor == '#sources' else 'index'}.md)"
        place = posixpath.normpath(posixpath.join("notebooks", found["path"]))
        return f"[{words}]({release}/{place}{anchor})" if repository else words

    return LINK.sub(renew, BADGE.sub("", text))


def _page(nb: NotebookNode, name: str, pages: Iterable[str]) -> NotebookNode:
    """Make a notebook a page of the book, in place."""
    notebooks.without_widgets(nb)
    for cell in nb.cells:
        tags = notebooks.tags(cell)
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source, pages)
        elif "solution" in tags:
            cell.metadata["tags"] = [*tags, "hide-cell"]
            cell.metadata["mystnb"] = {"code_prompt_show": "Show the solution"}
        elif "setup" in tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
    if error := error_of(nb):
        card = [
            ":::{admonition} This notebook failed",
            ":class: danger",
            f"~~~~~~\n{error}\n~~~~~~",
        ]
        nb.cells.insert(bool(notebooks.title(nb)), new_markdown_cell("\n".join([*card, ":::"])))
    if not notebooks.title(nb):
        nb.cells.insert(0, new_markdown_cell(f"# {name}"))
    return nb


def _glossary(text: str) -> str:
    """Make the paragraphs of the glossary terms, which the search finds and links lead to."""

    def entry(found: re.Match[str]) -> str:
        names = "\n".join(found["names"].split(", "))
        return f":::{{glossary}}\n{names}\n  {found['said'].replace('**', '')}\n:::"

    return TERM.sub(entry, text)


def _claims(text: str) -> str:
    """Page of claims whose records lead to their rows in the table of runs, and back."""
    text = re.sub(r"^\[\w+\]: .*\n?", "", text, flags=re.M)
    text = re.sub(r"\[([0-9a-f]{12})\]", r'<a href="runs.html#\1">\1</a>', text)
    text = re.sub(r"^### (\S+)$", r'<span id="\1"></span>\n\n### \1', text, flags=re.M)
    table = "Each leads to its row in the [table of all runs](runs.md).\n"
    return re.sub(
        r"Each\s+leads\s+to\s+its\s+line.*?\n\n.*?\n(?=\n)", table, text, count=1, flags=re.S
    )


def sentences() -> dict[str, str]:
    """What each claim says, by its id, from the page that is rendered from the records."""
    return dict(re.findall(r"^### (\S+)\n\n(.+)$", claims.read("claims.md"), re.M))


def _told(text: str) -> str:
    """Put in what the claims say, where a page names them as ``{{ id }}``."""
    said = sentences()

    def tell(found: re.Match[str]) -> str:
        if (name := found[1]) not in said:
            raise CourseError(f"A page of the book tells {name}, and no claim has this name.")
        return f"{said[name]} [{name}](claims.md#{name})"

    return re.sub(r"\{\{ (\S+) \}\}", tell, text)


def _card(stem: str, nb: NotebookNode, images: Path) -> str:
    lines = [f":::{{grid-item-card}} {notebooks.title(nb) or stem}", f":link: {stem}"]
    lines.append(":link-type: doc")
    if picture := figure(nb):
        (images / f"{stem}.png").write_bytes(picture[0])
        alt = " ".join(picture[1].split())
        lines += [f":img-top: {images.name}/{stem}.png", f":img-alt: {alt}"]
    prose = [cell.source for cell in nb.cells if cell.cell_type == "markdown"]
    first = re.search(r"^\w[^\n]*", BADGE.sub("", "\n\n".join(prose)), re.M)
    text = LINK.sub(r"\g<words>", first[0]) if first else ""
    text = f"**Failed** in {error_of(nb)}" if error_of(nb) else text
    return "\n".join([*lines, "", text.replace("<", "&lt;"), ":::"])


def _parts(stems: Iterable[str]) -> dict[str, list[str]]:
    """Notebooks under the heading of their part, by number."""
    parts: dict[str, list[str]] = {"Part one": [], "Part two": [], "Notebooks": []}
    for stem in stems:
        numbered = paths.NOTEBOOK.fullmatch(f"{stem}.ipynb")
        parts["Notebooks" if not numbered else f"Part {'one' if stem < '08' else 'two'}"] += [stem]
    return {name: part for name, part in parts.items() if part}


def _tree(caption: str, names: Iterable[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```\n"])


def _api() -> str:
    """Sections with the docstrings of each public module of the students' part."""
    sections = []
    for path in sorted(paths.PACKAGE.glob("**/*.py")):
        parts = path.relative_to(paths.PACKAGE).with_suffix("").parts
        package = parts[-1] == "__init__"
        parts = parts[: -1 if package else None]
        if parts and parts[0] not in INTERNAL and not any(part[0] == "_" for part in parts):
            name = ".".join(parts)
            shared = "\n   :imported-members:" if package else ""  # those in its __all__
            directive = f".. automodule:: course_utils.{name}{shared}"
            sections.append(f"\n## {name}\n\n```{{eval-rst}}\n{directive}\n```\n")
    return "".join(sections)


def assemble(folder: Path, source: Path, records: list[dict[str, Any]]) -> None:
    """Write what Sphinx reads: pages of the notebooks of a folder, and the course's own."""
    shown = executed(folder)
    own = {path.name: path for path in HERE.glob("pages/*.md")}
    own |= {path.name: path for path in COURSE.glob("*.md")}
    pages = {*own, "claims.md", "runs.md", "results.md", *(f"{stem}.ipynb" for stem in shown)}
    texts = {name: path.read_text(encoding="utf-8") for name, path in own.items()}
    texts |= {name: _linked(texts[name], pages) for name in own if own[name].parent == COURSE}
    texts["remedies.md"] = _told(texts["remedies.md"])
    texts["claims.md"] = _claims(claims.read("claims.md"))
    texts["runs.md"] = runs.page(records)
    texts["results.md"] = f"# Published, honest, ours\n\n{texts['results.md']}\n{results.tables()}"
    if "glossary.md" in texts:
        texts["glossary.md"] = _glossary(texts["glossary.md"])
    texts["api.md"] += _api()
    images = source / "thumbnails"
    images.mkdir()
    front = [texts["index.md"]]
    for caption, stems in _parts(shown).items():
        cards = "\n".join(_card(stem, shown[stem], images) for stem in stems)
        front.append(f"## {caption}\n\n::::{{grid}} 1 1 2 2\n:gutter: 3\n{cards}\n::::\n")
        front.append(_tree(caption, stems))
    if records:
        front.append(
            f"## Runs of this folder\n\n{runs.scrolling(tables.html_table(records), 'Means')}\n"
        )
    others = ["remedies", "results", "claims", "runs", "glossary", "bibliography", "instructors"]
    names = [name for name in (*others, "api") if f"{name}.md" in texts]
    texts["index.md"] = "\n".join([*front, _tree("Beside the notebooks", names)])
    for name, text in texts.items():
        (source / name).write_text(text, encoding="utf-8")
    for stem, nb in shown.items():
        nbformat.write(_page(nb, stem, pages), source / f"{stem}.ipynb")


def make(own: paths.Claim, folder: Path, name: str, records: list[dict[str, Any]]) -> None:
    """Make the book of a folder's notebooks, put it in its place and say where, or why not."""
    own.check([name])
    if missing := [module for module in NEEDED if not find_spec(module)]:
        click.echo(f"No book was made: {missing[0]} is not installed; {INSTALL}.")
        return
    own.note(name)
    with own.staging() as staged:
        source, trees, html = (staged / name for name in ("source", "trees", "html"))
        source.mkdir()
        assemble(folder, source, records)
        command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(HERE)]
        if subprocess.run([*command, "-d", trees, source, html], check=False).returncode:
            raise CourseError("Sphinx could not make the book; what it says stands above.")
        own.fill(name, html)
    click.echo(f"Book: {paths.relative(own.path / name / 'index.html')}")


def report(folder: Path, target: Path | None) -> None:
    """Make the book of the executed notebooks in a folder: in it, or in one of its own."""
    own = paths.claim(target or folder, "report" if target else "run")
    records = tables.complete(ledger.read(folder / LEDGER))
    make(own, paths.absolute(folder), "." if target else NAME, records)
