"""Claims of notebook 07b."""

from __future__ import annotations

from course_utils.claims import Claims, claim, setting
from course_utils.claims.notebook_07 import CIFAR, NAME, arm, cifar

# fmt: off
CLAIMS = Claims(
    "07b_speed",
    claim("07b-whitening",
          "In the capstone's network on {images} pictures of {cifar}, whitening in place of "
          "standardised colours changes the validation accuracy by {d}: {d:better}.",
          cifar=NAME, images=setting(arm(CIFAR, "whitening"), "data.train"),
          d=cifar["whitening"]),
)
