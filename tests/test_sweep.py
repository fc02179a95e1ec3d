"""The sweep: every point of the grid is run and recorded once, whatever dies on the way."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from click.testing import CliRunner, Result
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils import ledger
from course_utils.classroom import cli, notebooks
from course_utils.classroom.sweep import parse_grid
from course_utils.machine import cores

PARAMETERS = """
arms: list = ["a"]  # what to train
width: float = 1.0  # factor on the units
seed: int = 0  # the seed
fast = True
output_dir: str = "runs"  # folder for files
"""
# Stands in the path of all processes of a test: imports that take half of a kernel's start, or two
# seconds with nbformat, and that nothing here needs.
QUICK = "import sys; sys.modules['debugpy'] = sys.modules['rfc3987_syntax'] = None"
# Stands for a notebook that trains. It tells that it was started, and by whom; it leaves its
# records, and then does what the test has put into a file for its seed.
TRAIN = """
import os, signal, time
from pathlib import Path
from course_utils import ledger
with open("started", "a") as started:
    print(seed, os.getppid(), os.environ["OMP_NUM_THREADS"], file=started)
for arm in arms:
    _ = ledger.append({
        "notebook": "01_small", "arm": arm, "seed": seed, "protocol": "honest",
        "precision": "float32",
        "data": {"name": "mnist", "scale": "embedded"}, "parameters": {}, "epochs": 1,
        "train": {"accuracy": 0.9, "cross_entropy": 0.3}, "validation": None, "test": None,
        "best_epoch": 1, "seconds": 1.0, "model": {"parameters": 10}})
"""
CLAIM = "claims.md#01-gap"
FILES = ("claims.md", "embedded.jsonl", "full.jsonl", "sweep.json")
THEN = """
order = Path(f"{seed}.order")
what = order.read_text() if order.exists() else ""
if "once" in what:
    order.unlink()
if "fail" in what:
    raise RuntimeError("the lid was closed")
if "kill" in what:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)
while what == "wait" and order.exists():
    time.sleep(0.05)
while what == "wait for three others" and Path("started").read_text().count("\\n") < 4:
    time.sleep(0.05)
Path(output_dir).mkdir()  # fails where two runs share it
"""


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    nb = new_notebook(
        cells=[
            new_code_cell(PARAMETERS.strip(), metadata={"tags": ["parameters"]}),
            new_code_cell(TRAIN.strip()),
            new_code_cell(THEN.strip()),
            new_markdown_cell(f"- **[[01-gap]](../course_utils/reference/{CLAIM})** In each."),
        ]
    )
    nb.metadata["kernelspec"] = dict(notebooks.KERNELSPEC)
    (tmp_path / "notebooks").mkdir()
    nbformat.write(nb, tmp_path / "notebooks" / "01_small.ipynb")
    (tmp_path / "notebooks" / "profiles.yaml").write_text("01_small: {smoke: {width: 0.5}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_LEDGER", raising=False)
    (tmp_path / "quick").mkdir()
    (tmp_path / "quick" / "sitecustomize.py").write_text(QUICK)
    path = [str(tmp_path / "quick"), str(Path(ledger.__file__).parents[1])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, ["sweep", "01", *arguments])


@contextlib.contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run the command in a process of its own, with what it starts in a session of its own."""
    # A shell starts what stands behind an & with Ctrl-C ignored, and these tests with it.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    code += "from course_utils.classroom.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "sweep", "01", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(true: Callable[[], Any], seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def order(seed: int, what: str) -> None:
    Path("notebooks", f"{seed}.order").write_text(what)


def started() -> list[list[int]]:
    """Seed, parent's process number and threads of each kernel that was started."""
    path = Path("notebooks/started")
    lines = path.read_text().splitlines() if path.exists() else []
    return [list(map(int, line.split())) for line in lines]


def seeds_started() -> list[int]:
    return sorted(line[0] for line in started())


def recorded(path: str = "build/sweep/01_small/ledger.jsonl") -> list[int]:
    return sorted(record["seed"] for record in ledger.read(path))


