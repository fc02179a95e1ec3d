"""Redraw the embedded samples from the full sets: ``python -m course_utils.embedded.draw``.

The images and their order depend on the fixed seed alone. The bytes of a WebP file also depend
on the encoder's version, so ``--check`` compares the decoded images, which do not.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np

from course_utils.datasets._catalog import CATALOG, NAMES, SEED
from course_utils.datasets._embedded import POOLS, cut
from course_utils.datasets._fetch import official

COLUMNS = 100
# Where a sample's images come from, and which official classes become its labels 0, 1, …
ORIGIN = {name: (name, range(10)) for name in NAMES} | {"cats_vs_dogs": ("cifar10", (3, 5))}


def draw(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Choose the official indices of an embedded sample.

    Each pool has its official indices, round robin over the classes, so that every prefix of a pool
    is balanced. No two images of the sample are equal, within a pool or across pools.
    """
    # RandomState's stream is frozen for ever; Generator's may change between numpy releases.
    random = np.random.RandomState(SEED + list(NAMES).index(name))
    wanted, classes = CATALOG[name].embedded, ORIGIN[name][1]
    seen: set[bytes] = set()
    chosen: dict[str, list[list[int]]] = {pool: [] for pool in POOLS}
    for label in classes:
        for split, targets in (("train", ("train", "validation")), ("test", ("test",))):
            candidates = np.flatnonzero(arrays[f"y_{split}"] == label)
            candidates = iter(random.permutation(candidates).tolist())
            for pool in targets:
                picks: list[int] = []
                while len(picks) < wanted[pool] // len(classes):
                    candidate = next(candidates)
                    pixels = arrays[f"x_{split}"][candidate].tobytes()
                    if pixels not in seen:
                        seen.add(pixels)
                        picks.append(candidate)
                chosen[pool].append(picks)
    return {pool: np.array(picks).T.ravel() for pool, picks in chosen.items()}


def sample(name: str, arrays: dict[str, np.ndarray]) -> tuple[np.ndarray, dict]:
    """Return the images of an embedded sample, (n, h, w, c) uint8, and its index."""
    image, classes = CATALOG[name].image, list(ORIGIN[name][1])
    listing: dict = {"name": name, "from": ORIGIN[name][0], "columns": COLUMNS}
    parts = []
    for pool, indices in draw(name, arrays).items():
        split = "test" if pool == "test" else "train"
        labels = [classes.index(label) for label in arrays[f"y_{split}"][indices]]
        listing[pool] = {"split": split, "labels": labels, "indices": indices.tolist()}
        parts.append(arrays[f"x_{split}"][indices].reshape(-1, *image))
    images = np.concatenate(parts)
    listing["sha256"] = hashlib.sha256(images.tobytes()).hexdigest()
    return images, listing


def write(name: str, images: np.ndarray, listing: dict, folder: Path) -> None:
    """Write the atlas and the index, then decode the atlas and compare every image."""
    from PIL import Image

    count, height, width, channels = images.shape
    rows = -(-count // COLUMNS)
    grid = np.zeros((rows * COLUMNS, height, width, channels), np.uint8)
    grid[:count] = images
    atlas = grid.reshape(rows, COLUMNS, height, width, channels).swapaxes(1, 2)
    atlas = atlas.reshape(rows * height, COLUMNS * width, channels)
    atlas = np.broadcast_to(atlas, (*atlas.shape[:2], 3))
    path = folder / f"{name}.webp"
    Image.fromarray(np.ascontiguousarray(atlas)).save(
        path, "WEBP", lossless=True, quality=100, method=6
    )
    with Image.open(path) as picture:
        decoded = cut(np.asarray(picture.convert("RGB")), images.shape[1:], COLUMNS, count)
    if not np.array_equal(decoded, images):
        raise SystemExit(f"{path} does not decode to the images it was made from")
    text = json.dumps(listing, separators=(",", ":")).replace('},"', '},\n"') + "\n"
    (folder / f"{name}.json").write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Redraw, or with ``--check`` compare what a redraw would give with what is stored."""
    parser = argparse.ArgumentParser(description="Redraw the embedded samples.")
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME")
    parser.add_argument("--to", type=Path, default=Path(__file__).parent, metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="write nothing; compare")
    options = parser.parse_args(arguments)
    for name in options.names or NAMES:
        images, listing = sample(name, official(ORIGIN[name][0])[0])
        if options.check:
            stored = json.loads((options.to / f"{name}.json").read_text(encoding="utf-8"))
            if stored != listing:
                raise SystemExit(f"{name}: a redraw differs from what is stored")
            print(f"{name}: a redraw gives the stored sample")
        else:
            write(name, images, listing, options.to)
            size = (options.to / f"{name}.webp").stat().st_size
            print(f"{name}: {len(images)} images, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
