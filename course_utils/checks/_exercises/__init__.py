"""The exercises, each with what its answer is held against: a module for each notebook."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from course_utils.checks._exercises._kinds import Behaviour, Exercise, Exercises

EXERCISES: Exercises = {}
for _module in iter_modules(__path__, f"{__name__}."):
    if not _module.name.rpartition(".")[2].startswith("_"):
        EXERCISES |= import_module(_module.name).EXERCISES
