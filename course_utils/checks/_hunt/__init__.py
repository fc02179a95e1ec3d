"""The programs of the examination in notebook 11, and how they are looked at."""

from course_utils.checks._hunt._programs import PROGRAMS
