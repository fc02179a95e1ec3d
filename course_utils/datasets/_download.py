"""Download the three array data sets from their home servers.

Nothing that comes from the network is ever executed: no pickle is opened, and no archive is
unpacked to disk. What the archives hold is verified array by array.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.datasets._catalog import CATALOG, KEYS, DataError
from course_utils.datasets._verify import BROKEN, verify

GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
URLS = {"fashion_mnist": GOOGLE, "mnist": GOOGLE, "cifar10": "https://www.cs.toronto.edu/~kriz/"}
# File name to SHA-256, or None where the same arrays are about in several packings.
FILES: dict[str, dict[str, str | None]] = {
    "fashion_mnist": {
        "train-images-idx3-ubyte.gz": None,
        "train-labels-idx1-ubyte.gz": None,
        "t10k-images-idx3-ubyte.gz": None,
        "t10k-labels-idx1-ubyte.gz": None,
    },
    "mnist": {
        "mnist.npz": "sha256:731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
    },
    "cifar10": {"cifar-10-binary.tar.gz": None},
}
TIMEOUT = (10, 30)  # seconds to connect, and to wait for the next bytes
RETRIES = 2
PAUSE = 1  # seconds before the first retry; each further one waits that much longer
LARGEST = 200_000_000  # bytes of one download; CIFAR-10's archive, the largest, has 170 million
LONGEST = 3600  # seconds for one download; whoever sends a byte now and then has that long
LARGEST_MEMBER = 40_000_000  # bytes of one file of CIFAR-10's archive; a batch has 31 million


def arrays(name: str, work: Path) -> dict[str, np.ndarray]:
    """Download the files of a data set into `work`, and return its four arrays, verified.

    Files that an interrupted download finished there are used.
    """
    for leftover in work.iterdir():
        if leftover.name not in FILES[name]:
            leftover.unlink()
    paths = [_file(URLS[name] + file, digest, work) for file, digest in FILES[name].items()]
    try:
        result = _read(name, paths)
        verify(name, result, f"what {URLS[name]} delivered is not what was published")
    except Exception:
        for path in paths:  # none of them can be trusted: the next try starts from nothing
            path.unlink()
        raise
    return result


def _read(name: str, paths: list[Path]) -> dict[str, np.ndarray]:
    """Read the arrays out of the downloaded files."""
    try:
        if name == "mnist":
            with np.load(paths[0], allow_pickle=False) as file:
                return {key: file[key] for key in KEYS}
        if name == "cifar10":
            return _cifar(paths[0])
        return {key: _idx(name, key, path) for key, path in zip(KEYS, paths, strict=True)}
    except (*BROKEN, KeyError, tarfile.TarError) as error:
        starts = [path.read_bytes()[:200].lstrip().lower() for path in paths]
        page = any(start.startswith((b"<!doctype", b"<html")) for start in starts)
        raise DataError(
            f"what {URLS[name]} delivered is {'a web page, ' if page else ''}"
            f"not the expected archive ({error})"
        ) from error


def _file(url: str, digest: str | None, work: Path) -> Path:
    """Download one file, trying again where the connection fails; return its path."""
    import logging

    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)  # its advice on hashes is not for readers
    name = url.rsplit("/", 1)[1]
    try:
        path = pooch.retrieve(url, digest, name, work, downloader=_http)
    except ValueError as error:  # pooch, on a digest that differs
        raise DataError(f"{url} delivered another file than the expected one") from error
    except requests.RequestException as error:
        raise DataError(f"{url} could not be downloaded: {_reason(error)}") from error
    return Path(path)


def _http(url: str, output_file: Any, pooch: Any) -> None:
    """Pooch's downloader with a time-out, a progress bar and retries that spare a plain no."""
    import requests

    for attempt in range(RETRIES + 1):
        try:
            _stream(url, output_file)
            return
        except requests.RequestException as error:
            status = getattr(error.response, "status_code", 500)
            if attempt == RETRIES or (status < 500 and status not in (408, 429)):
                raise
            time.sleep(PAUSE * (attempt + 1))


