"""Claims of notebook 07."""

from __future__ import annotations

from itertools import pairwise

from course_utils.claims import (
    Claims,
    Measure,
    Runs,
    claim,
    compare,
    computed,
    fact,
    setting,
    shown,
)
from course_utils.claims.measured import Change
from course_utils.claims.measures import (
    accuracy_of,
    all_of,
    entropy_of,
    gap,
    test_accuracy,
    validation_accuracy,
)

NOTEBOOK = "07_capstone"
PHOTOS, CIFAR, CLOTHES, DIGITS = "cats_vs_dogs", "cifar10", "fashion_mnist", "mnist"
STEPS = {  # arm: the parameters in which it differs from the one before
    "published": (),
    "batch_norm": ("batch_norm",),
    "one_cycle": ("one_cycle", "batch_size"),
    "augmentation": ("augmentation",),
    "network": ("published_net",),
    "whitening": ("whitening",),
    "weight_decay": ("weight_decay",),
    "ours": ("label_smoothing",),
}
ALL_STEPS = tuple(dict.fromkeys(name for names in STEPS.values() for name in names))

one_view = accuracy_of(lambda r: 100 * r["one_view"]["accuracy"])
cross_entropy = entropy_of(lambda r: r["one_view"]["cross_entropy"])  # and without the smoothing


def arm(images: str, step: str) -> Runs:
    """The runs of a step on the small sample of a set."""
    return Runs(NOTEBOOK, f"{images}_{step}")


def changes(images: str, measure: Measure = one_view) -> dict[str, Change]:
    """What each step of a set's ladder changes; MNIST's is shorter."""
    steps = [s for s in STEPS if images != DIGITS or s not in ("batch_norm", "whitening")]
    return {
        after: compare(arm(images, before), arm(images, after), measure, differ=STEPS[after])
        for before, after in pairwise(steps)
    }


def two_views(images: str) -> Change:
    """What the mirrored view adds to one view of the same network."""
    return compare(arm(images, "ours"), arm(images, "ours"), one_view, validation_accuracy)


def in_each(step: str) -> dict[str, Change]:
    """What a step changes on each set, named for a sentence."""
    return {name: steps[step] for name, steps in zip("abcd", LADDERS, strict=True)}


SETS = (CIFAR, CLOTHES, PHOTOS, DIGITS)
LADDERS = cifar, clothes, photos, digits = [changes(images) for images in SETS]
ahead = [
    compare(arm(images, "published"), arm(images, "ours"), test_accuracy, differ=ALL_STEPS)
    for images in SETS
]
decay, smoothing = in_each("weight_decay"), in_each("ours")
NAME = fact("CIFAR-10", "its name")
L1 = Runs(NOTEBOOK, "cifar10_published", "full")
L1_AS_PUBLISHED = Runs("05_l2_regularization", "l2_1e-3", "full", "published")

# fmt: off
CLAIMS = Claims(
    NOTEBOOK,
    claim("07-ahead",
          "On the test images of the small samples ours is {all:better} than the published recipe: "
          "by {a:size} on {cifar}, {b:size short} on Fashion-MNIST, {c:size short} on cats and "
          "dogs, {d:size short} on MNIST.",
          cifar=NAME, all=all_of(*ahead), **dict(zip("abcd", ahead, strict=True))),
    claim("07-steps",
          "On {cifar}, {all:better} with each of these steps: batch norm {a}, one cycle {b:short}, "
          "augmentation {c:short}, the network {d:short}, whitening {e:short}. Augmentation "
          "{narrow:narrows} the gap by {narrow:size short}.",
          cifar=NAME, all=all_of(*list(cifar.values())[:5]),
          **dict(zip("abcde", cifar.values(), strict=False)),
          narrow=changes(CIFAR, gap)["augmentation"]),
    claim("07-nothing",
          "Weight decay, {a} on {cifar}, {b:short} on Fashion-MNIST and {d:short} on MNIST: "
          "{decay:equal}; {c:short} on cats and dogs: {c:undecided}. Label smoothing, "
          "{smooth_d:short} on MNIST: {smooth_d:better}; {smooth_b:short} on Fashion-MNIST: "
          "{smooth_b:equal}; {smooth_a:short} on {cifar} and {smooth_c:short} on cats and dogs: "
          "{open:undecided}.",
          cifar=NAME, **decay, decay=all_of(decay["a"], decay["b"], decay["d"]),
          **{f"smooth_{name}": change for name, change in smoothing.items()},
          open=all_of(smoothing["a"], smoothing["c"])),
    claim("07-smoothing",
          "Label smoothing {a:raises} the cross-entropy on {cifar} by {a:size}, {b:raises} it on "
          "Fashion-MNIST by {b:size short} and {d:raises} it on MNIST by {d:size short}. On cats "
          "and dogs, with {epochs} epochs, it {c:lowers} it by {c:size short}.",
          cifar=NAME, epochs=setting(arm(PHOTOS, "ours"), "epochs"),
          **{n: changes(s, cross_entropy)["ours"] for n, s in zip("abcd", SETS, strict=True)}),
    claim("07-clothes",
          "On Fashion-MNIST, {all:worse} with each of {three} of them, taken in the published "
          "network: batch norm {a}, one cycle {b:short}, augmentation {c:short}. Then the network "
          "{d:gains} {d:size short}.",
          three=fact("three", "how many follow"), all=all_of(*list(clothes.values())[:3]),
          **dict(zip("abcd", clothes.values(), strict=False))),
    claim("07-animals",
          "On cats and dogs the network {d:gains} {d:size} and whitening {e:gains} "
          "{e:size short}; our augmentation in place of that of the published network {c:costs} "
          "{c:size short}. Batch norm, {a:short}, and one cycle, {b:short}: {open:undecided}.",
          open=all_of(photos["batch_norm"], photos["one_cycle"]),
          **dict(zip("abcde", photos.values(), strict=False))),
    claim("07-two-views",
          "A flip at test time, on validation images: {a} on {cifar}; {b:short} on Fashion-MNIST, "
          "{b:equal}; {c:short} on cats and dogs, {c:undecided}. On the test images of {cifar}, "
          "ours, asked for both views, does not beat the step before it, which has no label "
          "smoothing and sees one view: {test:short}, {test:undecided}.",
          cifar=NAME, **{n: two_views(s) for n, s in zip("abc", SETS, strict=False)},
          test=changes(CIFAR, test_accuracy)["ours"]),
    shown("07-l1",
          "with {images} pictures in place of {published} it reaches {test} on the test images",
          images=setting(L1, "data.train"), published=setting(L1_AS_PUBLISHED, "data.train"),
          test=computed(lambda of: test_accuracy.of(of[0]), L1, unit="%", digits=1)),
)
