"""Curves of one training: drawn while it runs, and afterwards."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from course_utils import runtime  # noqa: F401  (imports TensorFlow quietly, so before Keras)
from course_utils.plots._figure import TRAIN, VALIDATION, Figure, Picture, new_figure, show

import keras  # isort: skip


def _label_end(axes: Any, values: Sequence[float], text: str, color: str, above: bool) -> None:
    axes.annotate(
        text,
        (len(values), values[-1]),
        xytext=(5, 0),
        textcoords="offset points",
        ha="left",
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
        low, high = left.get_ylim()
        room = max(0, 10 - (high - low)) / 2  # so that a tenth of a point looks like one
        left.set_ylim(low - room, high + room)
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
        self._picture: Picture | None = None
        self._started, self._drawing = time.perf_counter(), 0.0

    def go_on(self, history: dict[str, list[float]]) -> None:
        """Begin with the epochs that an earlier process trained; for `training.Resume`."""
        self._history = {name: list(values) for name, values in history.items()}

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
        if self._picture is None or self._drawing <= self.share * elapsed:
            self._draw()

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Draw the whole history once more."""
        if self._history and _has_front_end():
            self._draw(last=True)

    def _draw(self, last: bool = False) -> None:
        begun = time.perf_counter()
        figure, axes = new_figure(1, 2)
        total = 0 if last else self.params["epochs"]
        _draw_history(figure, axes, self._history, self.title, total)
        alt = _history_alt(self._history, self.title)
        if self._picture is None:
            self._picture = Picture(figure, alt)
        else:
            self._picture.replace(figure, alt)
        self._drawing += time.perf_counter() - begun


def _has_front_end() -> bool:
    """Whether this process is a notebook's kernel, which can show and replace pictures."""
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")
