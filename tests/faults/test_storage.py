"""Damaged caches and shares, folders that may not be written or read, and full disks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_sets
import numpy as np
import processes
import pytest
from click.testing import CliRunner
from fake_sets import load

import course_utils
from course_utils import datasets
from course_utils.classroom import cli, doctor


def refused(action: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(datasets.DataError) as caught:
        action(*arguments)
    return str(caught.value)


# A file of the right name with something wrong in it


def damage(path: Path, how: str) -> None:
    arrays = fake_sets.arrays("mnist")
    changed = {
        "pickle": {"y_train": np.array([print], dtype=object)},
        "type": {"x_train": arrays["x_train"] / 255},
        "shape": {"y_train": arrays["y_train"][:, None]},
        "NaN": {"x_test": np.full(arrays["x_test"].shape, np.nan)},
        "one pixel": {"x_test": np.where(arrays["x_test"] == 7, np.uint8(8), arrays["x_test"])},
    }
    contents = {
        "truncated": fake_sets.npz("mnist")[:5000],
        "text": b"version https://git-lfs.github.com/spec/v1",
        "empty": b"",
        "other set": fake_sets.npz("fashion_mnist"),
    }
    if how in changed:
        np.savez(path, **(arrays | changed[how]))
    elif how == "key":
        np.savez(path, **{key: arrays[key] for key in arrays if key != "y_test"})
    elif how == "one array":
        with path.open("wb") as file:
            np.save(file, arrays["x_train"])
    elif how == "huge":  # an array that claims a terabyte; its bytes are not there
        header = np.lib.format.header_data_from_array_1_0(np.zeros(0, np.uint8))
        with fake_sets.zipfile.ZipFile(path, "w") as archive:
            for key in arrays:
                with archive.open(f"{key}.npy", "w") as file:
                    np.lib.format.write_array_header_1_0(file, header | {"shape": (10**12,)})
    elif how == "folder":
        (path / "inside").mkdir(parents=True)
    else:
        path.write_bytes(contents[how])


DAMAGE = ("truncated", "empty", "text", "pickle", "one array", "folder", "other set", "key")
DAMAGE += ("type", "shape", "NaN", "one pixel", "huge")


@pytest.mark.parametrize("how", DAMAGE)
def test_wrong_file_in_the_share(server: Any, shared: Path, says: Any, how: str) -> None:
    path = shared / "mnist.npz"
    damage(path, how)
    before = path.stat()
    says(refused(load, "mnist"))
    assert path.stat().st_mtime_ns == before.st_mtime_ns and len(list(shared.iterdir())) == 1
    assert not server.requests


@pytest.mark.parametrize("how", DAMAGE)
def test_wrong_file_in_the_cache(
    server: Any, cache: Path, says: Any, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    cache.mkdir()
    for _ in range(2):  # the second time something is set aside already
        damage(cache / "mnist.npz", how)
        assert fake_sets.is_right(load("mnist"))
        (line,) = [x for x in capsys.readouterr().err.splitlines() if "aside" in x]
        says(line[line.rfind("\r") + 1 :])
        assert (cache / "mnist.npz.wrong").exists()
        assert load("mnist").source == "full set, user's cache"
        (cache / "mnist.npz").unlink()


@pytest.mark.parametrize("how", ["truncated", "emptied", "a folder"])
def test_wrong_zip_in_the_cache(
    drive: Any, cache: Path, says: Any, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    cache.mkdir()
    path = cache / "dogs-vs-cats.zip"
    if how == "a folder":
        path.mkdir()
        says(refused(datasets.image_folders, "full"))
        path.rmdir()
    else:
        whole = drive.files["dogs-vs-cats.zip"]
        path.write_bytes(whole[: len(whole) // 2] if how == "truncated" else b"")
    assert fake_sets.is_subset(datasets.image_folders("full"))
    if how != "a folder":
        lines = capsys.readouterr().err.splitlines()
        says(next(line for line in lines if "aside" in line))


@pytest.mark.parametrize("how", ["is absent", "is a file", "is absent, for course doctor"])
def test_share_that_is_none(
    server: Any, place: Path, says: Any, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    path = place / "typo"
    if how == "is a file":
        path.write_text("")
    monkeypatch.setenv("COURSE_DATA_DIR", str(path))
    if how.endswith("doctor"):
        says(advice("COURSE_DATA_DIR"))
    else:
        says(refused(load, "mnist"))
        assert refused(datasets.find, "cifar10") == refused(datasets.image_folders, "full")
    assert not server.requests


def test_empty_share(server: Any, shared: Path, says: Any) -> None:
    server.behaviour["mnist.npz"] = [404]
    says(refused(load, "mnist"))
    assert not list(shared.iterdir())
    assert load("mnist").source == f"full set, downloaded from {server.url}"


def test_share_variable_without_a_value(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_DATA_DIR", "")
    assert fake_sets.is_right(load("mnist"))


def test_cache_below_a_file(
    server: Any, place: Path, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(place / "file" / "cache"))
    says(refused(load, "mnist"))


def test_a_folder_that_the_course_did_not_write(place: Path, says: Any) -> None:
    precious = place / "cats_vs_dogs_small" / "my_cat.png"
    precious.parent.mkdir()
    precious.write_text("precious")
    with pytest.raises(datasets.DataError) as caught:
        datasets.image_folders(folder=place)
    says(caught.value)
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("file", ["mnist.webp", "mnist.json"])
@pytest.mark.parametrize("how", ["truncated", "emptied", "missing"])
def test_damaged_installation(place: Path, says: Any, file: str, how: str) -> None:
    """A copy of the package, of which one embedded file is not whole."""
    package, copy = Path(course_utils.__file__).parent, place / "course_utils"
    skipped = shutil.ignore_patterns("__pycache__", "*.webp", "reference", "classroom")
    shutil.copytree(package, copy, ignore=skipped)
    shutil.copy(package / "embedded" / "mnist.webp", copy / "embedded")
    target = copy / "embedded" / file
    if how == "missing":
        target.unlink()
    else:
        target.write_bytes(target.read_bytes()[: 20_000 if how == "truncated" else 0])
    code = "from course_utils import datasets\ntry: datasets.load('mnist')\n"
    code += "except datasets.DataError as error: print(error)"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    says(done.stdout.strip())


# Folders that may not be written or read: as another user, for root may do everything


def give(path: Path, mode: int, owner: bool = True) -> Path:
    """Hand a file or folder to the unprivileged user, with a mode."""
    if owner and os.geteuid() == 0:
        os.chown(path, processes.NOBODY, processes.NOBODY)
    path.chmod(mode)
    return path


@pytest.fixture
def filled(cache: Path) -> Path:
    cache.mkdir()
    (cache / "mnist.npz").write_bytes(fake_sets.npz("mnist"))
    return cache


def test_read_only_cache_that_has_it(server: Any, filled: Path, bound: Any) -> None:
    give(filled, 0o555)
    printed = processes.outcome(processes.load, server.url, "mnist", fate=bound)
    assert printed == "full set, user's cache"
    assert not server.requests


@pytest.mark.parametrize(
    ("mode", "name", "how"),
    [(0o555, "cifar10", ""), (0o555, "mnist", "truncated"), (0o000, "mnist", "")],
    ids=["read only, without it", "read only, damaged", "may not be entered"],
)
def test_bad_cache(
    server: Any, filled: Path, bound: Any, says: Any, mode: int, name: str, how: str
) -> None:
    if how:
        damage(filled / "mnist.npz", how)
    give(filled, mode)
    says(processes.sentence(processes.load, server.url, name, fate=bound))
    filled.chmod(0o755)
    assert [path.name for path in filled.iterdir()] == ["mnist.npz"]


def test_unreadable_file_in_the_cache(server: Any, filled: Path, bound: Any, says: Any) -> None:
    give(filled / "mnist.npz", 0o000)
    give(filled, 0o755)
    printed = processes.outcome(processes.load, server.url, "mnist", fate=bound).splitlines()
    assert printed[-1] == f"full set, downloaded from {server.url}"
    says(next(line for line in printed if "aside" in line))


def test_unreadable_share(server: Any, shared: Path, bound: Any, says: Any) -> None:
    give(shared, 0o000)
    says(processes.sentence(processes.load, server.url, "mnist", fate=bound))


@pytest.mark.parametrize("file", ["mnist.npz", "dogs-vs-cats.zip", "dogs-vs-cats/train"])
def test_unreadable_in_the_share(
    server: Any, cache: Path, shared: Path, bound: Any, says: Any, file: str
) -> None:
    give_cache(cache)
    path = shared / file
    if file.endswith("train"):
        path.mkdir(parents=True)
    else:
        path.write_bytes(fake_sets.npz("mnist"))
    give(path, 0o000)
    if file == "mnist.npz":
        says(processes.sentence(processes.load, server.url, "mnist", fate=bound))
    else:
        says(processes.sentence(processes.image_folders, "full", fate=bound))
    assert not server.requests


def give_cache(cache: Path) -> None:
    cache.mkdir()
    give(cache, 0o755)


def test_read_only_share_that_has_it(server: Any, cache: Path, shared: Path, bound: Any) -> None:
    give_cache(cache)
    (shared / "mnist.npz").write_bytes(fake_sets.npz("mnist"))
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)
    give(shared, 0o555)
    printed = processes.outcome(processes.load, server.url, "mnist", fate=bound)
    assert printed == "full set, local copy in COURSE_DATA_DIR"
    processes.outcome(processes.image_folders, "full", fate=bound)
    assert fake_sets.is_subset(cache / "cats_vs_dogs_full" / "cats_vs_dogs_small")
    assert not server.requests


@pytest.fixture
def home(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that may not be written, and nothing that names another place."""
    folder = place / "home"
    folder.mkdir()
    give(folder, 0o555)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("COURSE_CACHE", raising=False)
    monkeypatch.chdir(folder)
    return folder


