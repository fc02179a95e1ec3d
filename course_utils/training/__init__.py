"""What happens around `fit`: a fair start, a record of the run, and a measurement after it."""

from course_utils.training._batches import copy_matching_weights, shuffled_batches
from course_utils.training._calibration import (
    best_temperature,
    calibration,
    calibration_error,
    reliability,
    tempered,
)
from course_utils.training._evaluate import evaluate
from course_utils.training._recorder import Recorder
from course_utils.training._resume import resumable
