"""A quiet start, a precision that suits the machine, and the same start twice."""

from __future__ import annotations

import io
import os
import platform
import random
import subprocess
import sys

import numpy as np
import psutil
import pytest

from course_utils import runtime
from course_utils.errors import CourseError

import keras  # isort: skip  (after runtime, which imports TensorFlow quietly)

WITH_AMX = "model name\t: Some Processor @ 2 GHz\nflags\t\t: avx512f amx_bf16 amx_tile\n"
WITH_AVX512_BF16 = "model name\t: Some Processor @ 2 GHz\nflags\t\t: avx512f avx512_bf16\n"
WITHOUT_BF16 = "model name\t: Some Processor @ 2 GHz\nflags\t\t: avx2 avx512f avx512bw\n"


@pytest.fixture
def machine(monkeypatch):
    """Make the module see another machine: its /proc/cpuinfo, its GPU's details, its oneDNN."""

    def pretend(cpuinfo=WITHOUT_BF16, gpu=None, ceiling=None):
        def opened(path, *arguments, **options):
            if path != "/proc/cpuinfo":
                return open(path, *arguments, **options)
            if cpuinfo is None:
                raise FileNotFoundError(path)
            return io.StringIO(cpuinfo)

        monkeypatch.setattr(runtime, "open", opened, raising=False)
        config = runtime.tf.config
        gpus = [] if gpu is None else ["GPU:0"]
        monkeypatch.setattr(config, "list_physical_devices", lambda kind: gpus)
        monkeypatch.setattr(config.experimental, "get_device_details", lambda device: gpu)
        monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
        if ceiling is not None:
            monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", ceiling)

    return pretend


@pytest.mark.parametrize(
    ("where", "policy"),
    [
        ({"cpuinfo": WITH_AMX}, "mixed_bfloat16"),
        ({"cpuinfo": WITHOUT_BF16}, "float32"),
        ({"cpuinfo": None}, "float32"),  # Windows and macOS have no such file
        ({"cpuinfo": WITH_AMX, "ceiling": "AVX512_CORE"}, "float32"),
        ({"cpuinfo": WITH_AMX, "ceiling": "avx2"}, "float32"),
        ({"cpuinfo": WITH_AMX, "ceiling": "AVX512_CORE_AMX"}, "mixed_bfloat16"),
        ({"cpuinfo": WITH_AMX, "ceiling": "DEFAULT"}, "mixed_bfloat16"),
        ({"cpuinfo": WITHOUT_BF16, "ceiling": "AVX512_CORE_AMX"}, "float32"),
        ({"cpuinfo": WITH_AVX512_BF16}, "mixed_bfloat16"),
        ({"cpuinfo": WITH_AVX512_BF16, "ceiling": "AVX512_CORE_BF16"}, "mixed_bfloat16"),
        ({"cpuinfo": WITH_AVX512_BF16, "ceiling": "AVX512_CORE"}, "float32"),
        ({"cpuinfo": WITH_AMX, "ceiling": "AVX512_CORE_BF16"}, "float32"),
        ({"gpu": {"compute_capability": (8, 0)}}, "mixed_bfloat16"),
        ({"gpu": {"compute_capability": (7, 5)}}, "float32"),
        ({"gpu": {}}, "float32"),
    ],
)
def test_auto_takes_bfloat16_where_the_hardware_has_it(machine, where, policy):
    machine(**where)
    assert runtime.resolve_precision("auto") == policy
    assert runtime.resolve_precision() == policy


@pytest.mark.parametrize("name", ["mixed_float16", "Auto", None, 32])
def test_other_precisions_are_refused(name):
    keras.config.set_dtype_policy("float32")
    for function in (runtime.resolve_precision, lambda p: runtime.fresh_start(0, p)):
        with pytest.raises(
            CourseError, match="one of auto, float32, mixed_bfloat16; got"
        ) as caught:
            function(name)
        assert repr(name) in str(caught.value)
    assert keras.config.dtype_policy().name == "float32"


def start(seed):
    """Everything random that a run begins with."""
    runtime.fresh_start(seed, "float32")
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dropout(0.5), keras.layers.Dense(2)]
    )
    dropped = model(np.ones((2, 4), "float32"), training=True).numpy()
    names = [layer.name for layer in model.layers]
    return [*model.get_weights(), dropped, np.random.rand(3), random.random()], names  # noqa: NPY002


def test_fresh_start_is_the_same_start_whatever_ran_before():
    values, names = start(seed=3)
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(5)])  # uses names and random numbers
    again, same_names = start(seed=3)
    for before, after in zip(values, again, strict=True):
        np.testing.assert_array_equal(before, after)
    assert same_names == names

    other, _ = start(seed=4)
    assert not np.array_equal(values[0], other[0])
    assert values[-1] != other[-1]