def embedded_can_be_read() -> bool:
    path = Path(course_utils.__file__).resolve().parent / "embedded"
    return os.geteuid() != 0 or all(up.stat().st_mode & 1 for up in (path, *path.parents))


@pytest.mark.parametrize(
    "words",
    [
        ("load", "mnist"),
        ("image_folders", "embedded"),
        ("image_folders", "embedded", "here"),
        ("course", "data", "mnist"),
        ("course", "data", "mnist", "--to", "."),
        ("course", "doctor", "cache"),
        ("course", "doctor", "ledger"),
    ],
    ids=" ".join,
)
def test_read_only_home(
    server: Any, bound: Any, home: Path, says: Any, monkeypatch: Any, words: tuple[str, ...]
) -> None:
    monkeypatch.delenv("COURSE_CACHE", raising=False)  # the server's fixture sets it
    if ("embedded" in words or "doctor" in words) and not embedded_can_be_read():
        pytest.skip("another user may not read this installation")
    if words[0] == "load":
        says(processes.sentence(processes.load, server.url, "mnist", fate=bound))
    elif words[0] == "image_folders":
        folder = [home / "mine"] if len(words) > 2 else []
        says(processes.sentence(processes.image_folders, "embedded", *folder, fate=bound))
    elif "doctor" in words:
        code, printed = processes.start(processes.course, server.url, "doctor", fate=bound).end()
        assert "Traceback" not in printed  # it may not see what root has installed for itself
        lines = [line for line in printed.splitlines() if "cannot be written" in line]
        says(next(line for line in lines if ("ledger" in line) == (words[2] == "ledger"))[4:])
    else:
        code, printed = processes.start(processes.course, server.url, *words[1:], fate=bound).end()
        assert code == 1, printed
        says(printed)
    assert not list(home.iterdir())


