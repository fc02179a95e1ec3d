"""Child processes that start at once, and meet a full disk, no rights, no network or a kill.

They are forked from a server that has everything imported, so that a child costs milliseconds and
needs to read nothing of the installation when it has become another user.
"""

from __future__ import annotations

import ctypes
import io
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import fake_sets
import numpy as np
import pytest

from course_utils import datasets, ledger

PRELOADED = """
encodings.idna PIL.Image PIL.JpegImagePlugin PIL.PngImagePlugin PIL.WebPImagePlugin
numpy.ma numpy.random filelock pooch requests tqdm.auto gdown psutil pytest click.testing
course_utils.datasets._download course_utils.classroom.doctor course_utils.classroom.cli
course_utils.classroom.data course_utils.ledger
"""
SERVED = "forkserver" in multiprocessing.get_all_start_methods()
CONTEXT = multiprocessing.get_context("forkserver" if SERVED else "spawn")
if SERVED:
    CONTEXT.set_forkserver_preload(PRELOADED.split())
NOBODY = 65534
NEW_NETWORK = 0x40000000  # CLONE_NEWNET
PATIENCE = 120  # seconds that a test waits for a child on a busy machine
SENTENCE = 3  # the status of a child that ended in a sentence
CANNOT = 77  # and of one that this system does not let be made
RUN = {"notebook": "01_small", "arm": "a", "seed": 1, "protocol": "honest"}
RUN |= {"data": {"name": "mnist", "scale": "embedded"}}


def serve(modules: list[str]) -> None:
    """Have the next children forked from a new server that has these modules imported."""
    if SERVED:
        forkserver._forkserver._stop()
        CONTEXT.set_forkserver_preload(modules)
        forkserver.ensure_running()


@dataclass(frozen=True)
class Fate:
    """What a child meets; `operation` counts from 1 the changes that it makes in `folder`."""

    unprivileged: bool = False  # it is another user, whom mode bits bind, if this one is root
    largest: int | None = None  # bytes of a file; beyond, the disk is full to it
    deadly: bool = False  # it dies of that in the middle of the write, and does not hear of it
    offline: bool = False  # it has no network at all
    folder: Path | None = None
    operation: int | None = None  # it is killed just before this one


@dataclass
class Child:
    """A running or finished child; `code` is minus the signal's number where one killed it."""

    process: Any
    output: Path

    def kill(self) -> None:
        """Kill it, as the system does: without a last word."""
        self.process.kill()
        self.process.join(PATIENCE)

    def end(self) -> tuple[int, str]:
        """Wait for it; return its status and what it printed."""
        self.process.join(PATIENCE)
        if self.process.is_alive():
            self.kill()
            pytest.fail(f"a child did not end in {PATIENCE} s: {self.output.read_text()}")
        printed = self.output.read_text(encoding="utf-8")
        self.output.unlink()
        # A progress bar that was shown stands in front of what comes after it.
        lines = re.sub(r"[^\r\n]*B/s\]", "", printed).splitlines()
        return self.process.exitcode, "\n".join(line for line in lines if line.strip())


def start(action: Callable[..., None], *arguments: Any, fate: Fate | None = None) -> Child:
    """Start a function of this module in a child with this environment and this fate."""
    number, name = tempfile.mkstemp(prefix="course-child-")
    os.close(number)
    process = CONTEXT.Process(
        target=_live, args=(action, arguments, fate or Fate(), name, dict(os.environ)), daemon=True
    )
    process.start()
    return Child(process, Path(name))


def outcome(action: Callable[..., None], *arguments: Any, fate: Fate | None = None) -> str:
    """Return what a child printed that ended well."""
    code, printed = _ended(action, arguments, fate)
    assert code == 0, printed
    return printed


def sentence(action: Callable[..., None], *arguments: Any, fate: Fate | None = None) -> str:
    """Return the sentence in which a child ended, without the name of the error."""
    code, printed = _ended(action, arguments, fate)
    assert code == SENTENCE, f"ended with {code}: {printed}"
    return re.search(r"\w+Error: (.*)$", printed.splitlines()[-1])[1]


