"""Cats and dogs as image folders: the embedded sample, or the published subset of photographs."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from course_utils.datasets import _embedded, _photographs
from course_utils.datasets._catalog import CATALOG, DataError, choice
from course_utils.datasets._fetch import cache_dir, data_dir, set_aside, workplace

NAME = "cats_vs_dogs"
SMALL = "cats_vs_dogs_small"
CLASSES = CATALOG[NAME].class_names
# The published subset, by the number in the file's name, the same for each class.
SUBSET = {"train": range(1000), "validation": range(1000, 1500), "test": range(1500, 2500)}
MARKER = "course.json"  # written last; a folder without it is not finished, or not ours


def image_folders(data: str = "embedded", *, folder: str | Path | None = None) -> Path:
    """Lay cats and dogs out as ``cats_vs_dogs_small/{train,validation,test}/{cat,dog}/``.

    Parameters
    ----------
    data : {"embedded", "full"}
        The embedded sample as 32×32 PNG files (cats and dogs of CIFAR-10), or the published
        subset of the photographs: 2,000 / 1,000 / 2,000 JPEG files.
    folder : str or pathlib.Path, optional
        Where to put ``cats_vs_dogs_small``; by default a folder of the user's cache. Files that
        are there already and complete are used as they are.

    Notes
    -----
    Nobody has published digests of the photographs. What is verified is that all names of the
    subset are there, and that each file is a whole JPEG and another than the rest.
    """
    choice("data", data, ("embedded", "full"))
    home = cache_dir() / f"{NAME}_{data}" if folder is None else Path(folder).expanduser()
    target = home / SMALL
    if folder is not None:
        _refuse_foreign(target, data)
    if data == "embedded":
        digest = _embedded.index(NAME)["sha256"]
        if not complete(target, data, digest):
            with workplace(home, NAME) as work:
                if not complete(target, data, digest):
                    _build(target, work, data, digest, _embedded_files())
        return target
    found = find_photographs()
    if (not found or found[1].name == SMALL) and complete(target, "full"):
        return target  # the zip is gone, the finished folder is enough
    if not found or not complete(target, data, _photographs.stamp(found[1], _wanted())):
        with workplace(home, NAME) as work:
            _build_photographs(target, work)
    return target


def provenance(folder: str | Path) -> str:
    """Return the sentence that says where the images in a folder of `image_folders` are from."""
    try:
        return json.loads((Path(folder) / MARKER).read_text(encoding="utf-8"))["source"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder} was not made by datasets.image_folders: call it to make the folder."
        ) from error


def find_photographs() -> tuple[str, Path] | None:
    """Return which branch would serve the photographs now, and the zip or the folder."""
    shared = data_dir()
    places = [("COURSE_DATA_DIR", shared)] if shared else []
    for where, place in [*places, ("cache", cache_dir())]:
        # os.path answers False where a folder may not be entered; pathlib raises.
        for folder in ("dogs-vs-cats/train/train", "dogs-vs-cats/train"):
            if os.path.isdir(place / folder):
                return where, place / folder
        if os.path.isfile(place / "dogs-vs-cats.zip"):
            return where, place / "dogs-vs-cats.zip"
    built = cache_dir() / f"{NAME}_full" / SMALL
    return ("cache", built) if complete(built, "full") else None


def photographs(folder: Path | None = None) -> tuple[Path, str]:
    """Return the zip or folder of photographs and where it came from; download it if need be.

    With a `folder`, put a copy there in canonical form instead of using the nearest one.
    """
    found = find_photographs()
    if found and found[1].name == SMALL:
        found = None
    home = folder or cache_dir()
    if found and (folder is None or found[1].resolve().is_relative_to(folder.resolve())):
        return found[1], found[0] if folder is None else "already there"
    target = home / "dogs-vs-cats.zip"
    with workplace(home, "dogs-vs-cats") as work:
        if target.exists():
            return target, "already there"
        if found and found[1].is_dir():
            target = home / "dogs-vs-cats" / "train"
            if target.exists():
                return target, "already there"
            shutil.rmtree(work / "train", ignore_errors=True)  # of a copy that was broken off
            shutil.copytree(found[1], work / "train")
            target.parent.mkdir(exist_ok=True)
            os.replace(work / "train", target)
        elif found:
            shutil.copyfile(found[1], work / target.name)
            os.replace(work / target.name, target)
        else:
            os.replace(_photographs.download(work, home), target)
    return target, f"copied from {found[0]}" if found else "downloaded"


def fetch_photographs(folder: Path | None) -> tuple[Path, str]:
    """Do for the photographs what `datasets.fetch` promises."""
    if folder is None:
        subset = image_folders("full")  # reads and checks every photograph
        found = find_photographs()
        return found[1] if found else subset, provenance(subset)
    path, source = photographs(folder)
    try:
        with (
            workplace(folder, "dogs-vs-cats") as work,
            _photographs.opened(path, work, _wanted()) as read,
        ):
            files = ((f"{to}/{name}", read(name)) for name, to in _wanted().items())
            for _ in _photographs.checked(files, path):
                pass
    except DataError as error:
        raise DataError(
            f"{error}; it is {source}. Delete it and run `course data {NAME} --to {folder}`."
        ) from error
    return path, f"full set, {source}"


def _wanted() -> dict[str, str]:
    """Return file name to ``part/class`` for every photograph of the published subset."""
    return {
        f"{kind}.{number}.jpg": f"{part}/{kind}"
        for part, numbers in SUBSET.items()
        for kind in CLASSES
        for number in numbers
    }


def _build_photographs(target: Path, work: Path) -> None:
    """Build the published subset; a wrong zip in the cache is set aside and fetched anew."""
    for last in (False, True):
        origin, where = photographs()
        shared = where == "COURSE_DATA_DIR"
        try:
            stamp = _photographs.stamp(origin, _wanted())
            if complete(target, "full", stamp):  # built by another process meanwhile
                return
            words = "local copy in COURSE_DATA_DIR" if shared else "user's cache"
            with _photographs.opened(origin, work, _wanted()) as read:
                source = f"full set, {words}{_photographs.size_note(read, _wanted())}"
                files = ((f"{to}/{name}", read(name)) for name, to in _wanted().items())
                _build(target, work, "full", stamp, (source, _photographs.checked(files, origin)))
            return
        except DataError as error:
            if shared or last or origin.is_dir() or not origin.is_file():
                raise DataError(
                    f"{error}. Delete it and run `course data {NAME}`"
                    f"{', or unset COURSE_DATA_DIR' if shared else ''}."
                ) from error
            set_aside(origin, str(error))


def _embedded_files() -> tuple[str, Iterator[tuple[str, bytes]]]:
    """Return the source and the PNG files of the embedded sample, path by path."""
    from PIL import Image

    def files() -> Iterator[tuple[str, bytes]]:
        for part, (images, labels) in _embedded.pools(NAME).items():
            for number, (image, label) in enumerate(zip(images, labels, strict=True)):
                buffer = io.BytesIO()
                Image.fromarray(image).save(buffer, "PNG")
                # Padded numbers: alphabetical order, which Keras reads in, is the stored order.
                yield (
                    f"{part}/{CLASSES[label]}/{CLASSES[label]}.{number:04d}.png",
                    buffer.getvalue(),
                )

    return f"embedded sample, drawn from {CATALOG[NAME].drawn_from}", files()


def complete(target: Path, data: str, stamp: str | None = None) -> bool:
    """Whether `target` is a finished folder of this kind, from this origin, nothing missing."""
    try:
        marker = json.loads((target / MARKER).read_text(encoding="utf-8"))
        if marker["data"] != data or stamp not in (None, marker["stamp"]):
            return False
        # What else lies there, .DS_Store or a file of the reader's, does not matter.
        return all((target / n).stat().st_size == size for n, size in marker["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _build(
    target: Path,
    work: Path,
    data: str,
    stamp: str,
    content: tuple[str, Iterator[tuple[str, bytes]]],
) -> None:
    """Write the files into the scratch folder, then move it into place in one step."""
    draft, old = work / SMALL, work / "old"
    for leftover in (draft, old):
        shutil.rmtree(leftover, ignore_errors=True)
    for part, kind in itertools.product(SUBSET, CLASSES):
        (draft / part / kind).mkdir(parents=True)
    source, files = content
    sizes = {}
    for name, content_of in files:
        (draft / name).write_bytes(content_of)
        sizes[name] = len(content_of)
    marker = {"data": data, "stamp": stamp, "source": source, "files": sizes}
    (draft / MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    if target.exists():
        for path in target.rglob("*"):  # what the reader has put there moves with the folder
            copy = draft / path.relative_to(target)
            if path.is_file() and not copy.exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
        os.replace(target, old)
    os.replace(draft, target)


def _refuse_foreign(target: Path, data: str) -> None:
    """Refuse a folder with other images, or one that the course did not write."""
    if not os.path.exists(target):
        return
    held = None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        held = json.loads((target / MARKER).read_text(encoding="utf-8"))["data"]
    if held != data:
        what = f"the {held} images" if held else "something that the course did not write"
        raise DataError(
            f"{target} already holds {what}: move it away, or pass another folder to image_folders."
        )
