"""How much of this machine a process may use. Imports no TensorFlow, so commands ask it too."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

# What a kernel with TensorFlow and a small network takes.
BYTES_PER_KERNEL = 1.5e9
PROC, CGROUPS = Path("/proc/self"), Path("/sys/fs/cgroup")
KERAS = {"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32"}
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def cores() -> int:
    """Cores that this process may use, 1 or more.

    What affinity (``taskset``), a container's share of the processor and the worker process of
    ``course`` that this may be (``LOKY_MAX_CPU_COUNT``) leave of the machine's; joblib counts them,
    and looks at the uppermost control group only.
    """
    import joblib

    try:
        counted = joblib.cpu_count()
    except (ValueError, OSError):  # a control group's file that is empty, or not to be read
        counted = len(os.sched_getaffinity(0))  # such files are Linux's, and so is this
    return max(1, min([counted, *_cores_of_groups()]))


def memory() -> int:
    """Bytes still free for this process: of the machine, or of the container if that is less."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_left_in_container()]))


def limits() -> dict[str, str]:
    """What leaves a process less than the machine has, in words: of its cores, of its memory."""
    cores: list[str] = []
    if hasattr(os, "sched_getaffinity") and (n := len(os.sched_getaffinity(0))) != os.cpu_count():
        cores.append(f"affinity leaves {n}")
    if groups := list(_cores_of_groups()):
        cores.append(f"its control group {min(groups)}")
    if told := os.environ.get("LOKY_MAX_CPU_COUNT"):
        cores.append(f"LOKY_MAX_CPU_COUNT {told}")
    left = list(_left_in_container())
    memory = f"its control group leaves {min(left) / 1e9:.1f} GB" if left else ""
    return {"cores": ", ".join(cores), "memory": memory}


def _groups(controller: str) -> Iterator[tuple[Path, bool]]:
    """Folders of this process's control groups, and whether they are of version 1."""
    try:
        groups = [line.split(":", 2) for line in (PROC / "cgroup").read_text().splitlines()]
    except OSError:  # not Linux
        return
    for _, controllers, name in groups:
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUPS / (controller if controllers else "")
        own = root / name.lstrip("/")
        # A container sees its own group at the root; elsewhere each group above has its limit too.
        for folder in {root, *(p for p in (own, *own.parents) if p.is_relative_to(root))}:
            yield folder, bool(controllers)


def _read(folder: Path, *names: str) -> list[str]:
    """The words in files of a group; none where one of them is not there."""
    try:
        return " ".join((folder / name).read_text() for name in names).split()
    except OSError:
        return []


def _cores_of_groups() -> Iterator[int]:
    """Whole cores in the share of the processor that each group may use."""
    for folder, is_old in _groups("cpu"):
        files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if is_old else ("cpu.max",)
        match _read(folder, *files):
            case [quota, period] if quota.isdigit():  # "max" and -1 are no limit
                yield math.ceil(int(quota) / int(period))


def _left_in_container() -> Iterator[int]:
    """What is left of each memory limit, without the files' copies that would make room."""
    for folder, is_old in _groups("memory"):
        files = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        match _read(folder, *(files if is_old else ("memory.max", "memory.current"))):
            case [limit, used] if limit.isdigit():
                stat = " ".join(_read(folder, "memory.stat"))
                # In version 1 the name without total_ leaves out the groups below.
                name = "total_inactive_file" if is_old else "inactive_file"
                spare = re.search(rf"\b{name} (\d+)", stat)
                yield int(limit) - int(used) + int(spare[1] if spare else 0)


def keras_settings() -> str:
    """What stands in the way in the variable KERAS_BACKEND or in Keras's own file, or nothing."""
    file = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"), "keras.json")
    try:
        settings = dict(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, TypeError, ValueError):  # Keras goes by its defaults then, too
        settings = {}
    if chosen := os.environ.get("KERAS_BACKEND"):
        if chosen != "tensorflow":
            return f"KERAS_BACKEND={chosen}: unset it, the course runs on TensorFlow."
        settings.pop("backend", None)  # the variable wins
    for name, needed in KERAS.items():
        if name in settings and settings[name] != needed:
            return f"{file} sets {name} to {settings[name]!r}: write {needed} there, or delete it."
    return ""


def kernels(n_jobs: int) -> int:
    """How many kernels may train at once: one for each core that has memory, at most `n_jobs`."""
    return max(1, min(cores(), int(memory() / BYTES_PER_KERNEL), n_jobs))


def share(n_processes: int) -> dict[str, str]:
    """Environment variables that give each of `n_processes` side by side its share of the cores.

    They are threads for TensorFlow, and the count that `cores` then gives.
    """
    threads = str(max(1, cores() // n_processes))
    return dict.fromkeys((*THREADS, "LOKY_MAX_CPU_COUNT"), threads)


def limited_threads() -> int | None:
    """Threads that TensorFlow was told to use here, where it is not all of `cores`."""
    told = os.environ.get("TF_NUM_INTRAOP_THREADS", "0")
    return int(told) if told.isdigit() and int(told) not in (0, cores()) else None
