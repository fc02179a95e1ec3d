"""Zips that were made to harm, and photographs that are missing or broken."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_sets
import pytest

from course_utils import datasets


@pytest.fixture
def refuses(server: Any, place: Path, cache: Path, shared: Path, says: Any) -> Callable[[], None]:
    """Check that the photographs of the share are refused, and that nothing is left of them."""

    def check() -> None:
        with pytest.raises(datasets.DataError) as caught:
            datasets.image_folders("full")
        says(caught.value)
        assert datasets.find("cats_vs_dogs")[0] == "COURSE_DATA_DIR"
        assert not (cache / "cats_vs_dogs_full" / "cats_vs_dogs_small").exists()
        assert sorted(path.name for path in place.iterdir()) in (["cache", "shared"], ["shared"])

    return check


@pytest.mark.parametrize("packing", ["flat", "nested"])
def test_paths_that_leave_the_folder(server: Any, place: Path, shared: Path, packing: str) -> None:
    """Members are read by name, one at a time, and never written where an archive says."""
    harm = dict.fromkeys(("../cat.0.jpg", "train/../../cat.0.jpg", "/cat.0.jpg", "C:\\a"), b"harm")
    content = fake_sets.photographs() | harm
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content, nested=packing == "nested")
    assert fake_sets.is_subset(datasets.image_folders("full"))
    assert not [
        path for path in place.rglob("*") if path.is_file() and path.read_bytes() == b"harm"
    ]


def claim(path: Path, name: str, size: int) -> None:
    """Change how many bytes a zip says that one member unpacks to."""
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")
    while True:
        length, extra, comment = struct.unpack_from("<HHH", raw, entry + 28)
        if bytes(raw[entry + 46 : entry + 46 + length]) == name.encode():
            struct.pack_into("<I", raw, entry + 24, size)
            break
        entry += 46 + length + extra + comment
    path.write_bytes(raw)


@pytest.mark.parametrize("what", ["photograph", "inner zip", "many photographs"])
def test_bomb(cache: Path, shared: Path, refuses: Any, what: str) -> None:
    path = fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=what == "inner zip")
    if what == "inner zip":
        claim(path, "train.zip", 4_000_000_000)
    elif what == "photograph":
        claim(path, "train/cat.0.jpg", 1_900_000_000)
    else:
        for name in ("cat.0.jpg", "dog.3.jpg"):
            claim(path, f"train/{name}", 1_900_000_000)
    refuses()
    assert sum(p.stat().st_size for p in cache.rglob("*") if p.is_file()) < 100_000


def test_encrypted_zip(shared: Path, refuses: Any) -> None:
    path = fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    raw = bytearray(path.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = raw.find(magic)
        while at >= 0:
            raw[at + offset] |= 1
            at = raw.find(magic, at + 4)
    path.write_bytes(raw)
    refuses()


def test_zip_cut_off_in_the_share(shared: Path, refuses: Any) -> None:
    path = fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    path.write_bytes(path.read_bytes()[:3000])
    refuses()


@pytest.mark.parametrize("layout", ["zip", "folder"])
def test_missing_photographs(shared: Path, refuses: Any, layout: str) -> None:
    content = fake_sets.photographs()
    for name in ("cat.1.jpg", "cat.5.jpg", "dog.0.jpg", "dog.8.jpg"):
        del content[name]
    if layout == "zip":
        fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    else:
        fake_sets.photo_folder(shared / "dogs-vs-cats" / "train", content)
    refuses()


def enormous() -> bytes:
    """A JPEG that claims 65,000 × 65,000 pixels in its head."""
    content = bytearray(fake_sets.jpeg())
    frame = content.index(b"\xff\xc0")
    struct.pack_into(">HH", content, frame + 5, 65_000, 65_000)
    return bytes(content)


BROKEN = {
    "another format": b"GIF89a",
    "text": b"version https://git-lfs.github.com/spec/v1",
    "empty": b"",
    "cut in half": fake_sets.jpeg()[: len(fake_sets.jpeg()) // 2],
    "noise": b"\xff\xd8\xff\xe0" + bytes(500),
    "pixel bomb": enormous(),
}


@pytest.mark.parametrize("how", BROKEN)
def test_broken_photographs(shared: Path, refuses: Any, how: str) -> None:
    broken = {"dog.2.jpg": BROKEN[how], "cat.10.jpg": BROKEN[how]}  # nobody asks for the second
    fake_sets.photo_zip(
        shared / "dogs-vs-cats.zip", content=fake_sets.photographs() | broken, nested=True
    )
    refuses()


@pytest.mark.parametrize("inside", ["train", "train/train"])
def test_other_files_among_the_photographs(server: Any, shared: Path, inside: str) -> None:
    folder = fake_sets.photo_folder(shared / "dogs-vs-cats" / inside)
    (folder / "more").mkdir()
    for name in ("Thumbs.db", ".DS_Store", "cat.txt", "cat.99999.jpg"):
        (folder / name).write_bytes(b"not asked for")
    assert fake_sets.is_subset(datasets.image_folders("full"))


def test_right_names_and_one_picture(shared: Path, refuses: Any) -> None:
    content = dict.fromkeys(fake_sets.photographs(), fake_sets.jpeg())
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    refuses()


def test_a_file_of_the_readers_stays(server: Any, shared: Path) -> None:
    path = fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    folder = datasets.image_folders("full")
    mine = [folder / ".DS_Store", folder / "train/cat/.DS_Store", folder / "train/bird/my.jpg"]
    for number, file in enumerate(mine):
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes([number]))
    path.unlink()
    assert datasets.image_folders("full") == folder  # not missing
    fake_sets.photo_zip(path)
    (folder / "test/dog/dog.8.jpg").unlink()
    datasets.image_folders("full")  # built again
    assert (folder / "test/dog/dog.8.jpg").exists()
    assert [file.read_bytes() for file in mine] == [bytes([number]) for number in range(3)]


LOSSES = ["a file", "half a file", "a folder", "the marker", "its words", "all of it"]


@pytest.mark.parametrize("loss", LOSSES)
def test_finished_folder_that_lost_something(server: Any, shared: Path, loss: str) -> None:
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    folder = datasets.image_folders("full")
    victim = folder / "test/dog/dog.8.jpg"
    if loss == "half a file":
        victim.write_bytes(victim.read_bytes()[:100])
    elif loss == "a file":
        victim.unlink()
    elif loss == "a folder":
        victim.parent.rename(folder.parent / "elsewhere")
    elif loss == "the marker":
        (folder / "course.json").unlink()
    elif loss == "its words":
        (folder / "course.json").write_text("[1]")
    else:
        folder.rename(folder.with_name("away"))
        folder.write_text("")
    assert fake_sets.is_subset(datasets.image_folders("full"))
