"""Find the full arrays where they may be, verify them, and fetch them where they are not."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from course_utils.datasets import _download
from course_utils.datasets._catalog import CATALOG, DataError
from course_utils.datasets._verify import read

LOCAL = "full set, local copy in COURSE_DATA_DIR"
CACHED = "full set, user's cache"
LOCK_SECONDS = 3600  # CIFAR-10's home server has been seen to take 40 minutes
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # no room on the disk, or none for this user


def cache_dir() -> Path:
    """Return the folder for downloads: ``COURSE_CACHE``, or the user's cache; it may not exist."""
    if chosen := os.environ.get("COURSE_CACHE"):
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("overfit-on-purpose"))


def data_dir() -> Path | None:
    """Return the folder that ``COURSE_DATA_DIR`` names, or None where it is not set."""
    chosen = os.environ.get("COURSE_DATA_DIR")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    what = ""
    # os.path answers False where a folder above may not be entered; pathlib raises.
    if not os.path.isdir(folder):
        what = "is not a folder" if os.path.exists(folder) else "does not exist"
    elif not os.access(folder, os.R_OK | os.X_OK):
        what = "may not be read by you"
    if what:
        raise DataError(
            f"COURSE_DATA_DIR={chosen} {what}: correct it, or unset it to use the cache."
        )
    return folder


def find_arrays(name: str) -> tuple[str, Path] | None:
    """Return which branch would serve a full array set now, and its file, without reading it."""
    folder = data_dir()
    places = [("COURSE_DATA_DIR", folder)] if folder else []
    for where, place in [*places, ("cache", cache_dir())]:
        if os.path.exists(place / f"{name}.npz"):
            return where, place / f"{name}.npz"
    return None


def official(name: str) -> tuple[dict[str, np.ndarray], str]:
    """Return the verified full arrays, and one sentence of where they came from."""
    found = find_arrays(name)
    if found and found[0] == "COURSE_DATA_DIR":
        try:
            return read(name, found[1]), LOCAL
        except DataError as error:
            raise DataError(
                f"{error}. Delete that file and run `course data`, or unset COURSE_DATA_DIR."
            ) from error
    if not found:
        return obtain(name, cache_dir(), CACHED)
    try:  # without the lock: the common case, and a finished file never changes
        return read(name, found[1]), CACHED
    except DataError as wrong:
        try:
            return obtain(name, cache_dir(), CACHED)
        except UnwritableError as error:
            raise DataError(f"{wrong}, and it cannot be replaced. {error}") from error


def copy_to(name: str, folder: Path) -> tuple[Path, str]:
    """Put a full array set into `folder`, from the nearest place that has it; say from where."""
    path, spare = folder / f"{name}.npz", None
    found = find_arrays(name)
    if found and found[1].resolve() != path.resolve():
        try:
            spare = (read(name, found[1]), f"full set, copied from {found[0]}")
        except DataError as error:
            say(f"{error}; passing over it.")
    return path, obtain(name, folder, "full set, already there", spare)[1]


def obtain(
    name: str,
    folder: Path,
    kept: str,
    spare: tuple[dict[str, np.ndarray], str] | None = None,
) -> tuple[dict[str, np.ndarray], str]:
    """Return the arrays of ``folder/name.npz``, making that file first where it is not right.

    Returned are the arrays and their source: `kept` where the file was there already, else that of
    `spare`, or of the download.
    """
    path = folder / f"{name}.npz"
    with workplace(folder, name) as work:
        if path.exists():  # perhaps made by another process while this one waited
            try:
                return read(name, path), kept
            except DataError as error:
                set_aside(path, str(error))
        arrays, source = spare or _fetched(name, work)
        temporary = work / "finished.npz"
        np.savez(temporary, **arrays)  # type: ignore[arg-type]
        os.replace(temporary, path)
    return arrays, source


@contextlib.contextmanager
def workplace(folder: Path, name: str) -> Iterator[Path]:
    """Hold the lock on one data set in `folder`; yield a scratch folder beside it.

    Of many processes one does the work, the others wait and find it done. What a killed process
    left in the scratch folder stays there for the next one, which may go on with it. Where the
    disk is full the scratch folder goes: the room is wanted.
    """
    from filelock import FileLock, Timeout

    work = folder / f".{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f".{name}.lock")
        try:
            lock.acquire(timeout=1)
        except Timeout:
            say(f"Another process is fetching {name}; waiting for it.")
            lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise DataError(
            f"Another process has held {folder / f'.{name}.lock'} for {LOCK_SECONDS} seconds: "
            "end it, or wait for it and try again."
        ) from error
    except (OSError, NotImplementedError) as error:
        raise _unwritable(folder, error) from error
    try:
        work.mkdir(exist_ok=True)
        yield work
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        if error.errno in FULL:
            shutil.rmtree(work, ignore_errors=True)
        raise _unwritable(folder, error) from error
    finally:
        with contextlib.suppress(OSError):
            work.rmdir()  # succeeds where nothing worth keeping is in it
        lock.release()


def set_aside(path: Path, why: str) -> None:
    """Rename a file of the cache that is not what it should be, so that it is fetched anew."""
    aside = path.with_name(path.name + ".wrong")
    if aside.is_dir():  # what was set aside before gives way, whichever of the two is a folder
        shutil.rmtree(aside)
    elif path.is_dir():
        aside.unlink(missing_ok=True)
    os.replace(path, aside)
    say(f"{why}; set aside as {aside.name}.")


def say(text: str) -> None:
    """Write one line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def _fetched(name: str, work: Path) -> tuple[dict[str, np.ndarray], str]:
    """Download; a failure says everything that was tried and what to do."""
    try:
        arrays = _download.arrays(name, work)
    except DataError as error:
        shared = os.environ.get("COURSE_DATA_DIR")
        raise DataError(
            f"{CATALOG[name].title} is {f'not in COURSE_DATA_DIR={shared}, ' if shared else ''}"
            f"not in the cache, and {error}. Try `course data {name}` again later, or put "
            f"{name}.npz into {shared or cache_dir()}, or use data='embedded', which needs no "
            "network."
        ) from error
    return arrays, f"full set, downloaded from {_download.URLS[name]}"


class UnwritableError(DataError):
    """A folder cannot be written."""


def _unwritable(folder: Path, error: BaseException) -> DataError:
    """Say why the work in `folder` stopped; reading what is copied there may be the reason."""
    source = getattr(error, "filename", None)
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if isinstance(error, shutil.Error):  # of a whole tree: a list of what failed
        source, _, reason = error.args[0][0]
        reason = str(reason).split("] ")[-1].split(":")[0]
    # Windows' "is in use" and the like come without a file name, or with the one in the folder.
    if source:
        source, home = Path(os.fsdecode(source)).absolute(), folder.absolute()
        if not source.is_relative_to(home) and not home.is_relative_to(source):
            return DataError(f"{source} cannot be read ({reason}): make it readable.")
    ours = folder.is_relative_to(cache_dir())
    if getattr(error, "errno", None) in FULL:
        elsewhere = "set COURSE_CACHE to a folder" if ours else "choose a folder"
        return UnwritableError(
            f"There is no room left in {folder} ({reason}): free some there, or {elsewhere} on "
            "another disk. Nothing half-written is left."
        )
    elsewhere = "set COURSE_CACHE to a folder of yours" if ours else "choose a folder of yours"
    return UnwritableError(f"Nothing can be written in {folder} ({reason}): {elsewhere}.")
