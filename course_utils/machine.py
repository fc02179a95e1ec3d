"""How much of this machine a process may use. Imports no TensorFlow, so commands ask it too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# What a kernel with TensorFlow and a small network takes.
BYTES_PER_KERNEL = 1.5e9
THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def cores() -> int:
    """Cores that this process may use, 1 or more.

    What affinity (``taskset``), a container's share of the processor and the worker process of
    ``course`` that this may be (``LOKY_MAX_CPU_COUNT``) leave of the machine's; joblib counts them.
    """
    import joblib

    return joblib.cpu_count()


def memory() -> int:
    """Bytes still free for this process: of the machine, or of the container if that is less."""
    import psutil

    return max(0, min([psutil.virtual_memory().available, *_left_in_container()]))


def _left_in_container() -> Iterator[int]:
    """What is left of each memory limit of this process's control groups, version 2 or 1."""
    try:
        groups = [line.split(":", 2) for line in Path("/proc/self/cgroup").read_text().splitlines()]
    except OSError:  # not Linux
        return
    for _, controllers, name in groups:
        if controllers and "memory" not in controllers.split(","):
            continue
        root = Path("/sys/fs/cgroup", "memory" if controllers else "")
        files = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        files = files if controllers else ("memory.max", "memory.current")
        own = root / name.lstrip("/")
        # A container sees its own group at the root; elsewhere each group above has its limit too.
        for folder in {root, *(p for p in (own, *own.parents) if p.is_relative_to(root))}:
            try:
                limit, used = ((folder / file).read_text().strip() for file in files)
            except OSError:
                continue
            if limit.isdigit():  # "max" is no limit
                yield int(limit) - int(used)


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
