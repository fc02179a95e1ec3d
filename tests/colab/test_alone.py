"""Each notebook alone, as on Colab: its set-up cell fetches the course and changes nothing else.

Not part of ``make test``: it installs from a package index. ``make test-colab`` runs it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
import yaml

from course_utils import __version__

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
COLAB = ROOT / "tests" / "colab.txt"
TAG = f"v{__version__}"
PUBLIC = "https://github.com/a-school/overfit-on-purpose"


def run(*words: str | Path, **more) -> str:
    done = subprocess.run([str(word) for word in words], text=True, capture_output=True, **more)
    assert done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass
class Colab:
    """An interpreter with what Colab has installed, and without the course."""

    python: Path
    kernels: Path

    def installed(self) -> dict[str, str]:
        listed = run(self.python, "-I", "-m", "pip", "list", "--format", "json")
        return {each["name"]: each["version"] for each in json.loads(listed)}

    def origin(self) -> dict:
        """Where the course was installed from, as pip recorded it."""
        code = (
            "from importlib.metadata import distribution as d;"
            "print(d('overfit-on-purpose').read_text('direct_url.json'))"
        )
        return json.loads(run(self.python, "-I", "-c", code))

    def execute(self, path: Path, values: dict, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a notebook in its own folder, in a kernel of this interpreter."""
        options = path.with_name("values.yaml")
        options.write_text(yaml.safe_dump(values), encoding="utf-8")
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "PYTHON"))}
        out = path.with_name("out.ipynb")
        words = [sys.executable, "-m", "papermill", path, out, "-f", options, "-k", "colab"]
        done = subprocess.run(
            [*map(str, words), "--cwd", str(path.parent), "--execution-timeout", "900"],
            env=kept | {"JUPYTER_PATH": str(self.kernels)} | env,
            text=True,
            capture_output=True,
        )
        options.unlink()
        return done


@pytest.fixture(scope="session")
def interpreter() -> Colab:
    home = ROOT / "build" / "colab"
    shutil.rmtree(home, ignore_errors=True)
    run(sys.executable, "-m", "venv", home / "env")
    python = home / "env" / "bin" / "python"
    # tensorflow-cpu stands for Colab's tensorflow, of the same version and a third of its size. It
    # makes the test the sharper one: a requirement on `tensorflow` would install a second one.
    listed = COLAB.read_text(encoding="utf-8").replace("\ntensorflow==", "\n# tensorflow==")
    wanted = home / "wanted.txt"
    wanted.write_text(listed, encoding="utf-8")
    uv = shutil.which("uv")
    install = [uv, "pip", "install", "--python", python] if uv else [python, "-m", "pip", "install"]
    # Without dependencies, because Colab has not all of them: its IPython lacks jedi, for one.
    run(*install, "--quiet", "--no-deps", "-r", wanted)
    spec = {"argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
    kernel = home / "jupyter" / "kernels" / "colab" / "kernel.json"
    kernel.parent.mkdir(parents=True)
    kernel.write_text(
        json.dumps(spec | {"display_name": "Colab", "language": "python"}), encoding="utf-8"
    )
    return Colab(python, home / "jupyter")


@pytest.fixture
def colab(interpreter: Colab) -> Iterator[Colab]:
    """The interpreter; what a test installs is removed again."""
    before = interpreter.installed()
    assert "overfit-on-purpose" not in before
    yield interpreter
    if added := set(interpreter.installed()) - set(before):
        run(interpreter.python, "-I", "-m", "pip", "uninstall", "--yes", *sorted(added))
    assert interpreter.installed() == before


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of what is committed, with the tag of its version."""
    clone = tmp_path_factory.mktemp("release") / "clone"
    run("git", "clone", "--quiet", ROOT, clone)
    run("git", "-C", clone, "tag", "--force", TAG)
    return clone


def alone(path: Path, folder: Path) -> Path:
    folder.mkdir()
    return Path(shutil.copy(path, folder))


def check_only_additions(before: dict[str, str], after: dict[str, str]) -> None:
    changed = {name: (was, after.get(name)) for name, was in before.items()}
    assert not {name: two for name, two in changed.items() if two[0] != two[1]}
    added = {name: after[name] for name in sorted(set(after) - set(before))}
    print("added:", *(f"{name} {version}" for name, version in added.items()))
    assert not [name for name in added if name.startswith(("tensorflow", "keras", "tf"))]


@pytest.mark.parametrize("name", NAMES)
def test_it_runs_to_its_end(colab: Colab, release: Path, tmp_path: Path, name: str) -> None:
    profiles = yaml.safe_load((release / "notebooks" / "profiles.yaml").read_text("utf-8"))
    path = alone(release / "notebooks" / f"{name}.ipynb", tmp_path / "content")
    before = colab.installed()
    address = f"git+file://{release}@{TAG}"
    done = colab.execute(path, profiles[name]["smoke"], COURSE_REPOSITORY=address)
    assert done.returncode == 0, done.stderr[-3000:]

    cells = nbformat.read(path.with_name("out.ipynb"), as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert code and all(cell.execution_count for cell in code)
    after = colab.installed()
    check_only_additions(before, after)
    assert after["overfit-on-purpose"] == __version__
    origin = colab.origin()["vcs_info"]
    assert origin["requested_revision"] == TAG
    assert origin["commit_id"] == run("git", "-C", release, "rev-parse", "HEAD").strip()


@pytest.mark.parametrize("address", [PUBLIC, "https://github.com/OWNER/overfit-on-purpose"])
def test_the_address_in_it_leads_to_its_release_or_it_says_what_to_do(
    colab: Colab, release: Path, tmp_path: Path, address: str
) -> None:
    path = alone(release / "notebooks" / f"{NAMES[0]}.ipynb", tmp_path / "content")
    nb = nbformat.read(path, as_version=4)
    end = next(i for i, cell in enumerate(nb.cells) if "setup" in cell.metadata.get("tags", []))
    nb.cells = nb.cells[: end + 1]
    source = nb.cells[end].source
    nb.cells[end].source = re.sub(r'"git\+https://[^"]+"', f'"git+{address}@{TAG}"', source)
    nbformat.write(nb, path)
    before = colab.installed()
    # git finds the public address in the clone
    instead = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_VALUE_0": PUBLIC}
    done = colab.execute(path, {}, **instead, GIT_CONFIG_KEY_0=f"url.file://{release}.insteadOf")
    if address == PUBLIC:
        assert done.returncode == 0, done.stderr[-3000:]
        check_only_additions(before, colab.installed())
        assert colab.origin()["url"] == PUBLIC
        assert colab.origin()["vcs_info"]["requested_revision"] == TAG
    else:
        last = done.stderr.strip().splitlines()[-1]
        assert last.startswith("ModuleNotFoundError: course_utils is missing: run `make setup`")
        assert "COURSE_REPOSITORY" in last and colab.installed() == before
