"""The look-up of full sets: local copy, cache, download; and everything that can go wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import fake_sets
import gdown
import numpy as np
import pytest
import requests
from click.testing import CliRunner

from course_utils import datasets
from course_utils.classroom import data as data_command
from course_utils.datasets import _fetch, _photographs

HERE = Path(__file__).parent


@pytest.fixture
def cache(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("COURSE_CACHE", str(folder))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)
    return folder


@pytest.fixture
def server(cache, monkeypatch):
    with fake_sets.serving() as running:
        fake_sets.install(monkeypatch, running.url)
        yield running


@pytest.fixture
def shared(tmp_path, monkeypatch):
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    return folder


def load(name):
    return datasets.load(name, "full", validation_size=10, split="published")


def is_right(data):
    official = fake_sets.arrays(data.name)
    pixels = np.concatenate([data.x_train, data.x_validation]).reshape(official["x_train"].shape)
    return np.array_equal(pixels, official["x_train"]) and np.array_equal(
        data.y_test, official["y_test"]
    )


def leftovers(folder):
    return [path.name for path in folder.rglob("*.part*")]


# Downloads


@pytest.mark.parametrize("name", fake_sets.ARRAYS)
def test_first_a_download_then_the_cache(server, cache, name):
    first = load(name)
    assert is_right(first)
    assert first.source == f"full set, downloaded from {server.url}"
    assert datasets.find(name) == ("cache", cache / f"{name}.npz")
    with np.load(cache / f"{name}.npz") as file:
        assert sorted(file) == ["x_test", "x_train", "y_test", "y_train"]
    asked = server.requests.total()
    second = load(name)
    assert is_right(second) and second.source == "full set, user's cache"
    assert server.requests.total() == asked
    assert not leftovers(cache)


@pytest.mark.parametrize("trouble", [[503], [429, 500], ["short"], ["stall"]])
def test_passing_trouble_is_tried_again(server, trouble):
    server.behaviour["cifar-10-binary.tar.gz"] = list(trouble)
    assert is_right(load("cifar10"))
    assert server.requests["cifar-10-binary.tar.gz"] == len(trouble) + 1


@pytest.mark.parametrize(
    ("name", "file", "trouble", "words", "requests_made"),
    [
        ("mnist", "mnist.npz", [404], "status 404", 1),
        ("cifar10", "cifar-10-binary.tar.gz", [503] * 3, "status 503", 3),
        ("cifar10", "cifar-10-binary.tar.gz", ["short"] * 3, "broke off", 3),
        ("cifar10", "cifar-10-binary.tar.gz", ["stall"] * 3, "sent nothing for 1.0 seconds", 3),
        ("cifar10", "cifar-10-binary.tar.gz", ["html"], "a web page", 1),
        ("cifar10", "cifar-10-binary.tar.gz", ["other"], "not the expected archive", 1),
        ("fashion_mnist", "train-labels-idx1-ubyte.gz", ["html"], "a web page", 1),
        ("fashion_mnist", "train-labels-idx1-ubyte.gz", ["other"], "58 bytes", 1),
        ("mnist", "mnist.npz", ["other"], "another file", 1),
    ],
)
def test_lasting_trouble_is_one_sentence_and_leaves_nothing_wrong(
    server, cache, name, file, trouble, words, requests_made
):
    server.behaviour[file] = list(trouble)
    with pytest.raises(datasets.DataError, match=words) as caught:
        load(name)
    assert server.requests[file] == requests_made
    assert f"put {name}.npz into {cache}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert datasets.find(name) is None
    assert is_right(load(name))  # the server has recovered: nothing stands in the way
    assert not leftovers(cache)


def test_right_archive_with_wrong_content_is_refused(server):
    gz = "train-labels-idx1-ubyte.gz"
    raw = bytearray(fake_sets.gzip.decompress(server.files[gz]))
    raw[-1] ^= 1
    server.files[gz] = fake_sets.gzip.compress(bytes(raw))
    with pytest.raises(datasets.DataError, match="y_train does not hold the published Fashion"):
        load("fashion_mnist")


def test_no_server_at_all(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(datasets.DataError, match="no connection to the server"):
        load("mnist")


def test_downloads_are_over_https_where_it_counts():
    from course_utils.datasets import _download

    assert all(url.startswith("https://") for url in _download.URLS.values())


CHILD = """
import os, sys
sys.path.insert(0, {tests!r})
import fake_sets, pytest
from course_utils import datasets
patch = pytest.MonkeyPatch()
fake_sets.install(patch, {url!r})
if {patience}:
    patch.setattr("course_utils.datasets._download.TIMEOUT", (30, {patience}))
