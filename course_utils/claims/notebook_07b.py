"""Claims of notebook 07b."""

from __future__ import annotations

from course_utils.claims import (
    Claims,
    Runs,
    claim,
    compare,
    computed,
    fact,
    setting,
    shown,
    values,
)
from course_utils.claims.measured import Change, Measured, Record
from course_utils.claims.measures import all_of, mean_of, test_accuracy
from course_utils.claims.notebook_07 import (
    CIFAR,
    CLOTHES,
    NAME,
    NOTEBOOK,
    PHOTOS,
    arm,
    cifar,
    one_view,
)

SETS = (CIFAR, CLOTHES, PHOTOS)
OURS, MUON = (Runs(NOTEBOOK, f"cifar10_{step}", "full") for step in ("ours", "ours_muon"))
SMALL, WHOLE = (Runs("07b_speed", "cifar10_record", scale) for scale in ("embedded", "full"))
ahead = compare(arm(CIFAR, "ours_muon"), SMALL, one_view, one_view)


def muon(images: str) -> Change:
    """What Muon in place of gradient descent changes in our recipe, with one view."""
    return compare(arm(images, "ours"), arm(images, "ours_muon"), one_view, differ=("muon",))


def petaflops(records: list[Record], operations: int | None = None) -> float:
    """10¹⁵ operations of a training: three ways of each picture through the network.

    Forward, and backward for signals and for weights. `operations` is one way's, where the records
    do not hold it.
    """
    (run, *_) = records
    return 3 * (operations or run["operations"]) * run["data"]["train"] * run["epochs"] / 1e15


def lowest(records: list[Record]) -> float:
    """Test accuracy in percent of the run that has the lowest."""
    return min(map(test_accuracy.of, records))


def cost(of: Runs, digits: int = 1) -> dict[str, Measured]:
    """Accuracy, length and price of a recipe at full size."""
    return {
        "right": computed(mean_of(test_accuracy), of, unit="%", digits=digits),
        "epochs": setting(of, "epochs"),
        "price": computed(petaflops, of, digits=2),
        "n": computed(len, of),
    }


# fmt: off
CLAIMS = Claims(
    "07b_speed",
    claim("07b-whitening",
          "In the capstone's network on {images} pictures of {cifar}, whitening in place of "
          "standardised colours changes the validation accuracy by {d}: {d:better}.",
          cifar=NAME, images=setting(arm(CIFAR, "whitening"), "data.train"),
          d=cifar["whitening"]),
    claim("07b-muon",
          "On the small samples, Muon in place of gradient descent makes the validation accuracy "
          "of ours {all:better}: by {a:size} on {cifar}, {b:size short} on Fashion-MNIST and "
          "{c:size short} on cats and dogs.",
          cifar=NAME, all=all_of(*map(muon, SETS)),
          **dict(zip("abc", map(muon, SETS), strict=True))),
    shown("07b-muon-full",
          "it has {right} of the test images right after {epochs} epochs and {price} · {unit} "
          "operations (n = {n}), and gradient descent {o_right} after {o_epochs} and {o_price} · "
          "{unit} (n = {o_n})",
          unit=fact("10¹⁵", "the unit"), **cost(MUON),
          **{f"o_{name}": each for name, each in cost(OURS).items()}),
    claim("07b-record",
          "Trained on {images} pictures of {cifar}, for {epochs} epochs and at {width} of its "
          "width, the record's recipe has {right} of the test images right. Against ours with "
          "Muon, with one view each, it is {d:undecided} on the validation images: {d}.",
          cifar=NAME, width=setting(SMALL, "parameters.width"),
          images=setting(SMALL, "data.train"), epochs=setting(SMALL, "epochs"),
          right=values(SMALL, test_accuracy), d=ahead),
    shown("07b-record-full",
          "it has {right} of the test images right after {epochs} epochs and {price} · {unit} "
          "operations (n = {n}; the lowest run has {low}), and ours with Muon {m_right} for "
          "{m_price} · {unit} (n = {m_n})",
          unit=fact("10¹⁵", "the unit"), low=computed(lowest, WHOLE, unit="%", digits=2),
          **cost(WHOLE, 2),
          **{f"m_{name}": cost(MUON, 2)[name] for name in ("right", "price", "n")}),
)
