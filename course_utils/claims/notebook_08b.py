"""Claims of notebook 08b."""

from __future__ import annotations

from course_utils.claims import Claims, Measure, Record, Runs, claim, compare, setting, values
from course_utils.claims.measures import gap, validation_accuracy

NOTEBOOK = "08b_look_at_the_pictures"
PLAIN, AUGMENTED = Runs(NOTEBOOK, "plain"), Runs(NOTEBOOK, "augmented")


def share_mended(record: Record) -> float:
    """Percent of the plain network's mistakes that the augmented one gets right."""
    wrong_before = record["wrong"] + record["mended"] - record["broken"]
    return 100 * record["mended"] / wrong_before


mended = Measure(share_mended, "%", digits=0)
broken = Measure(lambda r: r["broken"], "pictures", digits=0)
newly_right = Measure(lambda r: r["mended"], "pictures", digits=0)

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("08b-mended",
          "On {images} pictures and {epochs} epochs, augmentation mends {share} of the mistakes of "
          "the network without it.",
          images=setting(PLAIN, "data.train"), epochs=setting(PLAIN, "epochs"),
          share=values(AUGMENTED, mended)),
    claim("08b-broken",
          "On {images} validation pictures it mends {mended}, and breaks {broken}.",
          images=setting(PLAIN, "data.validation"), mended=values(AUGMENTED, newly_right),
          broken=values(AUGMENTED, broken)),
    claim("08b-accuracy",
          "The validation accuracy changes by {d}: {d:worse}, after a training that is short for "
          "augmentation. The gap is {gap:size} {gap:smaller}.",
          d=compare(PLAIN, AUGMENTED, validation_accuracy), gap=compare(PLAIN, AUGMENTED, gap)),
)
