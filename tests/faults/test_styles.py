"""A reader's matplotlibrc or style: the course's figures are the same pictures, to the byte."""

from __future__ import annotations

from typing import Any

import matplotlib.style
import numpy as np
import pytest

from course_utils import plots

HISTORY = {"loss": [0.9, 0.5], "accuracy": [0.5, 0.7], "val_loss": [0.8, 0.6]}
HISTORY |= {"val_accuracy": [0.6, 0.65]}
OTHERS: dict[str, Any] = {
    "dark": "dark_background",
    "ggplot": "ggplot",
    "grey": "grayscale",
    "fivethirtyeight": "fivethirtyeight",
    "TeX": {"text.usetex": True},
    "no such font": {"font.family": "No Such Font", "font.sans-serif": ["No Such Font"]},
    "letters": {"font.size": 30, "axes.titlesize": 40, "xtick.labelsize": 30},
    "saving": {"savefig.dpi": 300, "savefig.bbox": "tight", "savefig.transparent": True},
    "layout": {"figure.autolayout": True, "axes.xmargin": 0.4},
    "white lines": {"axes.prop_cycle": matplotlib.cycler(color=["w"]), "lines.linestyle": "None"},
    "images": {"image.cmap": "jet", "image.origin": "lower"},
    "numbers": {"axes.unicode_minus": False, "axes.formatter.limits": (-1, 1)},
    "a sketch": {"path.sketch": (1, 100, 2)},
}


def draw_as_a_cell_does() -> None:
    figure, (left, right) = plots.new_figure(1, 2)
    left.plot([-1, 2, 3], label="a")
    left.annotate("your run", (1, 1))
    left.text(0, 1, "x_1")
    left.set(xlabel="epoch", ylabel="loss (nats)", title="A")
    left.legend()
    right.barh([1, 2], [3, 4], hatch="//")
    right.axvline(0)
    right.set_yticks([1, 2], ["a", "b"])
    figure.suptitle("Two")
    plots.show(figure, "Two panels.")


def draw_all() -> None:
    runs = [{"history": HISTORY}] * 2
    plots.history(HISTORY, "Baseline")
    plots.image_grid(np.eye(8)[None], ["a line"], columns=1, title="One")
    plots.over_seeds({"A": runs}, key="loss", title="Seeds", yours={"A": runs[0]})
    plots.paired_differences({"points": {"dropout": np.array([1.0, 2.0])}}, "Pairs")
    plots.waterfall({"a": {0: 70.0, 1: 71.0}, "b": {0: 74.0, 1: 74.5}}, "Steps")
    draw_as_a_cell_does()


def pictures() -> list[bytes]:
    """Draw everything, and return the pictures that are shown."""
    made: list[bytes] = []

    def keep(handle: Any, obj: dict[str, Any], **more: Any) -> None:
        made.extend(value for kind, value in obj.items() if kind == "image/png")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("IPython.display.DisplayHandle.display", keep)
        draw_all()
    return made


@pytest.fixture(scope="module")
def ours() -> list[bytes]:
    return pictures()


@pytest.mark.parametrize("rc", OTHERS.values(), ids=OTHERS)
def test_a_readers_style_changes_no_figure(ours: list[bytes], rc: Any) -> None:
    with matplotlib.style.context(rc):
        before = dict(matplotlib.rcParams)
        assert pictures() == ours
        assert dict(matplotlib.rcParams) == before, "the reader's own figures keep their style"
    assert len(ours) == 6