def test_all_once_a_failure_twice_then_only_what_is_missing(clone: Path) -> None:
    order(1, "fail once")
    order(2, "fail")
    grid = ("-g", "seed=0..2", "-y", "{arms: [a, b]}", "--workers", "2")
    first = run(*grid)
    assert first.exit_code == 1, first.output
    assert "3 runs of 01_small: 3 seed. 0 finished, 3 to go, 2 at a time" in first.output
    assert "seed=1 is tried once more. It failed: cell 4 `order = Path" in first.output
    assert 'seed=2: cell 4 `order = Path(f"{seed}.order")`: RuntimeError: the lid was closed' in (
        first.output.splitlines()
    )
    assert "2 of 3 runs are finished and recorded." in first.output
    assert recorded() == [0, 0, 1, 1]
    assert seeds_started() == [0, 1, 1, 2, 2]
    assert {line[2] for line in started()} == {max(1, cores() // 2)}

    folder = Path("build/sweep/01_small")
    (failed,) = folder.glob("failed/seed=2-*")
    assert (failed / "01_small.ipynb").is_file()
    (kept,) = folder.glob("runs/seed=1-*")
    assert {path.name for path in kept.iterdir()} == {
        "01_small.ipynb",
        "files",
        "ledger.jsonl",
        "run.json",
    }
    about = json.loads((kept / "run.json").read_text())
    assert (about["values"], about["tries"]) == ({"arms": ["a", "b"], "seed": 1}, 2)
    nb = nbformat.read(kept / "01_small.ipynb", as_version=4)
    assert nb.metadata.papermill["output_path"] == "01_small.ipynb"
    assert f"(../../{CLAIM})" in nb.cells[-1].source and (kept / "../../claims.md").exists()

    # the same command runs what failed, a wider grid what is new, and nothing is repeated
    (clone / "notebooks" / "2.order").unlink()
    assert "2 finished, 1 to go" in run(*grid, "--dry-run").output
    wider = run("-g", "seed=0..3", *grid[2:])
    assert wider.exit_code == 0, wider.output
    assert seeds_started() == [0, 1, 1, 2, 2, 2, 3]
    assert recorded() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert not list(folder.glob("failed/*"))
    again = run(*grid)
    assert again.exit_code == 0
    assert "3 finished, none to go" in again.output
    assert len(started()) == 7

    # another ledger gets them too, once
    for _ in range(2):
        CliRunner(env={"COURSE_LEDGER": "mine.jsonl"}).invoke(cli.main, ["sweep", "01", *grid])
    assert recorded("mine.jsonl") == [0, 0, 1, 1, 2, 2]

    # runs of changed code are not mixed with them
    path = clone / "notebooks" / "01_small.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.cells[1].source += "\nx = 1"
    nbformat.write(nb, path)
    refused = run(*grid)
    assert refused.exit_code == 2
    assert "code of 01_small has changed since 3 of these runs" in refused.output


def test_a_killed_worker_costs_only_its_own_run(clone: Path) -> None:
    order(0, "kill once")
    order(1, "wait for three others")  # it is running while the other worker dies
    done = run("-g", "seed=0..2", "--workers", "2")
    assert done.exit_code == 0, done.output
    assert "seed=0 is tried once more. It failed: its worker process was killed" in done.output
    assert seeds_started() == [0, 0, 1, 2]
    assert recorded() == [0, 1, 2]


def test_goes_on_where_it_was_stopped(clone: Path) -> None:
    order(1, "wait")
    order(2, "wait")
    grid = ("-g", "seed=0..2", "--workers", "2")
    for how, seeds in ((signal.SIGKILL, [0, 1, 2]), (signal.SIGINT, [0, 1, 1, 2, 2])):
        with running(*grid) as process:
            until(lambda n=seeds: recorded() == [0] and seeds_started() == n)
            refused = run(*grid)
            assert refused.exit_code == 2
            assert "Another `course sweep` is at work" in refused.output
            children = psutil.Process(process.pid).children(recursive=True)
            assert len([c for c in children if "ipykernel_launcher" in c.cmdline()]) == 2
            if how == signal.SIGINT:  # as a terminal does: to all of the group
                os.killpg(process.pid, how)
            else:
                process.kill()
            output, _ = process.communicate(timeout=60)
        assert process.returncode == (130 if how == signal.SIGINT else -how), output
        assert "Traceback" not in output
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive
        assert recorded() == [0]
    assert "1 of 3 runs are finished and recorded." in output
    assert not Path("build/sweep/01_small/tries").exists()

    for seed in (1, 2):
        (clone / "notebooks" / f"{seed}.order").unlink()
    done = run(*grid)
    assert done.exit_code == 0, done.output
    assert recorded() == [0, 1, 2]
    assert seeds_started() == [0, 1, 1, 1, 2, 2, 2]


def test_two_dask_workers_of_which_one_is_killed(clone: Path) -> None:
    pytest.importorskip("distributed")
    place = clone / "scheduler.json"
    common = ["--scheduler-file", str(place), "--no-dashboard"]
    commands = [
        ["dask_scheduler", "--host", "127.0.0.1", "--port", "0", *common],
        *[["dask_worker", "--nthreads", "1", "--no-nanny", *common]] * 2,
    ]
    order(8, "wait")  # the other half is still to come
    with contextlib.ExitStack() as stack:
        processes = []
        for name, *arguments in commands:
            code = f"from distributed.cli.{name} import main; main()"
            process = subprocess.Popen(
                [sys.executable, "-c", code, *arguments],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
            processes.append(process)
            until(place.exists)
        address = json.loads(place.read_text())["address"]
        with running("-g", "seed=0..15", "--scheduler", address) as process:
            until(lambda: 8 in seeds_started() and len(recorded()) > 7)
            pid = next(parent for seed, parent, _ in started() if seed == 8)
            assert pid in {worker.pid for worker in processes[1:]}
            os.kill(pid, signal.SIGKILL)
            (clone / "notebooks" / "8.order").unlink()
            output, _ = process.communicate(timeout=180)
        assert process.returncode == 0, output
        assert recorded() == list(range(16))
        assert seeds_started().count(8) == 2
        assert {parent for _, parent, _ in started()} == {w.pid for w in processes[1:]}

        # Ctrl-C reaches the kernel on the cluster
        order(16, "wait")
        with running("-g", "seed=15..16", "--scheduler", address) as process:
            until(lambda: 16 in seeds_started())
            process.send_signal(signal.SIGINT)
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 130, output
        assert "1 of 2 runs are finished" in output
        assert "Traceback" not in output
        (alive,) = [w for w in processes[1:] if w.poll() is None]
        until(lambda: not psutil.Process(alive.pid).children(recursive=True))


def test_outputs_go_to_any_papermill_address(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from papermill.iorw import papermill_io

    stored: dict[str, str] = {}
    full = False

    class Store:
        def write(self, text: str, path: str) -> None:
            if full:
                raise OSError("the bucket is full")
            stored[path] = text

    monkeypatch.setattr(papermill_io, "_handlers", [*papermill_io._handlers])
    papermill_io.register("fake://", Store())
    full = True
    refused = run("-g", "seed=5", "--to", "fake://bucket/x")
    assert refused.exit_code == 2
    assert "--to fake://bucket/x cannot be written. OSError: the bucket is full" in (refused.output)
    assert not started()
    full = False
    done = run("-g", "seed=5", "--to", "fake://bucket/x/", "--profile", "smoke")
    assert done.exit_code == 0, done.output
    *beside, path = sorted(stored, key=len)
    listed = "fake://bucket/x/sweep.json"
    assert sorted(beside) == [f"fake://bucket/x/{n}" for n in FILES]
    assert f"({CLAIM})" in stored[path]
    assert [*json.loads(stored[listed]).values()] == [{"width": 0.5, "seed": 5}]
    assert path.startswith("fake://bucket/x/seed=5-")
    assert path.endswith(".ipynb")
    assert "width = 0.5" in stored.pop(path)
    # what was not written there is written when the same command comes again
    (book,) = Path("build/sweep").glob("01_small-*/ledger.jsonl")
    (marker,) = book.parent.glob("runs/*/uploaded")
    marker.unlink()
    assert run("-g", "seed=5", "--to", "fake://bucket/x", "--profile", "smoke").exit_code == 0
    assert path in stored
    assert recorded(str(book)) == [5]


def test_a_worker_imports_no_tensorflow(clone: Path) -> None:
    code = (
        "import sys, course_utils.classroom.batch, course_utils.ledger, nbclient, papermill"
        "\nprint([m for m in ('tensorflow', 'keras', 'pandas', 'distributed') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "There is no -g"),
        (["-g", "sed=1"], "has no parameter 'sed'; did you mean 'seed'?"),
        (["-g", "seed=1", "-p", "witdh", "2"], "has no parameter 'witdh'; did you mean 'width'?"),
        (["-g", "seed=1", "-p", "seed", "2"], "seed is given by -g and by -p or -y"),
        (["-g", "seed=1", "-g", "seed=2"], "-g seed is given twice"),
        (["-g", "seed=1,2,1"], "the value 1 stands there twice"),
        (["-g", "seed"], "must be of the form NAME=VALUES"),
        (["-g", "seed="], "must be of the form NAME=VALUES"),
        (["-g", "seed=4..1"], "the range 4..1 is empty; write 1..4."),
        (["-g", "seed=[1"], "is not a list of values"),
        (["-g", "seed=0.5"], "0.5 does not fit, for the notebook declares seed: int."),
        (["-g", "seed=true"], "True does not fit"),
        (["-g", "arms=[a, b]"], 'Write "arms=a, b" for a run with each value, or "arms=[[a, b]]"'),
        (["-g", "fast={a: 1}"], "{'a': 1} is no number, text, true, false or null"),
        (["-g", "seed=1", "--to", "notebooks"], "is the folder of the notebooks themselves"),
        (["-g", "seed=1", "--workers", "2", "--scheduler", "x:1"], "--workers is for processes"),
    ],
)
def test_refused_before_anything_runs(clone: Path, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert message in " ".join(result.output.split())
    assert not (clone / "build").exists()


def test_no_scheduler(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    absent = run("-g", "seed=1", "--scheduler", "tcp://127.0.0.1:1")
    assert absent.exit_code == 2
    assert "dask.distributed, which is not installed" in absent.output
    monkeypatch.undo()
    pytest.importorskip("distributed")
    monkeypatch.chdir(clone)
    silent = run("-g", "seed=1", "--scheduler", "no-such-protocol://127.0.0.1:1")
    assert silent.exit_code == 2
    assert "No dask scheduler answers at no-such-protocol://127.0.0.1:1" in silent.output


@pytest.mark.parametrize(
    ("text", "kind", "values"),
    [
        ("0..3", "int", [0, 1, 2, 3]),
        ("-1..1, 7", "int", [-1, 0, 1, 7]),
        ("0.25,0.5", "float", [0.25, 0.5]),
        ("1,1e-4", "float", [1.0, 1e-4]),
        ("auto,float32", "str", ["auto", "float32"]),
        ("true,false", "bool", [True, False]),
        ("None,3", "None", [None, 3]),
        ("[1, 2]", "None", [1, 2]),
        ("'a, b',c", "str", ["a, b", "c"]),
        ("0.0,1e-3", "list", [[0.0], [1e-3]]),
        ("[[F1],[relu, F1]]", "list", [["F1"], ["relu", "F1"]]),
        ("[F1],[relu, F1]", "list[str]", [["F1"], ["relu", "F1"]]),
        ("0..2", "list", [[0], [1], [2]]),
    ],
)
def test_values_of_a_grid(text: str, kind: str, values: list[Any]) -> None:
    assert parse_grid([f"x={text}"], {"x": kind}) == {"x": values}


def test_runs_have_names_of_their_own() -> None:
    grid = {"rates": [[0.1], [0.1, 0.2]], "seed": [0, 1]}
    runs = runs_of(grid, {"epochs": 3})
    assert [run.label for run in runs] == [
        "rates=0.1 seed=0",
        "rates=0.1 seed=1",
        "rates=0.1+0.2 seed=0",
        "rates=0.1+0.2 seed=1",
    ]
    assert runs[0].name.startswith("rates=0.1_seed=0-")
    other = runs_of(grid, {"epochs": 4})
    assert len({run.name for run in [*runs, *other]}) == 8
    (odd,) = runs_of({"a": ["../x y"]}, {})
    assert "/" not in odd.name
    assert " " not in odd.name


def test_the_table_tells_points_of_one_arm_apart(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clone / "notebooks" / "01_small.ipynb"
    swept = Sweep(source, runs_of({"width": [0.5, 1.0], "seed": [0, 1]}, {}), None)
    record = {
        "notebook": "01_small",
        "protocol": "honest",
        "precision": "float32",
        "train": None,
        "validation": None,
    }
    record |= {"data": {"name": "mnist", "scale": "embedded"}, "test": None, "best_epoch": 1}
    record |= {"epochs": 1, "seconds": 1.0, "model": {"parameters": 1}, "schema": 1}
    for run in swept.runs:
        size = {"data": record["data"] | {"train": int(1000 * run.point["width"])}}
        ledger.append(record | size | {"arm": "plain"}, swept.place(run) / "ledger.jsonl")
        arm = f"width {run.point['width']}"
        ledger.append(record | {"arm": arm}, swept.place(run) / "ledger.jsonl")
    monkeypatch.setenv("COLUMNS", "200")
    shown = table(swept)
    assert "plain, width=0.5" in shown
    assert "plain, width=1.0" in shown
    assert "width 1.0, " not in shown
    assert len(shown.splitlines()) == 5
    for run in swept.runs:
        ledger.append({"arm": "other"}, swept.place(run) / "ledger.jsonl")
    assert "without a table" in table(swept)
