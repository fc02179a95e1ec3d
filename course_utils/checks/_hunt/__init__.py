"""The programs of the examination in notebook 11, one a module, and how they are looked at."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from course_utils.checks._hunt._kinds import Program

PROGRAMS: list[Program] = [
    import_module(module.name).PROGRAM
    for module in iter_modules(__path__, f"{__name__}.")
    if not module.name.rpartition(".")[2].startswith("_")
]
