"""Every figure carries its text, and leaves nothing behind."""

from __future__ import annotations

import io
from html import unescape
from types import SimpleNamespace

import matplotlib
import numpy as np
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image

from course_utils import plots
from course_utils.errors import CourseError
from course_utils.plots import _figure, _runs, _training

HISTORY = {
    "loss": [0.9, 0.5, 0.25],
    "accuracy": [0.5, 0.7, 0.95],
    "val_loss": [0.8, 0.61, 0.75],
    "val_accuracy": [0.6, 0.65, 0.64],
}


@pytest.fixture
def shell(monkeypatch):
    """A stand-in for a notebook's kernel, with IPython's own publisher that keeps everything."""
    publisher = CapturingDisplayPublisher()
    fake = SimpleNamespace(display_pub=publisher, kernel=object(), outputs=publisher.outputs)
    monkeypatch.setattr(InteractiveShell, "initialized", classmethod(lambda cls: True))
    monkeypatch.setattr(InteractiveShell, "instance", classmethod(lambda cls: fake))
    return fake


@pytest.fixture
def figures(monkeypatch):
    """The figures that the module shows, instead of their pictures."""
    shown = []
    for part in (_figure, _runs, _training):
        monkeypatch.setattr(part, "show", lambda figure, alt: shown.append((figure, alt)))
    return shown


def draw_history():
    plots.history(HISTORY, "Baseline")


def draw_grid():
    images = np.zeros((3, 8, 8, 1), np.uint8)
    plots.image_grid(images, ["shirt", "coat", "bag"], columns=2, title="Three things")


def draw_seeds():
    runs = [{"history": HISTORY}, {"history": HISTORY}]
    plots.over_seeds({"with dropout": runs, "without": runs}, key="val_loss", title="Seeds")


EVERY_FIGURE = [draw_history, draw_grid, draw_seeds]


def pictures(shell):
    """The outputs that are pictures; each is followed, or renewed, together with its words."""
    shown = shell.outputs[::2]
    for output, words in zip(shown, shell.outputs[1::2], strict=True):
        assert set(words["data"]) == {"text/html"}
        html = words["data"]["text/html"]
        assert html.startswith("<details><summary>") and html.endswith("</details>")
        assert unescape(html).endswith(f"{output['data']['text/plain']}</details>")
        assert bool(output.get("update")) == bool(words.get("update"))
    return shown


def picture(output):
    with Image.open(io.BytesIO(output["data"]["image/png"])) as image:
        image.load()
        return image.copy()


@pytest.mark.parametrize("draw", EVERY_FIGURE)
def test_every_figure_is_a_picture_with_alt_text(shell, draw):
    draw()
    (output,) = pictures(shell)
    alt = output["metadata"]["image/png"]["alt"]
    assert alt == output["data"]["text/plain"]
    assert len(alt) > 20
    assert picture(output).width > 100
    assert np.asarray(picture(output).convert("L")).std() > 0  # not blank


@pytest.mark.parametrize("alt", ["", " \n"])
def test_a_figure_without_alt_text_is_refused(shell, alt):
    figure, _ = plots.new_figure()
    with pytest.raises(CourseError, match="alt must say what the figure shows"):
        plots.show(figure, alt)
    assert shell.outputs == []


def test_the_words_are_text_and_not_markup(shell):
    figure, _ = plots.new_figure()
    plots.show(figure, 'Loss < 0.5 & "falling".')
    assert "Loss &lt; 0.5 &amp; &quot;falling&quot;." in shell.outputs[1]["data"]["text/html"]
    assert shell.outputs[0]["metadata"]["image/png"]["alt"] == 'Loss < 0.5 & "falling".'


@pytest.fixture
def pyplot():
    matplotlib.use("Agg")
    from matplotlib import pyplot

    yield pyplot
    pyplot.close("all")


def test_nothing_of_pyplots_is_touched(pyplot, shell):
    mine = pyplot.figure()
    before = dict(matplotlib.rcParams)
    for draw in EVERY_FIGURE:
        draw()
    fit(plots.LiveCurves("Live"))
    assert pyplot.get_fignums() == [mine.number]
    assert pyplot.gcf() is mine
    assert dict(matplotlib.rcParams) == before


