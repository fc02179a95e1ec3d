"""Where claims stand: bullets of the notebooks, marked places in texts, and a page that leads on.

A bullet of a cell tagged ``verdict`` is found by its id; any other place is marked in its text,
``<!-- claim: 01-some-id -->what it says<!-- -->``, which Markdown does not show.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path

import nbformat
import numpy as np

from course_utils.claims import Claim, Claims, Runs
from course_utils.claims.measured import Record
from course_utils.claims.words import number
from course_utils.errors import CourseError

ROOT = Path(__file__).resolve().parents[2]
PAGE = Path("course_utils") / "reference" / "claims.md"
TEXTS = (Path("README.md"), Path("notebooks") / "instructors.md")
BULLET = re.compile(r"^(?P<start>- \*\*\[\[(?P<id>[\w-]+)\]\]\([^)]*\)\*\* )(?P<said>.*)$", re.M)
PLACE = re.compile(r"(?P<start><!-- claim: (?P<id>[\w-]+) -->)(?P<said>.*?)(?=<!-- -->)", re.S)
HEAD = """\
# The runs behind each conclusion

Each conclusion of the notebooks has an id. Its sentence is rendered from the recorded runs that
stand under it, one row for each arm, with means over the runs: epochs trained, accuracy of the
final network on the validation and the test images in percent, gap between training and validation
accuracy in points, epoch of the lowest validation loss.

The records are in the order of the seeds. Each leads to its line of
[embedded.jsonl](embedded.jsonl), or of [full.jsonl](full.jsonl) where the conclusion is about the
full sets. The line holds the whole run; where your viewer does not jump to it, search for the id.

`make claims` writes this page and the conclusions from the claims in `course_utils/claims/`.
"""
COLUMNS: dict[str, tuple[int, Callable[[Record], float | None]]] = {
    "epochs": (0, lambda r: r["epochs"]),
    "validation %": (1, lambda r: _percent(r, "validation")),
    "test %": (1, lambda r: _percent(r, "test")),
    "gap": (1, lambda r: _percent(r, "train") - _percent(r, "validation")),
    "lowest loss at": (1, lambda r: r["best_epoch"]),
}


def _percent(record: Record, part: str) -> float:
    return 100 * record[part]["accuracy"] if record[part] else np.nan


def notebooks() -> list[Claims]:
    """The claims of each notebook that has some."""
    found = sorted(Path(__file__).parent.glob("notebook_*.py"))
    return [import_module(f"course_utils.claims.{path.stem}").CLAIMS for path in found]


@dataclass
class Rendered:
    """What the files should hold."""

    files: dict[Path, str] = field(default_factory=dict)  # only those that hold something else
    stale: list[str] = field(default_factory=list)  # a line for each place that changes

    def put(self, path: Path, text: str) -> None:
        """Note a file, if it holds something else."""
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            self.files[path] = text

    def write(self) -> None:
        """Write the files, each whole or not at all."""
        for path, text in self.files.items():
            beside = path.with_name(f".{path.name}.new")
            beside.write_text(text, encoding="utf-8", newline="\n")
            os.replace(beside, path)


def render(root: Path = ROOT) -> Rendered:
    """Render every claim into the places where it stands.

    Raises
    ------
    CourseError
        If the records do not say what a claim says; it names all such claims.
    """
    said, wrong, known = {}, [], set()
    books = notebooks()
    for book in books:
        sentences, contradicted = book.sentences()
        said.update(sentences)
        wrong += contradicted
        known.add(book.notebook)
    if wrong:
        raise CourseError(
            "The records do not say what these claims say; change the claims:\n" + "\n".join(wrong)
        )
    rendered, seen = Rendered(), set()

    def renew(where: str, strict: bool, match: re.Match[str]) -> str:
        name = match["id"]
        if name not in said:
            if strict:
                raise CourseError(f"{where} has a place for {name}, and no claim has this name.")
            return match[0]
        seen.add(name)
        if match["said"] != said[name]:
            rendered.stale.append(f"{where}: {name}: {said[name]}")
        return f"{match['start']}{said[name]}"

    titles = {}
    for path in sorted((root / "notebooks").glob("[0-9]*.ipynb")):
        nb = nbformat.read(path, as_version=4)
        titles[path.stem] = nb.cells[0].source.splitlines()[0].removeprefix("# ")
        before = nbformat.writes(nb)
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                put = partial(renew, path.stem, path.stem in known)
                if "verdict" in cell.metadata.get("tags", []):
                    cell.source = BULLET.sub(put, cell.source)
                cell.source = PLACE.sub(put, cell.source)
        if nbformat.writes(nb) != before:
            rendered.files[path] = nbformat.writes(nb) + "\n"
    for name in TEXTS:
        if (root / name).is_file():
            text = (root / name).read_text(encoding="utf-8")
            put = partial(renew, name.as_posix(), True)
            rendered.put(root / name, PLACE.sub(put, text))
    if homeless := said.keys() - seen:
        raise CourseError(f"These claims stand nowhere: {', '.join(sorted(homeless))}.")
    page = _page(root, books, titles, said)
    rendered.put(root / PAGE, page)
    if root / PAGE in rendered.files:
        rendered.stale.append(f"{PAGE.as_posix()}: the page of claims")
    return rendered


def _page(root: Path, books: list[Claims], titles: dict[str, str], said: dict[str, str]) -> str:
    places = {}
    for path in sorted((root / PAGE.parent).glob("*.jsonl")):
        for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            places[json.loads(text)["id"]] = (path.name, line)
    parts, used = [HEAD], set()
    for book in books:
        parts.append(f"## {titles[book.notebook]}\n")
        for each in book.claims.values():
            parts.append(f"### {each.name}\n\n{said[each.name]}\n\n{_table(each)}\n")
            used |= {record["id"] for arm in each.reads for record in arm.records}
    for name in sorted(used, key=places.__getitem__):
        file, line = places[name]
        parts.append(f"[{name}]: {file}#L{line}")
    return "\n".join(parts) + "\n"


def _table(each: Claim) -> str:
    heads = ["arm", "runs", *COLUMNS, "seeds", "records"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join(lines + [_row(arm, each.reads) for arm in each.reads])


def _row(arm: Runs, beside: list[Runs]) -> str:
    records = arm.records
    alike = [other for other in beside if other.arm == arm.arm]
    told = [arm.arm]  # and what tells it from another row with the same name
    for key in ("scale", "protocol"):
        if len({getattr(other, key) for other in alike}) > 1:
            told.append(getattr(arm, key))
    if len({other.notebook for other in alike}) > 1:
        told.append(arm.notebook[:2])
    cells = [", ".join(told), str(len(records))]
    for digits, of in COLUMNS.values():
        values = [float("nan") if of(record) is None else of(record) for record in records]
        mean = float(np.mean(np.array(values, dtype=float)))
        cells.append("–" if np.isnan(mean) else number(mean, digits))
    cells.append(" ".join(str(record["seed"]) for record in records))
    cells.append(" ".join(f"[{record['id']}]" for record in records))
    return f"| {' | '.join(cells)} |"
