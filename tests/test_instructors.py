"""The instructors' page tells the notebooks' parameters and the ledger's fields as they are."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from commands import run

from course_utils import checks, ledger
from course_utils.classroom import notebooks, parameters, paths
from course_utils.errors import CourseError

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
PAGE = (FOLDER / parameters.PAGE).read_text(encoding="utf-8")


def test_tables_are_current() -> None:
    block = paths.block("parameters", f"\n{parameters.tables(PATHS)}\n")
    assert block in PAGE, "run: course parameters --write"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_parameter_has_a_rule_and_is_checked(path: Path) -> None:
    found = parameters.declared(nbformat.read(path, as_version=4))
    known = notebooks.parameters(path)
    assert sorted(found.values) == sorted(known)
    for name in known:
        words = parameters.allowed(name, found)
        assert words.startswith(("a ", "one of ", "True or False")), words


def test_rules_are_told_in_the_words_of_the_refusal() -> None:
    rules = {"rates": checks.Each(checks.Real(0, 0.9)), "arms": checks.Choice(("a", "b"))}
    found = parameters.Declared(None, rules, {"rates": [], "arms": ""})
    words = parameters.allowed("rates", found)
    assert words == "a list without repeats, each entry a number from 0 to 0.9"
    assert parameters.allowed("arms", found) == "one of `a`, `b`"
    with pytest.raises(CourseError, match=words):
        checks.parameters(None, rules, rates=[1])


@pytest.mark.parametrize(
    ("name", "dataset", "words"),
    [
        ("train_size", "fashion_mnist", "6,000; with `full` to 60,000, both sizes together"),
        ("validation_size", "cats_vs_dogs", "400; with `full` to 1,000"),
    ],
)
def test_sizes_are_those_of_the_data(name: str, dataset: str, words: str) -> None:
    found = parameters.Declared(dataset)
    assert parameters.allowed(name, found) == f"a whole number from 10 to {words}"


def test_a_set_up_cell_is_read_and_not_run() -> None:
    install = "if True:\n    raise SystemExit('installed')\nfrom course_utils import checks"
    check = (
        "ARMS = ('a', 'b')\nchecks.parameters('mnist', {'arms': checks.Choice(ARMS)}, arms=ARMS)"
    )
    made = [nbformat.v4.new_code_cell(c, metadata={"tags": ["setup"]}) for c in (install, check)]
    rules = {"arms": checks.Choice(("a", "b"))}
    found = parameters.declared(nbformat.v4.new_notebook(cells=made))
    assert found == parameters.Declared("mnist", rules, {"arms": ("a", "b")})
    evil = nbformat.v4.new_code_cell(
        check.replace("ARMS)", "exit())"), metadata={"tags": ["setup"]}
    )
    for cells in (made[:1], [evil]):
        assert not parameters.declared(nbformat.v4.new_notebook(cells=cells)).values


def test_every_field_of_every_recorded_run_is_explained() -> None:
    table = PAGE[PAGE.index("## The ledger") : PAGE.index("## Adding a notebook")]
    rows = re.findall(r"^\| (`.*?`) \|", table, re.M)
    explained = re.findall(r"`(\w+)`", " ".join(rows))
    in_all = set.intersection(*(set(run) for run in ledger.recorded("settings")))
    assert sorted(explained) == sorted(in_all)


def test_the_command_shows_one_notebook_and_renews_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = run("parameters", "01")
    assert shown.exit_code == 0, shown.output
    assert shown.output.strip() in PAGE
    assert run("parameters", "01", "--write").exit_code == 2

    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / PATHS[0].name).write_bytes(PATHS[0].read_bytes())
    page = tmp_path / "notebooks" / parameters.PAGE
    monkeypatch.chdir(tmp_path)
    missing = run("parameters", "--write")
    assert missing.exit_code == 2 and "has no place for the tables" in missing.output
    page.write_text(f"before\n{paths.block('parameters', 'old')}\nafter\n")
    done = run("parameters", "--write")
    assert done.exit_code == 0, done.output
    text = page.read_text(encoding="utf-8")
    block = paths.block("parameters", f"\n{parameters.tables(PATHS[:1])}\n")
    assert text == f"before\n{block}\nafter\n"
