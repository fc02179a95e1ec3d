"""What happens around `fit`: a fair start, a record of the run, and a measurement after it."""

from __future__ import annotations

from course_utils.training._batches import copy_matching_weights, shuffled_batches
from course_utils.training._evaluate import Examples, evaluate
from course_utils.training._recorder import Recorder, RunError, Stopped
from course_utils.training._resume import Resume, resumable

__all__ = [
    "Examples",
    "Recorder",
    "Resume",
    "RunError",
    "Stopped",
    "copy_matching_weights",
    "evaluate",
    "resumable",
    "shuffled_batches",
]
