"""One address and one version, of the course, in every badge and every set-up cell."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml
from commands import run

from course_utils import __version__
from course_utils.classroom import badges, notebooks

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [ROOT / "README.md", ROOT / "CITATION.cff", *sorted((ROOT / "notebooks").glob("*.md"))]

CELL = """\
if importlib.util.find_spec("course_utils") is None:
    release = "git+https://github.com/OWNER/overfit-on-purpose@v0.1.0"
    if "/OWNER/" in release:
        raise ModuleNotFoundError("set COURSE_REPOSITORY, e.g. to git+file:///path/to/clone.")
"""
PAGE = (
    "[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]"
    "(https://colab.research.google.com/github/OWNER/overfit-on-purpose/blob/v0.1.0/notebooks/"
    "01_a.ipynb) and "
    "(https://mybinder.org/v2/gh/OWNER/overfit-on-purpose/v0.1.0?urlpath=lab/tree/notebooks); "
    "the book is at <https://OWNER.github.io/overfit-on-purpose/>; see <https://b.github.io/c/d/>"
)


@pytest.mark.parametrize("path", [*PAGES, *PATHS], ids=lambda path: path.name)
def test_current(path: Path) -> None:
    stale = badges.renew(path, badges.repository(), __version__, write=False)
    assert not stale, "run: course badges --write"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_badge_of_a_notebook_opens_that_notebook(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0].source
    (link,) = re.findall(r"\((https://colab\.research\.google\.com/github/[^)]+)\)", first)
    assert link.endswith(f"/notebooks/{path.name}")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "notebooks"
    folder.mkdir()
    code = nbformat.v4.new_code_cell(CELL, execution_count=1, metadata={"tags": ["setup"]})
    code.metadata["source_sha"] = notebooks.digest(CELL)
    code.outputs = [nbformat.v4.new_output("stream", text="kept\n")]
    edited = nbformat.v4.new_code_cell(CELL, metadata={"source_sha": "of other code"})
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(PAGE), code, edited])
    nbformat.write(nb, folder / "01_a.ipynb")
    (tmp_path / "README.md").write_text(PAGE, encoding="utf-8")
    (folder / "instructors.md").write_text("no badge\n", encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    given = "https://github.com/a-school/overfit"
    project = re.sub(r"https://github\.com/[^\"]+", given, project)
    (tmp_path / "pyproject.toml").write_text(project, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_names_what_is_stale_and_writes_it_on_demand(clone: Path) -> None:
    asked = run("badges")
    assert asked.exit_code == 1
    assert "README.md: not current" in asked.output and "01_a.ipynb: not current" in asked.output
    assert (clone / "README.md").read_text(encoding="utf-8") == PAGE

    written = run("badges", "--write")
    assert written.exit_code == 0, written.output
    assert "1 of 3 were current" in written.output
    page, code, edited = nbformat.read(clone / "notebooks" / "01_a.ipynb", as_version=4).cells
    tag = f"v{__version__}"
    assert f"/github/a-school/overfit/blob/{tag}/notebooks/01_a.ipynb)" in page.source
    assert f"/v2/gh/a-school/overfit/{tag}?urlpath=lab/tree/notebooks)" in page.source
    assert "OWNER" not in page.source and "assets/colab-badge.svg" in page.source
    assert "<https://a-school.github.io/overfit/>" in page.source
    assert "<https://b.github.io/c/d/>" in page.source  # somebody else's
    assert f'release = "git+https://github.com/a-school/overfit@{tag}"\n' in code.source
    assert code.source.count("/OWNER/") == 1 and "git+file:///path/to/clone" in code.source
    assert code.outputs[0].text == "kept\n"
    assert code.metadata["source_sha"] == notebooks.digest(code.source)
    assert edited.metadata["source_sha"] == "of other code"  # stays what it was: not run
    assert (clone / "notebooks" / "instructors.md").read_text(encoding="utf-8") == "no badge\n"

    before = (clone / "notebooks" / "01_a.ipynb").stat().st_mtime_ns
    again = run("badges", "--write")
    assert again.exit_code == 0 and "3 of 3 were current" in again.output
    assert (clone / "notebooks" / "01_a.ipynb").stat().st_mtime_ns == before


@pytest.mark.parametrize("address", ["", "https://example.org/a/b", "https://github.com/only"])
def test_an_address_that_is_none_is_refused(clone: Path, address: str) -> None:
    path = clone / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("https://github.com/a-school/overfit", address), encoding="utf-8")
    done = run("badges", "--write")
    assert done.exit_code == 2
    assert "must be https://github.com/OWNER/NAME" in done.output


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What `course publish` reads and writes."""
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    shutil.copytree(
        ROOT / "course_utils" / "reference",
        tmp_path / "course_utils" / "reference",
        ignore=shutil.ignore_patterns("predictions"),
    )
    for name in ("README.md", "CITATION.cff", "pyproject.toml", "course_utils/__init__.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snapshot(folder: Path) -> dict[Path, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_publish_sets_the_address_in_every_place_and_only_once(copy: Path) -> None:
    words = ["publish", "--owner", "a-school", "--repository", "overfit", "--version", "1.2.0"]
    done = run(*words)
    assert done.exit_code == 0 and "Not current" not in done.output, done.output
    assert "git tag v1.2.0" in done.output and "https://a-school.github.io/overfit/" in done.output
    assert '__version__ = "1.2.0"' in (copy / "course_utils" / "__init__.py").read_text()
    cited = yaml.safe_load((copy / "CITATION.cff").read_text())
    assert (cited["version"], cited["cff-version"]) == ("1.2.0", "1.2.0")
    assert cited["repository-code"] == "https://github.com/a-school/overfit"
    after = snapshot(copy)
    for path, (content, _) in after.items():
        assert b"OWNER/overfit" not in content and b"OWNER.github" not in content, path
    assert run(*words).exit_code == 0
    assert snapshot(copy) == after


@pytest.mark.parametrize(
    "words",
    ["--owner a/b", "--owner -a", "--owner OWNER", "--owner a --repository x.git",
     "--owner a --repository ..", "--owner a --version 1", "--owner a --version v1.0.0"],
)  # fmt: skip
def test_bad_names_are_refused_before_anything_is_written(copy: Path, words: str) -> None:
    before = snapshot(copy)
    done = run("publish", *words.split())
    assert done.exit_code == 2 and " must be " in done.output
    assert len(done.output.splitlines()) == 1 and snapshot(copy) == before
