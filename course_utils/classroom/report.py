"""HTML pages of executed notebooks, and an index that needs no server."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

import click
from jinja2 import Environment, PackageLoader
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook

from course_utils import ledger
from course_utils.classroom import claims, notebooks, paths, tables
from course_utils.errors import CourseError

TEMPLATES = PackageLoader("course_utils.classroom")
LEDGER = "ledger.jsonl"


def file_names(stems: Iterable[str], *, linked: bool) -> list[str]:
    """Files that `write` writes for these notebooks, and for the claims if they are linked."""
    names = ["index.html"]
    for stem in stems:
        names += [f"{stem}.html", f"thumbnails/{stem}.png"]
    shown = ("claims", *claims.RECORDS)
    return [*names, *claims.FILES, *(f"{name}.html" for name in shown)] if linked else names


def page(nb: NotebookNode, name: str = "") -> str:
    """HTML of a notebook; without a heading in it, `name` is the title."""
    exporter = HTMLExporter(
        template_name="lab", template_file="page.html.j2", extra_loaders=[TEMPLATES]
    )
    claims.link_beside(nb, ".html")
    nb.metadata["title"] = notebooks.title(nb) or name
    prose = (cell.source for cell in nb.cells if cell.cell_type == "markdown")
    nb.metadata["has_formulas"] = any(re.search(r"\$|\\[(\[]", text) for text in prose)
    return exporter.from_notebook_node(nb)[0]


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


def _error(nb: NotebookNode) -> str:
    """Why a notebook failed: as `course run` noted it, else the first error in its outputs."""
    if noted := nb.metadata.get("course", {}).get("error"):
        return noted
    for cell in nb.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                return f"cell {cell.execution_count}: {output.ename}: {output.evalue}"
    return ""


def executed(folder: Path) -> dict[str, NotebookNode]:
    """Notebooks of a folder by their stems; what cannot be read is named and left out."""
    found = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            found[path.stem] = notebooks.read(path)
        except CourseError as error:
            click.echo(f"Left out: {error}", err=True)
    return found


def write(own: paths.Claim, records: Iterable[dict[str, Any]], *, again: bool = False) -> Path:
    """Write the index of the pages in a folder, and link them; with `again`, the pages too."""
    shown = executed(own.path)
    if not again:  # somebody else's notebooks may lie here too
        shown = {stem: nb for stem, nb in shown.items() if f"{stem}.html" in own.files}
    linked = sum(claims.link_beside(nb) for nb in shown.values()) > 0
    own.check(file_names(shown if again else (), linked=linked))
    titles = {stem: notebooks.title(nb) or stem for stem, nb in shown.items()}
    files: dict[str, str | bytes] = {}
    cards = []
    for stem, nb in shown.items():
        image, alt = figure(nb) or (b"", "")
        if image:
            files[f"thumbnails/{stem}.png"] = image
        card = {"stem": stem, "title": titles[stem], "error": _error(nb), "alt": alt}
        card["image"] = f"thumbnails/{stem}.png" if image else ""
        cards.append(card | {"seconds": nb.metadata.get("course", {}).get("seconds")})
        html = page(nb, stem) if again else (own.path / f"{stem}.html").read_text(encoding="utf-8")
        files[f"{stem}.html"] = paths.renewed(html, "links", _links(stem, titles)) or html
    files |= claims_pages() if linked else {}
    files["index.html"] = _render(
        "overview.html.j2",
        cards=cards,
        failed=sum(bool(card["error"]) for card in cards),
        table=tables.html_table(list(records)),
    )
    own.write_all(files)
    return own.path / "index.html"


def _render(template: str, **values: Any) -> str:
    return Environment(loader=TEMPLATES, autoescape=True).get_template(template).render(values)


def _links(stem: str, titles: dict[str, str]) -> str:
    """Links of a page to the one before it, the index and the one after it."""
    stems = list(titles)
    links = ['<a href="index.html">All notebooks</a>']
    at = stems.index(stem)
    for before in stems[max(0, at - 1) : at]:
        text = escape(titles[before])
        links.insert(0, f'<a rel="prev" href="{escape(before)}.html">← {text}</a>')
    for after in stems[at + 1 : at + 2]:
        text = escape(titles[after])
        links.append(f'<a rel="next" href="{escape(after)}.html">{text} →</a>')
    return f'<nav class="course-links" aria-label="Notebooks">{" ".join(links)}</nav>'


def claims_pages() -> dict[str, str]:
    """The page of claims and its records, as they are and as HTML with an anchor at each record."""
    files = {name: claims.read(name) for name in claims.FILES}
    text = files["claims.md"]
    for name in claims.RECORDS:
        text = text.replace(f"{name}.jsonl#", f"{name}.html#")
        text = text.replace(f"({name}.jsonl)", f"({name}.html)")
        lines = files[f"{name}.jsonl"].rstrip("\n").split("\n")
        files[f"{name}.html"] = _render("records.html.j2", lines=lines)
    files["claims.html"] = page(new_notebook(cells=[new_markdown_cell(text)]))
    return files


def report(folder: Path) -> None:
    """Write the page of every executed notebook in a folder, and the index, again."""
    own = paths.claim(folder, "run")
    records = tables.complete(ledger.read(own.path / LEDGER))
    index = write(own, records, again=True)
    click.echo(f"Index: {paths.relative(index)}")
