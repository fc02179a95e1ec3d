"""What a check found, and the stop where something is off."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from course_utils.errors import CourseError


@dataclass(frozen=True)
class Finding:
    """What a check found: true where the thing is on."""

    on: bool
    sentence: str  # with numbers
    facts: dict[str, Any] = field(default_factory=dict, repr=False)  # the numbers by name

    def __bool__(self) -> bool:
        return self.on

    def __str__(self) -> str:
        return self.sentence

    __repr__ = __str__


def require(*findings: Finding) -> None:
    """Print each finding, and stop with the sentences of those that are off."""
    for finding in findings:
        print(finding.sentence)
    if off := [finding.sentence for finding in findings if not finding]:
        raise CourseError(" ".join(off))
