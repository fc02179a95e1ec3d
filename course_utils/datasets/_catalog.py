"""What the course knows about its four data sets before it has read a byte of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from course_utils.errors import CourseError

SEED = 0  # of every draw and every split: two people who ask for the same sizes get the same images


class DataError(CourseError):
    """A data set cannot be had as asked; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """One data set: its names, its shapes and the digests any copy of it must have."""

    title: str
    class_names: tuple[str, ...]  # position i names label i
    image: tuple[int, int, int]  # height, width and channels
    splits: dict[str, int]  # images of the official split; empty where they are files
    embedded: dict[str, int]  # images of the embedded pools
    drawn_from: str  # the data set that the embedded images are from
    # SHA-256 of the raw bytes (C order, uint8) of each official array
    digests: dict[str, str] = field(default_factory=dict)

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of an official array, e.g. ``shape("x_train")``; grey images have no channel."""
        kind, split = key.split("_")
        height, width, channels = self.image
        pixels = (height, width) if channels == 1 else (height, width, channels)
        return (self.splits[split],) + (pixels if kind == "x" else ())


KEYS = ("x_train", "y_train", "x_test", "y_test")

# fmt: off
CATALOG = {
    "fashion_mnist": Entry(
        title="Fashion-MNIST",
        class_names=(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
            "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
        ),
        image=(28, 28, 1),
        splits={"train": 60000, "test": 10000},
        embedded={"train": 6000, "validation": 2000, "test": 2000},
        drawn_from="the official Fashion-MNIST set",
        digests={
            "x_train": "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012",
            "y_train": "657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
            "x_test": "c867c93ff95360594e8ec3287995350b824dd110b11595c0e13d5423f621867a",
            "y_test": "3d0e6c6ea990b53b6f8f500a41cac93881d981b315f84578b7d915342ade01e9",
        },
    ),
    "mnist": Entry(
        title="MNIST",
        class_names=tuple("0123456789"),
        image=(28, 28, 1),
        splits={"train": 60000, "test": 10000},
        embedded={"train": 6000, "validation": 2000, "test": 2000},
        drawn_from="the official MNIST set",
        digests={
            "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
            "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
            "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
            "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
        },
    ),
    "cifar10": Entry(
        title="CIFAR-10",
        class_names=(
            "airplane", "automobile", "bird", "cat", "deer",
            "dog", "frog", "horse", "ship", "truck",
        ),
        image=(32, 32, 3),
        splits={"train": 50000, "test": 10000},
        embedded={"train": 4000, "validation": 1000, "test": 1000},
        drawn_from="the official CIFAR-10 set",
        digests={
            "x_train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
            "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
            "x_test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
            "y_test": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
        },
    ),
    # The embedded cats and dogs are CIFAR-10's; the full set is photographs, kept as files.
    "cats_vs_dogs": Entry(
        title="Dogs vs Cats",
        class_names=("cat", "dog"),
        image=(32, 32, 3),
        splits={},
        embedded={"train": 1000, "validation": 400, "test": 600},
        drawn_from="the cat and dog classes of CIFAR-10",
    ),
}
# fmt: on

NAMES = tuple(CATALOG)


def choice(parameter: str, value: object, allowed: tuple[str, ...]) -> str:
    """Return `value` if it is one of `allowed`, else raise a sentence that lists them."""
    if value not in allowed:
        options = ", ".join(repr(option) for option in allowed)
        raise DataError(f"{parameter}={value!r} is not known here: use one of {options}.")
    return value
