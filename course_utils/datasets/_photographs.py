"""The dogs-vs-cats photographs: download from Drive, read a zip or a folder, check the JPEGs."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import re
import shutil
import textwrap
import zipfile
import zlib
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from course_utils.datasets._catalog import DataError
from course_utils.datasets._fetch import say
from course_utils.datasets._verify import BROKEN

DRIVE_ID = "18uC7WTuEXKJDDxbj-Jq6EjzpFrgE7IAd"
KAGGLE = "https://www.kaggle.com/c/dogs-vs-cats/data"
TIMEOUT = (10, 60)  # seconds to connect, and to wait for the next bytes
LARGEST = 20_000_000  # bytes of one photograph; the published ones stay far below
LARGEST_ALL = 2_000_000_000  # bytes of the inner zip, and of the photographs; 570 and 120 million
INNER = re.compile(r"^(?:[\w-]+/)?train\.zip$")
FLAT = re.compile(r"^(?:[\w-]+/)?train/((?:cat|dog)\.\d+\.jpg)$")


def download(work: Path, home: Path) -> Path:
    """Download the published zip into `work`; `home` is where a reader may put it by hand."""
    manual = (
        f"get dogs-vs-cats.zip by hand from {KAGGLE} (free account) or from "
        f"https://drive.google.com/file/d/{DRIVE_ID} in a browser, put it at "
        f"{home / 'dogs-vs-cats.zip'} and run `course data cats_vs_dogs`; "
        "or use data='embedded', which needs no network"
    )
    _clear(work)
    path = work / "dogs-vs-cats.zip"
    say("Downloading dogs-vs-cats.zip (852 MB) from Google Drive.")
    try:
        import gdown

        with _never_wait_for_ever():
            # Cookies would be kept in the home folder, which may be read-only.
            extra: dict[str, Any] = {"timeout": TIMEOUT, "retries": 2, "use_cookies": False}
            known = inspect.signature(gdown.download).parameters
            extra = {key: value for key, value in extra.items() if key in known}
            delivered = gdown.download(id=DRIVE_ID, output=str(path), **extra)
    # gdown's versions raise different things, requests' errors and AssertionError among them.
    except Exception as error:
        _clear(work)  # gdown keeps half of a file, which may be large, for a resume unverified
        reason = textwrap.shorten(str(error), 120, placeholder=" …") or "no reason given"
        raise DataError(
            f"Google Drive did not hand out dogs-vs-cats.zip ({type(error).__name__}: "
            f"{reason}). It refuses when many ask at once, so try again later, or: {manual}."
        ) from error
    if delivered is None or not zipfile.is_zipfile(path):
        path.unlink(missing_ok=True)
        raise DataError(f"Google Drive delivered something that is not a zip; {manual}.")
    return path


def _clear(work: Path) -> None:
    for leftover in work.iterdir():
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()


def stamp(origin: Path, names: Iterable[str]) -> str:
    """Return a cheap mark of a zip or folder, to tell whether a subset was built from it."""
    try:
        if origin.is_file():
            return f"{origin.name} {origin.stat().st_size}"
        held = [origin / name for name in names]
        return f"folder {sum(path.stat().st_size for path in held if path.exists())}"
    except OSError as error:
        raise DataError(
            f"{origin} cannot be read ({error.strerror}): make it readable, or delete it, or "
            "unset COURSE_DATA_DIR where that names it."
        ) from error


@contextlib.contextmanager
def opened(origin: Path, work: Path, names: Iterable[str]) -> Iterator[Callable[[str], bytes]]:
    """Open a zip (nested or flat) or a folder; yield a function from file name to its bytes.

    Nothing but `names`, e.g. ``cat.0.jpg``, is ever read, and nothing is unpacked to a path that
    an archive names: an inner zip goes into `work`.
    """
    if origin.is_dir():
        _require(names, {path.name for path in origin.iterdir()}, origin)

        def read_file(name: str) -> bytes:
            try:
                return (origin / name).read_bytes()
            except OSError as error:
                raise DataError(f"{origin / name} cannot be read ({error.strerror})") from error

        yield read_file
        return
    inner = work / "train.zip"
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(zipfile.ZipFile(origin))
        except (*BROKEN, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"{origin} is not a readable zip ({reason})") from error
        nested = [member for member in archive.infolist() if INNER.match(member.filename)]
        if nested:
            _refuse_bomb(nested[0].file_size, "its train.zip", origin)
            try:  # an OSError is about `work`, not about the zip
                with archive.open(nested[0]) as packed, inner.open("wb") as file:
                    shutil.copyfileobj(packed, file, 1 << 20)
                archive = stack.enter_context(zipfile.ZipFile(inner))
            except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
                raise DataError(f"{origin} is not a readable zip ({error})") from error
        held: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            if match := FLAT.match(member.filename):
                held.setdefault(match[1], member)
        _require(names, held, origin)
        _refuse_bomb(sum(held[name].file_size for name in names), "its photographs", origin)

        def read(name: str) -> bytes:
            if held[name].file_size > LARGEST:
                raise DataError(f"{origin}: {name} claims {held[name].file_size:,} bytes")
            try:
                return archive.read(held[name])
            except (*BROKEN, RuntimeError) as error:
                raise DataError(f"{origin}: {name} cannot be unpacked ({error})") from error

        yield read
    inner.unlink(missing_ok=True)


def checked(files: Iterable[tuple[str, bytes]], origin: Path) -> Iterator[tuple[str, bytes]]:
    """Pass JPEG files on; raise after the last if some are broken, or many are the same."""
    broken, names, contents = [], 0, set()
    for name, content in files:
        if not is_jpeg(content):
            broken.append(name.rsplit("/", 1)[1])
        names += 1
        contents.add(hashlib.md5(content, usedforsecurity=False).digest())
        yield name, content
    if broken:
        raise DataError(
            f"{origin}: not a whole JPEG file: {len(broken):,} of the photographs ({_few(broken)})"
        )
    if len(contents) < 0.99 * names:
        raise DataError(
            f"{origin}: the {names:,} photographs are {len(contents):,} different files only, "
            "which is not what was published"
        )


def is_jpeg(content: bytes) -> bool:
    """Whether bytes are a whole JPEG: header and end marker, or in doubt a full decoding."""
    from PIL import Image

    if not content.startswith(b"\xff\xd8\xff"):
        return False
    try:
        with Image.open(io.BytesIO(content)) as image:
            if b"\xff\xd9" not in content[-64:]:
                image.load()
            return image.format == "JPEG"
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


def size_note(read: Callable[[str], bytes], names: Iterable[str]) -> str:
    """Say so where the photographs are copies of one size: the published ones all differ."""
    from PIL import Image

    sizes = set()
    for name in list(names)[:50]:
        unreadable = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
        with contextlib.suppress(*unreadable), Image.open(io.BytesIO(read(name))) as image:
            sizes.add(image.size)
    if len(sizes) != 1:
        return ""
    width, height = sizes.pop()
    return f", re-encoded at {width}×{height} pixels"


def _require(names: Iterable[str], held: Container[str], origin: Path) -> None:
    names = list(names)
    missing = [name for name in names if name not in held]
    if missing:
        raise DataError(
            f"{origin} lacks {len(missing):,} of the {len(names):,} photographs of the published "
            f"subset ({_few(missing)})"
        )


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")


def _refuse_bomb(size: int, what: str, origin: Path) -> None:
    """Refuse what would fill the disk; zipfile unpacks no more than a member claims."""
    if size > LARGEST_ALL:
        raise DataError(f"{origin} claims {size:,} bytes for {what}, far more than was published")


@contextlib.contextmanager
def _never_wait_for_ever() -> Iterator[None]:
    """Give every request a time-out: gdown 5 has no way to ask for one."""
    import requests

    send = requests.Session.send

    def patient(session: requests.Session, request: Any, **options: Any) -> Any:
        options["timeout"] = options.get("timeout") or TIMEOUT
        return send(session, request, **options)

    with mock.patch.object(requests.Session, "send", patient):
        yield
