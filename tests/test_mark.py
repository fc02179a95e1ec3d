"""`course mark`: what students hand in, most of it broken or hostile, each in one clear row.

Nothing hostile here runs outside of the sandbox: a module-wide fixture first asks the sandbox, with
a harmless probe, whether it holds, and skips everything where it does not.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
import textwrap
import time
import zipfile
from pathlib import Path
from typing import Any

import nbformat
import pytest
from click.testing import Result
from commands import run

from course_utils.classroom import notebooks
from course_utils.classroom.mark import hand_ins, sandbox, verdicts
from course_utils.errors import CourseError

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
STEM = "05_l2_regularization"
NAME = "two_steps"  # the one that is answered; the others of the notebook are left as they are
CELLS = notebooks.read(FOLDER / f"{STEM}.ipynb").cells
OUT_OF = str(sum("exercise" in notebooks.tags(cell) for cell in CELLS))
RIGHT = """
def two_steps(weight, gradient, rate, l2, decay):
    with_l2 = weight - rate * (gradient + 2 * l2 * weight)
    return with_l2, weight - rate * gradient - rate * decay * weight
"""
HOME = Path.home()


@pytest.fixture(scope="module", autouse=True)
def locked() -> None:
    try:
        sandbox.check([])
    except CourseError as error:
        pytest.skip(str(error))


def edited(code: str | None = RIGHT, stem: str = STEM, *, above: str = "") -> dict[str, Any]:
    """A notebook of the course as students have it, with an answer; None takes its cell away."""
    nb = notebooks.without_outputs(notebooks.read(FOLDER / f"{stem}.ipynb"))
    nb.cells = [cell for cell in nb.cells if "solution" not in notebooks.tags(cell)]
    kept = []
    for cell in nb.cells:
        if "exercise" in notebooks.tags(cell) and NAME in cell.source:
            if above:
                kept.append(nbformat.v4.new_code_cell(textwrap.dedent(above)))
            if code is None:
                continue
            cell.source = textwrap.dedent(code)
        kept.append(cell)
    nb.cells = kept
    return json.loads(nbformat.writes(nb))


def body(lines: str) -> str:
    """An answer that does this when it is called."""
    return f"def {NAME}(*inputs):\n" + textwrap.indent(textwrap.dedent(lines).strip(), "    ")


def text(nb: dict[str, Any]) -> str:
    return json.dumps(nb, ensure_ascii=False)


def put(folder: Path, student: str, content: dict[str, Any] | str | bytes, name: str = "") -> Path:
    path = folder / student / (name or f"{STEM}.ipynb")
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text(content) if isinstance(content, dict) else content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def zipped(entries: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return packed.getvalue()


def mark(submissions: Path, *options: str) -> Result:
    target = submissions.parent / "marks"
    return run("mark", str(submissions), "--to", str(target), *options)


def rows(submissions: Path) -> dict[str, dict[str, str]]:
    with open(submissions.parent / "marks" / "marks.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


# What stands in the answer's cell, the verdict, and words of the row. Each is one student.
CODE: dict[str, tuple[str | None, str, str]] = {
    # sound
    "right": (RIGHT, "right", ""),
    "right, by numpy": (
        body("import numpy as np\nw, g, r, l, d = map(np.float32, map(float, inputs))\n"
             "a, b, c = float(inputs[0]), float(inputs[1]), float(inputs[2])\n"
             "return np.array([a - c * (b + 2 * float(inputs[3]) * a), a - c * b"
             " - c * float(inputs[4]) * a])"), "right", ""),
    "right, with a magic and a check": (
        f"%matplotlib inline\n{RIGHT}\n!echo hello\n_ = checks.exercise('two_steps', two_steps)",
        "right", ""),
    "wrong": (RIGHT.replace("2 * l2", "l2"), "wrong", "two_steps("),
    "wrong now and then": (RIGHT.replace("rate * decay", "abs(rate * decay)"), "wrong", "inputs"),
    "not done": ("def two_steps(*inputs):\n    return ...", "not done", ""),
    "a syntax error": (f"{RIGHT}\n    return ((", "wrong", "SyntaxError"),
    "a constant": (body("return (1.0, 2.0)"), "wrong", "is not (1.0, 2.0)"),
    "an error": (body("return nothing"), "wrong", "NameError"),
    "renamed": (RIGHT.replace("two_steps", "my_steps"), "missing", "defines no two_steps"),
    "deleted": (None, "missing", "its cell is gone"),
    # hostile
    "overwrites checks": (
        f"import course_utils.checks as c\nc.exercise = lambda *a: True\n{body('return 0')}",
        "wrong", ""),
    "prints right": (body("print('two_steps: right, on 63 of 63 inputs.')\nreturn True"),
                     "wrong", ""),
    "os._exit(0)": (body("import os\nos._exit(0)"), "wrong", "ended its process (status 0)"),
    "os._exit(0) above": (f"import os\nos._exit(0)\n{RIGHT}", "wrong", "ended its process"),
    "sys.exit": (body("import sys\nsys.exit(0)"), "wrong", "SystemExit"),
    "endless loop": (body("while True:\n    pass"), "wrong", "took longer than"),
    "catches all and hangs": (
        body("import signal, time\nfor n in range(1, 30):\n    try:\n"
             "        signal.signal(n, lambda *a: None)\n    except OSError:\n        pass\n"
             "while True:\n    try:\n        time.sleep(1)\n    except BaseException:\n"
             "        pass"),
        "wrong", "took longer than"),
    "fork bomb": (body("import os\nwhile True:\n    os.fork()"), "wrong", "PermissionError"),
    "processes": (body("import subprocess\nsubprocess.run(['/usr/bin/true'])\nreturn 1"),
                  "wrong", "PermissionError"),
    "memory": (body("return len(bytearray(2**31))"), "wrong", "MemoryError"),
    "memory, bit by bit": (body("keep = []\nwhile True:\n    keep.append(bytearray(2**26))"),
                           "wrong", ""),
    "files": (body("for i in range(9**9):\n    open(f'/{i}', 'w').write('x' * 10**6)"),
              "wrong", "Read-only file system"),
    "output": (body("import os\nwhile True:\n    for n in range(3, 20):\n        try:\n"
                    "            os.write(n, b'x' * 10**6)\n        except OSError as e:\n"
                    "            if e.errno == 27:\n                raise"),
               "wrong", ""),
    "network": (body("import socket\nsocket.create_connection(('192.0.2.1', 9), 1)"),
                "wrong", "unreachable"),
    "changes numpy": (f"import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\n"
                      f"np.shape = lambda x: ()\n{body('return 7')}", "wrong", ""),
    "changes the exercises": (
        body("from course_utils.checks._exercises import EXERCISES\n"
             "return EXERCISES['two_steps'].reference(*inputs)"), "wrong", "ModuleNotFoundError"),
    "looks for the answers": (
        body("import glob, course_utils\nhere = course_utils.__path__[0]\n"
             "found = glob.glob(here + '/checks/**', recursive=True)\n"
             "raise ValueError(len(found))"), "wrong", "ValueError: 1."),
    "__eq__ is always true": (
        f"class Yes:\n    __eq__ = lambda *a: True\n    __array__ = lambda *a, **k: Yes()\n"
        f"    shape = ()\n{body('return Yes()')}", "wrong", ""),
    "a float that is equal to all": (
        f"class Yes(float):\n    __eq__ = lambda *a: True\n    __sub__ = lambda *a: 0.0\n"
        f"{body('return Yes(1), Yes(2)')}", "wrong", ""),
    "__repr__ raises": (
        f"class No:\n    def __repr__(self): raise KeyError\n    __str__ = __eq__ = __repr__\n"
        f"{body('return No()')}", "wrong", "two_steps("),
    "raises what cannot be told": (
        f"class No(BaseException):\n    def __str__(self): raise self\n{body('raise No()')}",
        "wrong", "No"),
    "deep recursion": (body("import sys\nsys.setrecursionlimit(10**9)\nreturn two_steps(*inputs)"),
                       "wrong", ""),
    "a deep answer": (body("x = 1\nfor i in range(900):\n    x = [x]\nreturn x"), "wrong", ""),
    "a big answer": (body("return 'x' * 10**6"), "wrong", ""),
    "a look-up": (body("return {}[inputs]"), "wrong", "KeyError"),
    "kills its parent": (
        body("import os, signal\nfor pid in (os.getppid(), 1, -1):\n    try:\n"
             "        os.kill(pid, signal.SIGKILL)\n    except OSError:\n        pass\n"
             "return 1"), "wrong", ""),
    "speaks for the marker": (
        body("import json, os\nfor n in range(3, 30):\n    try:\n"
             "        os.write(n, json.dumps({'calls': [{'given': True, 'after': []}] * 63,"
             " 'judged': []}).encode())\n    except OSError:\n        pass\nos._exit(0)"),
        "wrong", ""),
    "speaks nonsense": (
        body("import os\nfor n in range(3, 30):\n    try:\n        os.write(n, b'[' * 10**5)\n"
             "    except OSError:\n        pass\nos._exit(0)"), "wrong", ""),
    "takes more rights": (
        body("import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\nreturn 1"),
        "wrong", "ValueError"),
    "reads others and the marks": (
        body("import os\nreturn [os.listdir(p) for p in ('SUBMISSIONS', 'MARKS')]"),
        "wrong", "FileNotFoundError"),
    "reads the home": (body("import os\nreturn open('HOME' + '/.profile').read()"),
                       "wrong", "FileNotFoundError"),
    "looks about": (body("import os\nreturn open('/proc/1/environ').read()"),
                    "wrong", "FileNotFoundError"),
}  # fmt: skip
QUICK = (
    "right", "right, with a magic and a check", "wrong", "not done", "deleted", "renamed",
    "overwrites checks", "os._exit(0)", "fork bomb", "memory", "files", "network", "endless loop",
    "reads others and the marks", "changes the exercises", "speaks for the marker",
)  # fmt: skip


def hand_in_code(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        code = CODE[name][0]
        for word, path in {
            "SUBMISSIONS": folder, "MARKS": folder.parent / "marks", "HOME": HOME,
        }.items():  # fmt: skip
            code = code and code.replace(f"'{word}'", repr(str(path)))
        put(folder, name, edited(code))


def hold(folder: Path, names: tuple[str, ...], result: Result) -> None:
    assert result.exit_code == 0, result.output
    found = rows(folder)
    assert set(found) == set(names)
    for name in names:
        _, value, words = CODE[name]
        row = found[name]
        assert (row["05 two_steps"], words in row["remarks"]) == (value, True), row
        assert (row["points"], row["out of"]) == (str(int(value == "right")), OUT_OF)


def test_an_answer_gets_what_it_is_worth_and_harms_no_other(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    hand_in_code(folder, QUICK)
    hold(folder, QUICK, mark(folder, "--seconds", "5", "--workers", "2"))


@pytest.mark.slow
def test_every_hostile_answer(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    hand_in_code(folder, tuple(CODE))
    started = time.monotonic()
    hold(folder, tuple(CODE), mark(folder, "--seconds", "10"))
    print(f"{len(CODE)} submissions in {time.monotonic() - started:.0f} s")


def test_what_is_broken_is_one_clear_row(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    good, whole = edited(), text(edited())
    put(folder, "fine", good)
    put(folder, "cut off", whole[: len(whole) // 2])
    put(folder, "zero bytes", b"")
    put(folder, "not JSON", b"\x89PNG\r\n\x1a\n" + os.urandom(200))
    put(folder, "no notebook in it", "[" * 100_000)
    put(folder, "wrong kinds", '{"cells": [{"cell_type": "code", "source": 3}]}')
    put(folder, "UTF-16", whole.encode("utf-16"))
    put(folder, "a mark at the start", b"\xef\xbb\xbf" + whole.encode())
    put(folder, "merged", whole.replace("\n", "\n<<<<<<< HEAD\n", 1) if "\n" in whole else
        json.dumps(good, indent=1).replace('\n  "', '\n<<<<<<< HEAD\n  "', 1))  # fmt: skip
    put(folder, "of another course", text({"cells": []}), "poems.ipynb")
    put(folder, "renamed file", good, "my homework.ipynb")
    put(folder, "half a character", json.dumps(edited(f"x = '\ud800'\n{RIGHT}")))
    old = whole.replace("two_steps", "steps").replace("overfit-on-purpose@v0.1.0",
                                                      "overfit-on-purpose@v0.0.9")  # fmt: skip
    put(folder, "older", re.sub(r'"id": "[^"]*"', '"id": "x"', old))
    put(folder, "too big", b" " * (hand_ins.LARGEST + 1))
    put(folder, "twice", good, f"{STEM}-Copy1.ipynb")
    os.utime(put(folder, "twice", edited("two_steps = 3")), (1, 1))
    (folder / "empty").mkdir()
    put(folder, ".ipynb_checkpoints", good)
    put(folder, "__MACOSX", good)
    put(folder, "fine", b"\0", f"._{STEM}.ipynb")
    (folder / "a link").mkdir()
    (folder / "a link" / f"{STEM}.ipynb").symlink_to(folder / "fine" / f"{STEM}.ipynb")
    (folder / "a link to a folder").symlink_to(folder / "fine")
    if hasattr(os, "mkfifo"):
        (folder / "a pipe").mkdir()
        os.mkfifo(folder / "a pipe" / f"{STEM}.ipynb")
    done = mark(folder)
    assert done.exit_code == 0, done.output
    found = rows(folder)
    said = {
        "cut off": "cannot be read as a notebook (JSONDecodeError)",
        "zero bytes": "is empty",
        "not JSON": "cannot be read as a notebook",
        "no notebook in it": "cannot be read as a notebook (RecursionError)",
        "wrong kinds": "cannot be read as a notebook (TypeError)",
        "merged": "merge that is not finished",
        "of another course": "poems.ipynb is none of the course's notebooks",
        "half a character": "UnicodeEncodeError",
        "older": "is of release 0.0.9",
        "too big": "holds more than 20 MB",
        "empty": "no notebook was handed in",
        "a link": "is a link, and was not followed",
        "a link to a folder": "is a link, and was not followed",
        "a pipe": "is no file",
    }
    right = {"fine", "UTF-16", "a mark at the start", "renamed file", "twice"}
    assert set(found) == set(said) | right
    for student, words in said.items():
        assert words in found[student]["remarks"] and found[student]["points"] == "0", student
    assert {name for name, row in found.items() if row["points"] == "1"} == right
    assert "the file that was saved last was marked" in found["twice"]["remarks"]
    assert found["older"]["05 two_steps"] == "missing"


NAMES = ("김민준", "محمد علي", "שרה", "😀 Ann", "=cmd|' calc'!A0", "Å", "<b>Bo", "x" * 200)


def test_names_in_any_script(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    stub = edited("def two_steps(*inputs):\n    return ...")
    for name in NAMES:
        put(folder, name, stub)
    put(folder, os.fsdecode(b"caf\xe9"), stub)
    put(folder, os.fsdecode(b"caf\xe8"), stub)
    put(folder, "turned\u202egnp.exe", stub)
    assert mark(folder).exit_code == 0
    found = rows(folder)
    shown = {f"'{name}" if name[0] == "=" else name for name in NAMES}
    assert set(found) == shown | {"caf? (1)", "caf? (2)", "turnedgnp.exe"}
    held = (folder.parent / "marks" / "marks.csv").read_bytes()
    assert held.startswith(b"\xef\xbb\xbf")
    pages = sorted((folder.parent / "marks" / "feedback").iterdir())
    assert len(pages) == len(found)
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    assert "<bdi>김민준</bdi>" in texts and "<b>" not in texts and "&lt;b&gt;Bo" in texts


def test_zips_and_the_names_of_platforms(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    good, stub = text(edited()), text(edited("def two_steps(*inputs):\n    return ..."))
    name = f"{STEM}.ipynb"
    put(folder, "Ann Lee_12345_assignsubmission_file_", good)
    put(folder, "Ann Lee_12346_assignsubmission_file", stub)
    put(folder, "Eve_9_assignsubmission_file_", zipped({name: good}), "work.zip")
    put(folder, "No One_7_assignsubmission_onlinetext_", "<p>sorry</p>", "onlinetext.html")
    put(folder, "", good, f"leeann_123_456_{STEM}-1.ipynb")
    put(folder, "", stub, f"{STEM} bob.ipynb")
    put(folder, "", zipped({f"deep/er/{name}": good, "__MACOSX/._x.ipynb": b"\0"}), "carl.zip")
    put(folder, "", zipped({f"../../../{name}": good, f"/{name}": good}), "slip.zip")
    put(folder, "", zipped({name: b" " * 300_000_000}), "bomb.zip")
    nested = zipped({"a.zip": zipped({"b.zip": zipped({"c.zip": zipped({name: good})})})})
    put(folder, "", nested, "nested.zip")
    put(folder, "", b"PK\x03\x04 not a zip", "broken.zip")
    put(folder, "", zipped({f"김/{name}": good}), "한.zip")
    done = mark(folder)
    assert done.exit_code == 0, done.output
    found = rows(folder)
    said = {
        "Ann Lee (12345)": "", "Ann Lee (12346)": "", "Eve": "", "leeann": "", "bob": "",
        "carl": "",
        "No One": "no notebook", "slip": "leads out of the zip", "bomb": "more than 20 MB",
        "nested": "too many zips", "broken": "cannot be opened as a zip", "한": "",
    }  # fmt: skip
    assert set(found) == set(said)
    assert all(words in found[student]["remarks"] for student, words in said.items())
    right = {student for student, row in found.items() if row["points"] == "1"}
    assert right == {"Ann Lee (12345)", "Eve", "leeann", "carl", "한"}
    assert not (tmp_path / name).exists()

    # the platform's own zip is marked as it is, and the class is counted
    (tmp_path / "all").mkdir()
    whole = tmp_path / "all" / "class.zip"
    whole.write_bytes(zipped({
        f"Ann Lee_1_assignsubmission_file_/{name}": good,
        f"Bo_2_assignsubmission_file_/{name}": stub,
        "Cy_3_assignsubmission_file_/": b"",
    }))  # fmt: skip
    done = run("mark", str(whole), "--to", str(tmp_path / "marks"))
    assert done.exit_code == 0, done.output
    assert set(rows(folder)) == {"Ann Lee", "Bo", "Cy"}
    assert len(list((tmp_path / "marks" / "feedback").iterdir())) == 3  # the earlier ones are gone
    with open(tmp_path / "marks" / "class.csv", encoding="utf-8-sig", newline="") as file:
        (counts,) = (row for row in csv.DictReader(file) if NAME in "".join(row.values()))
    assert [counts[key] for key in ("right", "not done", "wrong", "not handed in")] == list("1101")


def test_the_sandbox_is_asked_whether_it_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "in", "ann", edited())
    monkeypatch.setattr(sandbox, "system_calls", lambda: b"\x06\0\0\0\0\0\xff\x7f")  # allows all
    refused = mark(tmp_path / "in")
    assert refused.exit_code == 2 and "it allows ['another process']" in refused.output
    monkeypatch.setenv("PATH", str(tmp_path))
    refused = mark(tmp_path / "in")
    assert refused.exit_code == 2 and "bubblewrap (bwrap)" in refused.output
    assert len(refused.output.splitlines()) == 1
    assert not (tmp_path / "marks").exists()


def test_marks_replace_nothing_of_yours(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    put(folder, "ann", edited("def two_steps(*inputs):\n    return ..."))
    put(tmp_path, "marks", "mine", "marks.csv")
    refused = mark(folder)
    assert refused.exit_code == 2 and "`course mark` did not write it" in refused.output
    inside = run("mark", str(folder), "--to", str(folder / "marks"))
    assert inside.exit_code == 2 and "lie in one another" in inside.output
    missing = run("mark", str(tmp_path / "nothing"))
    assert missing.exit_code == 2 and "there is no folder and no zip" in missing.output
    nobody = run("mark", str(tmp_path / "marks"), "--to", str(tmp_path / "x"))
    assert nobody.exit_code == 2 and "holds no folder, notebook or zip" in nobody.output


@pytest.mark.slow
def test_what_builds_a_network_can_be_judged() -> None:
    built = """
