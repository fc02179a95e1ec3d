"""Change every number, sign and word of direction of every conclusion, and see what survives.

    python tests/claims/mutate.py

In the texts: each change is made in a copy of the notebooks, the claims are rendered, and the text
must be what it was. In the templates: each word of direction is turned, and each number or word of
direction put beside the fields; the claim must be refused.
"""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import nbformat

from course_utils.claims import Claim, page
from course_utils.claims.words import LESS, MORE, SPELLED, VERDICTS, fields
from course_utils.errors import CourseError

OTHER = {"+": "−", "−": "+"}
WORDS = {
    **dict(zip(sorted(MORE), sorted(LESS) * 2, strict=False)),
    **dict(zip(sorted(LESS), sorted(MORE) * 2, strict=False)),
    "better": "worse", "worse": "better", "undecided": "better", "equal": "worse",
    "each": "none", "none": "each", "inside": "outside", "outside": "inside",
    "least": "most", "most": "least",
    **dict(zip(SPELLED[1:], (*SPELLED[2:], "two"), strict=True)),
}  # fmt: skip
MUTABLE = re.compile(rf"\d|[+−](?=\d)|\b({'|'.join(WORDS)})\b", re.I)


def mutants(sentence: str) -> Iterator[tuple[str, str]]:
    """Each change of one digit, sign or word, with its kind."""
    for match in MUTABLE.finditer(sentence):
        found = match[0]
        kind = "digit" if found.isdigit() else "sign" if found in OTHER else "word"
        new = str((int(found) + 1) % 10) if kind == "digit" else OTHER.get(found)
        new = new or WORDS[found.lower()]
        yield kind, sentence[: match.start()] + new + sentence[match.end() :]


def opposites(claim: Claim) -> Iterator[str]:
    """The template with one checked word put into its opposite, or into another verdict."""
    for _, name, spec in fields(claim.template):
        word, _, how = spec.lower().partition(" ")
        others = {WORDS[word]} if word in MORE | LESS else VERDICTS - {word}
        others = {"inside", "outside"} - {word} if word in ("inside", "outside") else others
        if word in MORE | LESS | VERDICTS | {"inside", "outside"}:
            for other in others:
                new = f"{{{name}:{f'{other} {how}'.strip()}}}"
                yield claim.template.replace(f"{{{name}:{spec}}}", new, 1)


def in_the_texts(root: Path) -> Counter[tuple[str, bool]]:
    """One change for each sentence at a time, in all of them at once."""
    paths = [*sorted((root / "notebooks").glob("[0-9]*.ipynb")), root / "README.md"]
    before = {path: path.read_bytes() for path in paths}
    known = {name for book in page.notebooks() for name in book.claims}
    places = [
        (path, match[0], match["said"])
        for path in paths
        for text in _texts(path)
        for pattern in (page.BULLET, page.PLACE)
        for match in pattern.finditer(text)
        if match["id"] in known
    ]
    found: Counter[tuple[str, bool]] = Counter()
    for turn in zip_longest(*(list(mutants(said)) for _, _, said in places)):
        changed = {path: path.read_bytes().decode() for path in paths}
        for (path, whole, said), mutant in zip(places, turn, strict=True):
            if mutant:
                new = whole.replace(said, mutant[1])
                escape = _escaped if path.suffix == ".ipynb" else str
                assert escape(whole) in changed[path]
                changed[path] = changed[path].replace(escape(whole), escape(new), 1)
        for path, text in changed.items():
            path.write_text(text, encoding="utf-8")
        page.render(root).write()
        same = {path: path.read_bytes() == before[path] for path in paths}
        for (path, _, _), mutant in zip(places, turn, strict=True):
            if mutant:
                found[mutant[0], not same[path]] += 1
    return found


def _texts(path: Path) -> list[str]:
    if path.suffix == ".md":
        return [path.read_text(encoding="utf-8")]
    cells = nbformat.read(path, as_version=4).cells
    return [cell.source for cell in cells if cell.cell_type == "markdown"]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def in_the_templates() -> Counter[tuple[str, bool]]:
    """Each checked word turned; a digit and a word put between the fields."""
    found: Counter[tuple[str, bool]] = Counter()
    for book in page.notebooks():
        for each in book.claims.values():
            tried = [("checked word", template) for template in opposites(each)]
            for text, _, _ in fields(each.template):
                for gap in re.finditer(" ", text):
                    for loose in ("3", "more", "better"):
                        new = f"{text[: gap.start()]} {loose} {text[gap.end() :]}"
                        tried.append(("loose word", each.template.replace(text, new, 1)))
            for kind, template in tried:
                try:
                    Claim(each.name, template, each.measured, each.concludes).sentence()
                    found[kind, True] += 1
                    print(f"survives: {each.name}: {template}")
                except CourseError:
                    found[kind, False] += 1
    return found


def main() -> int:
    """Print how many changes of each kind were made, and how many survived."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        shutil.copytree(page.ROOT / "notebooks", root / "notebooks")
        (root / page.PAGE.parent).mkdir(parents=True)
        for path in (page.ROOT / page.PAGE.parent).glob("*.*"):
            shutil.copy(path, root / page.PAGE.parent)
        shutil.copy(page.ROOT / "README.md", root)
        found = in_the_texts(root) + in_the_templates()
    for kind in sorted({kind for kind, _ in found}):
        print(f"{kind:13} {found[kind, False]:5} caught {found[kind, True]:5} survived")
    return int(any(survived for _, survived in found))


if __name__ == "__main__":
    sys.exit(main())