import pooch, requests, tqdm, filelock  # once, before the fork
for _ in range({forks}):
    if os.fork() == 0:
        break
os.write(1, (datasets.load("fashion_mnist", "full").source + "\\n").encode())
"""


def child(server, patience=0, forks=0):
    code = CHILD.format(tests=str(HERE), url=server.url, patience=patience, forks=forks)
    root = str(HERE.parent)
    environment = {**os.environ, "PYTHONPATH": root}
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_eight_processes_do_one_download(server):
    for file in server.files:
        server.behaviour[file] = ["slow"]
    if hasattr(os, "fork"):  # spares seven imports
        children = [child(server, patience=60, forks=7)]
    else:
        children = [child(server, patience=60) for _ in range(8)]
    ends = [process.communicate(timeout=300) for process in children]
    sources = sorted("".join(out for out, _ in ends).splitlines())
    assert len(sources) == 8, ends
    assert set(server.requests.values()) == {1}
    assert sources[0] == f"full set, downloaded from {server.url}"
    assert sources[1:] == ["full set, user's cache"] * 7


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_killed_half_way_the_next_one_goes_on(server, cache):
    file = "t10k-images-idx3-ubyte.gz"
    server.behaviour[file] = ["hang"]
    process = child(server, patience=120)
    deadline = time.monotonic() + 120
    while not server.requests[file] and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    process.kill()
    process.communicate()
    assert leftovers(cache) and datasets.find("fashion_mnist") is None
    assert is_right(load("fashion_mnist"))
    assert server.requests["train-images-idx3-ubyte.gz"] == 1  # what was finished was kept
    assert not leftovers(cache)


def test_waiting_for_another_process_ends_some_time(server, cache, monkeypatch):
    from filelock import FileLock

    monkeypatch.setattr(_fetch, "LOCK_SECONDS", 0.1)
    cache.mkdir()
    with FileLock(cache / ".mnist.lock"), pytest.raises(datasets.DataError, match=r"mnist\.lock"):
        load("mnist")


# What lies in the cache or in COURSE_DATA_DIR


def damage(path, how):
    """Make a file of the right name wrong in one of the ways that happen."""
    arrays = fake_sets.arrays("mnist")
    if how == "truncated":
        path.write_bytes(fake_sets.npz("mnist")[:5000])
    elif how == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1")
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "pickle":
        np.savez(path, **(arrays | {"y_train": np.array([print], dtype=object)}))
    elif how == "one array":
        np.save(path.with_suffix(".npy"), arrays["x_train"])
        path.with_suffix(".npy").rename(path)
    elif how == "other set":
        path.write_bytes(fake_sets.npz("fashion_mnist"))
    elif how == "key":
        arrays.pop("y_test")
        np.savez(path, **arrays)
    elif how == "type":
        np.savez(path, **(arrays | {"x_train": arrays["x_train"] / 255}))
    elif how == "shape":
        np.savez(path, **(arrays | {"y_train": arrays["y_train"][:, None]}))


DAMAGE = {
    "truncated": "cannot be read",
    "text": "cannot be read",
    "empty": "cannot be read",
    "pickle": "cannot be read",
    "one array": "cannot be read",
    "other set": "does not hold the published MNIST",
    "key": "has no array y_test",
    "type": r"x_train is float64 \(50, 28, 28\), but MNIST has uint8",
    "shape": r"y_train is uint8 \(50, 1\), but MNIST has uint8 \(50,\)",
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_wrong_file_in_the_shared_folder_is_refused_and_left_alone(server, shared, how):
    path = shared / "mnist.npz"
    damage(path, how)
    before = path.read_bytes()
    with pytest.raises(datasets.DataError, match=DAMAGE[how]) as caught:
        load("mnist")
    assert str(path) in str(caught.value)
    assert "Delete that file and run `course data`" in str(caught.value)
    assert path.read_bytes() == before and len(list(shared.iterdir())) == 1
    assert not server.requests


@pytest.mark.parametrize("how", ["truncated", "other set", "shape"])
def test_a_wrong_file_in_the_cache_is_set_aside_and_fetched_anew(server, cache, how, capsys):
    cache.mkdir()
    damage(cache / "mnist.npz", how)
    assert is_right(load("mnist"))
    assert "set aside as mnist.npz.wrong" in capsys.readouterr().err
    assert (cache / "mnist.npz.wrong").exists()
    assert load("mnist").source == "full set, user's cache"


def test_shared_folder_comes_first_then_cache_then_download(server, cache, shared):
    assert load("mnist").source.startswith("full set, downloaded")
    assert load("mnist").source == "full set, user's cache"
    (shared / "mnist.npz").write_bytes(fake_sets.npz("mnist"))
    assert load("mnist").source == "full set, local copy in COURSE_DATA_DIR"
    assert datasets.find("mnist") == ("COURSE_DATA_DIR", shared / "mnist.npz")


def test_shared_folder_without_the_set_is_named_when_all_fails(server, shared):
    server.behaviour["mnist.npz"] = [404]
    with pytest.raises(datasets.DataError, match=f"not in COURSE_DATA_DIR={shared}, not in the"):
        load("mnist")


@pytest.mark.parametrize("kind", ["does not exist", "is not a folder"])
def test_a_shared_folder_that_is_none_is_not_passed_over(server, tmp_path, monkeypatch, kind):
    path = tmp_path / "typo"
    if kind == "is not a folder":
        path.write_text("")
    monkeypatch.setenv("COURSE_DATA_DIR", str(path))
    for call in (load, datasets.find):
        with pytest.raises(datasets.DataError, match=f"COURSE_DATA_DIR={path} {kind}"):
            call("mnist")
    assert not server.requests


def test_a_cache_that_cannot_be_written(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(datasets.DataError, match="set COURSE_CACHE"):
        load("mnist")


def test_a_full_disk_is_one_sentence(server, cache, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(datasets.DataError, match="No space left on device"):
        load("mnist")
    assert datasets.find("mnist") is None


# Dogs vs cats


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.jpg"))}


EXPECTED = {
    f"{part}/{kind}/{kind}.{number}.jpg": f"{kind}.{number}.jpg"
    for part, numbers in fake_sets.SUBSET.items()
    for kind in ("cat", "dog")
    for number in numbers
}


def is_subset(folder):
    photographs = fake_sets.photographs()
    return tree(folder) == {path: photographs[name] for path, name in EXPECTED.items()}


@pytest.mark.parametrize("layout", ["flat", "nested", "folder"])
def test_every_layout_gives_the_published_subset_once(server, cache, shared, layout):
    if layout == "folder":
        (shared / "dogs-vs-cats" / "train").mkdir(parents=True)
        for name, content in fake_sets.photographs().items():
            (shared / "dogs-vs-cats" / "train" / name).write_bytes(content)
    else:
        fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=layout == "nested")
    before = sorted(shared.rglob("*"))
    folder = datasets.image_folders("full")
    assert folder == cache / "cats_vs_dogs_full" / "cats_vs_dogs_small"
    assert is_subset(folder) and not leftovers(cache)
    assert sorted(shared.rglob("*")) == before
    assert datasets.provenance(folder) == "full set, local copy in COURSE_DATA_DIR"
    stamp = (folder / "course.json").stat().st_mtime_ns
    assert datasets.image_folders("full") == folder
    assert (folder / "course.json").stat().st_mtime_ns == stamp
    assert datasets.sizes("cats_vs_dogs", "full") == {"train": 8, "validation": 4, "test": 6}


def test_copies_of_one_size_are_said_to_be_copies(server, shared):
    content = {name: fake_sets.jpeg(1, (20, 20)) for name in fake_sets.photographs()}
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    source = datasets.provenance(datasets.image_folders("full"))
    assert source == "full set, local copy in COURSE_DATA_DIR, re-encoded at 20×20 pixels"


def test_a_finished_folder_of_ones_own_is_enough(server, shared, tmp_path):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    folder = datasets.image_folders("full", folder=tmp_path / "mine")
    (shared / "dogs-vs-cats.zip").unlink()
    assert datasets.image_folders("full", folder=tmp_path / "mine") == folder
    with pytest.raises(datasets.DataError, match="already holds the full images"):
        datasets.image_folders("embedded", folder=tmp_path / "mine")


@pytest.mark.parametrize("loss", ["a file", "half a file", "the marker"])
def test_a_subset_that_lost_something_is_built_again(server, shared, loss):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    folder = datasets.image_folders("full")
    victim = folder / ("course.json" if loss == "the marker" else "test/dog/dog.8.jpg")
    if loss == "half a file":
        victim.write_bytes(victim.read_bytes()[:100])
    else:
        victim.unlink()
    assert is_subset(datasets.image_folders("full"))


def test_another_zip_makes_another_subset(server, shared):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    datasets.image_folders("full")
    content = {name: fake_sets.jpeg(5, (30, 30)) for name in fake_sets.photographs()}
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    folder = datasets.image_folders("full")
    assert (folder / "train/cat/cat.0.jpg").read_bytes() == content["cat.0.jpg"]


def test_interrupted_half_way_the_next_one_starts_clean(server, cache, shared, monkeypatch):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)

    def interrupted(files, origin):
        for number, pair in enumerate(files):
            if number == 7:
                raise KeyboardInterrupt
            yield pair

    with monkeypatch.context() as patch:
        patch.setattr(_photographs, "checked", interrupted)
        with pytest.raises(KeyboardInterrupt):
            datasets.image_folders("full")
    assert len(list(cache.rglob("*.jpg"))) == 7
    assert not (cache / "cats_vs_dogs_full" / "cats_vs_dogs_small").exists()
    assert is_subset(datasets.image_folders("full"))
    assert not leftovers(cache)


def test_missing_photographs_are_counted_and_named(server, shared):
    content = fake_sets.photographs()
    for name in ("cat.1.jpg", "cat.5.jpg", "dog.0.jpg", "dog.8.jpg"):
        del content[name]
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    with pytest.raises(
        datasets.DataError, match=r"lacks 4 of the 18 .*\(cat\.1\.jpg, dog\.0\.jpg, cat\.5\.jpg, …"
    ):
        datasets.image_folders("full")


@pytest.mark.parametrize(
    "content", [b"GIF89a", fake_sets.jpeg()[:300], b"\xff\xd8\xff\xe0" + bytes(500)]
)
def test_files_that_are_not_jpeg_are_counted_and_named(server, cache, shared, content):
    photographs = fake_sets.photographs() | {"dog.2.jpg": content, "cat.10.jpg": content}
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=photographs)
    with pytest.raises(datasets.DataError, match=r"1 of the .* not whole JPEG files \(dog\.2\.jpg"):
        datasets.image_folders("full")
    assert datasets.find("cats_vs_dogs")[0] == "COURSE_DATA_DIR"
    assert not (cache / "cats_vs_dogs_full" / "cats_vs_dogs_small").exists()


@pytest.mark.parametrize("path", ["../cat.0.jpg", "train/../../cat.0.jpg", "/cat.0.jpg", "C:\\a"])
@pytest.mark.parametrize("nested", [False, True])
def test_an_archive_that_leaves_its_folder_is_refused(server, shared, path, nested):
    content = fake_sets.photographs() | {path: b"harm"}
    if "/" not in path:
        content[f"train/../{path}"] = content.pop(path)
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content, nested=nested)
    with pytest.raises(datasets.DataError, match="leaves its folder"):
        datasets.image_folders("full")


def test_a_damaged_zip_is_refused_in_the_shared_folder_and_replaced_in_the_cache(
    server, cache, shared, monkeypatch, tmp_path
):
    whole = fake_sets.photo_zip(tmp_path / "whole.zip").read_bytes()
    (shared / "dogs-vs-cats.zip").write_bytes(whole[:3000])
    with pytest.raises(datasets.DataError, match=r"not a readable zip.*unset COURSE_DATA_DIR"):
        datasets.image_folders("full")
    monkeypatch.delenv("COURSE_DATA_DIR")
    cache.mkdir(exist_ok=True)
    (cache / "dogs-vs-cats.zip").write_bytes(whole[:3000])
    monkeypatch.setattr(gdown, "download", drive(whole))
    assert is_subset(datasets.image_folders("full"))
    assert (cache / "dogs-vs-cats.zip.wrong").exists()
    (cache / "dogs-vs-cats.zip").unlink()  # the finished folder is enough
    assert is_subset(datasets.image_folders("full"))
    assert datasets.find("cats_vs_dogs")[0] == "cache"


def drive(content):
    """A gdown.download (of version 5: no time-out to ask for) that delivers, or raises."""

    def download(url=None, output=None, quiet=False, *, id=None, resume=False):
        assert id == "18uC7WTuEXKJDDxbj-Jq6EjzpFrgE7IAd" and not resume
        if isinstance(content, Exception):
            Path(output).write_bytes(b"half")
            raise content
        if content is None:
            return None
        Path(output).write_bytes(content)
        return output

    return download


def test_drive_delivers(server, cache, monkeypatch, tmp_path):
    content = fake_sets.photo_zip(tmp_path / "a.zip", nested=True).read_bytes()
    monkeypatch.setattr(gdown, "download", drive(content))
    assert is_subset(datasets.image_folders("full"))
    assert (cache / "dogs-vs-cats.zip").read_bytes() == content
    assert not leftovers(cache)


@pytest.mark.parametrize(
    "answer",
    [
        gdown.exceptions.FileURLRetrievalError("Too many users have viewed\nor downloaded"),
        requests.HTTPError("403"),
        requests.exceptions.SSLError("certificate"),
        AssertionError("hash"),
        OSError("quota"),
        None,
        b"<!DOCTYPE html>Sign in",
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_when_drive_refuses_the_manual_way_is_told(server, cache, monkeypatch, answer):
    monkeypatch.setattr(gdown, "download", drive(answer))
    with pytest.raises(datasets.DataError) as caught:
        datasets.image_folders("full")
    for words in ("Google Drive", "kaggle.com", str(cache / "dogs-vs-cats.zip"), "embedded"):
        assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert datasets.find("cats_vs_dogs") is None


def test_drive_is_not_waited_for_for_ever(server, cache, monkeypatch):
    def download(url=None, output=None, *, id=None):
        requests.Session().get(server.url + "mnist.npz", timeout=None)  # as gdown 5 does

    server.behaviour["mnist.npz"] = ["hang"]
    monkeypatch.setattr(_photographs, "TIMEOUT", (1, 0.3))
    monkeypatch.setattr(gdown, "download", download)
    started = time.monotonic()
    with pytest.raises(datasets.DataError, match="Google Drive did not hand out"):
        datasets.image_folders("full")
    assert time.monotonic() - started < 15


# The command


def run(*arguments):
    return CliRunner().invoke(data_command.command, [str(argument) for argument in arguments])


def test_course_data_does_the_rest_when_one_fails(server, cache, monkeypatch, tmp_path):
    server.behaviour["mnist.npz"] = [404]
    zipped = fake_sets.photo_zip(tmp_path / "a.zip").read_bytes()
    monkeypatch.setattr(gdown, "download", drive(zipped))
    result = run()
    assert result.exit_code == 1
    assert "mnist          failed: MNIST is not in the cache, and" in result.stdout
    for name in ("fashion_mnist.npz", "cifar10.npz", "dogs-vs-cats.zip"):
        assert f"{cache / name}  (full set" in result.stdout
    again = run("mnist")
    assert again.exit_code == 0 and "verified" in again.stdout
    assert run().exit_code == 0


def test_course_data_to_a_folder_makes_a_share(server, cache, monkeypatch, tmp_path):
    load("cifar10")  # one set is in the cache already
    zipped = fake_sets.photo_zip(tmp_path / "a.zip", nested=True).read_bytes()
    monkeypatch.setattr(gdown, "download", drive(zipped))
    share = tmp_path / "class share"
    result = run("--to", share)
    assert result.exit_code == 0, result.output
    assert "cifar10.npz  (full set, copied from cache, verified)" in result.stdout
    visible = sorted(path.name for path in share.iterdir() if path.name[0] != ".")
    assert visible == ["cifar10.npz", "dogs-vs-cats.zip", "fashion_mnist.npz", "mnist.npz"]
    asked = server.requests.total()
    assert "already there" in run("--to", share).stdout
    monkeypatch.setenv("COURSE_DATA_DIR", str(share))
    assert is_right(load("mnist")) and is_subset(datasets.image_folders("full"))
    assert server.requests.total() == asked
    assert sorted(path.name for path in cache.iterdir() if path.suffix == ".npz") == ["cifar10.npz"]


def test_course_data_copies_an_unpacked_share(server, shared, tmp_path):
    (shared / "dogs-vs-cats" / "train").mkdir(parents=True)
    for name, content in fake_sets.photographs().items():
        (shared / "dogs-vs-cats" / "train" / name).write_bytes(content)
    result = run("cats_vs_dogs", "--to", tmp_path / "copy")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "copy" / "dogs-vs-cats" / "train").iterdir())) == 22


def test_course_data_knows_its_names(cache):
    result = run("cifar")
    assert result.exit_code == 2
    assert "fashion_mnist, mnist, cifar10, cats_vs_dogs" in result.output


def test_a_broken_marker_is_not_an_error(server, shared):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    folder = datasets.image_folders("full")
    (folder / "course.json").write_text(json.dumps([1]))
    assert is_subset(datasets.image_folders("full"))
