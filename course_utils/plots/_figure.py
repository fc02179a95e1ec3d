"""One look for every figure, and how it gets below the cell with its alt text."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from html import escape
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from course_utils.errors import CourseError

TRAIN: dict[str, Any] = {"color": "#1f5fa8", "linestyle": "-", "linewidth": 1.8}
VALIDATION: dict[str, Any] = {"color": "#e07b00", "linestyle": "--", "linewidth": 1.8}
RECORDED: dict[str, Any] = {"color": "0.55", "linewidth": 1.0}
YOURS: dict[str, Any] = {"color": "k", "linestyle": ":", "linewidth": 2.2}
_RC: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.9",
    "figure.constrained_layout.use": True,
}


def new_figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (8, 3)) -> Any:
    """A figure in the course's look and its axes, as `Figure.subplots` gives them.

    Parameters
    ----------
    rows, columns : int
        Layout of the axes.
    size : tuple of float
        Width and height in inches.

    Returns
    -------
    tuple
        The figure, and one axes or an array of axes.
    """
    with matplotlib.rc_context(_RC):
        figure = Figure(figsize=size, dpi=88)
        return figure, figure.subplots(rows, columns)


def _outputs(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `display` is given for the picture, and for its text."""
    if not alt.strip():
        raise CourseError("alt must say what the figure shows; got an empty text.")
    buffer = io.BytesIO()
    with matplotlib.rc_context(_RC):
        figure.savefig(buffer, format="png", metadata={"Software": None})
    picture = {"image/png": buffer.getvalue(), "text/plain": alt}
    # JupyterLab drops the alt text of a picture's metadata. A picture inside HTML would keep it,
    # but takes the place of image/png in every viewer, and not all of them show it: GitHub cleans
    # HTML, and no converter to PDF finds a picture in it. So the text is an output of its own.
    words = f"<details><summary>Figure in words</summary>{escape(alt)}</details>"
    return (
        {"obj": picture, "metadata": {"image/png": {"alt": alt}}, "raw": True},
        {"obj": {"text/html": words}, "raw": True},
    )


def show(figure: Figure, alt: str) -> None:
    """Show a figure below the cell, with a text for those who cannot see it.

    The text is the picture's alternative text, and also stands folded below it, because not every
    front end passes the alternative text on.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, from `new_figure`.
    alt : str
        What the picture shows, in a sentence or two. Must not be empty.
    """
    Picture(figure, alt)


class Picture:
    """A figure below the cell, see `show`, that another one can take the place of."""

    def __init__(self, figure: Figure, alt: str) -> None:
        from IPython.display import DisplayHandle

        self._handles = [DisplayHandle(), DisplayHandle()]
        for handle, output in zip(self._handles, _outputs(figure, alt), strict=True):
            handle.display(**output)

    def replace(self, figure: Figure, alt: str) -> None:
        """Show another figure in the same place."""
        for handle, output in zip(self._handles, _outputs(figure, alt), strict=True):
            handle.update(**output)


def image_grid(
    images: np.ndarray, titles: Sequence[str], *, columns: int = 6, title: str = "", alt: str = ""
) -> None:
    """Show images in a grid, each under its own title.

    Parameters
    ----------
    images : ndarray, shape (n, height, width) or (n, height, width, channels)
        Pixels 0–255, or 0–1 if they are floats.
    titles : sequence of str
        One title for each image.
    columns : int
        Images in a row.
    title : str
        Title of the figure.
    alt : str
        Text for those who cannot see the figure; made from the titles where empty.
    """
    rows = math.ceil(len(images) / columns)
    figure, axes = new_figure(rows, columns, size=(1.25 * columns, 1.5 * rows + 0.35))
    for ax in np.ravel(axes):
        ax.set_axis_off()
    for ax, image, text in zip(np.ravel(axes), images, titles, strict=False):
        top = 1 if np.issubdtype(np.asarray(image).dtype, np.floating) else 255
        ax.imshow(np.squeeze(image), cmap="gray_r", vmin=0, vmax=top)
        ax.set_title(text, fontsize=8)
    figure.suptitle(title, fontsize=11)
    show(figure, alt or f"{title}. {len(images)} images: {', '.join(titles)}.")
