"""Claims of notebook 00."""

from __future__ import annotations

from course_utils.claims import Claims, Record, Runs, claim, count, setting, shown, values
from course_utils.claims.measures import gap, test_accuracy

NOTEBOOK = "00_start_here"
HEALTHY, UNDERFIT = Runs(NOTEBOOK, "healthy"), Runs(NOTEBOOK, "underfit")


def at_chance(record: Record) -> bool:
    """Whether the validation accuracy is what guessing one of ten classes gives, all along."""
    return max(record["history"]["val_accuracy"]) < 0.15


# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("00-healthy",
          "Trained on {images} pictures for {epochs} epochs, at learning rate {rate}, the network "
          "of the next notebook recognises {test} of the test pictures.",
          images=setting(HEALTHY, "data.train"), epochs=setting(HEALTHY, "epochs"),
          rate=setting(HEALTHY, "parameters.learning_rate"), test=values(HEALTHY, test_accuracy)),
    claim("00-underfit",
          "With a hundredth of that learning rate it recognises {test:short}. {gap:Each} its gap "
          "is {gap:at most}, for it has learned little.",
          test=values(UNDERFIT, test_accuracy), gap=values(UNDERFIT, gap)),
    shown("00-too-high",
          "{stuck:Count} with this learning rate, the network guesses from the first epoch to the "
          "last.",
          stuck=count(Runs(NOTEBOOK, "rate_too_high"), at_chance)),
    shown("00-full", "{images} pictures",
          images=setting(Runs(NOTEBOOK, "healthy", "full"), "data.train")),
)