def _ended(
    action: Callable[..., None], arguments: tuple[Any, ...], fate: Fate | None
) -> tuple[int, str]:
    child = start(action, *arguments, fate=fate)
    code, printed = child.end()
    if code == CANNOT:
        pytest.skip(printed)
    return code, printed


def _live(
    action: Callable[..., None],
    arguments: tuple[Any, ...],
    fate: Fate,
    output: str,
    environment: dict[str, str],
) -> None:
    with open(output, "wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    # A shell's background jobs ignore Ctrl-C, and so would what they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if fate.offline and (not hasattr(os, "fork") or ctypes.CDLL(None).unshare(NEW_NETWORK)):
        print("a process without a network cannot be made here", flush=True)
        sys.exit(CANNOT)
    if fate.largest is not None:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (fate.largest, fate.largest))
        if fate.deadly:  # Python ignores the signal and hears an error instead
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if fate.unprivileged and os.geteuid() == 0:
        # numpy imports parts of itself late, from where another user may not be able to read.
        np.load(io.BytesIO(fake_sets.npz("mnist")))["x_test"]
        np.lib.format.read_magic(io.BytesIO(np.lib.format.magic(1, 0)))
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    counted = _count_operations(fate) if fate.folder else []
    try:
        action(*arguments)
    except (Exception, KeyboardInterrupt) as error:
        # What Jupyter would show without a traceback is what a reader sees.
        if not hasattr(error, "_render_traceback_"):
            raise
        (line,) = error._render_traceback_()
        print(line, flush=True)
        sys.exit(SENTENCE)
    if fate.folder and not fate.operation:
        print(len(counted))


def _count_operations(fate: Fate) -> list[str]:
    """Count what changes a folder; kill this process just before the chosen change."""
    counted: list[str] = []
    home = str(fate.folder)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir"):
            return
        if event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return
        path = arguments[0]
        # shutil.rmtree removes by name inside an open folder: a name alone counts too.
        if isinstance(path, str) and (path.startswith(home) or not os.path.isabs(path)):
            counted.append(event)
            if len(counted) == fate.operation:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    return counted


# What children do. Each is a call of the public interface.


def _stand_ins(url: str) -> None:
    fake_sets.install(pytest.MonkeyPatch(), url)


def load(url: str, name: str) -> None:
    """Load a full set and print where it came from."""
    _stand_ins(url)
    print(datasets.load(name, "full").source)


def load_as_shipped(name: str) -> None:
    """Load a full set from the address that the package knows."""
    pytest.MonkeyPatch().setattr("course_utils.datasets._download.PAUSE", 0.01)
    print(datasets.load(name, "full").source)


def image_folders(data: str, folder: Path | None = None) -> None:
    """Lay out cats and dogs and print where they came from."""
    _stand_ins("http://127.0.0.1:9/")
    print(datasets.provenance(datasets.image_folders(data, folder=folder)))


def course(url: str, *words: str) -> None:
    """Run a command of `course`, without TensorFlow's five seconds."""
    from course_utils.classroom import cli, doctor

    _stand_ins(url)
    pytest.MonkeyPatch().setattr(doctor, "_machine", lambda found: None)
    cli.main(list(words))


def append(path: Path | None = None, **record: Any) -> None:
    """Append a record to the ledger."""
    ledger.append(record, path)


def read(path: Path) -> None:
    """Read a ledger and print how many records it has."""
    print(len(ledger.read(path)))


def write_lines(path: Path, writer: int, lines: int, ready: Any = None) -> None:
    """Append many records of very different length: a short one over a long one would show."""
    if ready is not None:
        ready.wait(PATIENCE)
    for number in range(lines):
        text = "é" * (number % 7 * 300)
        ledger.append(RUN | {"writer": writer, "number": number, "text": text}, path)


def own_pictures(folder: Path) -> None:
    """Lay out the reader's own pictures, and print where they are."""
    print(datasets.own_pictures(folder, 16))
