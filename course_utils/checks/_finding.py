"""What a check found, and the stop where something is off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course_utils.errors import CourseError


@dataclass(frozen=True)
class Finding:
    """What a check found: true where the thing is on.

    Attributes
    ----------
    on : bool
        Whether it is on.
    sentence : str
        What was found, with numbers.
    facts : dict
        The numbers by name; each check lists its own.
    """

    on: bool
    sentence: str
    facts: dict[str, Any] = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return self.on

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__


def require(*findings: Finding) -> None:
    """Print each finding, and stop where one of them is off.

    Parameters
    ----------
    *findings : Finding
        Results of the checks of this module.

    Raises
    ------
    CourseError
        If a finding is off; the message holds the sentences of those that are.
    """
    for finding in findings:
        print(finding.sentence)
    if off := [finding.sentence for finding in findings if not finding]:
        raise CourseError(" ".join(off))