def _stream(url: str, output_file: Any) -> None:
    """Write what a server sends; DataError past what a download can need of bytes or time."""
    import requests
    from tqdm import tqdm

    size, started, name = 0, time.monotonic(), url.rsplit("/", 1)[1]
    with requests.get(url, stream=True, timeout=TIMEOUT) as answer, open(output_file, "wb") as file:
        answer.raise_for_status()
        total = int(answer.headers.get("content-length", 0)) or None
        with tqdm(total=total, desc=name, unit="B", unit_scale=True, delay=0.5) as bar:
            # Small chunks: only between two of them is it seen that time is up.
            for chunk in answer.iter_content(1 << 10):
                size += len(chunk)
                if size > LARGEST:
                    raise DataError(
                        f"{url} sends more than {LARGEST:,} bytes, which is not the expected file"
                    )
                if time.monotonic() - started > LONGEST:
                    raise DataError(f"{url} was not complete after {LONGEST:,} seconds")
                file.write(chunk)
                bar.update(len(chunk))


# What a failed request means, by the name of its error and its text.
REASONS = {
    r"^ConnectTimeout": f"no connection to the server within {TIMEOUT[0]} seconds",
    r"^\w*Timeout|timed out": f"the server sent nothing for {TIMEOUT[1]} seconds",
    r"^SSLError": "the server's certificate is not to be trusted (a log-in page in between?)",
    r"^ProxyError": "the proxy of this network refused",
    r"^ChunkedEncodingError|ConnectionResetError|Connection aborted|IncompleteRead": (
        "the connection broke off"
    ),
    r"NameResolutionError|getaddrinfo": (
        "the server's name is not found (is this machine on the network?)"
    ),
    r"^TooManyRedirects": "the server sends in circles",
}


def _reason(error: Exception) -> str:
    """Say in a few words what a failed request means."""
    if (answer := getattr(error, "response", None)) is not None and answer.status_code >= 400:
        return f"the server answers with status {answer.status_code}"
    text = f"{type(error).__name__}: {error}"
    reasons = (said for pattern, said in REASONS.items() if re.search(pattern, text))
    return next(reasons, "no connection to the server (is this machine on the network?)")


def _idx(name: str, key: str, path: Path) -> np.ndarray:
    """Read one file of the MNIST family: a header of big-endian sizes, then the bytes."""
    shape = CATALOG[name].shape(key)
    header = bytes((0, 0, 8, len(shape))) + b"".join(size.to_bytes(4, "big") for size in shape)
    expected = len(header) + int(np.prod(shape))
    with gzip.open(path) as file:
        raw = file.read(expected + 1)  # no more than that, whatever the file unpacks to
    if len(raw) != expected or not raw.startswith(header):
        raise ValueError(f"{path.name} does not hold {expected:,} bytes for an array {shape}")
    return np.frombuffer(raw, np.uint8, offset=len(header)).reshape(shape)


def _cifar(path: Path) -> dict[str, np.ndarray]:
    """Read CIFAR-10's binary archive: 1 label byte and 3 colour planes of 32×32 per image."""
    shape = CATALOG["cifar10"].shape
    per_batch = shape("x_test")[0]
    wanted = [f"data_batch_{number}.bin" for number in range(1, 6)] + ["test_batch.bin"]
    batches: dict[str, np.ndarray] = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.size > LARGEST_MEMBER:  # before it is unpacked, only to be passed over
                raise ValueError(f"{path.name} claims {member.size:,} bytes for one file")
            batch = member.name.rsplit("/", 1)[-1]
            if batch in wanted and member.isfile() and member.size == per_batch * 3073:
                content = archive.extractfile(member)
                assert content is not None  # it is for folders and the like only
                raw = content.read()
                batches[batch] = np.frombuffer(raw, np.uint8).reshape(per_batch, 3073)
    if len(batches) < len(wanted):
        raise ValueError(f"{path.name} does not hold the six batches of CIFAR-10")
    rows = [batches[batch] for batch in wanted]
    parts = {"train": np.concatenate(rows[:5]), "test": rows[5]}
    result = {}
    for split, part in parts.items():
        images = part[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        result[f"x_{split}"] = np.ascontiguousarray(images)
        result[f"y_{split}"] = part[:, 0].copy()
    return result
