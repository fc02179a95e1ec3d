"""Give the course an address, and say what remains until it can be read there."""

from __future__ import annotations

import re
import subprocess

import click

from course_utils import __version__
from course_utils.claims import page
from course_utils.classroom import badges, notebooks, parameters, paths, results
from course_utils.errors import CourseError

NAMES = {  # what GitHub and PEP 440 allow, and the placeholder
    "owner": (r"(?!OWNER$)[A-Za-z\d](?:-?[A-Za-z\d]){0,38}", "letters, digits and single hyphens"),
    "repository": (r"(?!\.)(?!.*\.git$)[\w.-]{1,100}", "letters, digits, hyphens and dots"),
    "version": (r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?", "three numbers, such as 1.0.0"),
}
REMAINS = """
What remains:
  git commit --all --message "Version {version}"
  git tag v{version}
  git push https://github.com/{name}.git HEAD:main v{version}
  on https://github.com/{name}/settings/pages, once: choose GitHub Actions as the source
The book will then be at https://{site}/"""


def publish(owner: str, repository: str | None, version: str | None) -> int:
    """Set address and version, renew and check what follows from them; return the status."""
    root = notebooks.folder().parent
    address = badges.repository()
    given = {"owner": owner, "repository": repository or address.split("/")[-1]}
    given["version"] = version or __version__
    for what, (allowed, words) in NAMES.items():
        if not re.fullmatch(allowed, given[what], re.ASCII):
            raise CourseError(f"--{what} must be {words}; got {given[what]!r}.")
    name = f"{owner}/{given['repository']}"
    for file, old, new in (
        ("pyproject.toml", address, f"https://github.com/{name}"),
        ("course_utils/__init__.py", f'"{__version__}"', f'"{given["version"]}"'),
    ):
        text = (root / file).read_text(encoding="utf-8")
        if (renewed := text.replace(old, new)) != text:
            paths.replace_file(root / file, renewed)
            click.echo(f"{file}: renewed")
    badges.badges(write=True, version=given["version"])
    readme, guide = ((root / file).read_text(encoding="utf-8") for file in page.TEXTS)
    tables = parameters.tables(notebooks.of_the_course())
    checks = {
        "course claims --write": not page.render(root).files,
        "course results --write": paths.block("results", f"\n{results.tables()}\n") in readme,
        "course parameters --write": paths.block("parameters", f"\n{tables}\n") in guide,
    }
    stale = [command for command, current in checks.items() if not current]
    for command in stale:
        click.echo(f"Not current; run: {command}")
    git = ["git", "-C", str(root), "status", "--porcelain", "--untracked-files=no"]
    same = subprocess.run(git, capture_output=True, check=False)
    site = f"{owner}.github.io/{given['repository']}"
    told = REMAINS.format(name=name, version=given["version"], site=site)
    if same.returncode == 0 and not same.stdout:
        told = re.sub(r"\n  git commit.*", "", told)
    click.echo(told)
    return int(bool(stale))
