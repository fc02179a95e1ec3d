"""Checks that a notebook makes: of its parameters, before anything runs, and of your answers.

`course_utils.checks.is_on` asks a network or a pipeline whether a remedy is really on. It brings
TensorFlow, so it is imported by its own name: ``from course_utils.checks import is_on``.
"""

from course_utils.checks._answers import exercise
from course_utils.checks._parameters import (
    COMMON,
    SIZES,
    Choice,
    Each,
    Flag,
    Real,
    Text,
    Whole,
    parameters,
)
