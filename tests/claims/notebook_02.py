"""Claims of notebook 02."""

from __future__ import annotations

import numpy as np
from measures import Claims, differences, gap, runs, says, validation_accuracy

NOTEBOOK = "02_deeper_vgg_style"


def early(arm: str) -> np.ndarray:
    """Validation accuracy, one row a seed, one column an epoch."""
    return np.array([record["history"]["val_accuracy"] for record in runs(NOTEBOOK, arm)])


CLAIMS: Claims = {
    "02-relu-noise": lambda: says(
        differences(NOTEBOOK, "F1", "relu", validation_accuracy), -0.7, -2.0, 0.6
    ),
    "02-depth-noise": lambda: says(
        differences(NOTEBOOK, "relu", "deeper", validation_accuracy), 0.6, -0.9, 2.0
    ),
    "02-dropout-costs": lambda: (
        says(differences(NOTEBOOK, "deeper", "deeper_dropout", gap), -2.6, -3.6, -1.7)
        and says(
            differences(NOTEBOOK, "deeper", "deeper_dropout", validation_accuracy), -5.3, -6.1, -4.4
        )
    ),
    "02-batchnorm-gap": lambda: (
        says(differences(NOTEBOOK, "deeper", "deeper_batchnorm", gap), 8.7, 7.9, 9.6)
        and says(
            differences(NOTEBOOK, "deeper", "deeper_batchnorm", validation_accuracy), 0.4, -1.2, 2.0
        )
    ),
    "02-batchnorm-early": lambda: bool(
        (differences(NOTEBOOK, "deeper", "deeper_batchnorm", lambda r: r["best_epoch"]) < 0).all()
    ),
    "02-frozen": lambda: early("cause_F3").max() < 0.25,
    "02-one-mend": lambda: (
        early("cause_F3_momentum")[:, 3].max() < 0.7
        and early("cause_F3_no_block_dropout")[:, 3].max() < 0.7
    ),
    "02-both-mends": lambda: early("cause_F3_both")[:, 1:].min() > 0.7,
}
