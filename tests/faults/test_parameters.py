"""Every parameter of every notebook refuses what it does not allow, before anything runs.

The cases are generated from the ranges that each notebook declares in its set-up cell, so that a
new parameter is covered by being declared. The set-up cells are executed as they stand in the
files; a few values go through papermill itself, as -p, -y and -f give them.
"""

from __future__ import annotations

import math
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from course_utils import checks, datasets
from course_utils.checks import Choice, Each, Flag, Real, Text, Whole
from course_utils.classroom import parameters
from course_utils.errors import CourseError

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
STEMS = [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]
REFUSAL = (CourseError, ValueError)
CHOSEN = settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


class Notebook(NamedTuple):
    """The set-up cell of a notebook, the values in its parameters cell, and what it declares."""

    setup: Any
    defaults: dict[str, Any]
    declared: parameters.Declared

    def start(self, **values: Any) -> None:
        """Execute the set-up cell as if papermill had injected `values`."""
        exec(self.setup, self.defaults | values)


@cache
def notebook(stem: str) -> Notebook:
    nb = nbformat.read(FOLDER / f"{stem}.ipynb", as_version=4)
    source = {
        tag: "\n".join(c.source for c in nb.cells if tag in c.metadata.get("tags", []))
        for tag in ("parameters", "setup")
    }
    defaults: dict[str, Any] = {}
    exec(source["parameters"], defaults)
    defaults = {name: value for name, value in defaults.items() if not name.startswith("__")}
    declared = parameters.declared(nb)
    assert declared.values == defaults, f"{stem} checks not all parameters, or others"
    return Notebook(compile(source["setup"], stem, "exec"), defaults, declared)


def rule_of(stem: str, name: str) -> Any:
    found = notebook(stem)
    if name in checks.SIZES:
        pools = datasets.sizes(found.declared.dataset, found.defaults["data"])
        return Whole(10, pools[name.removesuffix("_size")])
    return (checks.COMMON | found.declared.rules)[name]


NOTHING = [st.none(), st.just({}), st.just(())]
TEXTS = st.text(max_size=8)
LISTS = st.lists(st.integers(), max_size=3)


def refused_by(rule: Any) -> st.SearchStrategy[Any]:
    """Values that a rule does not allow, from what it declares."""
    match rule:
        case Whole(low, high):
            return st.one_of(
                st.integers(max_value=low - 1),
                st.integers(min_value=high + 1),
                st.floats(),  # 3.0 is not a whole number of epochs, NaN no number at all
                st.booleans(),
                TEXTS,
                LISTS,
                *NOTHING,
            )
        case Real(low, high):
            return st.one_of(
                st.floats(max_value=low, exclude_max=True),
                st.floats(min_value=high, exclude_min=True),
                st.just(math.nan),
                st.booleans(),
                TEXTS,
                LISTS,
                *NOTHING,
            )
        case Flag():
            return st.one_of(st.integers(), st.floats(), TEXTS, LISTS, *NOTHING)
        case Text():
            return st.one_of(st.sampled_from(["", " ", "\n"]), st.integers(), LISTS, *NOTHING)
        case Choice(options):
            others = TEXTS.filter(lambda text: text not in options)
            return st.one_of(others, st.integers(), st.booleans(), LISTS, *NOTHING)
        case Each(inner):
            one = refused_by(inner)
            return st.one_of(
                st.just([]), st.lists(one, min_size=1, max_size=3), one.map(str), *NOTHING
            )
    raise TypeError(f"no values are generated for {rule!r}: add them here")


EVERY = [(stem, name) for stem in STEMS for name in notebook(stem).defaults]


@pytest.mark.parametrize("stem", STEMS)
def test_the_written_values_are_allowed(stem: str) -> None:
    notebook(stem).start()


@pytest.mark.parametrize(("stem", "name"), EVERY)
def test_refuses(stem: str, name: str) -> None:
    rule = rule_of(stem, name)

    @CHOSEN
    @given(refused_by(rule))
    def check(value: Any) -> None:
        if rule.problem(value) is None:  # an optional list may be empty, for instance
            return
        with pytest.raises(REFUSAL) as caught:
            notebook(stem).start(**{name: value})
        said = str(caught.value)
        assert said.startswith(f"{name} must be "), said
        assert "got " in said and "parameters cell" in said and "papermill" in said

    check()


def test_a_rule_that_allows_everything_would_be_noticed() -> None:
    """The generated values are ones that the rules really refuse."""
    for stem, name in EVERY:
        rule = rule_of(stem, name)
        tried = [refused_by(rule).example() for _ in range(3)]
        assert any(rule.problem(value) for value in tried), (stem, name)


@pytest.mark.parametrize("stem", STEMS)
def test_sizes_that_are_too_large_together(stem: str) -> None:
    found = notebook(stem)
    if not set(checks.SIZES) <= found.defaults.keys() or found.declared.dataset == "cats_vs_dogs":
        pytest.skip("the two sizes do not share one split here")
    with pytest.raises(REFUSAL, match="make one of them smaller"):
        found.start(data="full", train_size=40_000, validation_size=40_000)


@pytest.mark.parametrize(
    ("given_as", "sentence"),
    [
        (["-p", "epochs", "-3"], "epochs must be a whole number from 1 to 1,000; got -3."),
        (["-y", "train_size: 1e9"], "train_size must be a whole number from 10 to"),
        (["-f", "values.yaml"], "batch_size must be a whole number from 1 to 4,096; got 0."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_through_papermill(given_as: list[str], sentence: str, tmp_path: Path) -> None:
    (tmp_path / "values.yaml").write_text("batch_size: 0\n")
    command = ["papermill", str(FOLDER / "01_baseline_overfit.ipynb"), "out.ipynb", *given_as]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode != 0
    result = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    executed = [c for c in result.cells if c.cell_type == "code" and c.execution_count]
    assert "setup" in executed[-1].metadata.tags, "something ran after the set-up cell"
    (error,) = [o for o in executed[-1].outputs if o.output_type == "error"]
    (line,) = error.traceback
    assert sentence in line
    assert not (tmp_path / "runs").exists()
