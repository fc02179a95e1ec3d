"""Where claims stand: bullets of the notebooks, marked places in texts, and a page that leads on.

A bullet of a cell tagged ``verdict`` is found by its id; any other place is marked in its text,
``<!-- claim: 01-some-id -->what it says<!-- -->``, which Markdown does not show.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path

import nbformat

from course_utils.claims import Claims
from course_utils.errors import CourseError
from course_utils.ledger._file import write_whole

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("course_utils") / "reference" / "claims.md"
TEXTS = (Path("README.md"), Path("notebooks") / "instructors.md")
BULLET = re.compile(r"^(?P<start>- \*\*\[\[(?P<id>[\w-]+)\]\]\([^)]*\)\*\* )(?P<said>.*)$", re.M)
PLACE = re.compile(r"(?P<start><!-- claim: (?P<id>[\w-]+) -->)(?P<said>.*?)(?=<!-- -->)", re.S)
HEAD = """\
# The runs behind each conclusion

Each conclusion of the notebooks has an id. Its sentence is rendered from the recorded runs that
stand under it, a row for each arm, in the order of the seeds. Each leads to its line of
[embedded.jsonl](embedded.jsonl), of [full.jsonl](full.jsonl) where the conclusion is about the full
sets, of [settings.jsonl](settings.jsonl) where it is about another setting, or of
[map.jsonl](map.jsonl) where it is about the map. The line holds the whole run; where your viewer
does not jump to it, search for the id.

`make claims` writes this page, and the sentences in the notebooks, from `course_utils/claims/`.
"""


def notebooks() -> list[Claims]:
    """The claims of each notebook that has some."""
    found = sorted(Path(__file__).parent.glob("notebook_*.py"))
    return [import_module(f"course_utils.claims.{path.stem}").CLAIMS for path in found]


@dataclass
class Rendered:
    """What files should hold, of those that hold something else; and a line for each difference."""

    files: dict[Path, str] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)

    def write(self) -> None:
        """Write the files, each whole or not at all."""
        for path, text in self.files.items():
            write_whole(path, text.encode())


def render(root: Path = ROOT) -> Rendered:
    """Render every claim into the places where it stands.

    Raises
    ------
    CourseError
        If the records do not say what a claim says, naming all such claims; if a claim stands
        nowhere, or a place has no claim.
    """
    books = notebooks()
    said: dict[str, str] = {}
    wrong: list[str] = []
    for book in books:
        sentences, contradicted = book.sentences()
        said |= sentences
        wrong += contradicted
    if wrong:
        raise CourseError("\n".join(["The records contradict these claims; change them:", *wrong]))
    rendered, seen, titles = Rendered(), set(), {}

    def renew(where: str, match: re.Match[str]) -> str:
        name = match["id"]
        if name not in said:
            if where in titles and where not in {book.notebook for book in books}:
                return match[0]  # a notebook without claims of its own
            raise CourseError(f"{where} has a place for {name}, and no claim has this name.")
        seen.add(name)
        if match["said"] != said[name]:
            rendered.stale.append(f"{where}: {name}: {said[name]}")
        return f"{match['start']}{said[name]}"

    def put(path: Path, text: str) -> None:
        if path.read_text(encoding="utf-8") != text:
            rendered.files[path] = text

    for path in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        try:
            nb = nbformat.read(path, as_version=4)
        except ValueError as error:  # such as the marks of a merge
            raise CourseError(f"{path} is no whole notebook; mend it first: {error}") from error
        titles[path.stem] = nb.cells[0].source.splitlines()[0].removeprefix("# ")
        for cell in nb.cells:
            if "verdict" in cell.metadata.get("tags", []):
                cell.source = BULLET.sub(partial(renew, path.stem), cell.source)
            if cell.cell_type == "markdown":
                cell.source = PLACE.sub(partial(renew, path.stem), cell.source)
        put(path, nbformat.writes(nb) + "\n")
    for path in filter(Path.is_file, (root / name for name in TEXTS)):
        put(path, PLACE.sub(partial(renew, path.name), path.read_text(encoding="utf-8")))
    if homeless := said.keys() - seen:
        raise CourseError(f"These claims stand nowhere: {', '.join(sorted(homeless))}.")
    put(root / PAGE, _page(root, books, titles, said))
    rendered.stale += [f"{PAGE.as_posix()}: the page"] * (root / PAGE in rendered.files)
    return rendered


def _page(root: Path, books: list[Claims], titles: dict[str, str], said: dict[str, str]) -> str:
    parts, used = [HEAD], set()
    for book in books:
        parts.append(f"## {titles[book.notebook]}\n")
        for name, each in book.claims.items():
            parts.append(f"### {name}\n\n{said[name]}\n")
            for arm in each.reads:
                ids = [record["id"] for record in arm.records]
                told = ", ".join(filter(None, (arm.arm, arm.scale, arm.protocol)))
                parts.append(f"- {told}: {' '.join(f'[{one}]' for one in ids)}")
                used.update(ids)
            parts.append("")
    for path in sorted((root / PAGE.parent).glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if (name := json.loads(line).get("id")) in used:
                parts.append(f"[{name}]: {path.name}#L{number}")
    return "\n".join(parts) + "\n"
