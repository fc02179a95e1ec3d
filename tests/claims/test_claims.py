"""Notebooks and page say what the records say, and a claim cannot say anything else."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from click.testing import CliRunner
from mutate import opposites

from course_utils.claims import (
    Claim,
    Claims,
    Measure,
    Runs,
    across,
    claim,
    compare,
    computed,
    count,
    fact,
    page,
    shown,
    values,
)
from course_utils.claims.measures import turning_epoch, turns
from course_utils.classroom import cli
from course_utils.errors import CourseError

ROOT = page.ROOT
BOOKS = {book.notebook: book for book in page.notebooks()}
CLAIMS = {each.name: each for book in BOOKS.values() for each in book.claims.values()}
TO = re.compile(r"\]\(\.\./course_utils/reference/claims\.md#(?P<id>[\w-]+)\)")
LINK = re.compile(
    r"\[\[?(?P<id>\d\d[a-z]?-[\w-]+)\]?\]\(\.\./course_utils/reference/claims\.md#(?P=id)\)"
)


def verdicts(notebook: str) -> list[str]:
    cells = nbformat.read(ROOT / "notebooks" / f"{notebook}.ipynb", as_version=4).cells
    return [cell.source for cell in cells if "verdict" in cell.metadata.get("tags", [])]


# --- what is published


def test_notebooks_texts_and_page_are_what_the_records_render() -> None:
    rendered = page.render()
    assert not rendered.stale, "run: course claims --write"
    assert not rendered.files


@pytest.mark.parametrize("notebook", BOOKS)
def test_each_conclusion_is_a_bullet_with_its_claim(notebook: str) -> None:
    found = []
    for source in verdicts(notebook):
        lines = [line for line in source.splitlines() if line.startswith("- ")]
        assert lines, "a verdict without a bullet"
        for line in lines:
            bullet = page.BULLET.match(line)
            assert bullet and LINK.search(line), f"no claim behind: {line}"
            found.append(bullet["id"])
    concluding = [n for n, each in BOOKS[notebook].claims.items() if each.concludes]
    assert sorted(found) == sorted(concluding)
    assert all(name.startswith(f"{notebook.split('_')[0]}-") for name in BOOKS[notebook].claims)


def test_links_lead_to_a_claim() -> None:
    headings = set(re.findall(r"^### (.+)$", (ROOT / page.PAGE).read_text("utf-8"), re.M))
    assert headings == set(CLAIMS)
    begun = {notebook[:2] for notebook in BOOKS}
    for path in (ROOT / "notebooks").glob("[0-9]*.ipynb"):
        for match in TO.finditer(path.read_text(encoding="utf-8")):
            assert match["id"] in headings or match["id"][:2] not in begun, path.name


def test_each_line_of_advice_rests_on_a_claim() -> None:
    cells = nbformat.read(ROOT / "notebooks" / "07_capstone.ipynb", as_version=4).cells
    (advice,) = (c.source for c in cells if c.source.startswith("## Which remedy, when?"))
    rows = [line for line in advice.splitlines() if line.startswith("| **")]
    assert len(rows) > 6
    assert not [row for row in rows if not TO.search(row)]


# --- what a claim can say


@pytest.mark.parametrize("name", CLAIMS)
def test_a_word_that_is_turned_is_refused(name: str) -> None:
    for template in opposites(CLAIMS[name]):
        turned = Claim(name, template, CLAIMS[name].measured, CLAIMS[name].concludes)
        with pytest.raises(CourseError, match=name):
            turned.sentence()


@pytest.mark.parametrize("loose", ["7", "twice", "better", "Later", "six"])
def test_a_loose_word_in_a_sentence_is_refused(loose: str) -> None:
    with pytest.raises(CourseError, match=f"“{loose}” stands outside"):
        shown("x", f"It is {loose} {{n}}.", n=fact("9", "a source")).sentence()


@dataclass(frozen=True)
class Made(Runs):
    """Runs that a test makes: one record for each number."""

    numbers: tuple[float, ...] = ()
    train: int = 100

    @property
    def records(self) -> list[dict[str, Any]]:
        data = {"name": "mnist", "scale": "embedded", "train": self.train}
        shared = {"arm": self.arm, "data": data, "precision": "float32", "parameters": {}}
        return [
            shared | {"seed": seed, "value": v, "epochs": 30, "best_epoch": v}
            for seed, v in enumerate(self.numbers)
        ]


def made(*numbers: float, arm: str = "a", train: int = 100) -> Made:
    return Made("00_x", arm, numbers=numbers, train=train)


ACCURACY = Measure(lambda r: r["value"], "%", better=True, margin="accuracy")
LOW = made(80, 81, 82, 80.5, 81.5, 82.5)
HIGH = made(83, 84.5, 85, 83.2, 84.4, 86, arm="b")
NEAR = made(80.1, 80.9, 82.2, 80.5, 81.3, 82.6, arm="c")
SPREAD = np.linspace(-5, 5, 101)  # of images, alike in all networks
APART = made(78, 85, 80, 84, 79, 83, arm="d")


@pytest.mark.parametrize(
    ("template", "measured", "sentence"),
    [
        (
            "{d}: {d:better}.",
            compare(LOW, HIGH, ACCURACY),
            "+3.1 points (95 % interval +2.8 to +3.4, six pairs, seeds only): better.",
        ),
        ("It {d:gains} {d:size short}.", compare(LOW, HIGH, ACCURACY),
         "It gains 3.1 points (2.8 to 3.4)."),
        ("It {d:costs} {d:size short}.", compare(HIGH, LOW, ACCURACY),
         "It costs 3.1 points (2.8 to 3.4)."),
        ("{d:Equal}.", compare(LOW, NEAR, ACCURACY), "Equal within ± 1 point."),
        ("{d:short}: {d:undecided}.", compare(LOW, APART, ACCURACY),
         "+0.3 points (−2.8 to +3.3): undecided."),
        ("It is {d:higher each}.", compare(LOW, HIGH, ACCURACY),
         "It is higher in each of the six pairs."),
        ("It is {d:higher count}.", compare(LOW, NEAR, ACCURACY), None),
        ("{d:At least}, {d:at most}, {d:each}.", values(LOW, ACCURACY),
         "At least 80.0 %, at most 82.5 %, in each of the six runs."),
        ("{d:None}", count(LOW, lambda r: r["value"] > 90), "In none of the six runs"),
        ("{d:count}", count(LOW, lambda r: r["value"] > 81), "in three of the six runs"),
        ("{d:each}", count(LOW, lambda r: r["value"] > 81), None),
        ("{d}", computed(lambda a, b: len(a) + len(b), LOW, HIGH, unit="runs"), "12 runs"),
        ("{d}", across(lambda r: r["value"] - 80, ACCURACY, LOW),
         "+1.3 points (95 % interval +0.3 to +2.2, six runs, seeds only)"),
        ("{d}", turns(made(5, 8, 7, 6, 5, 9)), "between epochs 5 and 9 in each of the six runs"),
        ("{d}", turns(made(5, 8, 30, 29, 5, 9)),
         "between epochs 5 and 9 in four of the six runs, and not within 30 epochs in two runs"),
        ("{d}", turns(made(29, 30, 30, 29, 29, 28)),
         "not within 30 epochs in each of the six runs"),
        ("{d:later each}", compare(made(5, 8, 7, 6, 5, 9), made(30, 30, 9, 8, 7, 12, arm="b"),
                                   turning_epoch), "later in each of the six pairs"),
        ("{d}", compare(made(5, 8, 7, 6, 5, 9), made(30, 30, 9, 8, 7, 12, arm="b"),
                        turning_epoch), None),  # no mean of epochs that nobody saw
        ("{d}", compare(LOW, HIGH, Measure(ACCURACY.of, "%", scores=lambda r: r["value"] + SPREAD)),
         "+3.1 points (95 % interval +2.8 to +3.4, six pairs, seeds and images)"),
        ("{d}", compare(LOW, made(1, 2, 3, 4, 5, 6, arm="b", train=7), ACCURACY), None),
        ("{d}", values(made(1, 2, 3, 4, 5), ACCURACY), None),  # five runs
    ],
)  # fmt: skip
def test_what_a_claim_says(template: str, measured: Any, sentence: str | None) -> None:
    made_claim = claim("x", template, d=measured)
    if sentence is None:
        with pytest.raises(CourseError):
            made_claim.sentence()
    else:
        assert made_claim.sentence() == sentence


def test_what_falls_by_holm_says_so_beside_its_interval() -> None:
    weak = made(80.3, 82.2, 82.2, 80.9, 81.6, 83.9, arm="w")
    alone = Claims("x", claim("a", "{d:short}: {d:better}.", d=compare(LOW, weak, ACCURACY)))
    (sentence,) = alone.sentences()[0].values()
    assert "better" in sentence and "Holm" not in sentence
    others = [claim(f"o{i}", "{d}", d=compare(LOW, APART, ACCURACY)) for i in range(11)]
    family = Claims("x", claim("a", "{d:short}: {d:better}.", d=compare(LOW, weak, ACCURACY)),
                    *others)  # fmt: skip
    note = "; not after Holm over the notebook's 12 comparisons): better."
    assert family.sentences()[0]["a"].endswith(note)
    silent = Claims("x", claim("a", "It is {d:better}.", d=compare(LOW, weak, ACCURACY)), *others)
    assert "keeps back" in silent.sentences()[1][0]


# --- the command


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of what the command reads and writes."""
    shutil.copytree(ROOT / "course_utils", tmp_path / "course_utils",
                    ignore=shutil.ignore_patterns("*.webp", "__pycache__"))  # fmt: skip
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_the_command_renews_what_is_stale(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = clone / "notebooks" / "01_baseline_overfit.ipynb"
    right = path.read_bytes()
    path.write_text(right.decode().replace("by +0.7 points (", "by −0.7 points ("), "utf-8")
    monkeypatch.setattr(page, "render", partial(page.render, clone))
    said = CliRunner().invoke(cli.main, ["claims", "--check"])
    assert said.exit_code == 1 and "01-relu-accuracy" in said.output
    assert path.read_bytes() != right
    assert CliRunner().invoke(cli.main, ["claims", "--write"]).exit_code == 0
    assert path.read_bytes() == right
    assert CliRunner().invoke(cli.main, ["claims", "--check"]).exit_code == 0


@pytest.mark.slow
def test_claims_that_no_longer_hold_are_named_and_nothing_is_written(clone: Path) -> None:
    changed = {("01_baseline_overfit", "relu"), ("02_deeper_vgg_style", "deeper_dropout"),
               ("02_deeper_vgg_style", "F1")}  # fmt: skip
    path = clone / "course_utils" / "reference" / "embedded.jsonl"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if (record["notebook"], record["arm"]) in changed:
            record["validation"]["accuracy"] += 0.2
        lines.append(json.dumps(record))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    before = {p: p.read_bytes() for p in clone.rglob("*") if p.suffix in (".ipynb", ".md")}
    run = "from course_utils.classroom.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", run, "claims", "--write"],
        cwd=clone,
        env={"PYTHONPATH": str(clone)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    for name in ("01-relu-accuracy", "02-dropout-costs", "02-relu says"):
        assert name in done.stderr
    assert "01-gap" not in done.stderr
    assert before == {p: p.read_bytes() for p in before}
