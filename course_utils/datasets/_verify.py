"""Whether arrays are, byte for byte, those that were published."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from pathlib import Path

import numpy as np

from course_utils.datasets._catalog import CATALOG, KEYS, DataError

# What reading a damaged file or archive may raise.
BROKEN = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError)


def read(name: str, path: Path) -> dict[str, np.ndarray]:
    """Read ``x_train y_train x_test y_test`` from a canonical npz, and verify them."""
    try:
        with path.open("rb") as raw:  # numpy would take other things for it, and advise on pickles
            if not zipfile.is_zipfile(raw):
                raise ValueError("it is none, or half of one")
        with np.load(path, allow_pickle=False) as file:
            missing = [key for key in KEYS if key not in file]
            if missing:
                raise DataError(f"{path} has no array {missing[0]}")
            for key in KEYS:  # before reading: an array may claim more than the memory holds
                _check_form(name, key, *_header(file.zip, key), str(path))
            arrays = {key: file[key] for key in KEYS}
    except (*BROKEN, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path} cannot be read as an npz file ({reason})") from error
    verify(name, arrays, str(path))
    return arrays


def _header(archive: zipfile.ZipFile, key: str) -> tuple[tuple[int, ...], np.dtype]:
    """Read the shape and type that an array of an npz file claims to have."""
    with archive.open(f"{key}.npy") as file:
        is_old = np.lib.format.read_magic(file) == (1, 0)
        of = np.lib.format.read_array_header_1_0 if is_old else np.lib.format.read_array_header_2_0
        shape, _, dtype = of(file)
    return shape, dtype


def _check_form(name: str, key: str, shape: tuple[int, ...], dtype: np.dtype, origin: str) -> None:
    """Raise DataError unless an array has the published shape and type."""
    entry = CATALOG[name]
    if dtype != np.uint8 or shape != entry.shape(key):
        raise DataError(
            f"{origin}: {key} is {dtype} {shape}, but {entry.title} has uint8 {entry.shape(key)}"
        )


def verify(name: str, arrays: dict[str, np.ndarray], origin: str) -> None:
    """Raise DataError unless every array is, byte for byte, the published one."""
    entry = CATALOG[name]
    for key in KEYS:
        array = arrays[key]
        _check_form(name, key, array.shape, array.dtype, origin)
        if hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() != entry.digests[key]:
            raise DataError(
                f"{origin}: {key} does not hold the published {entry.title} (SHA-256 differs)"
            )