def test_a_history_has_titles_units_and_its_lowest_point(figures):
    plots.history(HISTORY, "Baseline")
    ((figure, alt),) = figures
    left, right = figure.axes
    assert figure.get_suptitle() == "Baseline"
    assert [ax.get_xlabel() for ax in (left, right)] == ["epoch", "epoch"]
    assert [ax.get_ylabel() for ax in (left, right)] == ["accuracy (%)", "loss (nats per image)"]
    np.testing.assert_allclose(left.lines[0].get_data(), [[1, 2, 3], [50, 70, 95]])
    np.testing.assert_allclose(right.lines[1].get_data(), [[1, 2, 3], HISTORY["val_loss"]])
    assert {text.get_text() for text in right.texts} == {"training", "validation"}
    assert right.get_title() == "loss (validation lowest at epoch 2)"
    # training and validation differ in more than their colour
    assert left.lines[0].get_linestyle() != left.lines[1].get_linestyle()
    for part in ("Baseline.", "ends at 0.25", "lowest at epoch 2 (0.61)", "0.75 after 3 epochs"):
        assert part in alt


def test_a_history_under_keras_older_name_or_without_validation(figures):
    plots.history({"loss": [0.9, 0.5], "acc": [0.5, 0.75]}, "Short")
    ((figure, alt),) = figures
    left, right = figure.axes
    np.testing.assert_allclose(left.lines[0].get_ydata(), [50, 75])
    assert not any(len(line.get_ydata()) for ax in (left, right) for line in ax.lines[1:])
    assert alt == "Short. Loss per epoch, 2 epochs."


def test_a_tenth_of_a_point_is_drawn_small(figures):
    plots.history({name: [0.1, 0.101] for name in HISTORY}, "Guessing")
    ((figure, _),) = figures
    low, high = figure.axes[0].get_ylim()
    assert high - low >= 10 and low < 10 < high


def test_one_epoch_is_a_dot_that_can_be_seen(figures):
    plots.history({name: values[:1] for name, values in HISTORY.items()}, "One")
    ((figure, _),) = figures
    assert [line.get_marker() for line in figure.axes[1].lines].count("o") == 2


