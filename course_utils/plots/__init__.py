"""Every figure of the course: one look, direct labels, alt text.

Training is drawn blue and solid, validation orange and dashed, so that the two differ in colour,
in lightness and in line style. Each function draws, shows the figure with its alt text and closes
it; nothing stays in memory over many runs.
"""

from course_utils.plots._figure import (
    RECORDED,
    TRAIN,
    VALIDATION,
    Picture,
    image_grid,
    new_figure,
    show,
)
from course_utils.plots._runs import over_seeds, paired_differences, waterfall
from course_utils.plots._training import LiveCurves, history
