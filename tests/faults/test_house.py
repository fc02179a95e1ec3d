"""Keras's own settings, JupyterLab's flags, notebooks as scripts, and what runs once a week."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SETTINGS = {
    "channels_first": ({"image_data_format": "channels_first"}, "image_data_format"),
    "float16": ({"floatx": "float16"}, "floatx"),
    "float64": ({"floatx": "float64"}, "floatx"),
    "torch": ({"backend": "torch"}, "backend"),
    "jax": ({"backend": "jax", "floatx": "float32"}, "backend"),
}


def importing(*modules: str) -> subprocess.CompletedProcess[str]:
    """Import in a new process, and show an error as Jupyter shows it."""
    code = "import importlib, sys\ntry:\n  [importlib.import_module(m) for m in sys.argv[1:]]\n"
    code += "except Exception as error:\n  print(*error._render_traceback_())\n"
    code += "print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    return subprocess.run(
        [sys.executable, "-c", code, *modules], capture_output=True, text=True, check=True
    )


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return tmp_path


@pytest.mark.parametrize("what", SETTINGS)
def test_settings_of_keras_that_the_course_cannot_work_with(what: str, home: Path) -> None:
    settings, name = SETTINGS[what]
    (home / "keras.json").write_text(json.dumps(settings))
    sentence, imported = importing("course_utils.runtime").stdout.splitlines()
    assert sentence.startswith("CourseError: ") and sentence.endswith(".")
    assert f"keras.json sets {name} to {settings[name]!r}: write " in sentence
    assert imported == "[]", "it is said before anything of it is read"


@pytest.mark.parametrize("backend", ["torch", "jax", "theano"])
def test_another_backend_in_the_environment(
    backend: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", backend)
    (home / "keras.json").write_text('{"backend": "tensorflow"}')
    said = importing("course_utils.training").stdout
    assert said.startswith(f"CourseError: KERAS_BACKEND={backend}: unset it, the course runs on")


def test_the_variable_wins_over_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from course_utils import machine

    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    for text in ('{"backend": "torch"}', "broken", "[1]", "{}", '{"floatx": "float32"}'):
        (home / "keras.json").write_text(text)
        assert machine.keras_settings() == ""


def make(root: Path, *words: str) -> str:
    command = ["make", "--dry-run", "--always-make", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout


def test_jupyterlab_takes_a_flag(root: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("no make")
    assert re.search(
        r"jupyter lab .* --allow-root --port=9$",
        make(root, "lab", "FLAGS=--allow-root --port=9"),
        re.M,
    )
    assert "allow-root" not in make(root, "lab")
    assert "bin/pip-audit " in make(root, "audit")


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb")), ids=lambda p: p.stem
)
def test_a_notebook_as_a_script_is_small(path: Path) -> None:
    from nbconvert import PythonExporter

    text, _ = PythonExporter().from_filename(str(path))
    assert len(text) < 80_000 and "base64," not in text
    assert not re.search(r"[A-Za-z0-9+/]{200,}", text), "bytes of a picture"


def test_what_runs_once_a_week(root: Path) -> None:
    flow = yaml.safe_load((root / ".github/workflows/weekly.yml").read_text(encoding="utf-8"))
    when = flow[True]  # YAML 1.1 reads `on` so, and GitHub does not
    assert (
        when["schedule"][0]["cron"].split()[2:] == ["*", "*", "1"] and "workflow_dispatch" in when
    )
    (job,) = flow["jobs"].values()
    targets = job["strategy"]["matrix"]["target"]
    assert set(targets) >= {"test-faults", "test-colab", "test-newest", "test-browser", "audit"}
    known = re.findall(r"^([a-z-]+):", (root / "Makefile").read_text(encoding="utf-8"), re.M)
    assert set(targets) <= set(known)
    assert job["steps"][-1]["run"] == "make ${{ matrix.target }}"
