"""No loose number: in prose, each is rendered from runs or listed in facts.yaml with its reason.

The numbers of exercises are those of tasks and made-up cases. There only what is said of runs is
held: a number in a sentence that speaks of recorded or measured ones.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
import yaml

from course_utils.claims import page

ROOT = page.ROOT
FACTS = yaml.safe_load((Path(__file__).parent / "facts.yaml").read_text(encoding="utf-8"))
EVERYWHERE = FACTS.pop("everywhere")
# Notebooks whose claims are not rendered yet.
LATER = {path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")} - {
    book.notebook for book in page.notebooks()
}
SPELLED = "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|half"
LOOSE = re.compile(
    rf"(?<![\w.,/-])\d[\d,]*(?:\.\d+)?|"
    rf"\b(?:{SPELLED})[ -](?:points?|percent|times|epochs|runs|seeds|pairs|minutes)\b"
)
OF_RUNS = re.compile(r"record|measured|of this notebook|in this notebook", re.I)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|(?<=\])\([^)]*\)", re.M | re.S)
PLACES = [name for name in ("README.md", "notebooks/instructors.md", *sorted(
    path.stem for path in (ROOT / "notebooks").glob("[0-9]*.ipynb")
)) if name not in LATER]  # fmt: skip


def texts(name: str, loosely: bool = True) -> Iterator[str]:
    """What a reader reads in a file, less what the command for claims writes."""
    if name.endswith(".md"):
        yield page.PLACE.sub(" ", (ROOT / name).read_text(encoding="utf-8"))
        return
    practice = False
    for cell in nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            practice = cell.source.startswith("## Exercises")
        if practice and cell.cell_type == "markdown":
            sentences = re.split(r"(?<=[.?!:])\s+|\n", cell.source)
            yield " ".join(filter(OF_RUNS.search, sentences)) if loosely else cell.source
        elif practice and loosely:
            continue
        elif cell.cell_type == "markdown":
            verdict = "verdict" in cell.metadata.get("tags", [])
            source = page.BULLET.sub(" ", cell.source) if verdict else cell.source
            yield page.PLACE.sub(" ", source)
        elif "setup" not in cell.metadata.get("tags", []):
            for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.M))):
                # Titles, labels, alternative texts: strings of several words.
                said = node.value if isinstance(node, ast.Constant) else None
                if isinstance(said, str) and " " in said.strip():
                    yield said


def loose(text: str, facts: list[str]) -> list[str]:
    """Numbers with some words around them, where no fact covers them."""
    text = CODE.sub(" ", text)
    for pattern in EVERYWHERE:
        text = re.sub(pattern, " ", text)
    for fact in facts:
        literal = rf"(?<![\d.,]){re.escape(fact)}(?![\d]|[.,]\d)"
        text = re.sub(fact[3:] if fact.startswith("re:") else literal, " ", text)
    return [text[max(0, m.start() - 40) : m.end() + 30] for m in LOOSE.finditer(text)]


@pytest.mark.parametrize("name", PLACES)
def test_every_number_is_rendered_or_a_fact(name: str) -> None:
    facts = [fact for listed in FACTS.get(name, {}).values() for fact in listed]
    found = [words for text in texts(name) for words in loose(text, facts)]
    assert not found, (
        "Render these (<!-- claim: id --><!-- --> and `course claims --write`), let a cell print "
        f"them, leave them out, or list them in facts.yaml with a reason: {found}"
    )


@pytest.mark.parametrize("name", FACTS)
def test_no_fact_is_left_over(name: str) -> None:
    whole = CODE.sub(" ", "\n".join(texts(name, loosely=False)))
    for fact in (fact for listed in FACTS[name].values() for fact in listed):
        pattern = fact[3:] if fact.startswith("re:") else re.escape(fact)
        assert re.search(pattern, whole), f"{name} no longer says: {fact}"


@pytest.mark.parametrize("name", PLACES)
def test_a_changed_number_is_noticed(name: str) -> None:
    """Each digit of each fact turned into another: it is a fact no longer."""
    facts = [fact for listed in FACTS.get(name, {}).values() for fact in listed]
    changed = 0
    for text in texts(name):
        for fact in facts:
            if fact.startswith("re:") or fact not in text:
                continue
            for digit in re.finditer(r"\d", fact):
                other = str((int(digit[0]) + 1) % 10)
                mutant = fact[: digit.start()] + other + fact[digit.end() :]
                if mutant not in facts:
                    assert loose(text.replace(fact, mutant), facts), mutant
                    changed += 1
    assert changed > 2
