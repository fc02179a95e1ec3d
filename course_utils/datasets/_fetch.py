"""Find the full arrays where they may be, verify them, and fetch them where they are not."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from course_utils.datasets._catalog import CATALOG, KEYS, DataError

LOCAL = "full set, local copy in COURSE_DATA_DIR"
CACHED = "full set, user's cache"
# What reading a damaged file or archive may raise.
BROKEN = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError)
LOCK_SECONDS = 3600  # CIFAR-10's home server has been seen to take 40 minutes


def cache_dir() -> Path:
    """Return the folder for downloads: ``COURSE_CACHE``, or the user's cache of this machine.

    Returns
    -------
    pathlib.Path
        The folder; it need not exist yet.
    """
    chosen = os.environ.get("COURSE_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("overfit-on-purpose"))


def data_dir() -> Path | None:
    """Return the folder that ``COURSE_DATA_DIR`` names, or None where it is not set."""
    chosen = os.environ.get("COURSE_DATA_DIR")
    if not chosen:
        return None
    folder = Path(chosen).expanduser()
    if not folder.is_dir():
        what = "is not a folder" if folder.exists() else "does not exist"
        raise DataError(
            f"COURSE_DATA_DIR={chosen} {what}: correct it, or unset it to use the cache."
        )
    return folder


def find_arrays(name: str) -> tuple[str, Path] | None:
    """Return which branch would serve a full array set now, and its file, without reading it."""
    folder = data_dir()
    places = [("COURSE_DATA_DIR", folder)] if folder else []
    for where, place in [*places, ("cache", cache_dir())]:
        if (place / f"{name}.npz").exists():
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
    if found:
        # Read without the lock: the common case, and a finished file never changes.
        with contextlib.suppress(DataError):
            return read(name, found[1]), CACHED
    return obtain(name, cache_dir(), CACHED)


def copy_to(name: str, folder: Path) -> tuple[Path, str]:
    """Put a full array set into `folder` in canonical form, from the nearest place that has it.

    Returns
    -------
    tuple of pathlib.Path and str
        The file, and where its bytes came from.
    """
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
    """Return the arrays of ``folder/name.npz``; make that file first where it is not right.

    Parameters
    ----------
    name : str
        The data set.
    folder : pathlib.Path
        Where the canonical file belongs.
    kept : str
        The source to report when the file was there already.
    spare : tuple, optional
        Arrays and source to write there; without it they are downloaded.
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
        np.savez(temporary, **arrays)
        os.replace(temporary, path)
    return arrays, source


def read(name: str, path: Path) -> dict[str, np.ndarray]:
    """Read a canonical npz and verify it.

    Parameters
    ----------
    name : str
        The data set that the file should hold.
    path : pathlib.Path
        The file.

    Returns
    -------
    dict
        ``x_train y_train x_test y_test``, uint8, as published.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in KEYS if key not in file]
            if missing:
                raise DataError(f"{path} has no array {missing[0]}")
            arrays = {key: file[key] for key in KEYS}
    except (*BROKEN, TypeError, AttributeError) as error:
        raise DataError(f"{path} cannot be read as an npz file ({error})") from error
    verify(name, arrays, str(path))
    return arrays


def verify(name: str, arrays: dict[str, np.ndarray], origin: str) -> None:
    """Raise DataError unless every array is, byte for byte, the published one."""
    entry = CATALOG[name]
    for key in KEYS:
        array = arrays[key]
        if array.dtype != np.uint8 or array.shape != entry.shape(key):
            raise DataError(
                f"{origin}: {key} is {array.dtype} {array.shape}, "
                f"but {entry.title} has uint8 {entry.shape(key)}"
            )
        if hashlib.sha256(np.ascontiguousarray(array)).hexdigest() != entry.digests[key]:
            raise DataError(
                f"{origin}: {key} does not hold the published {entry.title} (SHA-256 differs)"
            )


@contextlib.contextmanager
def workplace(folder: Path, name: str) -> Iterator[Path]:
    """Hold the lock on one data set in `folder`; yield a scratch folder beside it.

    Of many processes one does the work, the others wait and find it done. What a killed process
    left in the scratch folder stays there for the next one, which may go on with it.
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
        raise _unwritable(folder, error) from error
    finally:
        lock.release()


def set_aside(path: Path, why: str) -> None:
    """Rename a file of the cache that is not what it should be, so that it is fetched anew."""
    aside = path.with_name(path.name + ".wrong")
    os.replace(path, aside)
    say(f"{why}; set aside as {aside.name}.")


def say(text: str) -> None:
    """Write one line for whoever waits."""
    print(text, file=sys.stderr, flush=True)


def _fetched(name: str, work: Path) -> tuple[dict[str, np.ndarray], str]:
    """Download; a failure says everything that was tried and what to do."""
    from course_utils.datasets import _download

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


def _unwritable(folder: Path, error: BaseException) -> DataError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return DataError(
        f"Nothing can be written in {folder} ({reason}): free some room there, "
        "or set COURSE_CACHE to a folder of yours."
    )
