"""Many runs in one figure: over seeds, and arm against arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from course_utils import stats
from course_utils.errors import CourseError
from course_utils.plots._figure import RECORDED, TRAIN, VALIDATION, YOURS, new_figure, show


def over_seeds(
    groups: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    key: str,
    title: str,
    yours: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Draw one number per epoch for every recorded run, one panel for each group.

    Thin lines are single runs, the thick line is their median at each epoch, and the dotted black
    line is the reader's own run.

    Parameters
    ----------
    groups : mapping of str to sequence of dict
        Records of the ledger by the title of their panel. Runs that stopped early end earlier; the
        median goes as far as the shortest one.
    key : str
        Name in the history: ``val_loss``, ``val_accuracy``, ``loss``, …
    title : str
        Title of the figure.
    yours : mapping of str to dict, optional
        The reader's own record, by the title of the panel that it belongs to. It may have another
        number of epochs.
    """
    if empty := [name for name, records in groups.items() if not records]:
        raise CourseError(f"groups must each hold a recorded run; none for {', '.join(empty)}.")
    figure, axes = new_figure(1, len(groups), size=(min(max(4 * len(groups), 5.5), 9), 3))
    axes = np.atleast_1d(axes)
    scale, unit = (100, "%") if "acc" in key else (1, "nats per image")
    said = []
    for ax, (name, records) in zip(axes, groups.items(), strict=True):
        runs = [scale * np.array(record["history"][key]) for record in records]
        for run in runs:
            ax.plot(np.arange(1, len(run) + 1), run, **RECORDED)
        shortest = min(map(len, runs))
        middle = np.median([run[:shortest] for run in runs], axis=0)
        style = VALIDATION if key.startswith("val_") else TRAIN
        ax.plot(np.arange(1, shortest + 1), middle, **style)
        count = f"{len(records)} seeds" if len(records) > 1 else "one run"
        ax.set_title(f"{name}\n({count})", fontsize=9)
        ax.set_xlabel("epoch")
        end = "the end" if shortest == max(map(len, runs)) else f"epoch {shortest}"
        said.append(f"{name}: median {middle[0]:.2f} at the start, {middle[-1]:.2f} at {end}")
        if yours and name in yours:
            own = scale * np.array(yours[name]["history"][key])
            ax.plot(np.arange(1, len(own) + 1), own, **YOURS)
            ax.plot([len(own)], own[-1:], "o", color="k", markersize=4)
            ends_early = len(own) < 0.75 * max(map(len, runs))  # then there is room at its right
            # At the left of its end the line itself is in the way, at the right the others are.
            others = middle[min(len(own), shortest) - 1]
            above = own[-1] >= (others if ends_early else own[-max(2, len(own) // 5) :].mean())
            ax.annotate(
                "your run",
                (len(own), own[-1]),
                xytext=(5 if ends_early else -4, 6 if above else -6),
                textcoords="offset points",
                ha="left" if ends_early else "right",
                va="bottom" if above else "top",
            )
            said.append(f"your run ends at {own[-1]:.2f}")
    low = min(ax.get_ylim()[0] for ax in axes)
    high = max(ax.get_ylim()[1] for ax in axes)
    if yours:
        high += 0.1 * (high - low)  # for the words "your run"
    for ax in axes:
        ax.set_ylim(low, high)
    axes[0].set_ylabel(f"{key.replace('val_', 'validation ').replace('_', '-')} ({unit})")
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
    """
    names = list(next(iter(groups.values())))
    figure, axes = new_figure(1, len(groups), size=(4 * len(groups), 0.9 + 0.5 * len(names)))
    said = []
    for ax, (unit, differences) in zip(np.atleast_1d(axes), groups.items(), strict=True):
        for row, name in enumerate(names):
            values = np.asarray(differences[name], dtype=float)
            if len(values) < 2:
                raise CourseError(f"{name} must have two differences or more; got {len(values)}.")
            found = stats.paired(np.zeros(len(values)), values, unit=unit)
            mean, low, high = found.mean, found.low, found.high
            ax.plot([low, high], [row, row], color=TRAIN["color"], linewidth=2.5)
            ax.plot(values, np.full(len(values), row - 0.22), "o", color="0.5", markersize=3.5)
            ax.plot([mean], [row], "D", color=TRAIN["color"], markersize=5)
            said.append(f"{name}, {unit}: {mean:+.1f} [{low:+.1f}, {high:+.1f}]")
        ax.axvline(0, color="k", linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        ax.set_ylim(len(names) - 0.5, -0.6)
        ax.grid(axis="y", visible=False)
        ax.set_xlabel(f"difference in {unit}")
    figure.suptitle(title, fontsize=11)
    show(figure, f"{title}. Mean and 95 % interval. {'; '.join(said)}.")


def waterfall(found: Mapping[str, Mapping[int, float]], title: str) -> None:
    """Draw what each step of a ladder changed, each bar from where the one before it ended.

    With two seeds or more the 95 % t interval of the paired change stands beside a bar, and a bar
    is grey where it holds zero; a bar to the left is hatched.

    Parameters
    ----------
    found : mapping of str to mapping of int to float
        For each step, in order, the validation accuracy in percent, by seed.
    title : str
        Title of the figure.
    """
    means = {step: float(np.mean(list(by_seed.values()))) for step, by_seed in found.items()}
    figure, ax = new_figure(size=(7, 0.8 + 0.36 * len(found)))
    ax.plot([next(iter(means.values()))], [0], "D", color="k")
    for row, (before, after) in enumerate(pairwise(found), start=1):
        seeds = sorted(found[before].keys() & found[after].keys())
        change, told, color = means[after] - means[before], "", TRAIN["color"]
        color = color if change > 0 else "#e07b00"
        if len(seeds) > 1:
            known = stats.paired(*([found[step][s] for s in seeds] for step in (before, after)))
            told = f" ({known.low:+z.2f} to {known.high:+z.2f})"
            color = color if known.clear else "0.8"
        ax.barh(row, change, left=means[before], color=color, hatch="" if change > 0 else "//")
        end = (means[before] + max(0.0, change), row)
        text = f"{change:+z.2f}{told}".replace("-", "−")
        ax.annotate(text, end, (4, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(means)), list(means))
    low, high = min(means.values()), max(means.values())
    ax.set_xticks([tick for tick in ax.get_xticks() if tick <= 100])
    ax.set(xlabel="validation accuracy (%)", title=title, ylim=(len(means) - 0.4, -0.6))
    ax.set_xlim(1.05 * low - 0.05 * high, 1.5 * high - 0.5 * low)
    show(figure, f"{title}. " + "; ".join(f"{k} {v:.1f} %" for k, v in means.items()) + ".")
