"""Write what the small sizes foretell for the full set, for notebook 09: run this file as it is.

It refuses once a run on the full set is recorded: a forecast that is made afterwards is none.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from course_utils import laws, ledger

NOTEBOOK, PICTURES = "09_data_and_size", 48_000
TARGET = Path(__file__).resolve().parents[2] / "course_utils" / "reference" / "forecast.json"


def main() -> None:
    """Fit both laws to both learning curves."""
    if any(ledger.recorded("full", NOTEBOOK, f"{arm}_to_{PICTURES}") for arm in ARMS):
        raise SystemExit("Runs on the full set are recorded: it is too late for a forecast.")
    told = {arm: laws.forecast(small_sizes(arm), PICTURES) for arm in ARMS}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    written = {"written": now, "pictures": PICTURES, "forecast": told}
    TARGET.write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")


ARMS = ("plain", "augmented")


def small_sizes(arm: str) -> list[ledger.Record]:
    """The recorded runs of an arm on up to 8,000 pictures."""
    return ledger.recorded("full", NOTEBOOK, f"{arm}_to_8000")


if __name__ == "__main__":
    main()