@pytest.mark.parametrize("cpuinfo", [WITH_AMX, WITHOUT_BF16])
def test_fresh_start_sets_the_precision(machine, cpuinfo):
    machine(cpuinfo)
    auto = "mixed_bfloat16" if cpuinfo == WITH_AMX else "float32"
    for asked, policy in [
        ("mixed_bfloat16", "mixed_bfloat16"),
        ("float32", "float32"),
        ("auto", auto),
    ]:
        assert runtime.fresh_start(0, asked) == policy
        assert keras.config.dtype_policy().name == policy
        assert keras.layers.Dense(1).compute_dtype == policy.removeprefix("mixed_")


def test_the_device_has_a_name(machine, monkeypatch):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    machine(WITH_AMX)
    assert runtime.device() == f"Some Processor @ 2 GHz, {runtime.machine.cores()} cores"
    for nameless in (None, "flags: none\n"):
        machine(nameless)
        assert runtime.device().endswith(f"{runtime.machine.cores()} cores")
    machine(gpu={"device_name": "Some GPU"})
    assert runtime.device() == "Some GPU"
    machine(WITH_AMX)
    monkeypatch.setattr(runtime.machine, "cores", lambda: 4)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    assert runtime.device() == "Some Processor @ 2 GHz, 4 cores, 2 used"
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "4")
    assert runtime.device() == "Some Processor @ 2 GHz, 4 cores"


def test_peak_memory_is_in_megabytes_and_never_falls():
    before = runtime.peak_memory_mb()
    now = psutil.Process().memory_info().rss / 1e6
    assert 0.9 * now <= before <= 100 * now  # another unit would be 1,000 times off
    block = np.ones(400_000_000, np.uint8)
    during = runtime.peak_memory_mb()
    del block
    assert runtime.peak_memory_mb() >= during >= before
    assert during >= now + 300


def python(code, **changes):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_", "KERAS_"))}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment | changes
    )


def test_importing_tensorflow_says_nothing():
    done = python("import course_utils.runtime, os; os.write(2, b'heard')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "heard")


BFLOAT16 = """
from course_utils import runtime
import keras, numpy as np
runtime.fresh_start(0, "mixed_bfloat16")
network = keras.Sequential([keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()])
network.compile("sgd", "mse")
network.fit(np.ones((4, 8, 8, 3)), np.ones((4, 4)), verbose=0)
"""


def test_bfloat16_says_nothing_where_it_is_emulated():
    done = python(BFLOAT16)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


CONVOLUTION = """
from course_utils import runtime
ones = runtime.tf.ones
runtime.tf.nn.conv2d(ones((1, 8, 8, 8)), ones((3, 3, 8, 8)), 1, "SAME")
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="oneDNN is for x86")
@pytest.mark.parametrize(
    ("told", "expected"), [({}, True), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, False)]
)
def test_convolutions_are_onednns_on_every_processor_unless_told_otherwise(told, expected):
    done = python(CONVOLUTION, ONEDNN_VERBOSE="1", **told)
    assert done.returncode == 0, done.stderr
    assert ("primitive,exec,cpu,convolution" in done.stdout) == expected


def test_an_import_that_fails_says_why(tmp_path):
    (tmp_path / "keras.py").write_text(
        "import os\nos.write(2, b'a line from C++\\n')\nraise ImportError('no such library')\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = python("import course_utils.runtime", PYTHONPATH=path)
    assert done.returncode == 1
    assert "a line from C++" in done.stderr
    assert done.stderr.rstrip().endswith("ImportError: no such library")


JOBS = """
import joblib
from course_utils import machine, runtime
import keras

def job(number):
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    return number, len(network.weights), runtime.device().split(", ")[-1], machine.cores()

with runtime.shared_cores(2) as n_jobs:
    jobs = (joblib.delayed(job)(number) for number in range(2))
    found = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(jobs)
    print(sorted(found))
with runtime.shared_cores(0) as n_jobs:
    print(n_jobs, joblib.Parallel(n_jobs=n_jobs)([joblib.delayed(len)("ab")]))
"""


@pytest.mark.slow
def test_worker_processes_share_the_cores_and_say_nothing():
    done = python(JOBS)
    each = max(1, runtime.machine.cores() // 2)
    found = [(number, 2, f"{each} cores", each) for number in range(2)]
    assert (done.returncode, done.stdout) == (0, f"{found}\n1 [2]\n")
    assert "oneDNN" not in done.stderr and "absl" not in done.stderr
