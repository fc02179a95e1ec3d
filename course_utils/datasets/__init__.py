"""Where the images come from: an embedded sample, or the full set, always verified.

>>> from course_utils import datasets
>>> shirts = datasets.load("fashion_mnist", train_size=1000)
>>> shirts.x_train.shape, shirts.x_train.dtype
((1000, 28, 28, 1), dtype('uint8'))
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.datasets import _cats_vs_dogs, _embedded, _fetch
from course_utils.datasets._catalog import CATALOG, NAMES, SEED, DataError, choice
from course_utils.datasets._cats_vs_dogs import image_folders, provenance
from course_utils.datasets._fetch import cache_dir
from course_utils.datasets._own import own_pictures


@dataclass(frozen=True, eq=False)  # whether two are equal has no short answer
class Dataset:
    """Three disjoint sets of images, and where they came from.

    Images are uint8 of shape (n, height, width, channels), labels uint8 of shape (n,).
    """

    name: str  # such as "fashion_mnist"
    data: str  # "embedded" or "full"
    title: str  # such as "Fashion-MNIST"
    class_names: tuple[str, ...]  # position i names label i
    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    source: str  # one sentence of provenance
    split: str  # "stratified" or "published"

    def __repr__(self) -> str:
        """Say what is in it, in one line; the arrays themselves would fill the page."""
        counts = " / ".join(
            f"{len(labels):,}" for labels in (self.y_train, self.y_validation, self.y_test)
        )
        return f"<{self.title}: {counts} train / validation / test images; {self.source}>"


def load(
    name: str,
    data: str = "embedded",
    *,
    train_size: int | None = None,
    validation_size: int | None = None,
    test_size: int | None = None,
    split: str = "stratified",
) -> Dataset:
    """Load a data set as three disjoint sets of images.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    data : {"embedded", "full"}
        The sample that ships with the course (never touches the network), or the full set from
        ``COURSE_DATA_DIR``, the user's cache or a download, whichever has it first.
    train_size, validation_size, test_size : int, optional
        How many images; None takes all. For the full set, a sixth of the official training
        split goes to validation and the rest to training unless they are given.
    split : {"stratified", "published"}
        How the full set's official training split is parted: shuffled with a fixed seed in
        equal class shares, or as Keras's ``validation_split`` does it: the first images train,
        the last validate. The embedded sample has its parts stored and gives the same for both.

    Returns
    -------
    Dataset
        uint8 images and labels. Validation images always come from the official training
        split, test images from the official test split.
    """
    choice("name", name, NAMES)
    choice("data", data, ("embedded", "full"))
    choice("split", split, ("stratified", "published"))
    asked = {"train": train_size, "validation": validation_size, "test": test_size}
    entry = CATALOG[name]
    if data == "embedded":
        limits = sizes(name, data)
        what = f"the embedded {{}} set of {entry.title} has {{:,}} images"
        counts = {
            part: _size(f"{part}_size", asked[part], limit, what.format(part, limit))
            for part, limit in limits.items()
        }
        parts = {
            part: (images[: counts[part]], labels[: counts[part]])
            for part, (images, labels) in _embedded.pools(name).items()
        }
        source = f"embedded sample, drawn from {entry.drawn_from}"
    else:
        if not entry.splits:
            raise DataError(
                f"The full {entry.title} set is photographs of many sizes and not one array: "
                'use datasets.image_folders("full") and keras.utils.image_dataset_from_directory.'
            )
        counts = _full_counts(name, asked)
        arrays, source = _fetch.official(name)
        parts = _full_parts(arrays, counts, split, entry.image)
    told: dict[str, Any] = {"title": entry.title, "class_names": entry.class_names}
    for part, (images, labels) in parts.items():
        told |= {f"x_{part}": images, f"y_{part}": labels}
    return Dataset(name=name, data=data, split=split, source=source, **told)


def sizes(name: str, data: str = "embedded") -> dict[str, int]:
    """Return how many images there are to choose from, for ``train``, ``validation``, ``test``.

    In the full arrays train and validation are parts of one official training split: together they
    may not exceed either number.
    """
    choice("name", name, NAMES)
    choice("data", data, ("embedded", "full"))
    entry = CATALOG[name]
    if data == "embedded":
        return dict(entry.embedded)
    if not entry.splits:
        return {part: 2 * len(numbers) for part, numbers in _cats_vs_dogs.SUBSET.items()}
    train, test = entry.splits["train"], entry.splits["test"]
    return {"train": train, "validation": train, "test": test}


def find(name: str) -> tuple[str, Path] | None:
    """Say where a full set would come from now, without reading it.

    That is ``"COURSE_DATA_DIR"`` or ``"cache"`` and the file or folder; None means a download.
    """
    choice("name", name, NAMES)
    return _fetch.find_arrays(name) if CATALOG[name].splits else _cats_vs_dogs.find_photographs()


def fetch(name: str, folder: str | Path | None = None) -> tuple[Path, str]:
    """Make sure that a full set is on this machine and is what was published.

    With a `folder`, a copy in canonical form is put there. Without it, a set that neither
    ``COURSE_DATA_DIR`` nor the user's cache has is downloaded into the cache. Returned are the file
    or folder, and where its bytes came from.
    """
    choice("name", name, NAMES)
    folder = Path(folder).expanduser() if folder is not None else None
    if not CATALOG[name].splits:
        return _cats_vs_dogs.fetch_photographs(folder)
    if folder is not None:
        return _fetch.copy_to(name, folder)
    source = _fetch.official(name)[1]
    found = _fetch.find_arrays(name)
    assert found is not None  # it has just been read from there
    return found[1], source


def _full_counts(name: str, asked: dict[str, int | None]) -> dict[str, int]:
    """Settle the three sizes of a full set before anything is read or downloaded."""
    title, pool = CATALOG[name].title, CATALOG[name].splits
    official = f"{title} has {pool['train']:,} official training images"
    sixth = pool["train"] // 6 if asked["validation"] is None else asked["validation"]
    validation = _size("validation_size", sixth, pool["train"] - 1, official)
    tests = f"{title} has {pool['test']:,} test images"
    test = _size("test_size", asked["test"], pool["test"], tests)
    why = f"{official}, of which validation takes {validation:,}"
    train = _size("train_size", asked["train"], pool["train"] - validation, why)
    return {"train": train, "validation": validation, "test": test}


def _size(parameter: str, value: int | None, limit: int, what: str) -> int:
    """Return a size, `limit` where it is None; raise a sentence where it cannot be had."""
    if value is None:
        return limit
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < 1:
        raise DataError(f"{parameter}={value!r} must be a whole number from 1 to {limit:,}.")
    if value > limit:
        raise DataError(f"{parameter}={value:,} is too large: {what}, use at most {limit:,}.")
    return int(value)


def _full_parts(
    arrays: dict[str, np.ndarray], counts: dict[str, int], split: str, image: tuple[int, int, int]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Part the official arrays as `load` describes."""
    order, test_order = (
        np.arange(len(labels)) if split == "published" else _stratified_order(labels)
        for labels in (arrays["y_train"], arrays["y_test"])
    )
    chosen = {
        "train": ("train", order[: counts["train"]]),
        "validation": ("train", order[len(order) - counts["validation"] :]),
        "test": ("test", test_order[: counts["test"]]),
    }
    return {
        part: (arrays[f"x_{pool}"][rows].reshape(-1, *image), arrays[f"y_{pool}"][rows])
        for part, (pool, rows) in chosen.items()
    }


def _stratified_order(labels: np.ndarray) -> np.ndarray:
    """Shuffle within each class, then interleave the classes in proportion.

    Every stretch of the result, from the front or from the back, has the class shares of the
    whole. So a validation set taken from the back stays the same whatever the training size.
    """
    # RandomState's stream is frozen for ever; Generator's may change between numpy releases.
    random = np.random.RandomState(SEED)
    position = np.empty(len(labels))
    for label in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == label))
        position[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.lexsort((labels, position))
