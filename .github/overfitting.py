"""Draw the README's picture, overfitting.png, from the first recorded run of notebook 01."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from course_utils import ledger, plots

history = ledger.recorded("embedded", "01_baseline_overfit", "F1")[0]["history"]
training, validation = history["loss"], history["val_loss"]
epochs = np.arange(1, len(training) + 1)
turn = int(np.argmin(validation))

figure, ax = plots.new_figure(size=(8, 3.4))
ax.plot(epochs, training, **plots.TRAIN)
ax.plot(epochs, validation, **plots.VALIDATION)
ax.axvspan(turn + 1, len(training), color="0.95", zorder=0)
ax.plot([turn + 1], [validation[turn]], "v", color=plots.VALIDATION["color"], markersize=8)
ax.annotate(
    f"epoch {turn + 1}: the turn",
    (turn + 1, validation[turn]),
    xytext=(6, -8),
    textcoords="offset points",
    ha="left",
    va="top",
)
for values, text in ((training, "training pictures"), (validation, "new pictures")):
    style = plots.TRAIN if values is training else plots.VALIDATION
    at = round(0.8 * len(values))
    ax.annotate(
        text,
        (at, values[at - 1]),
        xytext=(0, 14),
        textcoords="offset points",
        ha="right",
        color=style["color"],
    )
ax.set_xlabel("epoch")
ax.set_ylabel("loss (nats per image)")
ax.set_title("Right of the turn, the network learns its pictures by heart")
ax.set_ylim(bottom=0)
figure.savefig(Path(__file__).with_name("overfitting.png"), dpi=100, metadata={"Software": None})
