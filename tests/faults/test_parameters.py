"""Every parameter of every notebook refuses what it does not allow, before anything runs.

Each value that the rule of a parameter refuses is tried, so that a new parameter is covered by
being declared. The set-up cells are executed as they stand in the files; a few values go through
papermill itself, as -p, -y and -f give them.
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

from course_utils import checks, datasets
from course_utils.checks import Whole
from course_utils.classroom import parameters
from course_utils.errors import CourseError

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
STEMS = [path.stem for path in sorted(FOLDER.glob("*.ipynb"))]


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


# Each rule refuses some of these, and allows others.
TRIED = [None, {}, (), "", " ", "nonsense", "3", True, -1, 0, 10**10, 3.5, -1e9, math.nan, math.inf]
TRIED += [[], [None], [[]], [1, 1], [-1], [10**10], ["nonsense"], [math.nan], "['F1']"]


EVERY = [(stem, name) for stem in STEMS for name in notebook(stem).defaults]


@pytest.mark.parametrize("stem", STEMS)
def test_the_written_values_are_allowed(stem: str) -> None:
    notebook(stem).start()


@pytest.mark.parametrize(("stem", "name"), EVERY)
def test_refuses(stem: str, name: str) -> None:
    rule = rule_of(stem, name)
    refused = [value for value in TRIED if rule.problem(value)]
    assert len(refused) > 9
    for value in refused:
        with pytest.raises(CourseError) as caught:
            notebook(stem).start(**{name: value})
        said = str(caught.value)
        assert said.startswith(f"{name} must be "), said
        assert "got " in said and "parameters cell" in said and "papermill" in said


@pytest.mark.parametrize("stem", STEMS)
def test_sizes_that_are_too_large_together(stem: str) -> None:
    found = notebook(stem)
    if not set(checks.SIZES) <= found.defaults.keys() or found.declared.dataset == "cats_vs_dogs":
        pytest.skip("the two sizes do not share one split here")
    with pytest.raises(CourseError, match="make one of them smaller"):
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