def advice(word: str) -> str:
    """Return what `course doctor` advises; it needs TensorFlow for one section only."""
    patch = pytest.MonkeyPatch()
    patch.setattr(doctor, "_machine", lambda found: None)
    try:
        result = CliRunner().invoke(cli.main, ["doctor"])
    finally:
        patch.undo()
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if line.startswith("  - ")]
    return next(line for line in lines if word in line)[4:]


# Full disks


@pytest.fixture
def disk(cache: Path, small_disk: Any) -> Callable[[int], None]:
    """Make the cache a disk of its own, of that many bytes; again to give it more."""
    cache.mkdir()
    return lambda size: small_disk(cache, size)


def kept(cache: Path) -> list[str]:
    return [p.name for p in cache.rglob("*") if p.is_file() and p.suffix != ".lock"]


WAYS = {"download": "mnist", "array": "fashion_mnist", "unpacking": "cats_vs_dogs"}


def is_whole(name: str) -> bool:
    """Fetch a full set, and say whether it is the right one."""
    if name == "cats_vs_dogs":
        return fake_sets.is_subset(datasets.image_folders("full"))
    return fake_sets.is_right(load(name))


@pytest.fixture
def zipped(shared: Path) -> None:
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)


@pytest.mark.parametrize(("way", "room"), [*zip(WAYS, (20_480, 81_920, 65_536), strict=True)])
def test_full_disk(
    server: Any, cache: Path, zipped: None, disk: Any, says: Any, way: str, room: int
) -> None:
    disk(room)
    says(refused(is_whole, WAYS[way]))
    assert not kept(cache)
    disk(10_000_000)
    assert is_whole(WAYS[way])


@pytest.mark.parametrize(("way", "largest"), [*zip(WAYS, (20_000, 45_000, 10_000), strict=True)])
def test_file_size_limit(
    server: Any, cache: Path, zipped: None, says: Any, way: str, largest: int
) -> None:
    action: tuple[Any, ...] = (processes.load, server.url, WAYS[way])
    if way == "unpacking":
        action = (processes.image_folders, "full")
    says(processes.sentence(*action, fate=processes.Fate(largest=largest)))
    assert not kept(cache)
    assert is_whole(WAYS[way])
