"""Read the small real data sets that ship with the course: WebP atlases beside a JSON index."""

from __future__ import annotations

import hashlib
import io
import json
from importlib.resources import files

import numpy as np

from course_utils.datasets._catalog import CATALOG, DataError

POOLS = ("train", "validation", "test")


def index(name: str) -> dict:
    """Return the atlas's columns, the images' digest, and labels and official rows of each pool."""
    try:
        return json.loads(_read(f"{name}.json"))
    except ValueError as error:
        raise _damaged(f"{name}.json", "is damaged") from error


def pools(name: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return pool name to ``(images, labels)``: uint8, in stored order."""
    listing = index(name)
    labels = [np.array(listing[pool]["labels"], np.uint8) for pool in POOLS]
    *starts, count = np.cumsum([len(each) for each in labels])
    images = cut(_decode(name), CATALOG[name].image, listing["columns"], count)
    if hashlib.sha256(images.tobytes()).hexdigest() != listing["sha256"]:
        raise DataError(
            f"The embedded images of {CATALOG[name].title} do not match their digest: "
            "the file is damaged or this Pillow decodes WebP wrongly. Install the course again."
        )
    parts = zip(np.split(images, starts), labels, strict=True)
    return dict(zip(POOLS, parts, strict=True))


def cut(atlas: np.ndarray, image: tuple[int, int, int], columns: int, count: int) -> np.ndarray:
    """Cut an atlas (height, width, 3) into `count` images, row by row."""
    height, width, channels = image
    rows = atlas.shape[0] // height
    # WebP knows only colour: in a grey atlas the three channels are equal, one is enough.
    grid = atlas[..., :channels].reshape(rows, height, columns, width, channels)
    grid = grid.swapaxes(1, 2).reshape(rows * columns, height, width, channels)
    return np.ascontiguousarray(grid[:count])


def _read(file: str) -> bytes:
    try:
        return files("course_utils.embedded").joinpath(file).read_bytes()
    except OSError as error:
        raise _damaged(file, f"cannot be read ({error.strerror})") from error


def _damaged(file: str, what: str) -> DataError:
    return DataError(
        f"The embedded file {file} {what}. Install the course again: it ships with the package."
    )


def _decode(name: str) -> np.ndarray:
    from PIL import Image

    content = io.BytesIO(_read(f"{name}.webp"))
    try:
        with Image.open(content) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(f"{name}.webp", "is damaged") from error
