"""The look-up of full sets: local copy, cache, download. What can go wrong: see faults/."""

from __future__ import annotations

import time
from pathlib import Path

import fake_sets
import gdown
import numpy as np
import pytest
import requests
from commands import run
from fake_sets import load

from course_utils import datasets
from course_utils.datasets import _photographs

# Downloads


@pytest.mark.parametrize("name", fake_sets.ARRAYS)
def test_first_a_download_then_the_cache(server, cache, name):
    first = load(name)
    assert fake_sets.is_right(first)
    assert first.source == f"full set, downloaded from {server.url}"
    assert datasets.find(name) == ("cache", cache / f"{name}.npz")
    with np.load(cache / f"{name}.npz") as file:
        assert sorted(file) == ["x_test", "x_train", "y_test", "y_train"]
    asked = server.requests.total()
    second = load(name)
    assert fake_sets.is_right(second) and second.source == "full set, user's cache"
    assert server.requests.total() == asked
    assert not fake_sets.leftovers(cache)


def test_downloads_are_over_https_where_it_counts():
    from course_utils.datasets import _download

    assert all(url.startswith("https://") for url in _download.URLS.values())


def test_shared_folder_comes_first_then_cache_then_download(server, cache, shared):
    assert load("mnist").source.startswith("full set, downloaded")
    assert load("mnist").source == "full set, user's cache"
    (shared / "mnist.npz").write_bytes(fake_sets.npz("mnist"))
    assert load("mnist").source == "full set, local copy in COURSE_DATA_DIR"
    assert datasets.find("mnist") == ("COURSE_DATA_DIR", shared / "mnist.npz")


# Dogs vs cats


@pytest.mark.parametrize("layout", ["flat", "nested", "folder"])
def test_every_layout_gives_the_published_subset_once(server, cache, shared, layout):
    if layout == "folder":
        fake_sets.photo_folder(shared / "dogs-vs-cats" / "train")
    else:
        fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=layout == "nested")
    before = sorted(shared.rglob("*"))
    folder = datasets.image_folders("full")
    assert folder == cache / "cats_vs_dogs_full" / "cats_vs_dogs_small"
    assert fake_sets.is_subset(folder) and not fake_sets.leftovers(cache)
    assert sorted(shared.rglob("*")) == before
    assert datasets.provenance(folder) == "full set, local copy in COURSE_DATA_DIR"
    stamp = (folder / "course.json").stat().st_mtime_ns
    assert datasets.image_folders("full") == folder
    assert (folder / "course.json").stat().st_mtime_ns == stamp
    assert datasets.sizes("cats_vs_dogs", "full") == {"train": 8, "validation": 4, "test": 6}


def test_copies_of_one_size_are_said_to_be_copies(server, shared):
    content = {name: fake_sets.jpeg(i, (20, 20)) for i, name in enumerate(fake_sets.photographs())}
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


def test_another_zip_makes_another_subset(server, shared):
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip")
    datasets.image_folders("full")
    content = {name: fake_sets.jpeg(i, (30, 30)) for i, name in enumerate(fake_sets.photographs())}
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", content=content)
    folder = datasets.image_folders("full")
    assert (folder / "train/cat/cat.0.jpg").read_bytes() == content["cat.0.jpg"]


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


def test_course_data_to_a_folder_makes_a_share(server, cache, monkeypatch, tmp_path):
    load("cifar10")  # one set is in the cache already
    zipped = fake_sets.photo_zip(tmp_path / "a.zip", nested=True).read_bytes()
    monkeypatch.setattr(gdown, "download", drive(zipped))
    share = tmp_path / "class share"
    result = run("data", "--to", share)
    assert result.exit_code == 0, result.output
    assert "cifar10.npz  (full set, copied from cache, verified)" in result.stdout
    visible = sorted(path.name for path in share.iterdir() if path.name[0] != ".")
    assert visible == ["cifar10.npz", "dogs-vs-cats.zip", "fashion_mnist.npz", "mnist.npz"]
    asked = server.requests.total()
    assert "already there" in run("data", "--to", share).stdout
    monkeypatch.setenv("COURSE_DATA_DIR", str(share))
    assert fake_sets.is_right(load("mnist")) and fake_sets.is_subset(datasets.image_folders("full"))
    assert server.requests.total() == asked
    assert sorted(path.name for path in cache.iterdir() if path.suffix == ".npz") == ["cifar10.npz"]


def test_course_data_copies_an_unpacked_share(server, shared, tmp_path):
    fake_sets.photo_folder(shared / "dogs-vs-cats" / "train")
    result = run("data", "cats_vs_dogs", "--to", tmp_path / "copy")
    assert result.exit_code == 0, result.output
    assert len(list((tmp_path / "copy" / "dogs-vs-cats" / "train").iterdir())) == 22
    # A copy that was broken off left this; the next one begins anew.
    broken = tmp_path / "again" / ".dogs-vs-cats.part" / "train"
    broken.mkdir(parents=True)
    (broken / "cat.0.jpg").write_bytes(b"half")
    datasets.fetch("cats_vs_dogs", tmp_path / "again")
    assert len(list((tmp_path / "again" / "dogs-vs-cats" / "train").iterdir())) == 22


def test_course_data_knows_its_names(cache):
    result = run("data", "cifar")
    assert result.exit_code == 2
    assert "fashion_mnist, mnist, cifar10, cats_vs_dogs" in result.output
