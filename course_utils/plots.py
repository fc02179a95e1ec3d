"""Every figure of the course: one look, direct labels, alt text.

Training is drawn blue and solid, validation orange and dashed, so that the two differ in colour,
in lightness and in line style. Each function draws, shows the figure with its alt text and closes
it; nothing stays in memory over many runs.
"""

from __future__ import annotations

import io
import math
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly, so before Keras)

import keras  # isort: skip

TRAIN = {"color": "#1f5fa8", "linestyle": "-", "linewidth": 1.8}
VALIDATION = {"color": "#e07b00", "linestyle": "--", "linewidth": 1.8}
RECORDED = {"color": "0.55", "linewidth": 1.0}
_RC = {
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


def _png(figure: Figure) -> bytes:
    with matplotlib.rc_context(_RC):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _bundle(figure: Figure, alt: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return {"image/png": _png(figure), "text/plain": alt}, {"image/png": {"alt": alt}}


def show(figure: Figure, alt: str) -> None:
    """Show a figure below the cell, with a text for those who cannot see it.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure, from `new_figure`.
    alt : str
        What the picture shows, in a sentence or two. Must not be empty.

    Raises
    ------
    ValueError
        If `alt` is empty.
    """
    from IPython.display import display

    if not alt.strip():
        raise ValueError("alt must say what the figure shows; got an empty text.")
    data, metadata = _bundle(figure, alt)
    display(data, metadata=metadata, raw=True)


def _label_end(axes: Any, values: Sequence[float], text: str, color: str, above: bool) -> None:
    axes.annotate(
        text,
        (len(values), values[-1]),
        xytext=(-2, 5 if above else -5),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        color=color,
    )


def _draw_pair(axes: Any, train: Sequence[float], validation: Sequence[float]) -> None:
    for values, style in ((train, TRAIN), (validation, VALIDATION)):
        axes.plot(range(1, len(values) + 1), values, **style)
        if len(values) == 1:
            axes.plot([1], values, "o", color=style["color"])
    if train and validation:
        higher = train[-1] >= validation[-1]
        _label_end(axes, train, "training", TRAIN["color"], higher)
        _label_end(axes, validation, "validation", VALIDATION["color"], not higher)
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.margins(y=0.15)


def _draw_history(
    figure: Figure, axes: Any, history: Mapping[str, Sequence[float]], title: str, total: int = 0
) -> None:
    accuracy = next((name for name in ("accuracy", "acc") if name in history), None)
    left, right = axes
    if accuracy:
        train = [100 * value for value in history[accuracy]]
        validation = [100 * value for value in history.get(f"val_{accuracy}", [])]
        _draw_pair(left, train, validation)
    left.set_title("accuracy")
    left.set_ylabel("accuracy (%)")
    losses = history.get("val_loss", [])
    _draw_pair(right, history["loss"], losses)
    right.set_title("loss")
    right.set_ylabel("loss (nats per image)")
    if len(losses) > 1 and np.isfinite(losses).any():
        best = int(np.nanargmin(losses))
        right.plot([best + 1], [losses[best]], "v", color=VALIDATION["color"], markersize=7)
        right.set_title(f"loss (validation lowest at epoch {best + 1})")
    if total:
        for ax in axes:
            ax.set_xlim(0.5, total + 0.5)
    figure.suptitle(title, fontsize=11)


def _history_alt(history: Mapping[str, Sequence[float]], title: str) -> str:
    losses = history.get("val_loss")
    if not losses:
        return f"{title}. Loss per epoch, {len(history['loss'])} epochs."
    best = int(np.nanargmin(losses)) if np.isfinite(losses).any() else 0
    return (
        f"{title}. Left: accuracy per epoch. Right: loss per epoch. Training loss ends at "
        f"{history['loss'][-1]:.2f}; validation loss is lowest at epoch {best + 1} "
        f"({losses[best]:.2f}) and ends at {losses[-1]:.2f} after {len(losses)} epochs."
    )


def history(history: Mapping[str, Sequence[float]], title: str) -> None:
    """Draw accuracy and loss per epoch, training and validation, of one run.

    Parameters
    ----------
    history : mapping
        Numbers per epoch under Keras's names: ``accuracy`` or ``acc``, ``loss``, and the same
        with ``val_`` in front.
    title : str
        Title of the figure.
    """
    figure, axes = new_figure(1, 2)
    _draw_history(figure, axes, history, title)
    show(figure, _history_alt(history, title))


class LiveCurves(keras.callbacks.Callback):
    """Draw the curves while `fit` runs; print a plain line per epoch where nothing can draw.

    Parameters
    ----------
    title : str
        Title of the figure.
    share : float
        Largest part of the training time that may go into drawing, between 0 and 1.
    """

    def __init__(self, title: str, share: float = 0.02) -> None:
        super().__init__()
        self.title, self.share = title, share

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Forget an earlier run."""
        self._history: dict[str, list[float]] = {}
        self._handle: Any = None
        self._started, self._drawing = time.perf_counter(), 0.0

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Add the epoch, and draw it if drawing has not cost more than its share."""
        for name, value in (logs or {}).items():
            self._history.setdefault(name, []).append(float(value))
        if not _has_front_end():
            numbers = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
            print(f"{self.title}  epoch {epoch + 1}/{self.params['epochs']}  {numbers}")
            sys.stdout.flush()
            return
        elapsed = time.perf_counter() - self._started
        if self._handle is None or self._drawing <= self.share * elapsed:
            self._draw()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Draw the whole history once more."""
        if self._history and _has_front_end():
            self._draw(last=True)

    def _draw(self, last: bool = False) -> None:
        from IPython.display import display

        begun = time.perf_counter()
        figure, axes = new_figure(1, 2)
        total = 0 if last else self.params["epochs"]
        _draw_history(figure, axes, self._history, self.title, total)
        data, metadata = _bundle(figure, _history_alt(self._history, self.title))
        if self._handle is None:
            self._handle = display(data, metadata=metadata, raw=True, display_id=True)
        else:
            self._handle.update(data, metadata=metadata, raw=True)
        self._drawing += time.perf_counter() - begun


def _has_front_end() -> bool:
    """Whether this process is a notebook's kernel, which can show and replace pictures."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    shell = get_ipython()
    return shell is not None and hasattr(shell, "kernel")


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


def over_seeds(groups: Mapping[str, Sequence[Mapping[str, Any]]], *, key: str, title: str) -> None:
    """Draw one number per epoch for every recorded run, one panel for each group.

    Thin lines are single runs, the thick line is their median at each epoch.

    Parameters
    ----------
    groups : mapping of str to sequence of dict
        Records of the ledger by the title of their panel. Runs of a group have equal length.
    key : str
        Name in the history: ``val_loss``, ``val_accuracy``, ``loss``, …
    title : str
        Title of the figure.

    Raises
    ------
    ValueError
        If a group has no runs.
    """
    if empty := [name for name, records in groups.items() if not records]:
        raise ValueError(f"groups must each hold a recorded run; none for {', '.join(empty)}.")
    figure, axes = new_figure(1, len(groups), size=(min(4 * len(groups), 9), 3))
    axes = np.atleast_1d(axes)
    scale, unit = (100, "%") if "acc" in key else (1, "nats per image")
    said = []
    for ax, (name, records) in zip(axes, groups.items(), strict=True):
        runs = scale * np.array([record["history"][key] for record in records])
        epochs = np.arange(1, runs.shape[1] + 1)
        ax.plot(epochs, runs.T, **RECORDED)
        middle = np.median(runs, axis=0)
        ax.plot(epochs, middle, **(VALIDATION if key.startswith("val_") else TRAIN))
        ax.set_title(f"{name}\n({len(records)} seeds)", fontsize=9)
        ax.set_xlabel("epoch")
        said.append(f"{name}: median {middle[0]:.2f} at the start, {middle[-1]:.2f} at the end")
    low = min(ax.get_ylim()[0] for ax in axes)
    high = max(ax.get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.set_ylim(low, high)
    axes[0].set_ylabel(f"{key.replace('val_', 'validation ')} ({unit})")
    figure.suptitle(title, fontsize=11)
    show(figure, f"{title}: {key} per epoch. {'; '.join(said)}.")


def paired_differences(groups: Mapping[str, Mapping[str, np.ndarray]], title: str) -> None:
    """Draw paired differences over seeds: a dot for each seed, and the 95 % t interval of the mean.

    Parameters
    ----------
    groups : mapping of str to mapping of str to ndarray
        One panel for each unit of measurement; in it, for each comparison, the differences, one
        for each seed. At least two each.
    title : str
        Title of the figure.

    Raises
    ------
    ValueError
        If a comparison has fewer than two differences.
    """
    from scipy import stats

    names = list(next(iter(groups.values())))
    figure, axes = new_figure(1, len(groups), size=(4 * len(groups), 0.9 + 0.5 * len(names)))
    said = []
    for ax, (unit, differences) in zip(np.atleast_1d(axes), groups.items(), strict=True):
        for row, name in enumerate(names):
            values = np.asarray(differences[name], dtype=float)
            if len(values) < 2:
                raise ValueError(f"{name} must have two differences or more; got {len(values)}.")
            mean = values.mean()
            half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values)
            ax.plot([mean - half, mean + half], [row, row], color=TRAIN["color"], linewidth=2.5)
            ax.plot(values, np.full(len(values), row - 0.22), "o", color="0.5", markersize=3.5)
            ax.plot([mean], [row], "D", color=TRAIN["color"], markersize=5)
            said.append(f"{name}, {unit}: {mean:+.1f} [{mean - half:+.1f}, {mean + half:+.1f}]")
        ax.axvline(0, color="k", linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.6)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(f"change of {unit}")
    figure.suptitle(title, fontsize=11)
    show(figure, f"{title}. Mean and 95 % interval. {'; '.join(said)}.")
