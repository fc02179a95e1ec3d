"""Every conclusion of the notebooks, asserted against the recorded runs.

A bullet without a claim here fails, and so does a claim without its bullet.
"""

from __future__ import annotations

import re

import nbformat
import page
import pytest


def test_every_conclusion_is_a_bullet_that_links_to_its_runs() -> None:
    for path in sorted(page.FOLDER.glob("*.ipynb")):
        for source in page.verdicts(path):
            lines = [line for line in source.splitlines() if line.startswith("- ")]
            assert lines, f"{path.stem}: a verdict without a bullet"
            wrong = [line for line in lines if not page.BULLET.match(line)]
            assert not wrong, (
                f"{path.stem}: a conclusion begins "
                f"- **[[01-gap]](../course_utils/reference/claims.md#01-gap)**, with its own id"
            )


def test_bullets_and_claims_are_the_same() -> None:
    conclusions = page.conclusions()
    assert sorted(c.name for c in conclusions) == sorted(page.CLAIMS)
    for conclusion in conclusions:
        assert conclusion.notebook.startswith(conclusion.name[:2])


@pytest.mark.parametrize("name", page.CLAIMS)
def test_claim_holds(name: str) -> None:
    holds, records = page.reading(name)
    assert holds
    assert records, "it reads no recorded run"


def test_advice_rests_on_claims() -> None:
    (advice,) = (
        cell.source
        for cell in nbformat.read(page.FOLDER / "07_capstone.ipynb", as_version=4).cells
        if cell.source.startswith("## Which regulariser, when?")
    )
    lines = [line for line in advice.splitlines() if line.startswith("- ")]
    assert len(lines) > 10
    for line in lines:
        names = re.findall(r"\[([\w-]+)\]\(\.\./course_utils/reference/claims\.md#\1\)", line)
        assert names, f"no claim behind: {line}"
        assert set(names) <= set(page.CLAIMS), line


def test_page_is_current() -> None:
    # Two booleans, for the difference of two long texts would hide the sentence.
    same = page.PAGE.is_file() and page.PAGE.read_text(encoding="utf-8") == page.text()
    assert same, "course_utils/reference/claims.md is not what the records say; run: make claims"
