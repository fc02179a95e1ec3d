"""One look for every figure, and how it gets below the cell with its alt text."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
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


def _look() -> Any:
    """Matplotlib's own defaults and ours on them, whatever the reader's file or style says."""
    return matplotlib.style.context(["default", _RC])


def _in_our_look(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def drawn(*args: Any, **kwargs: Any) -> Any:
        with _look():
            return method(*args, **kwargs)

    return drawn


class _Axes(Axes):
    """Axes on which a notebook's own cells, too, draw in the course's look."""


class _Figure(Figure):
    """A figure that a notebook's own cells, too, write on in the course's look."""


# What makes lines, patches and texts: these take colours, fonts and more when they are made.
_MAKING = "annotate axhline axvline bar barh fill_between get_xticks get_yticks grid hist imshow"
_MAKING += " legend plot scatter set set_title set_xlabel set_xticks set_ylabel set_yticks stairs"
for _name in f"{_MAKING} step text".split():
    setattr(_Axes, _name, _in_our_look(getattr(Axes, _name)))
for _name in ("colorbar", "legend", "subplots", "suptitle", "text"):
    setattr(_Figure, _name, _in_our_look(getattr(Figure, _name)))


def new_figure(rows: int = 1, columns: int = 1, *, size: tuple[float, float] = (8, 3)) -> Any:
    """A figure in the course's look and its axes, as `Figure.subplots` gives them.

    Parameters
    ----------
    rows, columns : int
        Layout of the axes.
    size : tuple of float
        Width and height in inches.
    """
    with _look():
        figure = _Figure(figsize=size, dpi=88)
        return figure, figure.subplots(rows, columns, subplot_kw={"axes_class": _Axes})


def _outputs(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `display` is given for the picture, and for its text."""
    if not alt.strip():
        raise CourseError("alt must say what the figure shows; got an empty text.")
    buffer = io.BytesIO()
    with _look():  # a figure of the reader's own, too
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
    """Show a figure of `new_figure` below the cell, with a text for those who cannot see it.

    The text, a sentence or two, is the picture's alternative text, and also stands folded below it,
    because not every front end passes the alternative text on. It must not be empty.
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
