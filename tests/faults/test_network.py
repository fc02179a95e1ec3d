"""What a network does to a download, with a real server on the loopback that does it."""

from __future__ import annotations

import gzip
import io
import socket
import tarfile
import time
from pathlib import Path
from typing import Any

import fake_sets
import processes
import pytest
from click.testing import CliRunner
from fake_sets import load

from course_utils import datasets
from course_utils.classroom import cli
from course_utils.datasets import _download

GZ, TAR, NPZ = "train-labels-idx1-ubyte.gz", "cifar-10-binary.tar.gz", "mnist.npz"
SETS = {GZ: "fashion_mnist", TAR: "cifar10", NPZ: "mnist"}


def refused(name: str) -> str:
    started = time.monotonic()
    with pytest.raises(datasets.DataError) as caught:
        load(name)
    assert time.monotonic() - started < 30, "a time-out, not for ever"
    return str(caught.value)


@pytest.mark.parametrize(
    "trouble",
    [[503], [429, 500], ["short"], ["half reset"], ["reset", 503], ["stall"]],
    ids=lambda steps: " then ".join(map(str, steps)),
)
def test_passing_trouble_is_tried_again(server: Any, hurried: None, trouble: list) -> None:
    server.behaviour[TAR] = list(trouble)
    assert fake_sets.is_right(load("cifar10"))
    assert server.requests[TAR] == len(trouble) + 1


