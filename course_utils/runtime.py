"""What machine this is, which precision suits it, and a reproducible start for every run.

Importing this module imports TensorFlow, quietly: the start-up lines that its C++ code writes
would otherwise be the first, red, thing a reader sees.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from typing import Any
from unittest import mock

import joblib

from course_utils import machine
from course_utils.errors import CourseError

PRECISIONS = ("auto", "float32", "mixed_bfloat16")


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what C++ too writes to standard error (2); give it out if the body fails."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


if _problem := machine.keras_settings():
    raise CourseError(_problem)
# TensorFlow takes oneDNN's kernels by itself only on processors with AVX512-VNNI. With AVX2 alone,
# which is what most laptops have, an epoch of 07's recipe takes 0.6 of the time with them.
if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
with _quiet_stderr():
    import keras
    import tensorflow as tf

    tf.config.list_physical_devices()  # logs once more when it first looks at the devices

# A notebook that builds many networks is warned of each new graph; nothing can be done about it.
tf.get_logger().setLevel("ERROR")


def _gpu() -> dict[str, Any] | None:
    """Details of the first GPU; None where there is none."""
    gpus = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(gpus[0]) if gpus else None


def _processor_has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 in hardware; only Linux tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as handle:
            flags = handle.read()
    except OSError:
        return False
    # oneDNN obeys this variable; set lower, it leaves the units for bfloat16 idle.
    ceiling = os.environ.get("ONEDNN_MAX_CPU_ISA", "").upper()
    if "AMX" in ceiling or ceiling in ("", "DEFAULT", "ALL"):
        return "amx_bf16" in flags or "avx512_bf16" in flags
    return "avx512_bf16" in flags and ("BF16" in ceiling or "FP16" in ceiling)


def resolve_precision(precision: str = "auto") -> str:
    """Turn the parameter `precision` into the name of a Keras dtype policy.

    Parameters
    ----------
    precision : {"auto", "float32", "mixed_bfloat16"}
        "auto" takes bfloat16 where the hardware multiplies it (a processor with AMX or AVX512-BF16,
        a GPU of compute capability 8.0 or newer) and float32 elsewhere, where bfloat16 is slower.
    """
    if precision not in PRECISIONS:
        raise CourseError(f"precision must be one of {', '.join(PRECISIONS)}; got {precision!r}.")
    if precision != "auto":
        return precision
    on_gpu = (_gpu() or {}).get("compute_capability", (0, 0)) >= (8, 0)
    return "mixed_bfloat16" if on_gpu or _processor_has_bfloat16() else "float32"


def fresh_start(seed: int, precision: str = "auto") -> str:
    """Forget earlier networks, set the precision and seed every random generator.

    Call it before building each network, so that a run does not depend on what ran before it.

    Parameters
    ----------
    seed : int
        Seed of Python's, NumPy's and Keras's generators.
    precision : {"auto", "float32", "mixed_bfloat16"}
        See `resolve_precision`; the policy that it means is returned.
    """
    keras.backend.clear_session()  # also drops the global dtype policy, so it comes first
    policy = resolve_precision(precision)
    keras.config.set_dtype_policy(policy)
    keras.utils.set_random_seed(seed)
    if policy == "mixed_bfloat16":
        with _quiet_stderr():  # TensorFlow says once, in red, that oneDNN has no bfloat16 here
            tf.matmul(*[tf.ones((1, 1), tf.bfloat16)] * 2)
    return policy


def device() -> str:
    """Name the device that trains: the first GPU, or the processor and the cores that it may use.

    Where TensorFlow was told to use fewer threads, as in worker processes, their number follows.
    """
    if (gpu := _gpu()) is not None:
        return str(gpu.get("device_name", "GPU"))
    name = platform.processor() or platform.machine()
    # Not Linux, or a processor without a model name: the platform's word must do.
    with contextlib.suppress(OSError, StopIteration), open("/proc/cpuinfo") as handle:
        name = next(line.split(":", 1)[1].strip() for line in handle if "model name" in line)
    threads = machine.limited_threads()
    return f"{name}, {machine.cores()} cores" + (f", {threads} used" if threads else "")


@contextlib.contextmanager
def shared_cores(n_workers: int) -> Iterator[int]:
    """Let joblib's worker processes, started inside, share the cores and start quietly.

    It yields ``n_jobs`` for `joblib.Parallel`: `n_workers`, or 1, which is this process itself,
    where that is 0 and on a machine with a GPU, which one process alone can use.
    """
    n_jobs = 1 if tf.config.list_physical_devices("GPU") else max(1, n_workers)
    if n_jobs == 1:
        yield n_jobs
        return
    shares = mock.patch.dict(os.environ, machine.share(n_jobs))
    with shares, joblib.parallel_config(backend="loky", initializer=_begin_worker):
        yield n_jobs


def _begin_worker() -> None:
    """Have this module imported first in a worker process: it imports TensorFlow quietly."""


def versions() -> dict[str, str]:
    """Versions of what a result depends on: python, tensorflow, keras, numpy, the course."""
    from course_utils import __version__

    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": metadata.version("numpy"),
        "course": __version__,
    }


def peak_memory_mb() -> float:
    """Highest memory that this process has held so far, in megabytes (10⁶ bytes)."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
