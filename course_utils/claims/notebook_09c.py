"""Claims of notebook 09c."""

from __future__ import annotations

from course_utils.claims import Claims, Runs, claim, compare, setting
from course_utils.claims.measures import gap, test_accuracy

NOTEBOOK = "09c_borrowed_features"
SCRATCH, BORROWED, FINETUNED = (
    {size: Runs(NOTEBOOK, f"{arm}_{size}") for size in (100, 1000)}
    for arm in ("scratch", "borrowed", "finetuned")
)
few = compare(SCRATCH[100], BORROWED[100], test_accuracy)
many = compare(SCRATCH[1000], BORROWED[1000], test_accuracy)
tuned_few = compare(SCRATCH[100], FINETUNED[100], test_accuracy)
tuned_many = compare(SCRATCH[1000], FINETUNED[1000], test_accuracy)

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("09c-few",
          "With {n} cats and dogs, features borrowed from {source} other pictures change the test "
          "accuracy by {d}: {d:undecided}.",
          n=setting(SCRATCH[100], "data.train"), source=setting(BORROWED[100], "parameters.source"),
          d=few),
    claim("09c-many",
          "With {n} of them, the same change is {d}: {d:worse}.",
          n=setting(SCRATCH[1000], "data.train"), d=many),
    claim("09c-finetuned",
          "Fine-tuned, all of the network changes the test accuracy by {a} with {few} of them: "
          "{a:undecided}; and by {b:short} with {many}: {b:better}.",
          few=setting(SCRATCH[100], "data.train"), many=setting(SCRATCH[1000], "data.train"),
          a=tuned_few, b=tuned_many),
    claim("09c-gap",
          "With {n} of them the borrowed head {gap:narrows} the gap by {gap:size}.",
          n=setting(SCRATCH[1000], "data.train"),
          gap=compare(SCRATCH[1000], BORROWED[1000], gap)),
)
