"""A folder of the reader's own pictures: what is used, what is left out, and that notebook 04 runs.

Each folder is one that somebody brought to a course: from a telephone, a Mac, a scanner, the web.
"""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_sets
import numpy as np
import processes
import pytest
from PIL import Image
from test_photographs import enormous

from course_utils import datasets
from course_utils.datasets import DataError

RED, BLUE = (220, 30, 30), (30, 30, 220)


def photograph(number: int, colour: tuple[int, int, int] = RED) -> Image.Image:
    """A picture of one colour with a little noise, so that no two are the same."""
    noise = np.random.RandomState(number).randint(-25, 25, (40, 48, 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def save(path: Path, image: Image.Image | None = None, **how: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (photograph(1) if image is None else image).save(path, **how)
    return path


@pytest.fixture
def mine(cache: Path, place: Path) -> Path:
    """Thirty pictures of each of two classes."""
    folder = place / "mine"
    for kind, colour, first in (("boat", BLUE, 0), ("car", RED, 100)):
        for number in range(30):
            save(folder / kind / f"{number:02}.png", photograph(first + number, colour))
    return folder


def used(folder: Path) -> dict[str, int]:
    """How many pictures lie in each part and class."""
    names = [path.relative_to(folder).parent.as_posix() for path in folder.rglob("*.png")]
    return {name: names.count(name) for name in sorted(set(names))}


def whole(n: int, *kinds: str) -> dict[str, int]:
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    return {f"{p}/{k}": round(share * n) for p, share in sorted(shares.items()) for k in kinds}


def test_what_is_used_is_said(mine: Path, capsys: Any) -> None:
    before = {path: path.read_bytes() for path in mine.rglob("*.*")}
    folder = datasets.own_pictures(mine, 32)
    assert used(folder) == whole(30, "boat", "car")
    assert datasets.provenance(folder) == "own pictures of boat and car"
    said = capsys.readouterr().out
    assert "Used: 30 of boat and of car: of each, 18 to train, 6 to validate, 6 to test." in said
    assert "Left out: 0 of 60 files." in said
    assert {path: path.read_bytes() for path in mine.rglob("*.*")} == before
    # again: the same, from the cache, and said once more
    assert datasets.own_pictures(str(mine), 32) == folder and capsys.readouterr().out == said
    # another size, or another picture, is another set
    assert datasets.own_pictures(mine, 24) != folder
    save(mine / "car" / "more.png", photograph(999))
    assert datasets.own_pictures(mine, 32) != folder


def test_no_picture_stands_in_two_parts(mine: Path) -> None:
    shutil.copy(mine / "car/00.png", mine / "car/again.png")
    shutil.copy(mine / "car/01.png", mine / "boat/not a boat.png")
    folder = datasets.own_pictures(mine, 32)
    pictures = [Image.open(path).tobytes() for path in folder.rglob("*.png")]
    assert len(set(pictures)) == len(pictures) == 58  # 29 of each: it counts once


def bytes_of(image: Image.Image, kind: str, **how: Any) -> bytes:
    made = io.BytesIO()
    image.save(made, kind, **how)
    return made.getvalue()


def turned() -> bytes:
    """Lies on its side, and EXIF says so: the left half is red when it stands upright."""
    image = Image.new("RGB", (40, 40), BLUE)
    image.paste(RED, (0, 20, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = 6
    return bytes_of(image, "JPEG", exif=exif, quality=95)


def deep() -> bytes:
    """A grey picture of 16 bits, 200 of 255 bright."""
    return bytes_of(Image.fromarray(np.full((40, 40), 200 * 257, np.uint16)), "PNG")


def clear(kind: str, **how: Any) -> bytes:
    return bytes_of(Image.new("RGBA", (40, 40), (0, 0, 0, 0)), kind, **how)


FILM = [Image.new("RGB", (40, 40), colour) for colour in (RED, BLUE)]
MOVING = {"save_all": True, "append_images": FILM[1:], "duration": 100}
WHITE, GREY = (255, 255, 255), (200, 200, 200)
# The bytes, and the colours of the left and of the right half of the picture that comes of them.
KINDS: dict[str, tuple[bytes, Any, Any]] = {
    "JPEG": (bytes_of(FILM[0], "JPEG"), RED, RED),
    "PNG": (bytes_of(FILM[0], "PNG"), RED, RED),
    "GIF": (bytes_of(FILM[0], "GIF"), RED, RED),
    "WebP": (bytes_of(FILM[0], "WEBP", lossless=True), RED, RED),
    "grey JPEG": (bytes_of(Image.new("L", (40, 40), 200), "JPEG"), GREY, GREY),
    "black and white": (bytes_of(Image.new("1", (40, 40), 1), "PNG"), WHITE, WHITE),
    "palette": (bytes_of(FILM[0].convert("P", palette=Image.Palette.ADAPTIVE), "PNG"), RED, RED),
    "palette with a hole": (
        bytes_of(Image.new("P", (40, 40), 0), "PNG", transparency=0),
        WHITE,
        WHITE,
    ),
    "RGBA": (clear("PNG"), WHITE, WHITE),
    "RGBA in WebP": (clear("WEBP", lossless=True), WHITE, WHITE),
    "grey and alpha": (bytes_of(Image.new("LA", (40, 40), (0, 0)), "PNG"), WHITE, WHITE),
    "CMYK": (bytes_of(Image.new("CMYK", (40, 40), (0, 0, 0, 55)), "JPEG"), GREY, GREY),
    "16 bit": (deep(), GREY, GREY),
    "turned by EXIF": (turned(), RED, BLUE),
    "moving GIF": (bytes_of(FILM[0], "GIF", **MOVING), RED, RED),
    "moving WebP": (bytes_of(FILM[0], "WEBP", lossless=True, **MOVING), RED, RED),
    "two in one (MPO)": (bytes_of(FILM[0], "MPO", save_all=True, append_images=FILM[1:]), RED, RED),
    "broken EXIF": (bytes_of(FILM[0], "JPEG", exif=b"Exif\0\0MM\0*" + b"\xff" * 20), RED, RED),
    "one pixel": (bytes_of(Image.new("RGB", (1, 1), RED), "PNG"), RED, RED),
    "a line": (bytes_of(Image.new("RGB", (3000, 2), RED), "PNG"), RED, RED),
    "4,000 pixels wide": (bytes_of(Image.new("RGB", (4000, 3000), RED), "JPEG"), RED, RED),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_is_used(mine: Path, kind: str) -> None:
    content, left, right = KINDS[kind]
    (mine / "car" / "photo.of.mine").write_bytes(content)  # what counts is what is in it
    for number in range(30, 40):
        save(mine / "boat" / f"{number}.png", photograph(number, BLUE))
    folder = datasets.own_pictures(mine, 32)
    assert used(folder) == {
        f"{part}/{kind_}": n
        for part, n in {"test": 6, "train": 19, "validation": 6}.items()
        for kind_ in ("boat", "car")
    }
    pictures = [np.array(Image.open(path)) for path in folder.rglob("car/*.png")]
    assert {picture.shape for picture in pictures} == {(32, 32, 3)}
    expected = np.stack([left, right])[None]

    def distance(picture: Any) -> float:
        halves = picture.astype(float).reshape(32, 2, 16, 3)[:, :, 4:12].mean(axis=2)
        return float(np.abs(halves - expected).max())

    assert min(map(distance, pictures)) < 6


def heic() -> bytes:
    return b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)


BROKEN: dict[str, tuple[bytes | None, str]] = {
    ".DS_Store": (b"\0\0\0\1Bud1", "hidden, or the system's"),
    "._photo.jpg": (bytes_of(FILM[0], "JPEG"), "hidden, or the system's"),
    "Thumbs.db": (b"\xd0\xcf\x11\xe0", "hidden, or the system's"),
    ".thumbnails/a.png": (bytes_of(FILM[0], "PNG"), "hidden, or the system's"),
    "desktop.ini": (b"[.ShellClassInfo]", "hidden, or the system's"),
    "empty.jpg": (b"", "empty"),
    "half.jpg": (bytes_of(photograph(7), "JPEG")[:600], "broken"),
    "half.png": (bytes_of(photograph(7), "PNG")[:600], "broken"),
    "notes.txt": (b"remember the milk", "no JPEG, PNG, GIF or WEBP"),
    "page.jpg": (b"<!DOCTYPE html><html>404</html>", "no JPEG, PNG, GIF or WEBP"),
    "lfs.jpg": (b"version https://git-lfs.github.com/spec/v1\n", "no JPEG, PNG, GIF or WEBP"),
    "IMG_0001.HEIC": (heic(), "no JPEG, PNG, GIF or WEBP"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no JPEG, PNG, GIF or WEBP"),
    "scan.tif": (bytes_of(FILM[0], "TIFF"), "no JPEG, PNG, GIF or WEBP"),
    "old.bmp": (bytes_of(FILM[0], "BMP"), "no JPEG, PNG, GIF or WEBP"),
    "film.mp4": (b"\0\0\0\x18ftypmp42" + bytes(200), "no JPEG, PNG, GIF or WEBP"),
    "nowhere.jpg": (None, "no file"),
    "copy.png": (bytes_of(photograph(103), "PNG"), "the same picture as another one"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_left_out_is_said(mine: Path, capsys: Any, name: str) -> None:
    content, reason = BROKEN[name]
    file = mine / "car" / name
    file.parent.mkdir(exist_ok=True)
    if content is None:
        file.symlink_to(mine / "gone.jpg")
    else:
        file.write_bytes(content)
    assert used(datasets.own_pictures(mine, 32)) == whole(30, "boat", "car")
    said = capsys.readouterr().out
    assert "Left out: 1 of 61 files." in said
    assert re.search(rf"^ +1  {re.escape(reason)}.*: car/{re.escape(name)}$", said, re.M), said


def test_a_pixel_bomb_is_left_out(mine: Path, capsys: Any) -> None:
    (mine / "car/bomb.jpg").write_bytes(enormous())
    assert used(datasets.own_pictures(mine, 32)) == whole(30, "boat", "car")
    assert "broken, or not to be read: car/bomb.jpg" in capsys.readouterr().out


def test_very_uneven_classes_are_made_even(mine: Path, capsys: Any) -> None:
    for number in range(30, 300):
        save(mine / "boat" / f"{number}.png", photograph(1000 + number, BLUE))
    assert used(datasets.own_pictures(mine, 16)) == whole(30, "boat", "car")
    said = capsys.readouterr().out
    assert "Left out: 270 of 330 files." in said and "270  more than the other class has" in said
    assert max(map(len, said.splitlines())) <= 108


def test_a_third_class_is_left_out(mine: Path, capsys: Any) -> None:
    for number in range(26):
        save(mine / "aeroplane" / f"{number}.png", photograph(2000 + number))
    assert used(datasets.own_pictures(mine, 16)) == whole(30, "boat", "car")
    assert "26  of a third class: aeroplane/0.png" in capsys.readouterr().out


Arrange = Callable[[Path], object]
LAYOUTS: dict[str, Arrange] = {
    "a folder in a folder": lambda mine: mine.rename(mine.with_name("x")).rename(mkdir(mine) / "x"),
    "what macOS packs": lambda mine: (
        mine.rename(mine.with_name("x")).rename(mkdir(mine) / "pets"),
        mkdir(mine / "__MACOSX"),
        (mine / ".DS_Store").touch(),
    ),
    "folders below a class": lambda mine: [
        path.rename(mkdir(path.parent / path.stem[0] / "deep") / path.name)
        for path in sorted(mine.glob("car/*.png"))
    ],
    "a class that is a link": lambda mine: (
        (mine / "car").rename(mine.with_name("elsewhere")),
        (mine / "car").symlink_to(mine.with_name("elsewhere")),
    ),
    "an empty class": lambda mine: mkdir(mine / "zebra"),
    "files beside the classes": lambda mine: (mine / "README.md").write_text("mine"),
    "names that are not ASCII": lambda mine: (mine / "car").rename(mine / "자동차 & co"),
}


def mkdir(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(mine: Path, capsys: Any, layout: str) -> None:
    LAYOUTS[layout](mine)
    assert list(used(datasets.own_pictures(mine, 16)).values()) == list(
        whole(30, "a", "b").values()
    )
    if layout == "files beside the classes":
        assert "no class: README.md" in capsys.readouterr().out


REFUSED: dict[str, tuple[Arrange, str]] = {
    "is absent": (shutil.rmtree, "mine cannot be read (No such file or directory)"),
    "is a file": (lambda m: (shutil.rmtree(m), m.touch()), "cannot be read (Not a directory)"),
    "is empty": (lambda m: (shutil.rmtree(m), m.mkdir()), "each of two classes, and has none"),
    "one class": (lambda m: shutil.rmtree(m / "boat"), "two classes, and has only car"),
    "no classes": (
        lambda m: (
            [p.rename(m / f"{p.parent.name}{p.name}") for p in list(m.glob("*/*"))]
            + [p.rmdir() for p in list(m.glob("*/"))]
        ),
        "two classes, and has none",
    ),
    "parts": (
        lambda m: ((m / "car").rename(m / "Train"), (m / "boat").rename(m / "val")),
        "are parts (Train, val), not classes; give one of them, such as",
    ),
    "few": (
        lambda m: [p.unlink() for p in m.glob("car/2*.png")],
        "needs 25 different pictures, and",
    ),
    "all the same": (
        lambda m: [shutil.copy(m / "car/00.png", p) for p in m.glob("car/[12]*.png")],
        "30 of boat, 10 of car that can be used",
    ),
    "nothing but text": (
        lambda m: [p.write_text("text") for p in m.glob("*/*.png")],
        "has none that can be used",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_folder_that_cannot_be_used(mine: Path, capsys: Any, what: str) -> None:
    arrange, words = REFUSED[what]
    arrange(mine)
    with pytest.raises(DataError) as caught:
        datasets.own_pictures(mine, 16)
    said = str(caught.value)
    assert said.startswith("pictures: ") and words in said and said.endswith("."), said
    assert ("Left out: 60 of 60" in capsys.readouterr().out) == (what == "nothing but text")
    assert not list(mine.parent.glob("cache/own_pictures/*/course.json"))


@pytest.mark.parametrize("what", ["folder", "class", "below a class", "picture"])
def test_what_may_not_be_read(mine: Path, bound: Any, what: str) -> None:
    deep = mkdir(mine / "car" / "deep")
    save(deep / "a.png", photograph(500))
    (mine.parent / "cache").mkdir(mode=0o777)
    (mine.parent / "cache").chmod(0o777)
    closed = {"folder": mine, "class": mine / "car", "below a class": deep}
    closed["picture"] = mine / "car/00.png"
    closed[what].chmod(0)
    try:
        if what == "picture":
            said = processes.outcome(processes.own_pictures, mine, fate=bound)
            assert "1  broken, or not to be read: car/00.png" in said
        else:
            said = processes.sentence(processes.own_pictures, mine, fate=bound)
            assert f"{closed[what]} cannot be read (Permission denied)" in said
    finally:
        closed[what].chmod(0o755)


def test_two_kernels_lay_out_one_folder(mine: Path) -> None:
    children = [processes.start(processes.own_pictures, mine) for _ in range(4)]
    ends = [child.end() for child in children]
    assert [code for code, _ in ends] == [0] * 4, ends
    assert len({text.splitlines()[-1] for _, text in ends}) == 1
    (folder,) = (path.parent for path in (mine.parent / "cache").rglob("course.json"))
    assert used(folder) == whole(30, "boat", "car")
    assert [path.name for path in folder.parent.glob("[!.]*")] == [folder.name]
    assert not fake_sets.leftovers(folder.parent)


def test_a_home_is_written_out(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(mine.parent))
    assert datasets.own_pictures("~/mine", 16) == datasets.own_pictures(mine, 16)
