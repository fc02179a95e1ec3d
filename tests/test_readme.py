"""What the README and the instructors' page name exists, and what they say is so."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import nbformat
import pytest
import yaml

from course_utils import __version__
from course_utils.classroom import cli, notebooks

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTRUCTORS = "notebooks/instructors.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

PAGES = {name: (ROOT / name).read_text("utf-8") for name in ("README.md", INSTRUCTORS)}

# Profiles that the reader is told to write, by notebook.
OWN_PROFILES = [
    yaml.safe_load(text)
    for text in re.findall(r"^```yaml\n(.*?)^```", PAGES[INSTRUCTORS], re.M | re.S)
]

FENCE = re.compile(r"^```\w*\n(.*?)^```", re.M | re.S)
BLOCKS = "\n".join("\n".join(FENCE.findall(text)) for text in PAGES.values())
PROSE = FENCE.sub("", README)
SPANS = [
    span for text in PAGES.values() for span in re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
]
# Every command line, without the folder of the environment in front and the comment behind.
COMMANDS = [
    re.sub(r"^\.venv[\\/](Scripts|bin)[\\/]", "", line.split("  #")[0].strip())
    for line in [*BLOCKS.splitlines(), *SPANS]
    if line.strip() and not line.startswith("#")
]
# What the course, or the reader, makes.
MADE = ("build", ".venv", "runs", "my_run.ipynb", "index.html", "path/to/share", "08_")
PATH = re.compile(r"(?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|txt|ya?ml|ipynb|md|html)")


def arguments(program: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in COMMANDS if line.startswith(f"{program} ")]


def test_no_place_is_left_to_fill() -> None:
    assert "@@" not in "".join(PAGES.values())


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    prose = FENCE.sub("", PAGES[name])
    headings = re.findall(r"^#+ (.+)$", prose, re.M)
    anchors = {re.sub(r"[^\w -]", "", text).lower().replace(" ", "-") for text in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif not target.startswith("https://"):
            assert ((ROOT / name).parent / target).exists(), target


def test_files_exist() -> None:
    code = "\n".join([*SPANS, BLOCKS]).replace("\\", "/").replace("$PWD/", "")
    code = re.sub(r"\b[a-z+]+://\S+", "", code)
    named = {path.strip("/") for path in PATH.findall(code)}
    own = {path for path in named if not path.startswith(MADE)}
    assert {"constraints.txt", "environment.yml", "tests/notebooks"} <= own
    assert not [path for path in sorted(own) if not (ROOT / path).exists()]


def test_pictures_have_alternative_text() -> None:
    for alt in re.findall(r"!\[([^\]]*)\]", PROSE):
        assert alt.strip()


def test_every_notebook_is_in_the_table() -> None:
    linked = re.findall(r"^\| \[[^\]]+\]\(notebooks/([\w.]+)\)", PROSE, re.M)
    assert linked == [path.name for path in NOTEBOOKS]


def test_titles_are_those_of_the_notebooks() -> None:
    titles = dict(re.findall(r"^\| \[(.+?)\]\(notebooks/([\w.]+)\)", PROSE, re.M))
    for path in NOTEBOOKS:
        first = nbformat.read(path, as_version=4).cells[0].source.splitlines()[0]
        assert titles.get(first.removeprefix("# ")) == path.name


def test_badges_open_the_released_notebooks() -> None:
    repository = PROJECT["urls"]["Repository"].removeprefix("https://github.com/")
    start = f"https://colab.research.google.com/github/{repository}/blob/v{__version__}/notebooks/"
    found = re.findall(r"\((https://colab\.research\.google\.com/github/[^)]+)\)", PROSE)
    assert found == [start + path.name for path in NOTEBOOKS]


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.M))
    variables = set(re.findall(r"\$\((\w+)\)|^(\w+) \?=", makefile, re.M))
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
    given = command.make_context(words[0], words[1:]).params
    if words[0] in ("run", "prepare"):
        paths = notebooks.find(given["names"])
        for path in paths:
            own = [one[path.stem] for one in OWN_PROFILES if path.stem in one]
            if not any(given.get("profile") in profiles for profiles in own):
                notebooks.profile_values(path, given.get("profile"))
            lines = [yaml.safe_load(text) for text in given.get("yamls", ())]
            names = [name for name, _ in given.get("pairs", ())]
            notebooks.check_names(path, [*names, *(key for line in lines for key in line)])
    if words[0] == "data":
        from course_utils import datasets

        assert set(given["names"]) <= set(datasets.NAMES)


def test_the_readers_own_profiles_would_be_understood() -> None:
    assert OWN_PROFILES
    for stem, profiles in ((s, p) for one in OWN_PROFILES for s, p in one.items()):
        for values in profiles.values():
            notebooks.check_names(ROOT / "notebooks" / f"{stem}.ipynb", values)


@pytest.mark.parametrize("words", arguments("papermill"), ids=" ".join)
def test_papermill_commands_are_understood(words: list[str]) -> None:
    from papermill.cli import papermill

    given = papermill.make_context("papermill", list(words)).params
    names = [name for name, _ in given["parameters"]]
    notebooks.check_names(ROOT / given["notebook_path"], names)


def test_what_make_test_does_stands_in_the_plain_commands() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ")
    for program in ("ruff", "course prepare", "python -m pytest"):
        recipe = re.findall(rf"\$\(BIN\)/({program} .*)", makefile)
        assert recipe, program
        for line in recipe:  # the workers only make it faster
            plain = re.sub(r"-n \$\(TEST_WORKERS\)|--dist loadfile", "", line)
            assert " ".join(plain.split()) in COMMANDS


def test_extras_variables_and_versions() -> None:
    for extras in re.findall(r"\.\[([\w,]+)\]|EXTRAS=([\w,]+)", README):
        assert set("".join(extras).split(",")) <= set(PROJECT["optional-dependencies"])
    code = "\n".join(p.read_text(encoding="utf-8") for p in ROOT.glob("course_utils/**/*.py"))
    for name in set(re.findall(r"COURSE_[A-Z_]+", README)):
        assert f'"{name}"' in code, name
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    minors = [f"3.{minor}" for minor in range(int(low), int(high))]
    assert f"Python {', '.join(minors[:-1])} or {minors[-1]}" in README


def test_size_of_the_embedded_images() -> None:
    size = sum(p.stat().st_size for p in (ROOT / "course_utils" / "embedded").glob("*.webp"))
    assert f"{size / 1e6:.0f} MB of them" in README


def test_shown_on_the_package_page() -> None:
    assert PROJECT["readme"] == "README.md"


@pytest.mark.parametrize("name", PAGES)
def test_no_path_of_one_machine(name: str) -> None:
    assert not notebooks.MACHINE_PATH.search(PAGES[name])
