"""What the README, the instructors' page and the docstrings tell a reader to type works."""

from __future__ import annotations

import doctest
import importlib
import itertools
import re
import shlex
import tomllib
from pathlib import Path

import click
import nbformat
import papermill
import pytest
import yaml
from papermill.cli import papermill as papermill_command

from course_utils.classroom import cli

ROOT = Path(__file__).resolve().parents[1]
PAGES = {
    name: (ROOT / name).read_text("utf-8") for name in ("README.md", "notebooks/instructors.md")
}
README, INSTRUCTORS = PAGES.values()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

FENCE = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
CODE = [block for text in PAGES.values() for block in FENCE.findall(text)]
PROSE = {name: FENCE.sub("", text) for name, text in PAGES.items()}
SPANS = [span for text in PROSE.values() for span in re.findall(r"`([^`\n]+)`", text)]
# Every command line, without the folder of the environment in front and the comment behind.
COMMANDS = [
    re.sub(r"^\.venv[\\/](Scripts|bin)[\\/]", "", line.split("  #")[0].strip())
    for line in [*"\n".join(CODE).splitlines(), *SPANS]
    if line.strip() and not line.startswith("#")
]
# What the course, or the reader, makes.
MADE = (
    "marks/",
    *("build", "predictions", ".venv", "runs", "my_run.ipynb", "index.html", "path/to/share"),
    "08_",
)
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|txt|ya?ml|ipynb|md|html)")
WITH_EXAMPLES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.glob("course_utils/**/*.py"))
    if ">>>" in path.read_text(encoding="utf-8")
]


def arguments(program: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in COMMANDS if line.startswith(f"{program} ")]


def check_names(notebook: str, names: list[str]) -> None:
    """Whether a notebook, named by its number, file or path, has these parameters."""
    (path,) = (path for path in NOTEBOOKS if path.name.startswith(Path(notebook).stem))
    assert set(names) <= set(papermill.inspect_notebook(str(path))), notebook


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    headings = re.findall(r"^#+ (.+)$", PROSE[name], re.M)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
    for words, target in re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", PROSE[name]):
        assert words.strip(), f"{target} has no words"
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert ((ROOT / name).parent / target).exists(), target


def test_files_exist() -> None:
    code = "\n".join([*SPANS, *CODE]).replace("\\", "/").replace("$PWD/", "")
    code = re.sub(r"\b[a-z+]+://\S+", "", code)
    named = {path.strip("/") for path in PATH.findall(code)}
    own = {path for path in named if not path.startswith(MADE)}
    assert {"constraints.txt", "environment.yml", "tests/notebooks"} <= own
    assert not [path for path in sorted(own) if not (ROOT / path).exists()]


def test_every_notebook_is_in_the_table_by_its_title() -> None:
    linked = re.findall(r"^\| \[(.+?)\]\(notebooks/([\w.]+)\)", PROSE["README.md"], re.M)
    titles = [
        nbformat.read(path, as_version=4).cells[0].source.split("\n")[0] for path in NOTEBOOKS
    ]
    own = [title.removeprefix("# ") for title in titles]
    assert linked == list(zip(own, (path.name for path in NOTEBOOKS), strict=True))


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.M))
    variables = set(re.findall(r"\$\((\w+)\)|^(\w+) \?=", MAKEFILE, re.M))
    named = arguments("make")
    assert ["run"] in named and ["test"] in named
    for words in named:
        for word in words:
            name, is_setting, _ = word.partition("=")
            known = {n for pair in variables for n in pair} if is_setting else targets
            assert name in known, f"make {' '.join(words)}"


@pytest.mark.parametrize("words", arguments("course"), ids=" ".join)
def test_course_commands_are_understood(words: list[str]) -> None:
    command = cli.main.get_command(click.Context(cli.main), words[0])
    assert command is not None
    if len(words) == 1:  # a command that is only named
        return
    command.make_context(words[0], words[1:])
    pairs = list(itertools.pairwise(words))
    names = [after for word, after in pairs if word == "-p"]
    names += [after.split("=")[0] for word, after in pairs if word == "-g"]
    names += [name for word, after in pairs if word == "-y" for name in yaml.safe_load(after)]
    if names:
        check_names(words[1], names)


@pytest.mark.parametrize("words", arguments("papermill"), ids=" ".join)
def test_papermill_commands_are_understood(words: list[str]) -> None:
    given = papermill_command.make_context("papermill", list(words)).params
    check_names(given["notebook_path"], [name for name, _ in given["parameters"]])


def test_the_readers_own_profiles_would_be_understood() -> None:
    own = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", INSTRUCTORS, re.S)]
    assert own
    for stem, profiles in ((stem, profiles) for one in own for stem, profiles in one.items()):
        for values in profiles.values():
            check_names(stem, list(values))


def test_what_make_test_does_stands_in_the_plain_commands() -> None:
    recipes = re.findall(r"^(?:lint|test-unit|test-notebooks): .*\n((?:\t.*\n)+)", MAKEFILE, re.M)
    programs = re.findall(r"\$\(BIN\)/(.*)", "".join(recipes).replace("\\\n", " "))
    assert len(programs) >= 7
    for line in programs:  # the workers only make it faster
        plain = re.sub(r"-n \$\(TEST_WORKERS\)|--dist loadfile", "", line)
        assert " ".join(plain.split()) in COMMANDS


def test_extras_variables_and_versions() -> None:
    for extras in re.findall(r"\.\[([\w,]+)\]|EXTRAS=([\w,]+)", README):
        assert set("".join(extras).split(",")) <= set(PROJECT["optional-dependencies"])
    code = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("course_utils/**/*.py"))
    for name in set(re.findall(r"COURSE_[A-Z_]+", README)):
        assert f'"{name}"' in code, name
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    *first, last = [f"3.{minor}" for minor in range(int(low), int(high))]
    assert f"Python {', '.join(first)} or {last}" in README


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_in_docstrings_show_what_happens(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried and not failed
