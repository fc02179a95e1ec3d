"""Processes killed at many moments, interrupted, or eight at once; then it starts again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import fake_sets
import processes
import pytest
from fake_sets import load

from course_utils import datasets
from course_utils.datasets import _download, _fetch

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
MOMENTS = range(10)
KILLED = -getattr(signal, "SIGKILL", 9)
FASHION = list(_download.FILES["fashion_mnist"])


def finished(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("*") if path.suffix in (".npz", ".zip")]


def held(server: Any, seconds: float = processes.PATIENCE) -> None:
    assert server.held.wait(seconds), "the child did not come that far"
    time.sleep(0.05)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_bytes_come(server: Any, cache: Path, moment: int) -> None:
    left = (2 * moment + 1) * sum(len(server.files[file]) for file in FASHION) // 20
    for number, file in enumerate(FASHION):  # noqa: B007  (which one it is, is used below)
        if left < len(server.files[file]):
            break
        left -= len(server.files[file])
    server.behaviour[file] = [(left,)]
    child = processes.start(processes.load, server.url, "fashion_mnist")
    held(server)
    child.kill()
    assert child.end()[0] == KILLED
    assert not finished(cache) and datasets.find("fashion_mnist") is None
    assert fake_sets.is_right(load("fashion_mnist"))
    assert [server.requests[each] for each in FASHION] == [
        1 if each != file else 2 for each in FASHION
    ], "what was finished is kept, what was half there is fetched again"
    assert not fake_sets.leftovers(cache)


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("what", ["files are made", "unpacking"])
def test_killed_while(server: Any, cache: Path, shared: Path, what: str, moment: int) -> None:
    """Kill at a tenth of the changes that are made in the cache, counted in a whole run."""
    cache.mkdir()
    folder = cache / "cats_vs_dogs_full" / "cats_vs_dogs_small"
    action: tuple[Any, ...] = (processes.load, server.url, "fashion_mnist")
    if what == "unpacking":
        fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)
        action = (processes.image_folders, "full")
    code, printed = processes.start(*action, fate=processes.Fate(folder=cache)).end()
    assert code == 0, printed
    count = int(printed.splitlines()[-1])
    assert count >= len(MOMENTS)
    for path in sorted(cache.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    operation = 1 + moment * (count - 1) // (len(MOMENTS) - 1)
    fate = processes.Fate(folder=cache, operation=operation)
    code, printed = processes.start(*action, fate=fate).end()
    assert code == KILLED, printed
    if what == "unpacking":
        assert not folder.exists() or fake_sets.is_subset(folder), "what stands there is whole"
        assert datasets.image_folders("full") == folder and fake_sets.is_subset(folder)
        assert sorted(path.name for path in shared.iterdir()) == ["dogs-vs-cats.zip"]
        return
    if finished(cache):  # then it is a whole one
        assert load("fashion_mnist").source == "full set, user's cache"
    assert fake_sets.is_right(load("fashion_mnist"))
    assert datasets.find("fashion_mnist") == ("cache", cache / "fashion_mnist.npz")
    assert fake_sets.is_right(load("mnist"))  # nor is another set in the way


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
@pytest.mark.parametrize("what", ["array", "inner zip"])
def test_killed_in_the_middle_of_a_write(
    server: Any, cache: Path, shared: Path, what: str, share: float
) -> None:
    """The system itself kills, at the byte that passes a limit: half a file is left."""
    if what == "array":
        size, action = len(server.files["mnist.npz"]), (processes.load, server.url, "mnist")
    else:
        fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)
        size, action = 25_000, (processes.image_folders, "full")
    fate = processes.Fate(largest=int(share * size), deadly=True)
    code, printed = processes.start(*action, fate=fate).end()
    assert code == -signal.SIGXFSZ, printed
    assert not finished(cache) and fake_sets.leftovers(cache)
    if what == "array":
        assert fake_sets.is_right(load("mnist"))
    else:
        assert fake_sets.is_subset(datasets.image_folders("full"))
    assert not fake_sets.leftovers(cache)


def test_stopped_by_the_reader(server: Any, cache: Path, says: Any) -> None:
    server.behaviour["mnist.npz"] = ["hang"]
    child = processes.start(processes.course, server.url, "data", "mnist")
    held(server)
    os.kill(child.process.pid, signal.SIGINT)
    code, printed = child.end()
    assert code == 130
    says(printed.splitlines()[-1])
    assert not finished(cache)
    assert fake_sets.is_right(load("mnist"))


def test_eight_processes_do_one_download(server: Any) -> None:
    for file in server.files:
        server.behaviour[file] = ["slow"]
    children = [processes.start(processes.load, server.url, "fashion_mnist") for _ in range(8)]
    ends = [child.end() for child in children]
    assert [code for code, _ in ends] == [0] * 8, ends
    assert set(server.requests.values()) == {1}
    sources = sorted(printed.splitlines()[-1] for _, printed in ends)
    assert sources[0] == f"full set, downloaded from {server.url}"
    assert sources[1:] == ["full set, user's cache"] * 7
    assert fake_sets.is_right(load("fashion_mnist"))


def test_a_class_of_thirty_reads_one_share(
    server: Any, cache: Path, shared: Path, bound: processes.Fate
) -> None:
    (shared / "mnist.npz").write_bytes(fake_sets.npz("mnist"))
    shared.chmod(0o555)
    children = [processes.start(processes.load, server.url, "mnist", fate=bound) for _ in range(30)]
    ends = [child.end() for child in children]
    assert ends == [(0, "full set, local copy in COURSE_DATA_DIR")] * 30
    assert not server.requests and not cache.exists()
    assert [path.name for path in shared.iterdir()] == ["mnist.npz"]


@pytest.mark.parametrize("data", ["full", "embedded"])
def test_eight_processes_lay_out_one_folder(
    server: Any, cache: Path, shared: Path, data: str
) -> None:
    fake_sets.photo_zip(shared / "dogs-vs-cats.zip", nested=True)
    ends = [
        child.end() for child in [processes.start(processes.image_folders, data) for _ in range(8)]
    ]
    assert [code for code, _ in ends] == [0] * 8, ends
    folder = datasets.image_folders(data)
    assert len({printed.splitlines()[-1] for _, printed in ends}) == 1
    assert data == "embedded" or fake_sets.is_subset(folder)
    assert not fake_sets.leftovers(cache)


def test_another_process_takes_for_ever(
    server: Any, cache: Path, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.behaviour["mnist.npz"] = ["hang"]
    child = processes.start(processes.load, server.url, "mnist")
    held(server)
    os.kill(child.process.pid, signal.SIGSTOP)  # the lid is closed
    monkeypatch.setattr(_fetch, "LOCK_SECONDS", 0.1)
    with pytest.raises(datasets.DataError) as caught:
        load("mnist")
    says(caught.value)
    child.kill()
    child.end()
    assert fake_sets.is_right(load("mnist"))
