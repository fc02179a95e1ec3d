from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from commands import run
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils import ledger
from course_utils.classroom import cli, notebooks, tables
from course_utils.classroom.execute import first_line, sentence
from course_utils.classroom.values import collect_values

pytestmark = pytest.mark.usefixtures("no_book")
PARAMETERS = "epochs: int = 3  # passes over the data\ndata: str = 'embedded'  # which data"
CHECK = "from course_utils import checks\nchecks.parameters(None, epochs=epochs, data=data)"
RECORD = {
    "schema": 1,
    "notebook": "00_good",
    "arm": "<script>alert(1)</script>",
    "seed": 0,
    "protocol": "honest",
    "precision": "float32",
    "data": {"name": "fashion_mnist", "scale": "embedded"},
    "train": {"accuracy": 0.9, "cross_entropy": 0.3},
    "validation": {"accuracy": 0.8, "cross_entropy": 0.6},
    "test": None,
    "best_epoch": 2,
    "epochs": 3,
    "seconds": 1.5,
    "model": {"parameters": 241546, "trainable": 241546},
}
TRAIN = f"from course_utils import ledger\n_ = ledger.append({RECORD!r} | {{'epochs': epochs}})"
OWN_ERROR = """
class ParameterError(ValueError):
    def _render_traceback_(self):
        return [str(self)]
raise ParameterError("epochs = -3 is not allowed; it must be 1 or more.")
"""


def write(path: Path, *cells: Any, title: str = "A & B") -> Path:
    nb = new_notebook(cells=[new_markdown_cell(f"# {title}"), *cells])
    nb.metadata["kernelspec"] = dict(notebooks.KERNELSPEC)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


