"""A folder of the reader's own pictures, laid out as the course's: what is used, what is not."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import textwrap
import warnings
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.datasets._catalog import SEED, DataError
from course_utils.datasets._cats_vs_dogs import MARKER, SUBSET, complete
from course_utils.datasets._fetch import cache_dir, workplace

FORMATS = ("JPEG", "PNG", "GIF", "WEBP")
LEAST = 25  # pictures of a class: 15 to train, 5 to validate, 5 for the test
NO_CLASSES = {"train", "training", "test", "testing", "val", "valid", "validation"}
OF_THE_SYSTEM = {"thumbs.db", "desktop.ini", "__macosx"}


def own_pictures(folder: str | Path, size: int) -> Path:
    """Lay your own pictures out as ``{train,validation,test}/{class}/``, and say what is used.

    Each class has a subfolder; pictures in folders below it belong to it. The two classes with the
    most pictures are used, as many of the one as of the other. What is left out is printed, and
    why. Your files are only read.

    Parameters
    ----------
    folder : str or pathlib.Path
        Holds a subfolder for each class, with JPEG, PNG, GIF or WebP files of any size.
    size : int
        Height and width of the square that is cut from the middle of each picture, in pixels.
    """
    home = Path(folder).expanduser().absolute()
    try:
        files = [(kind.name, file) for kind in _classes(home) for file in _files(kind)]
        files += [("", path) for path in sorted(home.iterdir()) if path.is_file()]
        known = [(str(f), f.lstat().st_size, f.lstat().st_mtime_ns) for _, f in files]
    except OSError as error:
        raise DataError(
            f"pictures: {error.filename} cannot be read ({error.strerror}); give a folder that "
            f"holds a subfolder for each class. It was looked for from {Path.cwd()}."
        ) from error
    stamp = hashlib.sha256(json.dumps([size, known]).encode()).hexdigest()
    target = cache_dir() / "own_pictures" / stamp[:16]
    if not complete(target, "own", stamp):
        with workplace(target.parent, target.name) as work:
            if not complete(target, "own", stamp):  # made by another process meanwhile
                shutil.rmtree(work / "draft", ignore_errors=True)
                marker = _lay_out(work / "draft", home, files, size) | {"stamp": stamp}
                (work / "draft" / MARKER).write_text(json.dumps(marker), encoding="utf-8")
                shutil.rmtree(target, ignore_errors=True)
                os.replace(work / "draft", target)
    print(json.loads((target / MARKER).read_text(encoding="utf-8"))["report"])
    return target


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.lower() in OF_THE_SYSTEM


def _files(kind: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise error

    return sorted(
        Path(at, name) for at, _, names in os.walk(kind, onerror=refuse) for name in names
    )


def _classes(home: Path) -> list[Path]:
    """Folders of the classes, also below a folder in which nothing else lies."""
    held = sorted(path for path in home.iterdir() if not _is_hidden(path.name))
    inside = [path for path in held if path.is_dir()]
    if len(inside) == len(held) == 1 and any(path.is_dir() for path in inside[0].iterdir()):
        return _classes(inside[0])
    names = [path.name for path in inside]
    if inside and {name.lower() for name in names} <= NO_CLASSES:
        raise DataError(
            f"pictures: the subfolders of {home} are parts ({', '.join(names)}), not classes; give "
            f"one of them, such as {inside[0]}. The course makes parts of its own."
        )
    if len(inside) < 2:
        raise DataError(
            f"pictures: {home} needs a subfolder for each of two classes, and has "
            f"{' '.join(['only', *names]) if names else 'none'}. Put each class into one."
        )
    return inside


def _lay_out(draft: Path, home: Path, files: list[tuple[str, Path]], size: int) -> dict[str, Any]:
    """Write the pictures that are used; return what the marker says of them."""
    left: dict[str, list[str]] = defaultdict(list)  # files, by the reason why they are left out
    usable: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    seen: set[bytes] = set()
    for kind, file in files:
        name = file.relative_to(home).as_posix()
        hidden = any(map(_is_hidden, file.relative_to(home).parts))
        picture = "hidden, or the system's" if hidden else _read(file, size) if kind else "no class"
        if not isinstance(picture, str):
            digest = hashlib.sha256(picture.tobytes()).digest()
            if digest not in seen:
                seen.add(digest)
                usable[kind].append((name, picture))
                continue
            picture = "the same picture as another one"
        left[picture].append(name)
    chosen = sorted(sorted(usable, key=lambda kind: -len(usable[kind]))[:2])
    each = min(len(usable[kind]) for kind in chosen) if len(chosen) == 2 else 0
    for kind in usable.keys() - chosen:
        left["of a third class"] += [name for name, _ in usable.pop(kind)]
    ends = [0, *(round(share * each) for share in (0.6, 0.8, 1))]
    sizes: dict[str, int] = {}
    random = np.random.RandomState(SEED)
    for kind in chosen:
        order = [usable[kind][number] for number in random.permutation(len(usable[kind]))]
        left["more than the other class has"] += sorted(name for name, _ in order[each:])
        for part, begin, end in zip(SUBSET, ends, ends[1:], strict=False):
            (draft / part / kind).mkdir(parents=True)
            for number, (_, picture) in enumerate(order[begin:end]):
                file = draft / part / kind / f"{number:06}.png"
                picture.save(file)
                sizes[file.relative_to(draft).as_posix()] = file.stat().st_size
    report = [
        f"{len(names):6,}  "
        + textwrap.shorten(f"{why}: {', '.join(names[:4])}", 90, placeholder=" …")
        for why, names in left.items()
        if names
    ]
    report.insert(0, f"Left out: {sum(map(len, left.values())):,} of {len(files):,} files.")
    if each < LEAST:
        print(*report, sep="\n")
        have = ", ".join(f"{len(usable[kind])} of {kind}" for kind in chosen) or "none"
        raise DataError(
            f"pictures: each of two classes needs {LEAST} different pictures, and {home} has "
            f"{have} that can be used."
        )
    parts = "{:,} to train, {:,} to validate, {:,} to test".format(*np.diff(ends))
    report.insert(0, f"Used: {each:,} of {chosen[0]} and of {chosen[1]}: of each, {parts}.")
    source = f"own pictures of {chosen[0]} and {chosen[1]}"
    return {"data": "own", "source": source, "files": sizes, "report": "\n".join(report)}


def _read(file: Path, size: int) -> Any:
    """Return a square picture, or the reason why there is none."""
    from PIL import Image, ImageOps

    try:
        if not file.is_file() or not file.stat().st_size:
            return "empty" if file.is_file() else "no file"
        with warnings.catch_warnings(action="ignore"), Image.open(file, formats=FORMATS) as image:
            image.draft(None, (2 * size, 2 * size))  # a large JPEG is decoded small
            return ImageOps.fit(_coloured(ImageOps.exif_transpose(image)), (size, size))
    except Image.UnidentifiedImageError:
        return f"no {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    except Exception:  # Pillow raises whatever a broken file trips it over
        return "broken, or not to be read"


def _coloured(image: Any) -> Any:
    """Picture in RGB: 16 bits to 8, and white where it is transparent."""
    from PIL import Image

    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) / 257).round().clip(0, 255).astype(np.uint8))
    if "A" in image.mode or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
