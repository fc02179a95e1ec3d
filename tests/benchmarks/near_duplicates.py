"""Write which test images nearly are training images, for notebook 07: run this file as it is.

The sets are those of notebook 07's profile `full`; the rows are in the order of its test set.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from course_utils import datasets
from course_utils.checks import is_on

TARGET = Path(__file__).resolve().parents[2] / "course_utils" / "reference" / "near_duplicates.json"
SETS = {"cifar10": (48_000, 2_000, 0.95), "fashion_mnist": (55_000, 5_000, 0.99)}


def main() -> None:
    """Look at both sets in full, two minutes."""
    written = {}
    for name, (train, validation, above) in SETS.items():
        full = datasets.load(name, "full", train_size=train, validation_size=validation)
        images = full.x_train, full.x_test, full.y_train, full.y_test
        found = is_on.near_duplicates(*images, above=above)
        print(f"{full.title}: {found}")
        rows = np.flatnonzero(found.facts["where"]).tolist()
        written[name] = {"train": train, "above": above, "test_rows": rows}
    TARGET.write_text(json.dumps(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
