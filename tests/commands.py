"""The command `course`, run in the process of the test."""

from __future__ import annotations

from click.testing import CliRunner, Result

from course_utils.classroom import cli


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.main, [*map(str, words)])
