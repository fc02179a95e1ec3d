"""The error whose message is a sentence for you: what is wrong, what is allowed, what to do."""

from __future__ import annotations


class CourseError(Exception):
    """Something cannot be done as asked; Jupyter and ``course`` show the sentence alone.

    A module has a subclass of its own only where somebody catches just that.
    """

    def _render_traceback_(self) -> list[str]:
        """Let Jupyter leave the traceback out: the reader's code is not at fault."""
        return [f"{type(self).__name__}: {self}"]
