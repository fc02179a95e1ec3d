"""The recorded runs: what is missing is run, what is there is never repeated."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell, new_notebook

from course_utils import ledger
from course_utils.classroom import cli, notebooks, reproduce

# Stands for a notebook that trains: it leaves a record for each arm, and can be made to fail.
TRAIN = """
import os
from course_utils import ledger
for arm in arms:
    if arm == os.environ.get("DIES_AT") and seed == 0:
        os.kill(os.getppid(), 9)  # the worker
        os._exit(1)
    if arm == os.environ.get("FAILS_AT"):
        raise RuntimeError("the lid was closed")
    _ = ledger.append({"notebook": "01_small", "arm": arm, "seed": seed, "protocol": "honest",
                       "data": {"name": "mnist", "scale": "embedded"}})
"""
PLAN = """
embedded:
  - {notebook: 01_small, seeds: 2, leaves: [a, b], set: {arms: [a, b]}}
full: []
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    parameters = "arms: list = []  # what to train\nseed: int = 0  # the seed"
    nb = new_notebook(
        cells=[
            new_code_cell(parameters, metadata={"tags": ["parameters"]}),
            new_code_cell(TRAIN.strip()),
        ]
    )
    nb.metadata["kernelspec"] = dict(notebooks.KERNELSPEC)
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nb, tmp_path / "notebooks" / "01_small.ipynb")
    (tmp_path / "notebooks" / "profiles.yaml").write_text("01_small: {}\n")
    reference = tmp_path / "course_utils" / "reference"
    reference.mkdir(parents=True)
    (reference / "plan.yaml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(ledger.__file__).parents[1]))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["reproduce", *arguments])


def recorded(clone: Path) -> list[tuple[str, int]]:
    path = clone / "course_utils" / "reference" / "embedded.jsonl"
    return [(record["arm"], record["seed"]) for record in ledger.read(path)]


def test_runs_what_is_missing_and_then_nothing(clone: Path) -> None:
    assert "2 executions are missing" in run("--list").output
    done = run()
    assert done.exit_code == 0, done.output
    everything = [("a", 0), ("b", 0), ("a", 1), ("b", 1)]
    assert recorded(clone) == everything
    again = run()
    assert "Nothing is missing" in again.output
    assert recorded(clone) == everything


def test_several_at_once(clone: Path) -> None:
    done = run("--workers", "2")
    assert done.exit_code == 0, done.output
    assert sorted(recorded(clone)) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    assert "Nothing is missing" in run("--workers", "2").output


def test_one_of_several_fails_alone(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS_AT", "b")
    stopped = run("--workers", "2")
    assert stopped.exit_code == 1
    assert stopped.output.count("the lid was closed") == 2
    assert sorted(recorded(clone)) == [("a", 0), ("a", 1)]


def test_a_killed_worker_costs_its_own_run_alone(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIES_AT", "b")
    done = run("--workers", "2")
    assert done.exit_code == 1
    assert "01_small, seed 0: its worker process was killed" in done.output
    assert {("a", 1), ("b", 1)} <= set(recorded(clone))
    monkeypatch.delenv("DIES_AT")
    assert run("--workers", "2").exit_code == 0
    assert sorted(recorded(clone)) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


def test_goes_on_where_it_stopped(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAILS_AT", "b")
    stopped = run("--limit", "1")
    assert stopped.exit_code == 1
    assert "the lid was closed" in stopped.output
    assert recorded(clone) == [("a", 0)]
    monkeypatch.delenv("FAILS_AT")
    assert "seed 0  b" in run("--list").output
    assert run("--limit", "1").exit_code == 0
    assert recorded(clone) == [("a", 0), ("b", 0)]


def test_what_a_killed_command_left_is_collected(clone: Path) -> None:
    left = {"notebook": "01_small", "arm": "a", "seed": 1, "protocol": "honest"}
    file = clone / "build" / "reproduce" / "embedded-01_small-a-b-1.jsonl"
    own = {"data": {"name": "mnist", "scale": "embedded"}}
    ledger.append(left | own, file)
    ledger.append(left | own | {"arm": "trial"}, file)  # of no interest to the plan
    run("--scale", "full")  # nothing to do
    assert recorded(clone) == [("a", 1)]


def test_files_of_others_are_left_alone(clone: Path) -> None:
    one = {"notebook": "01_small", "arm": "a", "seed": 1, "protocol": "honest"}
    one |= {"data": {"name": "mnist", "scale": "embedded"}}
    work = clone / "build" / "reproduce"
    ledger.append(one, work / "ledger.jsonl")  # a reader's own, for --work may be any folder
    ledger.append(one, work / "embedded-01_small-a-b-1.jsonl")
    run("--list")  # the command may be at work in another terminal
    assert len(list(work.glob("*.jsonl"))) == 2
    run("--scale", "full")  # nothing to do
    assert [path.name for path in work.glob("*.jsonl")] == ["ledger.jsonl"]


def test_an_arm_under_two_protocols(clone: Path) -> None:
    both = reproduce.Planned("01_small", "embedded", 0, ("D1:honest", "D1:published"), None, {})
    record = {"notebook": "01_small", "arm": "D1", "seed": 0, "protocol": "honest"}
    record["data"] = {"scale": "embedded"}
    assert both.missing([record]) == ["D1:published"]
    assert both.missing([json.loads(json.dumps(record)) | {"seed": 1}]) == list(both.leaves)


def test_the_course_s_own_plan() -> None:
    """Every recorded run is one that the plan would make, with names that its notebook has."""
    planned = reproduce.plan()
    for one in planned:
        (source,) = notebooks.find([one.notebook])
        notebooks.check_names(source, one.values)
    known = {
        (one.scale, one.notebook, arm.split(":")[0], one.seed)
        for one in planned
        for arm in one.leaves
    }
    for scale in reproduce.SCALES:
        for record in ledger.recorded(scale):
            run = (scale, record["notebook"], record["arm"], record["seed"])
            assert run in known, f"{run} is recorded, but plan.yaml does not make it"
