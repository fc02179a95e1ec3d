"""``course doctor`` tells the truth about a machine, and when the course cannot run."""

from __future__ import annotations

import sys
import types
from importlib import metadata

import fake_sets
import pytest
from commands import run

import course_utils
from course_utils import datasets
from course_utils import machine as hardware
from course_utils.classroom import doctor


@pytest.fixture(autouse=True)
def machine(tmp_path, monkeypatch):
    """An empty cache, and nothing of TensorFlow, which takes long to start."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    monkeypatch.setattr(doctor, "_machine", lambda found: None)
    return tmp_path


@pytest.fixture
def quick(monkeypatch):
    """Skip the reading of the embedded samples."""
    monkeypatch.setattr(datasets, "load", lambda name: None)


@pytest.fixture
def versions(monkeypatch, quick):
    """Change what is installed: name to version, None for not at all."""
    changed = {}
    real = metadata.version

    def version(name):
        if changed.get(name, "") is None:
            raise metadata.PackageNotFoundError(name)
        return changed.get(name) or real(name)

    monkeypatch.setattr(doctor.metadata, "version", version)
    return changed


def test_an_empty_machine_can_run_and_hears_what_full_data_cost():
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert "all four samples read and verified" in result.stdout
    assert "`course data fashion_mnist mnist cifar10 cats_vs_dogs`" in result.stdout
    assert "1064 MB" in result.stdout
    assert "The course can run here." in result.stdout


def test_data_is_shown_where_it_is(machine, monkeypatch, quick):
    (machine / "cache").mkdir()
    (machine / "cache" / "mnist.npz").write_bytes(b"")
    fake_sets.photo_zip(machine / "dogs-vs-cats.zip")
    monkeypatch.setenv("COURSE_DATA_DIR", str(machine))
    lines = run("doctor").stdout.splitlines()
    assert f"  mnist            full set in cache: {machine / 'cache' / 'mnist.npz'}" in lines
    assert any("COURSE_DATA_DIR: " + str(machine / "dogs-vs-cats.zip") in line for line in lines)
    assert "  cifar10          full set not here" in lines


@pytest.mark.parametrize(
    ("installed", "status", "words"),
    [
        ({"keras": None, "keras-nightly": None}, 1, 'run pip install "keras>=3.13"'),
        ({"keras": "3.9.2"}, 1, "keras 3.9.2 is older than 3.13"),
        ({"numpy": "1.9"}, 1, "numpy 1.9 is older than 1.26"),
        (dict.fromkeys(doctor.NEEDED["tensorflow"][0]), 1, "is missing: run `make setup`"),
        ({"gdown": None}, 0, 'gdown is missing: run pip install "gdown"'),
    ],
)
def test_what_is_missing_is_said(versions, installed, status, words):
    versions.update(installed)
    result = run("doctor")
    assert result.exit_code == status
    assert words in result.stdout and ("cannot run yet" in result.stdout) == bool(status)


def test_damaged_samples_stop_the_course(monkeypatch):
    def damaged(name):
        raise datasets.DataError("The embedded images do not match their digest.")

    monkeypatch.setattr(datasets, "load", damaged)
    result = run("doctor")
    assert result.exit_code == 1
    assert "do not match their digest" in result.stdout


@pytest.fixture
def tensorflow(monkeypatch):
    """A TensorFlow that starts at once; the list is its GPUs."""
    monkeypatch.undo()
    gpus = []
    config = types.SimpleNamespace(list_physical_devices=lambda kind: gpus)
    runtime = types.SimpleNamespace(resolve_precision=lambda wish: "mixed_bfloat16")
    monkeypatch.setitem(sys.modules, "tensorflow", types.SimpleNamespace(config=config))
    monkeypatch.setitem(sys.modules, "course_utils.runtime", runtime)
    monkeypatch.setattr(course_utils, "runtime", runtime, raising=False)
    monkeypatch.setattr(doctor, "_data", lambda found: None)
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return gpus


def test_the_machine_is_described(tensorflow):
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for words in ("cores ", "memory free ", "none that TensorFlow can use", "bfloat16         yes"):
        assert words in result.stdout
    tensorflow.append("a GPU")
    assert "GPU              1 found" in run("doctor").stdout


def test_a_tensorflow_that_does_not_start_is_fatal(tensorflow, monkeypatch):
    def broken(wish):
        raise ImportError("libcudart.so.12: cannot open shared object file\nand so on")

    monkeypatch.setattr(course_utils.runtime, "resolve_precision", broken)
    result = run("doctor")
    assert result.exit_code == 1
    assert "TensorFlow does not start (ImportError: libcudart.so.12" in result.stdout


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        (None, "KERAS_BACKEND=torch"),
        ('{"backend": "torch"}', "keras.json sets backend to 'torch': write tensorflow there"),
        ('{"image_data_format": "channels_first"}', "write channels_last there"),
        ("{}", "The course can run here."),
        ("broken", "The course can run here."),
    ],
)
def test_keras_own_settings(tensorflow, monkeypatch, tmp_path, setting, words):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    if setting is None:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    (tmp_path / "keras.json").write_text(setting or "")
    assert words in run("doctor").stdout


def test_little_memory_is_advice(tensorflow, monkeypatch):
    monkeypatch.setattr(hardware, "memory", lambda: 10**9)
    result = run("doctor")
    assert result.exit_code == 0
    assert "memory free      1.0 of" in result.stdout and "close other programs" in result.stdout