import keras
network = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(2)])
network.compile(loss="mse")
network.fit(keras.ops.zeros((8, 4)), keras.ops.zeros((8, 2)), verbose=0)
"""
    task = {"name": NAME, "sources": [built, f"_ = network\n{RIGHT}"], "seed": 3}
    assert sandbox.run(task, 200, [], judge=True) == ({"judged": []}, "")


def test_inputs_are_drawn_anew() -> None:
    seen = []

    def spy(task: dict[str, Any], *rest: Any, **options: Any) -> tuple[dict[str, Any], str]:
        seen.append(json.dumps(task["inputs"][-1]))
        return {}, "stopped"

    cell = verdicts.Cell("exercise-steps", RIGHT)
    asked = verdicts.Asked(STEM, NAME, cell.id, "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "run", spy)
        for _ in range(2):
            assert verdicts._verdict(asked, [cell], 1, []).value == "wrong"
    assert seen[0] != seen[1]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_courses_own_solutions_are_right(path: Path, tmp_path: Path) -> None:
    nb = notebooks.read(path)
    asked = [each for each in verdicts.asked_in([path]) if each.name in verdicts.EXERCISES]
    for cell in nb.cells:
        if "solution" in notebooks.tags(cell):
            body = textwrap.dedent(cell.source.partition("\n")[2].rpartition("assert")[0])
            cell.source = re.sub(r"\bsolution_(\w+)", r"\1", body)
            cell.metadata.tags = []
    put(tmp_path / "in", "ann", nbformat.writes(nb), path.name)
    assert mark(tmp_path / "in").exit_code == 0
    (row,) = rows(tmp_path / "in").values()
    title = path.stem.partition("_")[0]
    for each in asked:
        if isinstance(verdicts.EXERCISES[each.name], verdicts.Exercise):
            assert row[f"{title} {each.name}"] == "right", row
        else:
            assert row[f"{title} {each.name}"] == "look" and "says: right" in row["remarks"], row