@pytest.mark.parametrize(
    ("file", "trouble"),
    [
        (NPZ, [404]),
        (NPZ, [403]),
        (TAR, [503] * 3),
        (TAR, ["reset"] * 3),
        (TAR, ["half reset"] * 3),
        (TAR, ["short"] * 3),
        (TAR, ["stall"] * 3),
        (NPZ, ["silent"] * 3),
        (NPZ, ["circle"]),
        (TAR, ["html"]),
        (TAR, ["other"]),
        (TAR, ["wrong"]),
        (GZ, ["html"]),
        (GZ, ["other"]),
        (GZ, ["wrong"]),
        (NPZ, ["html"]),
        (NPZ, ["other"]),
        (NPZ, ["wrong"]),
        (NPZ, ["long"]),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else SETS[value],
)
def test_lasting_trouble(
    server: Any, hurried: None, cache: Path, says: Any, file: str, trouble: list
) -> None:
    name = SETS[file]
    server.behaviour[file] = list(trouble)
    says(refused(name))
    assert server.requests[file] == (31 if trouble == ["circle"] else len(trouble))
    assert datasets.find(name) is None and not list(cache.glob("*.npz*"))
    server.behaviour.clear()  # the server has recovered: nothing stands in the way
    assert fake_sets.is_right(load(name))
    assert not fake_sets.leftovers(cache)


def test_right_arrays_and_more_bytes(server: Any) -> None:
    server.behaviour[GZ] = ["long"]
    assert fake_sets.is_right(load("fashion_mnist"))  # the arrays are what counts


@pytest.mark.parametrize("way", ["endless", "dribble"])
def test_a_body_without_end(
    server: Any, cache: Path, says: Any, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setattr(_download, "LARGEST", 1_000_000)
    monkeypatch.setattr(_download, "LONGEST", 0.5)
    server.behaviour[NPZ] = [way]
    says(refused("mnist"))
    assert server.requests[NPZ] == 1
    assert not fake_sets.leftovers(cache)


@pytest.mark.parametrize("file", [GZ, TAR])
def test_a_bomb_is_not_unpacked(server: Any, says: Any, file: str) -> None:
    size = 300_000_000
    if file == GZ:
        server.files[file] = gzip.compress(bytes(size // 10), 1)
    else:
        # Only the head of the member: whoever believes it and reads on finds the end.
        member, buffer = tarfile.TarInfo("cifar-10-batches-bin/batches.meta.txt"), io.BytesIO()
        member.size = size
        buffer.write(gzip.compress(member.tobuf() + bytes(1_000_000)))
        server.files[file] = buffer.getvalue()
    says(refused(SETS[file]))


def test_whole_archive_other_content(server: Any, says: Any) -> None:
    raw = bytearray(gzip.decompress(server.files[GZ]))
    raw[-1] ^= 1
    server.files[GZ] = gzip.compress(bytes(raw))
    says(refused("fashion_mnist"))


def test_no_server_at_all(server: Any, says: Any) -> None:
    server.shutdown()
    server.server_close()
    says(refused("mnist"))


def test_name_not_resolved(server: Any, says: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_download.URLS, "mnist", "http://course.invalid/")  # RFC 6761: never one
    with pytest.raises(OSError):
        socket.getaddrinfo("course.invalid", 80)
    says(refused("mnist"))


def test_no_network(cache: Path, says: Any) -> None:
    offline = processes.Fate(offline=True)
    says(processes.sentence(processes.load_as_shipped, "mnist", fate=offline))
    assert datasets.find("mnist") is None


def test_no_network_and_an_empty_share(cache: Path, shared: Path, says: Any) -> None:
    offline = processes.Fate(offline=True)
    says(processes.sentence(processes.load_as_shipped, "cifar10", fate=offline))
    assert not list(shared.iterdir())


def test_no_network_and_embedded_data(cache: Path) -> None:
    offline = processes.Fate(offline=True)
    printed = processes.outcome(processes.image_folders, "embedded", fate=offline)
    assert printed == "embedded sample, drawn from the cat and dog classes of CIFAR-10"


def test_course_data_does_the_rest_when_one_fails(server: Any, cache: Path, says: Any) -> None:
    server.behaviour[NPZ] = [404]
    result = CliRunner().invoke(cli.main, ["data", "fashion_mnist", "mnist", "cifar10"])
    assert result.exit_code == 1
    (line,) = [line for line in result.stdout.splitlines() if "failed" in line]
    says(line)
    for name in ("fashion_mnist.npz", "cifar10.npz"):
        assert f"{cache / name}  (full set" in result.stdout
    again = CliRunner().invoke(cli.main, ["data", "mnist"])
    assert again.exit_code == 0 and "verified" in again.stdout


# Google Drive: gdown's own requests, through a proxy on the loopback that plays Drive


@pytest.mark.parametrize(
    "trouble",
    [["quota"], [403], [404], ["html"], ["short"] * 3, ["stall"] * 3, ["reset"] * 3],
    ids=lambda steps: str(steps[0]),
)
def test_drive_trouble(drive: Any, hurried: None, cache: Path, says: Any, trouble: list) -> None:
    drive.behaviour["dogs-vs-cats.zip"] = list(trouble)
    with pytest.raises(datasets.DataError) as caught:
        datasets.image_folders("full")
    says(caught.value)
    assert datasets.find("cats_vs_dogs") is None
    assert not [path for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock"]
    drive.behaviour.clear()
    assert fake_sets.is_subset(datasets.image_folders("full"))
    assert not fake_sets.leftovers(cache)


def test_drive_delivers_a_damaged_zip(drive: Any, cache: Path, says: Any) -> None:
    drive.behaviour["dogs-vs-cats.zip"] = ["wrong", "wrong"]
    with pytest.raises(datasets.DataError) as caught:
        datasets.image_folders("full")
    says(caught.value)
    assert drive.requests["dogs-vs-cats.zip"] == 2
    assert not (cache / "cats_vs_dogs_full" / "cats_vs_dogs_small").exists()
    assert fake_sets.is_subset(datasets.image_folders("full"))  # by itself, once Drive is well


def test_drive_certificate_that_nobody_signed(
    drive: Any, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    with pytest.raises(datasets.DataError) as caught:
        datasets.image_folders("full")
    says(caught.value)
    assert not drive.requests["dogs-vs-cats.zip"]


@pytest.mark.parametrize("how", ["certificate that nobody signed", "proxy that refuses"])
def test_https(drive: Any, says: Any, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how.startswith("proxy"):
        drive.behaviour["CONNECT"] = [403] * 3
    else:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setitem(_download.URLS, "mnist", "https://drive.google.com/")
    says(refused("mnist"))
