"""Claims of notebook 00."""

from __future__ import annotations

from course_utils.claims import Claims, Record, count, runs, setting, shown

NOTEBOOK = "00_start_here"


def at_chance(record: Record) -> bool:
    """Whether the validation accuracy is what guessing one of ten classes gives, all along."""
    return max(record["history"]["val_accuracy"]) < 0.15


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    shown("00-too-high",
          "{stuck:Count} with this learning rate, the network guesses from the first epoch to the "
          "last.",
          stuck=count(runs(NOTEBOOK, "rate_too_high"), at_chance)),
    shown("00-full", "{images} pictures",
          images=setting(runs(NOTEBOOK, "healthy", "full"), "data.train")),
)
