"""What `course_utils.datasets` promises to a notebook."""

from __future__ import annotations

import dataclasses
import os
import socket
from importlib.resources import files

import fake_sets
import numpy as np
import pytest
from PIL import Image

from course_utils import datasets
from course_utils.datasets import _embedded
from course_utils.datasets._catalog import CATALOG
from course_utils.embedded import draw

REAL = os.environ.get("COURSE_DATA_DIR")
needs_full = pytest.mark.skipif(not REAL, reason="COURSE_DATA_DIR is not set")
PARTS = ("train", "validation", "test")
EXPECTED = {
    "fashion_mnist": ((28, 28, 1), (6000, 2000, 2000), 10),
    "mnist": ((28, 28, 1), (6000, 2000, 2000), 10),
    "cifar10": ((32, 32, 3), (4000, 1000, 1000), 10),
    "cats_vs_dogs": ((32, 32, 3), (1000, 400, 600), 2),
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("COURSE_DATA_DIR", raising=False)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A COURSE_DATA_DIR with small stand-ins for the full arrays."""
    fake_sets.install(monkeypatch, "http://127.0.0.1:9/")
    folder = tmp_path / "shared"
    folder.mkdir()
    for name in fake_sets.ARRAYS:
        (folder / f"{name}.npz").write_bytes(fake_sets.npz(name))
    monkeypatch.setenv("COURSE_DATA_DIR", str(folder))
    return folder


def rows(*pictures):
    return [picture.tobytes() for part in pictures for picture in part]


@pytest.mark.parametrize("name", datasets.NAMES)
def test_embedded_sets_are_as_described_and_never_touch_the_network(name, monkeypatch):
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("network used"))
    monkeypatch.setenv("COURSE_DATA_DIR", "/nowhere")  # not for embedded data to care about
    image, counts, classes = EXPECTED[name]
    data = datasets.load(name)
    assert len(data.class_names) == classes
    assert datasets.sizes(name) == dict(zip(PARTS, counts, strict=True))
    for part, count in zip(PARTS, counts, strict=True):
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        assert (x.shape, x.dtype, y.shape, y.dtype) == ((count, *image), "u1", (count,), "u1")
        for stop in (classes, 137, count):  # every prefix is balanced to within one image
            shares = np.bincount(y[:stop], minlength=classes)
            assert shares.max() - shares.min() <= 1
    everything = rows(data.x_train, data.x_validation, data.x_test)
    assert len(set(everything)) == len(everything)  # no picture twice, nor in two parts
    assert data.source.startswith("embedded sample, drawn from")
    assert str(data.title) in repr(data)


def test_embedded_sizes_take_prefixes_and_both_splits_agree():
    whole = datasets.load("mnist")
    few = datasets.load("mnist", train_size=30, validation_size=20, test_size=10)
    published = datasets.load("mnist", split="published", train_size=30)
    assert [len(few.y_train), len(few.y_validation), len(few.y_test)] == [30, 20, 10]
    for other in (few, published):
        assert np.array_equal(other.x_train, whole.x_train[:30])
    assert np.array_equal(few.x_test, whole.x_test[:10])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fashionmnist",), ["name='fashionmnist'", "'fashion_mnist'"]),
        (("mnist", "fulll"), ["data='fulll'", "'embedded', 'full'"]),
        (("cats_vs_dogs", "full"), ["image_folders"]),
    ],
)
def test_wrong_choices_are_answered_with_the_right_ones(arguments, words):
    with pytest.raises(datasets.DataError) as caught:
        datasets.load(*arguments)
    assert all(word in str(caught.value) for word in words)
    assert caught.value._render_traceback_() == [f"DataError: {caught.value}"]


@pytest.mark.parametrize(
    ("data", "sizes", "words"),
    [
        ("embedded", {"train_size": 10**9}, ["train_size=1,000,000,000", "6,000"]),
        ("embedded", {"test_size": 0}, ["test_size=0", "1 to 2,000"]),
        ("embedded", {"validation_size": 2.5}, ["validation_size=2.5"]),
        ("full", {"train_size": 50001}, ["train_size=50,001", "60,000", "10,000", "50,000"]),
        ("full", {"validation_size": 60000}, ["validation_size=60,000", "59,999"]),
        ("full", {"validation_size": 0}, ["validation_size=0"]),
        ("full", {"test_size": True}, ["test_size=True"]),
    ],
)
def test_sizes_that_cannot_be_had_name_the_limit(data, sizes, words):
    with pytest.raises(datasets.DataError) as caught:
        datasets.load("mnist", data, **sizes)  # nothing is downloaded before the sizes are right
    assert all(word in str(caught.value) for word in words)


def test_published_split_is_head_and_tail_in_file_order(shared):
    official = fake_sets.arrays("cifar10")
    data = datasets.load("cifar10", "full", train_size=20, validation_size=15, split="published")
    assert np.array_equal(data.x_train, official["x_train"][:20])
    assert np.array_equal(data.x_validation, official["x_train"][-15:])
    assert np.array_equal(data.x_test, official["x_test"])
    assert data.source == "full set, local copy in COURSE_DATA_DIR"


def test_stratified_split_is_disjoint_proportional_and_always_the_same(shared):
    data = datasets.load("fashion_mnist", "full", validation_size=20)
    assert data.x_train.shape == (30, 28, 28, 1)
    assert np.bincount(data.y_validation).tolist() == [4, 6, 10]
    assert np.bincount(data.y_train).tolist() == [6, 9, 15]
    assert not set(rows(data.x_train)) & set(rows(data.x_validation))
    again = datasets.load("fashion_mnist", "full", train_size=10, validation_size=20)
    assert np.array_equal(again.x_train, data.x_train[:10])
    assert np.array_equal(again.x_validation, data.x_validation)  # whatever the training size
    default = datasets.load("fashion_mnist", "full")
    assert [len(default.y_train), len(default.y_validation)] == [42, 8]


def test_the_order_of_a_split_is_frozen():
    order = datasets._stratified_order(np.array([0, 1, 1, 0, 1, 1, 0, 1]))
    assert order.tolist() == [7, 6, 4, 3, 2, 5, 0, 1]  # another order is another experiment


def test_embedded_image_folders_hold_the_embedded_images_in_order(tmp_path):
    data = datasets.load("cats_vs_dogs")
    folder = datasets.image_folders()
    assert folder == datasets.cache_dir() / "cats_vs_dogs_embedded" / "cats_vs_dogs_small"
    for part in PARTS:
        x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
        for label, kind in enumerate(data.class_names):
            paths = sorted((folder / part / kind).iterdir())
            assert len(paths) == (y == label).sum()
            assert np.array_equal(np.asarray(Image.open(paths[3])), x[y == label][3])
    assert datasets.provenance(folder) == data.source
    before = (folder / "course.json").stat().st_mtime_ns
    assert datasets.image_folders() == folder
    assert (folder / "course.json").stat().st_mtime_ns == before  # reused, not rewritten
    elsewhere = datasets.image_folders(folder=tmp_path / "mine")
    assert elsewhere == tmp_path / "mine" / "cats_vs_dogs_small"


def test_embedded_files_are_small_enough():
    total = sum(path.stat().st_size for path in files("course_utils.embedded").iterdir())
    assert total <= 20e6


def test_a_draw_never_takes_a_picture_twice(monkeypatch):
    entry = dataclasses.replace(
        CATALOG["mnist"], embedded={"train": 20, "validation": 10, "test": 10}
    )
    monkeypatch.setitem(CATALOG, "mnist", entry)
    pictures = np.arange(50 * 784).astype(np.uint8).reshape(50, 28, 28)
    pictures[:, 0, 0] = np.arange(50)
    arrays = {
        "x_train": np.concatenate([pictures[:40], pictures[:40]]),  # each one twice
        "y_train": np.tile(np.arange(10), 8),
        "x_test": pictures,  # and again in the test split
        "y_test": np.tile(np.arange(10), 5),
    }
    images, listing = draw.sample("mnist", arrays)
    assert len({image.tobytes() for image in images}) == 40
    assert listing["validation"]["labels"] == list(range(10))


@needs_full
@pytest.mark.full_data
@pytest.mark.parametrize("name", datasets.NAMES)
def test_every_embedded_image_is_the_official_one_at_its_index(name, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", REAL)
    origin, classes = draw.ORIGIN[name]
    whole = datasets.load(origin, "full", validation_size=1, split="published")
    train = np.concatenate([whole.x_train, whole.x_validation])
    labels = np.concatenate([whole.y_train, whole.y_validation])
    official = {"train": (train, labels), "test": (whole.x_test, whole.y_test)}
    for pool, (x, y) in _embedded.pools(name).items():
        listing = _embedded.index(name)[pool]
        images, numbers = official[listing["split"]]
        assert listing["split"] == ("test" if pool == "test" else "train")
        assert np.array_equal(images[listing["indices"]], x)
        assert np.array_equal(np.array(classes)[y], numbers[listing["indices"]])


@needs_full
@pytest.mark.full_data
def test_a_redraw_gives_the_stored_samples(monkeypatch, capsys):
    monkeypatch.setenv("COURSE_DATA_DIR", REAL)
    draw.main(["--check"])
    assert capsys.readouterr().out.count("gives the stored sample") == 4


@needs_full
@pytest.mark.full_data
def test_the_published_subset_of_photographs(monkeypatch):
    monkeypatch.setenv("COURSE_DATA_DIR", REAL)
    if datasets.find("cats_vs_dogs") is None:
        pytest.skip("no photographs in COURSE_DATA_DIR")
    before = sorted(os.listdir(REAL))
    folder = datasets.image_folders("full")
    counts = {part: len(list((folder / part).glob("*/*.jpg"))) for part in PARTS}
    assert counts == datasets.sizes("cats_vs_dogs", "full")
    assert (folder / "test" / "dog" / "dog.2499.jpg").exists()
    assert sorted(os.listdir(REAL)) == before  # may be a read-only share
