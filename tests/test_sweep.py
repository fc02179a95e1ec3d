"""The sweep: every point of the grid is run and recorded once, whatever dies on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import batches
import nbformat
import psutil
import pytest
from batches import CLAIM, order, running, seeds_started, started, until
from click.testing import Result
from commands import run

from course_utils import ledger, machine
from course_utils.classroom.sweep import parse_grid

FOLDER = Path("build/sweep/01_small")
clone = batches.clone
pytestmark = pytest.mark.usefixtures("clone")


def sweep(*arguments: str) -> Result:
    return run("sweep", "01", *arguments)


def recorded(path: Path | str = FOLDER / "ledger.jsonl") -> list[int]:
    return sorted(record["seed"] for record in ledger.read(path))


def test_all_once_a_failure_twice_then_only_what_is_missing(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order(1, "fail once")
    order(2, "fail")
    grid = ("-g", "seed=0..2", "-y", "{arms: [a, b]}", "--workers", "2")
    first = sweep(*grid)
    assert first.exit_code == 1, first.output
    assert "3 runs of 01_small: 3 seed. 0 finished, 3 to go, 2 at a time" in first.output
    failure = "cell 4 `import os, signal, time`: RuntimeError: the lid was closed"
    assert f"seed=1 is tried once more. It failed: {failure}" in first.output
    assert f"seed=2: {failure}" in first.output.splitlines()
    assert "2 of 3 runs are finished and recorded." in first.output
    assert recorded() == [0, 0, 1, 1]
    assert seeds_started() == [0, 1, 1, 2, 2]
    assert {line[2] for line in started()} == {max(1, machine.cores() // 2)}

    (failed,) = FOLDER.glob("failed/seed=2-*")
    assert (failed / "01_small.ipynb").is_file()
    (kept,) = FOLDER.glob("runs/seed=1-*")
    names = ["01_small.ipynb", "files", "ledger.jsonl", "run.json"]
    assert sorted(path.name for path in kept.iterdir()) == names
    about = json.loads((kept / "run.json").read_text())
    assert (about["values"], about["tries"]) == ({"arms": ["a", "b"], "seed": 1}, 2)
    nb = nbformat.read(kept / "01_small.ipynb", as_version=4)
    assert nb.metadata.papermill["output_path"] == "01_small.ipynb"
    assert f"(../../{CLAIM})" in nb.cells[-1].source and (kept / "../../claims.md").exists()

    # the same command runs what failed, a wider grid what is new, and nothing is repeated
    order(2, "")
    assert "2 finished, 1 to go" in sweep(*grid, "--dry-run").output
    wider = sweep("-g", "seed=0..3", *grid[2:])
    assert wider.exit_code == 0, wider.output
    assert seeds_started() == [0, 1, 1, 2, 2, 2, 3]
    assert recorded() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not list(FOLDER.glob("failed/*")) and not list(FOLDER.glob("tries/*"))
    assert "3 finished, none to go" in sweep(*grid).output

    # another ledger gets them too, once
    monkeypatch.setenv("COURSE_LEDGER", "mine.jsonl")
    assert [sweep(*grid).exit_code for _ in range(2)] == [0, 0]
    assert recorded("mine.jsonl") == [0, 0, 1, 1, 2, 2]
    assert len(started()) == 7

    # runs of changed code are not mixed with them
    path = clone / "notebooks" / "01_small.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].source += "\nx = 1"
    nbformat.write(nb, path)
    refused = sweep(*grid)
    assert refused.exit_code == 2
    assert "code of 01_small has changed since 3 of these runs" in refused.output


def test_a_killed_worker_costs_only_its_own_run() -> None:
    order(0, "kill once")
    order(1, "wait")  # it is running while the other worker dies
    grid = ("-g", "width=0.5,1", "-g", "seed=0..1", "--workers", "2")
    with running("sweep", "01", *grid) as process:
        until(lambda: seeds_started() == [0, 0, 1])
        children = psutil.Process(process.pid).children(recursive=True)
        kernels = [c for c in children if "ipykernel_launcher" in c.cmdline()]
        assert len(kernels) == 2  # the dead worker's has not lived on
        order(1, "")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert "width=0.5 seed=0 is tried once more. It failed: its worker process was kill" in output
    assert seeds_started() == [0, 0, 0, 1, 1]
    assert recorded() == [0, 0, 1, 1]
    # the table tells the points of one arm apart
    assert "a, width=0.5" in output and "a, width=1.0" in output


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_goes_on_where_it_was_stopped(how: signal.Signals) -> None:
    order(1, "wait")
    order(2, "wait")
    grid = ("-g", "seed=0..2", "--workers", "2")
    with running("sweep", "01", *grid) as process:
        until(lambda: recorded() == [0] and seeds_started() == [0, 1, 2])
        children = psutil.Process(process.pid).children(recursive=True)
        assert len([c for c in children if "ipykernel_launcher" in c.cmdline()]) == 2
        if how == signal.SIGINT:  # as a terminal does: to all of the group
            os.killpg(process.pid, how)
        else:
            process.kill()
        output, _ = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how), output
    assert "Traceback" not in output
    assert how == signal.SIGKILL or "1 of 3 runs are finished and recorded." in output
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    order(1, "")
    order(2, "")
    done = sweep(*grid)
    assert done.exit_code == 0, done.output
    assert recorded() == [0, 1, 2]
    assert seeds_started() == [0, 1, 1, 2, 2]
    assert not list(FOLDER.glob("tries/*"))


def test_two_in_one_folder_share_the_runs() -> None:
    order(0, "wait")
    grid = ("-g", "seed=0..3", "--workers", "1")
    with running("sweep", "01", *grid) as first, running("sweep", "01", *grid) as second:
        until(lambda: len(recorded()) == 3)  # one of them waits in seed 0, the other did the rest
        (mine,) = (one for one in (first, second) if is_parent(one, of=0))
        (other,) = {first, second} - {mine}
        mine.kill()
        order(0, "")
        output, _ = other.communicate(timeout=60)
    assert other.returncode == 0, output
    assert "Another command is at the last 1; waiting for it." in output
    assert recorded() == [0, 1, 2, 3]
    assert seeds_started() == [0, 0, 1, 2, 3]


def is_parent(process: subprocess.Popen[str], of: int) -> bool:
    worker = next(parent for seed, parent, _ in started() if seed == of)
    return worker in {child.pid for child in psutil.Process(process.pid).children()}


@pytest.mark.slow
def test_a_dask_worker_and_the_scheduler_are_lost() -> None:
    from distributed import LocalCluster

    order(1, "wait")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        with running("sweep", "01", "-g", "seed=0..3", "--scheduler", address) as process:
            until(lambda: 1 in seeds_started() and len(recorded()) == 3)
            pid = next(parent for seed, parent, _ in started() if seed == 1)
            os.kill(pid, signal.SIGKILL)
            order(1, "")
            output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        assert recorded() == [0, 1, 2, 3] and seeds_started() == [0, 1, 1, 2, 3]

        order(4, "wait")
        with running("sweep", "01", "-g", "seed=4..5", "--scheduler", address) as process:
            until(lambda: 4 in seeds_started() and len(recorded()) == 5)
            worker = psutil.Process(next(pid for seed, pid, _ in started() if seed == 4))
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert "1 of 2 runs are finished" in output and "Traceback" not in output
        until(lambda: not worker.children())  # Ctrl-C reaches the kernel on the cluster

        with running("sweep", "01", "-g", "seed=4..5", "--scheduler", address) as process:
            until(lambda: seeds_started().count(4) == 2)
            cluster.close()
            output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert f"The dask scheduler at {address} was lost. Finished runs are kept" in output
    assert "Traceback" not in output


def test_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = sweep("-g", "seed=1", "--scheduler", "no-such-protocol://127.0.0.1:1")
    assert silent.exit_code == 2
    assert "No dask scheduler answers at no-such-protocol://127.0.0.1:1" in silent.output
    monkeypatch.setitem(sys.modules, "distributed", None)
    absent = sweep("-g", "seed=1", "--scheduler", "tcp://127.0.0.1:1")
    assert absent.exit_code == 2
    assert "dask.distributed, which is not installed" in absent.output


def test_outputs_go_to_any_papermill_address(monkeypatch: pytest.MonkeyPatch) -> None:
    from papermill.iorw import papermill_io

    stored: dict[str, str] = {}
    full = True

    class Store:
        def write(self, text: str, path: str) -> None:
            if full:
                raise OSError("the bucket is full")
            stored[path] = text

    monkeypatch.setattr(papermill_io, "_handlers", [*papermill_io._handlers])
    papermill_io.register("fake://", Store())
    to = ("-g", "seed=5", "--to", "fake://bucket/x/")
    refused = sweep(*to)
    assert refused.exit_code == 2
    assert "--to fake://bucket/x cannot be written. OSError: the bucket is full" in (refused.output)
    assert not started()
    full = False
    done = sweep(*to, "--profile", "smoke")
    assert done.exit_code == 0, done.output
    *beside, path = sorted(stored, key=len)
    records = [f"{name}.jsonl" for name in ("embedded", "full", "map", "settings")]
    names = ("claims.md", *records, "sweep.json")
    assert sorted(beside) == [f"fake://bucket/x/{name}" for name in names]
    assert f"({CLAIM})" in stored[path] and "width = 0.5" in stored[path]
    listed = json.loads(stored["fake://bucket/x/sweep.json"])
    assert [*listed.values()] == [{"width": 0.5, "seed": 5}]
    assert path.startswith("fake://bucket/x/seed=5-") and path.endswith(".ipynb")
    # what was not written there is written when the same command comes again
    del stored[path]
    (book,) = Path("build/sweep").glob("01_small-*/ledger.jsonl")
    (marker,) = book.parent.glob("runs/*/uploaded")
    marker.unlink()
    assert sweep(*to, "--profile", "smoke").exit_code == 0
    assert path in stored and recorded(book) == [5]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is no -g"),
        (["-g", "sed=1"], "has no parameter 'sed'; did you mean 'seed'?"),
        (["-g", "seed=1", "-p", "witdh", "2"], "has no parameter 'witdh'; did you mean 'width'?"),
        (["-g", "seed=1", "-p", "seed", "2"], "seed is given by -g and by -p or -y"),
        (["-g", "seed=[1"], "is not a list of values"),
        (["-g", "arms=[a, b]"], 'Write "arms=a, b" for a run with each value, or "arms=[[a, b]]"'),
        (["-g", "fast={a: 1}"], "fast must be True or False; got {'a': 1}."),
        (["-g", "width=0,5", "--dry-run"], "width must be a number from 0.05 to 4; got 0.0."),
        (["-g", "seed=1", "-p", "width", "9"], "width must be a number from 0.05 to 4; got 9."),
        (["-g", "seed=1", "--to", "notebooks"], "is the folder of the notebooks themselves"),
        (["-g", "seed=1", "--workers", "2", "--scheduler", "x:1"], "--workers is for processes"),
    ],
)
def test_refused_before_anything_runs(clone: Path, arguments: list[str], message: str) -> None:
    result = sweep(*arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
    assert not (clone / "build").exists()


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("-1..1, 7", "int", [-1, 0, 1, 7]),
        ("1,1e-4", "float", [1.0, 1e-4]),
        ("auto,float32", "str", ["auto", "float32"]),
        ("true,false", "bool", [True, False]),
        ("None,3", "None", [None, 3]),
        ("[1, 2]", "None", [1, 2]),
        ("'a, b',c", "str", ["a, b", "c"]),
        ("0.0,1e-3", "list", [[0.0], [1e-3]]),
        ("[[F1],[relu, F1]]", "list", [["F1"], ["relu", "F1"]]),
    ],
)
def test_values_of_a_grid(text: str, kind: str, values: list[Any]) -> None:
    assert parse_grid([f"x={text}"], {"x": kind}) == {"x": values}
