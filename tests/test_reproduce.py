"""The recorded runs: what is missing is run, what is there is never repeated."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import batches
import psutil
import pytest
from batches import order, running, seeds_started, started, until
from click.testing import Result
from commands import run

from course_utils import ledger
from course_utils.classroom import notebooks
from course_utils.classroom import reproduce as reproduce_

ENTRY = "  - {notebook: 01_small, seeds: 2, leaves: [a, b], set: {arms: [a, b], train_size: 100}}\n"
clone = batches.clone
EVERYTHING = [("a", 0), ("a", 1), ("b", 0), ("b", 1)]


@pytest.fixture(autouse=True)
def small_plan(clone: Path) -> None:
    plan(f"embedded:\n{ENTRY}full: []\n")


def plan(text: str) -> None:
    Path("course_utils/reference/plan.yaml").write_text(text)


def reproduce(*arguments: str) -> Result:
    return run("reproduce", *arguments)


def recorded(scale: str = "embedded") -> list[tuple[str, int]]:
    path = Path(f"course_utils/reference/{scale}.jsonl")
    return sorted((record["arm"], record["seed"]) for record in ledger.read(path))


def test_what_is_missing_is_run_once_and_what_failed_goes_on() -> None:
    order(0, "fail")
    assert "2 executions are missing" in reproduce("--list").output
    failed = reproduce("--limit", "1")
    assert failed.exit_code == 1
    assert failed.output.count("seed 0 is tried once more. It failed: cell 4") == 1
    assert "RuntimeError: the lid was closed" in failed.output
    assert recorded() == [("a", 0)]  # what was trained before is kept, once
    assert "seed 0  b" in reproduce("--list").output
    order(0, "")
    done = reproduce("--workers", "2")
    assert done.exit_code == 0, done.output
    assert recorded() == EVERYTHING
    assert "Nothing is missing" in reproduce().output
    assert seeds_started() == [0, 0, 0, 1]
    assert len(list(Path("build/reproduce/executed").glob("embedded-01_small-*.ipynb"))) == 2


def test_two_share_the_work_and_one_is_killed() -> None:
    order(0, "wait")
    order(1, "wait")
    Path("build/reproduce").mkdir(parents=True)
    mine = {"notebook": "x", "arm": "mine", "seed": 0, "protocol": "honest"}
    mine |= {"data": {"name": "x", "scale": "x"}}  # a reader's
    own = ledger.append(mine, "build/reproduce/ledger.jsonl")
    with running("reproduce") as first, running("reproduce") as second:
        until(lambda: seeds_started() == [0, 1])
        commands = {psutil.Process(worker).ppid(): seed for seed, worker, _ in started()}
        assert commands.keys() == {first.pid, second.pid}  # each has one
        left = psutil.Process(first.pid).children(recursive=True)
        first.kill()
        assert not psutil.wait_procs(left, timeout=10)[1]
        order(0, "")
        order(1, "")
        output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output
    assert recorded() == EVERYTHING
    assert seeds_started() == sorted([0, 1, commands[first.pid]])
    # what the killed one left is collected, without a second record
    assert "Nothing is missing" in reproduce().output
    assert recorded() == EVERYTHING and not list(Path("build/reproduce/tries").glob("*"))
    assert ledger.read("build/reproduce/ledger.jsonl") == [own]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_trained_before_it_was_stopped_is_recorded(how: signal.Signals) -> None:
    order(0, "wait")
    with running("reproduce", "--limit", "1") as process:
        until(lambda: list(Path("build/reproduce/tries").glob("*/ledger.jsonl")))
        process.send_signal(how)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how), output
    assert "Traceback" not in output
    if how == signal.SIGKILL:
        reproduce("--list")  # changes nothing, for another command may be at work
        assert recorded() == []
        reproduce("--scale", "full")  # nothing to do but to collect
    assert recorded() == [("a", 0)]


def test_settings_stand_side_by_side() -> None:
    other = ENTRY.replace("100", "50")
    smaller, narrow = ENTRY.replace("100", "20"), other.replace("50}", "50, width: 0.5}")
    plan(f"embedded:\n{ENTRY}full: []\nsettings:\n{smaller}{other}{narrow}")
    for arm in ("a", "b"):  # at the setting of `other`: of the last two entries one has it
        ledger.append(
            {"notebook": "01_small", "arm": arm, "seed": 0, "protocol": "honest"}
            | {"data": {"name": "mnist", "scale": "embedded", "train": 50}}
            | {"parameters": {"width": 1.0}},
            "course_utils/reference/settings.jsonl",
        )
    assert "5 executions are missing" in reproduce("--scale", "settings", "--list").output
    done = reproduce("--scale", "settings", "--workers", "2")
    assert done.exit_code == 0, done.output
    assert recorded() == []
    found = [
        (record["arm"], record["seed"], record["data"]["train"], record["parameters"]["width"])
        for record in ledger.read("course_utils/reference/settings.jsonl")
    ]
    sizes = [(20, 1.0), (50, 1.0), (50, 0.5)]
    assert sorted(found) == sorted((*one, *size) for one in EVERYTHING for size in sizes)


def test_an_arm_under_two_protocols() -> None:
    plan(f"embedded:\n{ENTRY.replace('[a, b], ', '[D1:honest, D1:published], ')}full: []\n")
    record = {"notebook": "01_small", "arm": "D1", "seed": 0, "protocol": "honest"}
    record["data"] = {"name": "mnist", "scale": "embedded"}
    ledger.append(record, "course_utils/reference/embedded.jsonl")
    first, second, _ = reproduce("--list").output.splitlines()
    assert first.endswith("seed 0  D1:published")
    assert second.endswith("seed 1  D1:honest, D1:published")


def test_on_a_scheduler() -> None:
    from distributed import LocalCluster

    if asyncio.run.__module__ == "nest_asyncio":
        pytest.skip("Colab's nest_asyncio, once a kernel was started, breaks asyncio.run for dask")
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as here:
        done = reproduce("--scheduler", here.scheduler_address)
    assert done.exit_code == 0, done.output
    assert recorded() == EVERYTHING
    assert {parent for _, parent, _ in started()} == {os.getpid()}


def test_the_course_s_own_plan(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every recorded run is one that the plan would make, with names that its notebook has."""
    monkeypatch.chdir(root)
    planned = reproduce_.plan()
    for one in planned:
        (source,) = notebooks.find([one.notebook])
        notebooks.check_names(source, one.values)
    for scale in reproduce_.SCALES:
        wanted = [one for one in planned if one.scale == scale]
        for record in ledger.read(root / "course_utils" / "reference" / f"{scale}.jsonl"):
            run_ = (scale, record["notebook"], record["arm"], record["seed"])
            assert any(one.wants(record) for one in wanted), f"{run_} is in no entry of plan.yaml"
