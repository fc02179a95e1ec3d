"""One address and one version, of the course, in every badge and every set-up cell."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from course_utils.classroom import badges, cli, notebooks

ROOT = Path(__file__).resolve().parents[1]
PATHS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PAGES = [ROOT / "README.md", *sorted((ROOT / "notebooks").glob("*.md"))]

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
    "(https://mybinder.org/v2/gh/OWNER/overfit-on-purpose/v0.1.0?urlpath=lab/tree/notebooks)"
)


@pytest.mark.parametrize("path", [*PAGES, *PATHS], ids=lambda path: path.name)
def test_current(path: Path) -> None:
    stale = badges.renew(path, *badges.repository(), write=False)
    assert not stale, "run: course badges --write"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_badge_of_a_notebook_opens_that_notebook(path: Path) -> None:
    first = nbformat.read(path, as_version=4).cells[0].source
    (link,) = re.findall(r"\((https://colab\.research\.google\.com/github/[^)]+)\)", first)
    assert link.endswith(f"/notebooks/{path.name}")


def test_address_and_version_go_into_badges_and_cells_and_nowhere_else() -> None:
    address = "https://github.com/a-school/overfit"
    page = badges.renewed(PAGE, address, "1.2.0")
    assert "/github/a-school/overfit/blob/v1.2.0/notebooks/01_a.ipynb)" in page
    assert "/v2/gh/a-school/overfit/v1.2.0?urlpath=lab/tree/notebooks)" in page
    assert "OWNER" not in page and "assets/colab-badge.svg" in page
    cell = badges.renewed(CELL, address, "1.2.0")
    assert 'release = "git+https://github.com/a-school/overfit@v1.2.0"\n' in cell
    assert cell.count("/OWNER/") == 1 and "git+file:///path/to/clone" in cell
    old = "https://github.com/OWNER/overfit-on-purpose"
    assert badges.renewed(page, old, "0.1.0") == PAGE
    assert badges.renewed(cell, old, "0.1.0") == CELL


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
    asked = CliRunner().invoke(cli.main, ["badges"])
    assert asked.exit_code == 1
    assert "README.md: not current" in asked.output and "01_a.ipynb: not current" in asked.output
    assert (clone / "README.md").read_text(encoding="utf-8") == PAGE

    written = CliRunner().invoke(cli.main, ["badges", "--write"])
    assert written.exit_code == 0, written.output
    assert "1 of 3 were current" in written.output
    _, code, edited = nbformat.read(clone / "notebooks" / "01_a.ipynb", as_version=4).cells
    assert "a-school/overfit@v" in code.source and code.outputs[0].text == "kept\n"
    assert code.metadata["source_sha"] == notebooks.digest(code.source)
    assert edited.metadata["source_sha"] == "of other code"  # stays what it was: not run
    assert (clone / "notebooks" / "instructors.md").read_text(encoding="utf-8") == "no badge\n"

    before = (clone / "notebooks" / "01_a.ipynb").stat().st_mtime_ns
    again = CliRunner().invoke(cli.main, ["badges", "--write"])
    assert again.exit_code == 0 and "3 of 3 were current" in again.output
    assert (clone / "notebooks" / "01_a.ipynb").stat().st_mtime_ns == before


@pytest.mark.parametrize("address", ["", "https://example.org/a/b", "https://github.com/only"])
def test_an_address_that_is_none_is_refused(clone: Path, address: str) -> None:
    path = clone / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("https://github.com/a-school/overfit", address), encoding="utf-8")
    done = CliRunner().invoke(cli.main, ["badges", "--write"])
    assert done.exit_code == 2
    assert "must be https://github.com/OWNER/NAME" in done.output