@pytest.mark.parametrize(
    "images",
    [
        np.full((5, 8, 8, 1), 255, np.uint8),
        np.full((5, 8, 8), 255, np.uint8),
        np.full((5, 8, 8, 3), 255, np.uint8),
        np.ones((5, 8, 8, 1), np.float32),
    ],
    ids=["grey", "no channel", "colour", "0 to 1"],
)
def test_a_grid_titles_each_image_and_leaves_no_empty_axes(figures, images):
    plots.image_grid(images, list("abcde"), columns=3, title="Letters")
    ((figure, alt),) = figures
    assert len(figure.axes) == 6
    assert [ax.get_title() for ax in figure.axes] == [*"abcde", ""]
    assert not any(ax.axison for ax in figure.axes)
    assert [len(ax.images) for ax in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert figure.axes[0].images[0].get_clim()[1] == images.max()
    assert alt == "Letters. 5 images: a, b, c, d, e."
    plots.image_grid(images[:1], ["a"], columns=1, title="A", alt="A black dot.")
    assert figures[1][1] == "A black dot."


def test_seeds_are_thin_lines_and_their_median_a_thick_one(figures):
    runs = [{"history": {"val_accuracy": values}} for values in ([0.1, 0.2], [0.3, 0.6], [0.2, 1])]
    plots.over_seeds({"A": runs, "B": runs[:1]}, key="val_accuracy", title="Seeds")
    ((figure, alt),) = figures
    left, right = figure.axes
    assert len(left.lines) == 4
    np.testing.assert_allclose(left.lines[-1].get_data(), [[1, 2], [20, 60]])
    assert left.lines[-1].get_linewidth() > left.lines[0].get_linewidth()
    assert left.get_ylim() == right.get_ylim()
    assert left.get_title() == "A\n(3 seeds)"
    assert left.get_ylabel() == "validation accuracy (%)"
    assert "A: median 20.00 at the start, 60.00 at the end" in alt


def test_the_median_ends_where_the_first_run_stopped(figures):
    runs = [{"history": {"loss": values}} for values in ([4, 2], [2, 1, 0.5])]
    plots.over_seeds({"A": runs}, key="loss", title="Seeds")
    ((figure, alt),) = figures
    assert [len(line.get_xdata()) for line in figure.axes[0].lines] == [2, 3, 2]
    np.testing.assert_allclose(figure.axes[0].lines[-1].get_data(), [[1, 2], [3, 1.5]])
    assert "1.50 at epoch 2" in alt
    assert figure.axes[0].get_ylabel() == "loss (nats per image)"


def test_your_run_lies_over_the_recorded_ones(figures):
    runs = [{"history": {"val_loss": values}} for values in ([0.5, 0.2], [0.3, 0.6])]
    yours = {"B": {"history": {"val_loss": [0.9, 0.8, 0.7]}}}
    plots.over_seeds({"A": runs, "B": runs}, key="val_loss", title="Seeds", yours=yours)
    ((figure, alt),) = figures
    left, right = figure.axes
    assert len(left.lines) == 3
    np.testing.assert_allclose(right.lines[3].get_data(), [[1, 2, 3], [0.9, 0.8, 0.7]])
    assert [text.get_text() for text in right.texts] == ["your run"]
    assert "your run ends at 0.70" in alt


def test_seeds_of_no_run_are_refused(figures):
    runs = [{"history": {"loss": [0.2, 0.1]}}]
    with pytest.raises(CourseError, match="none for B, C"):
        plots.over_seeds({"A": runs, "B": [], "C": []}, key="loss", title="Seeds")


def fit(live, epochs=3):
    """What `fit` tells a callback."""
    live.set_params({"epochs": epochs})
    live.on_train_begin()
    for epoch in range(epochs):
        live.on_epoch_end(epoch, {name: values[epoch] for name, values in HISTORY.items()})
    live.on_train_end()


def test_live_curves_replace_one_picture(shell, capsys):
    fit(plots.LiveCurves("Live", share=1.0))
    first, *later = pictures(shell)
    assert not first.get("update")
    assert len(later) == 3  # two more epochs, and once at the end
    assert all(output["update"] for output in later)
    assert len({output["transient"]["display_id"] for output in [first, *later]}) == 1
    assert len({output["transient"]["display_id"] for output in shell.outputs}) == 2
    alts = [output["metadata"]["image/png"]["alt"] for output in [first, *later]]
    assert all(alt.startswith("Live. ") for alt in alts)
    assert alts[-1].endswith("after 3 epochs.")
    assert picture(first).size == picture(later[-1]).size  # the page does not jump
    assert capsys.readouterr().out == ""


def test_live_curves_that_may_not_cost_time_draw_the_first_and_the_last(shell):
    live = plots.LiveCurves("Live", share=0.0)
    fit(live, epochs=3)
    assert [bool(output.get("update")) for output in pictures(shell)] == [False, True]
    alt = pictures(shell)[-1]["metadata"]["image/png"]["alt"]
    assert alt.endswith("ends at 0.75 after 3 epochs.")
    fit(live, epochs=2)  # a second fit has a picture of its own
    shown = pictures(shell)
    assert len({output["transient"]["display_id"] for output in shown}) == 2
    assert "after 2 epochs" in shown[-1]["metadata"]["image/png"]["alt"]


@pytest.mark.parametrize("terminal", [False, True], ids=["python", "ipython in a terminal"])
def test_without_a_front_end_each_epoch_is_one_plain_line(request, capsys, terminal):
    if terminal:
        del request.getfixturevalue("shell").kernel
    fit(plots.LiveCurves("Live"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[1].startswith("Live  epoch 2/3  ")
    for part in ("loss 0.5000", "accuracy 0.7000", "val_loss 0.6100", "val_accuracy 0.6500"):
        assert part in lines[1]
    assert "\x1b" not in "".join(lines)


def test_paired_differences_tell_mean_and_interval(figures):
    plots.paired_differences({"points": {"dropout": np.array([1.0, 2.0, 3.0])}}, "What it buys")
    ((figure, alt),) = figures
    # t with two degrees of freedom: 4.303 times the standard error 0.577
    assert "dropout, points: +2.0 [-0.5, +4.5]" in alt
    assert figure.axes[0].get_xlabel() == "difference in points"
    with pytest.raises(CourseError, match="dropout must have two differences or more; got 1"):
        plots.paired_differences({"points": {"dropout": np.array([1.0])}}, "What it buys")
