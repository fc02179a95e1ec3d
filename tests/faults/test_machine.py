"""Containers with a share of the processor and a memory limit, in both versions of their files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import joblib
import psutil
import pytest

from course_utils import machine
from course_utils.classroom import doctor, worker

GB = 10**9


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with 64 cores and 256 GB, whose control groups are files of the test."""
    free = psutil.virtual_memory()._replace(available=256 * GB)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: free)
    monkeypatch.setattr(joblib, "cpu_count", lambda: 64)
    monkeypatch.setattr(machine, "PROC", tmp_path)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path)
    return tmp_path


def group(folder: Path, **files: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, held in files.items():
        (folder / name.replace("__", ".")).write_text(f"{held}\n")


# In kernels: memory takes 1.5 GB of each.
NEW = {"memory__max": 8 * GB, "memory__current": 2 * GB}
OLD = {"memory__limit_in_bytes": 8 * GB, "memory__usage_in_bytes": 2 * GB}
CASES: list[tuple[str, dict[str, dict[str, Any]], int, int]] = [
    ("0::/", {}, 64, 64),
    ("0::/", {".": {"cpu__max": "max 100000", "memory__max": "max", "memory__current": 5}}, 64, 64),
    ("0::/", {".": {"cpu__max": "150000 100000"}}, 2, 2),
    ("0::/", {".": {"cpu__max": "5000 100000"}}, 1, 1),
    ("0::/", {".": NEW}, 64, 4),
    ("0::/", {".": NEW | {"memory__stat": f"file 9\ninactive_file {GB}"}}, 64, 4),
    ("0::/", {".": NEW | {"memory__stat": f"file 9\ninactive_file {3 * GB // 2}"}}, 64, 5),
    ("0::/", {".": NEW | {"memory__current": 9 * GB}}, 64, 1),
    # systemd's limits stand in a group below the one that is seen at the root.
    ("0::/user.slice/a", {"user.slice/a": {"cpu__max": "400000 100000"}}, 4, 4),
    ("0::/user.slice/a", {"user.slice": {"cpu__max": "300000 100000"}}, 3, 3),
    ("0::/user.slice/a", {"user.slice": NEW, "user.slice/a": {"cpu__max": "max 1"}}, 64, 4),
    ("0::/gone/with/its/container", {".": NEW}, 64, 4),
    ("4:memory:/\n1:cpu,cpuacct:/\n0::/", {"memory": OLD}, 64, 4),
    ("4:memory:/docker/x", {"memory/docker/x": OLD}, 64, 4),
    (
        "4:memory:/",
        {"memory": OLD | {"memory__stat": f"inactive_file 1\ntotal_inactive_file {3 * GB // 2}"}},
        64,
        5,
    ),
    ("1:cpu,cpuacct:/", {"cpu": {"cpu__cfs_quota_us": 250000, "cpu__cfs_period_us": 100000}}, 3, 3),
    ("1:cpu:/", {"cpu": {"cpu__cfs_quota_us": -1, "cpu__cfs_period_us": 100000}}, 64, 64),
    ("nothing", {}, 64, 64),
]


@pytest.mark.parametrize(("groups", "files", "cores", "kernels"), CASES)
def test_a_container(
    large: Path, groups: str, files: dict[str, dict[str, Any]], cores: int, kernels: int
) -> None:
    if groups != "nothing":
        (large / "cgroup").write_text(groups + "\n")
    for folder, held in files.items():
        group(large / folder, **held)
    assert machine.cores() == cores
    assert machine.kernels(100) == kernels
    assert machine.share(2)["OMP_NUM_THREADS"] == str(max(1, cores // 2))


SEEN: list[tuple[str, dict[str, dict[str, Any]], str, str]] = [
    ("0::/", {}, "", ""),
    ("0::/", {".": {"cpu__max": "150000 100000"}}, "its control group 2", ""),
    ("0::/", {".": NEW}, "", "its control group leaves 6.0 GB"),
    ("1:cpu:/", {"cpu": {"cpu__cfs_quota_us": 90000, "cpu__cfs_period_us": 30000}}, "group 3", ""),
    ("4:memory:/", {"memory": OLD}, "", "its control group leaves 6.0 GB"),
]


@pytest.mark.parametrize(("groups", "files", "cores", "memory"), SEEN)
def test_doctor_says_what_it_saw(
    large: Path,
    monkeypatch: pytest.MonkeyPatch,
    groups: str,
    files: dict[str, dict[str, Any]],
    cores: str,
    memory: str,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # it looks no further than that
    (large / "cgroup").write_text(groups + "\n")
    for folder, held in files.items():
        group(large / folder, **held)
    found = doctor.Findings()
    doctor._machine(found)
    lines = {line.split()[0]: line for line in found.lines}
    assert f" {machine.cores()} of {os.cpu_count()}" in lines["cores"]
    for line, said in ((lines["cores"], cores), (lines["memory"], memory)):
        assert said in line and (bool(said) or "control group" not in line), line


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="affinity is Linux's")
def test_doctor_and_threads_heed_taskset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert machine.limits()["cores"].startswith("affinity leaves 2")
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); "
    code += "from course_utils import machine; print(machine.cores(), machine.kernels(9))"
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "1 1\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads the environment of a process")
def test_a_process_number_that_was_given_away_is_not_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sleeping = [sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"]
    environment = os.environ | {worker.MARK: "of-this-test.a"}
    child = subprocess.Popen(sleeping, env=environment, stdout=subprocess.PIPE)
    assert child.stdout and child.stdout.readline()
    seen = psutil.Process(child.pid)
    seen._ident = (child.pid, seen._ident[1] - 100)  # what had the number when it was looked up
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([seen]))
    worker.kill_kernels("of-this-test.")
    assert child.poll() is None
    monkeypatch.setattr(psutil, "process_iter", lambda: iter([psutil.Process(child.pid)]))
    worker.kill_kernels("of-another.")
    assert child.poll() is None
    worker.kill_kernels("of-this-test.")
    assert child.wait(30) == -9