def parameters_cell() -> nbformat.NotebookNode:
    return new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small course in an empty folder, which becomes the working folder."""
    folder = tmp_path / "notebooks"
    write(
        folder / "00_good.ipynb",
        parameters_cell(),
        new_code_cell(CHECK, metadata={"tags": ["setup"]}),
        new_code_cell("print(epochs, data)", metadata={"tags": ["nbval-check-output"]}),
        new_code_cell(TRAIN),
    )
    write(
        folder / "01_bad.ipynb",
        parameters_cell(),
        new_code_cell("# a comment\nx = 1"),
        new_code_cell(OWN_ERROR.strip()),
        new_code_cell("print('never')"),
        title="Bad",
    )
    (folder / "profiles.yaml").write_text(
        "00_good: {smoke: {epochs: 1}, full: {data: full}}\n01_bad: {smoke: {epochs: 1}}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_LEDGER", raising=False)
    return folder


def outputs(path: Path) -> list[str]:
    nb = nbformat.read(path, as_version=4)
    return [o.text for c in nb.cells for o in c.get("outputs", []) if o.output_type == "stream"]


def test_help_names_every_command() -> None:
    shown = run("--help").output
    assert all(name in shown for name in cli.main.commands)


def test_run_writes_notebooks_and_says_how_they_went(course: Path) -> None:
    result = run("run", "00", "01", "-p", "epochs", "7", "--to", "out")
    assert result.exit_code == 1
    out = course.parent / "out"

    # the good one, with its parameter
    assert outputs(out / "00_good.ipynb") == ["7 embedded\n"]
    # the bad one: named with its cell and the error's own sentence, no traceback
    assert "failed in cell 4 `class ParameterError(ValueError):`: epochs = -3 is not" in (
        result.output
    )
    assert "Traceback" not in result.output
    assert outputs(out / "01_bad.ipynb") == []

    # one sentence about the book closes the output; no path of this machine is in the results
    assert result.output.splitlines()[-1].startswith("No book was made: no_sphinx is not installed")
    assert "00_good" in result.output
    for path in out.glob("*.ipynb"):
        assert str(course.parent) not in path.read_text(encoding="utf-8")

    # a second run of one notebook replaces its records and keeps the other notebook
    again = run("run", "00", "--to", "out")
    assert again.exit_code == 0, again.output
    assert [record["epochs"] for record in ledger.read(out / "ledger.jsonl")] == [3]
    assert (out / "01_bad.ipynb").is_file()


def test_a_chosen_ledger_is_only_added_to(
    course: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(tmp_path / "mine.jsonl"))
    ledger.append(RECORD | {"epochs": 99})
    assert run("run", "00", "--to", "out").exit_code == 0
    assert [record["epochs"] for record in ledger.read()] == [99, 3]
    monkeypatch.delenv("COURSE_LEDGER")
    assert [record["epochs"] for record in ledger.read("out/ledger.jsonl")] == [3]


def test_records_of_somebody_else_do_not_end_a_run(course: Path) -> None:
    record = {"notebook": "02_foreign", "arm": "x", "seed": 0, "protocol": "honest"}
    record |= {"data": {"name": "x", "scale": "x"}}
    foreign = f"from course_utils import ledger\n_ = ledger.append({record})"
    write(course / "02_foreign.ipynb", new_code_cell(foreign))
    done = run("run", "02", "--to", "out")
    assert done.exit_code == 0, done.output
    assert "x x (x)      – 1" in done.output  # what it lacks is a dash


def test_a_cell_that_takes_too_long(course: Path) -> None:
    write(course / "02_slow.ipynb", new_code_cell("import time\ntime.sleep(60)"))
    result = run("run", "02", "--timeout", "1", "--to", "out")
    assert result.exit_code == 1
    assert "failed in cell 1 `import time`: took longer than 1 s" in result.output


def test_notebooks_by_path_stem_and_number(course: Path) -> None:
    wanted = (course / "00_good.ipynb").resolve()
    write(course / "07b_speed.ipynb")
    for name in ("notebooks/00_good.ipynb", "00_good", "00", "0"):
        assert notebooks.find([name]) == [wanted]
    assert [path.stem for path in notebooks.find([])] == ["00_good", "01_bad", "07b_speed"]
    assert notebooks.find(["07b"]) == [course / "07b_speed.ipynb"]
    assert len(notebooks.find(["00", "00_good"])) == 1


def test_parameter_files_lines_and_pairs(course: Path) -> None:
    Path("values.yaml").write_text("{epochs: 5, data: full}")
    arguments = ["-f", "values.yaml", "-y", "epochs: 6", "-p", "epochs", "8", "--profile", "smoke"]
    assert run("run", "00", *arguments, "--to", "out").exit_code == 0
    assert outputs(Path("out/00_good.ipynb")) == ["8 full\n"]


# What a text means, wherever it is given: as -p and -y, in a file and in a profile.
MEANT = {
    "3": 3, "-3": -3, "0.5": 0.5, "1e-4": 1e-4, "-2.5E+3": -2500.0, ".5e1": 5.0, "010": 10,
    "1:30": "1:30", "True": True, "false": False, "None": None, "yes": "yes", "e-4": "e-4",
    "1e": "1e", "2020-01-01": "2020-01-01", "Nonesuch": "Nonesuch", "'1e-4'": "1e-4",
    "[1e-4, 010]": [1e-4, 10],
}  # fmt: skip


def test_a_text_has_one_meaning(course: Path) -> None:
    names = [f"p{number}" for number in range(len(MEANT))]
    cell = "\n".join(f"{name} = None" for name in names)
    show = "print(repr([" + ", ".join(names) + "]))"
    write(course / "02_all.ipynb", new_code_cell(cell, metadata={"tags": ["parameters"]}),
          new_code_cell(show))  # fmt: skip
    lines = [f"{name}: {text}" for name, text in zip(names, MEANT, strict=True)]
    Path("values.yaml").write_text("\n".join(lines), encoding="utf-16")
    profile = "\n    ".join(["02_all:\n  all:", *lines])
    (course / "profiles.yaml").write_text(profile)
    pairs = [word for name, text in zip(names, MEANT, strict=True) for word in ("-p", name, text)]
    for given in (pairs, ["-f", "values.yaml"], ["--profile", "all"]):
        assert run("run", "02", *given, "--to", "out").exit_code == 0
        assert outputs(Path("out/02_all.ipynb")) == [f"{list(MEANT.values())}\n"]
    # what only looks like YAML is a text
    for text in ("a: b", "#x", "[1", "*x", "{a: 1}", "", "~/x"):
        assert collect_values([("name", text)], []) == {"name": text}


def test_prepare_keeps_outputs_and_injects(course: Path) -> None:
    assert run("run", "--in-place", "00").exit_code == 0
    nb = nbformat.read(course / "00_good.ipynb", as_version=4)
    nb.cells.append(new_markdown_cell("![a picture](picture.svg)"))
    nbformat.write(nb, course / "00_good.ipynb")
    for name in ("picture.svg", "secret.txt"):
        (course / name).write_text("<svg/>")
    result = run("prepare", "00", "--profile", "smoke", "--to", "smoke")
    assert result.exit_code == 0, result.output
    nb = nbformat.read("smoke/00_good.ipynb", as_version=4)
    injected = [c for c in nb.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert [cell.source for cell in injected] == ["# Parameters\nepochs = 1\n"]
    assert outputs(Path("smoke/00_good.ipynb")) == ["3 embedded\n"]
    left = {path.name for path in Path("smoke").iterdir()} - {".course.json.lock"}
    assert left == {".course.json", "00_good.ipynb", "picture.svg", "profiles.yaml"}
    assert str(course.parent) not in Path("smoke/00_good.ipynb").read_text(encoding="utf-8")


def test_in_place_stores_what_can_be_committed(course: Path) -> None:
    path = course / "00_good.ipynb"
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    nb = nbformat.read(path, as_version=4)
    nb.cells.insert(2, new_code_cell("epochs = 99", metadata={"tags": ["injected-parameters"]}))
    nbformat.write(nb, path)
    result = run("run", "--in-place", "00")
    assert result.exit_code == 0, result.output

    nb = nbformat.read(path, as_version=4)
    assert [cell.id for cell in nb.cells] == ids
    code = [cell for cell in nb.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert [cell.metadata.source_sha for cell in code] == [notebooks.digest(c.source) for c in code]
    assert outputs(path) == ["3 embedded\n"]
    text = path.read_text(encoding="utf-8")
    assert "papermill" not in text
    assert 'execution"' not in text
    assert nb.metadata.kernelspec.name == "python3"
    assert not list(course.glob(".*"))
    assert not (course.parent / "runs").exists()

    # nothing changes when it is run again
    assert run("run", "--in-place", "00").exit_code == 0
    assert path.read_text(encoding="utf-8") == text


def test_no_slider_is_stored_that_would_not_move(course: Path) -> None:
    pytest.importorskip("ipywidgets")
    slider = "from ipywidgets import IntSlider\nfrom IPython.display import display\n"
    path = write(course / "00_good.ipynb", new_code_cell(slider + "display(IntSlider(3))"))
    assert run("run", "00", "--to", "out").exit_code == 0
    assert run("run", "--in-place", "00").exit_code == 0
    for executed in (path, course.parent / "out" / "00_good.ipynb"):
        nb = nbformat.read(executed, as_version=4)
        (cell,) = (cell for cell in nb.cells if cell.cell_type == "code")
        (output,) = cell.outputs
        assert output.data == {"text/plain": "Run this cell, and a slider stands here."}
        assert "widgets" not in nb.metadata


def test_in_place_leaves_a_notebook_that_fails_alone(course: Path) -> None:
    before = (course / "01_bad.ipynb").read_bytes()
    result = run("run", "--in-place", "01")
    assert result.exit_code == 1
    assert "01_bad: not changed; cell 3 `class ParameterError" in result.output
    assert (course / "01_bad.ipynb").read_bytes() == before


def test_in_place_refuses_paths_of_this_machine(course: Path) -> None:
    path = write(course / "02_path.ipynb", new_code_cell("print('/ho' + 'me/someone/x.npz')"))
    before = path.read_bytes()
    result = run("run", "--in-place", "02")
    assert result.exit_code == 1
    assert "shows a path of this machine: /home/someone/x.npz" in result.output
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "is_path"),
    [
        ("/root/data", True),
        ("in '/tmp/x'", True),
        (r"C:\Users\me", True),
        ("file:///home/me", True),
        ("https://example.org/home/index.html", False),
        ("train/work/rest", False),
    ],
)
def test_machine_paths(text: str, is_path: bool) -> None:
    nb = new_notebook(cells=[new_code_cell("x")])
    nb.cells[0].outputs = [nbformat.v4.new_output("stream", text=f"first\n{text}\n")]
    assert list(notebooks.machine_paths(nb)) == ([(0, text)] if is_path else [])


def test_error_sentences() -> None:
    assert sentence("ValueError", "one\ntwo", ["Traceback (most recent call last):"]) == (
        "ValueError: one"
    )
    assert sentence("ParameterError", "x = 3.", ["\x1b[31mx = 3.\x1b[0m"]) == "x = 3."
    assert sentence("SyntaxError", "bad", ["  Cell In[1], line 1\n    x ="]) == "SyntaxError: bad"
    assert first_line("# why\nx = 1") == "x = 1"
    assert first_line("# only this") == "# only this"


def test_terminal_table_fits() -> None:
    wide = tables.terminal_table([RECORD | {"arm": "relu"}], width=200)
    assert "parameters" in wide
    narrow = tables.terminal_table([RECORD | {"arm": "relu"}], width=80)
    assert "parameters" not in narrow
    assert max(map(len, narrow.splitlines())) <= 80
    assert "–" in narrow  # the test set was not measured
    assert tables.terminal_table([]) == "No training runs were recorded."


def test_the_kernel_is_this_environments_own(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoy = tmp_path / "jupyter" / "kernels" / "python3"
    decoy.mkdir(parents=True)
    spec = {
        "argv": ["no-such-python", "{connection_file}"],
        "display_name": "x",
        "language": "python",
    }
    (decoy / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))
    write(course / "02_kernel.ipynb", new_code_cell("import sys\nprint(sys.executable)"))
    assert run("run", "02", "--to", "out").exit_code == 0
    assert os.path.samefile(outputs(Path("out/02_kernel.ipynb"))[0].strip(), sys.executable)
