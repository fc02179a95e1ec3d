"""Small stand-ins for the full data sets, and a loopback server that hands them out, or fails."""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import socket
import ssl
import struct
import tarfile
import threading
import time
import zipfile
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
from PIL import Image

from course_utils import datasets
from course_utils.datasets import _catalog, _cats_vs_dogs, _download

ARRAYS = ("fashion_mnist", "mnist", "cifar10")
SUBSET = {"train": range(4), "validation": range(4, 6), "test": range(6, 9)}


def arrays(name):
    """60 random pictures in the shape of a real set; labels in unequal shares."""
    random = np.random.RandomState(len(name))
    pixels = (32, 32, 3) if name == "cifar10" else (28, 28)
    return {
        "x_train": random.randint(0, 256, (50, *pixels)).astype(np.uint8),
        "y_train": np.repeat([0, 1, 2], [10, 15, 25]).astype(np.uint8),
        "x_test": random.randint(0, 256, (10, *pixels)).astype(np.uint8),
        "y_test": np.repeat([0, 1], [4, 6]).astype(np.uint8),
    }


def npz(name):
    buffer = io.BytesIO()
    np.savez(buffer, **arrays(name))
    return buffer.getvalue()


def files():
    """What the home servers hold: file name to bytes."""
    result = {"mnist.npz": npz("mnist")}
    for file, array in zip(
        _download.FILES["fashion_mnist"], arrays("fashion_mnist").values(), strict=True
    ):
        header = bytes((0, 0, 8, array.ndim)) + b"".join(n.to_bytes(4, "big") for n in array.shape)
        result[file] = gzip.compress(header + array.tobytes())
    cifar, buffer = arrays("cifar10"), io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for number in range(6):
            batch = "test_batch.bin" if number == 5 else f"data_batch_{number + 1}.bin"
            split, start = ("test", 0) if number == 5 else ("train", 10 * number)
            planes = cifar[f"x_{split}"][start : start + 10].transpose(0, 3, 1, 2).reshape(10, -1)
            labels = cifar[f"y_{split}"][start : start + 10, None]
            raw = np.concatenate([labels, planes], axis=1).astype(np.uint8).tobytes()
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{batch}")
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return result | {"cifar-10-binary.tar.gz": buffer.getvalue()}


def install(patch, url):
    """Make the package expect the stand-ins, at `url`; `patch` is a pytest.MonkeyPatch."""
    for name in ARRAYS:
        digests = {key: hashlib.sha256(a.tobytes()).hexdigest() for key, a in arrays(name).items()}
        entry = dataclasses.replace(
            _catalog.CATALOG[name], splits={"train": 50, "test": 10}, digests=digests
        )
        patch.setitem(_catalog.CATALOG, name, entry)
        patch.setitem(_download.URLS, name, url)
    digest = hashlib.sha256(npz("mnist")).hexdigest()
    patch.setitem(_download.FILES, "mnist", {"mnist.npz": f"sha256:{digest}"})
    # Patient, for the machine may be busy; tests of stalls make it short with `hurried`.
    patch.setattr(_download, "TIMEOUT", (20, 20))
    patch.setattr(_download, "PAUSE", 0.01)
    patch.setattr(_cats_vs_dogs, "SUBSET", SUBSET)


class Server(ThreadingHTTPServer):
    """Serves `files()`; `behaviour[file]` lists what the next requests meet, then all is well.

    A behaviour is a status, the name of one (see `Handler`), or a number of bytes, as a tuple of
    one, after which nothing more comes. `tls` makes it a proxy to Google Drive too: CONNECT is
    answered, and what is asked for inside, whatever its address, is the photographs' zip.
    """

    daemon_threads = True

    def __init__(self):
        self.files = files()
        self.behaviour: dict[str, list] = {}
        self.requests: Counter = Counter()
        self.held = threading.Event()  # set when a reply has come to its stop
        self.tls: ssl.SSLContext | None = None
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/"

    def handle_error(self, request, client_address):
        """A client that goes away in the middle is what some tests are about."""


def reset(connection):
    """Close a connection the rude way: what is on its way is lost, the other side hears a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Handler(BaseHTTPRequestHandler):
    timeout = 30

    def do_CONNECT(self):
        how = self.server.behaviour.get("CONNECT")
        if how or not self.server.tls:
            self.send_error(how.pop(0) if how else 405)
            return
        self.send_response(200)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
        self.handle_one_request()  # the one inside the tunnel
        self.close_connection = True

    def do_GET(self):
        drive = isinstance(self.connection, ssl.SSLSocket)
        file = "dogs-vs-cats.zip" if drive else self.path.lstrip("/")
        self.server.requests[file] += 1
        waiting = self.server.behaviour.get(file)
        how = waiting.pop(0) if waiting else "well"
        content = self.server.files.get(file, b"")
        if isinstance(how, int):
            self.send_error(how)
            return
        if how == "reset":
            reset(self.connection)
            return
        if how == "silent":
            time.sleep(5)
            return
        if how == "circle":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            waiting.append("circle")
            return
        if how == "html":
            content = b"<!DOCTYPE html><html>Please log in to the network</html>"
        if how == "quota":
            content = b'<p class="uc-error-subcaption">Too many users have viewed this file.</p>'
        if how == "other":
            content = npz("fashion_mnist") if file.endswith("npz") else gzip.compress(b"other")
        if how == "wrong":  # the right length, and one bit of the middle turned round
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        if how == "long":
            content += bytes(5000)
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if how == "quota" else "application/zip")
        if drive and how != "quota":
            self.send_header("Content-Disposition", f'attachment; filename="{file}"')
        if how not in ("endless", "dribble"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = how[0] if isinstance(how, tuple) else len(content) // 2
        if isinstance(how, tuple) or how in ("short", "stall", "hang", "half reset"):
            self.wfile.write(content[:half])
            self.wfile.flush()
            self.server.held.set()
            time.sleep({"short": 0, "half reset": 0.1, "stall": 5}.get(how, 20))
            if how == "half reset":
                reset(self.connection)
            return
        while how in ("endless", "dribble"):
            self.wfile.write(bytes(100_000 if how == "endless" else 100))
            self.wfile.flush()
            time.sleep(0 if how == "endless" else 0.02)
        if how == "slow":
            time.sleep(0.3)
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *arguments):
        pass


@contextmanager
def serving():
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def jpeg(seed=0, size=(20, 16)):
    pixels = np.random.RandomState(seed).randint(0, 256, (*size, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def photographs():
    """The 18 photographs of the small subset and a few that nobody asked for."""
    names = [f"{kind}.{number}.jpg" for kind in ("cat", "dog") for number in range(11)]
    return {name: jpeg(number, (20, 16 + number)) for number, name in enumerate(names)}


def photo_zip(path, *, nested=False, content=None):
    """Write dogs-vs-cats.zip, flat or as Kaggle packs it."""
    content = photographs() if content is None else content
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("train/", b"")
        archive.writestr("train/Thumbs.db", b"not asked for")
        for name, data in content.items():
            archive.writestr(name if "/" in name else f"train/{name}", data)
    if not nested:
        path.write_bytes(inner.getvalue())
        return path
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("sampleSubmission.csv", "id,label\n")
        archive.writestr("train.zip", inner.getvalue())
    return path


def photo_folder(path, content=None):
    """Write the photographs into a folder, as if a zip had been unpacked there."""
    path.mkdir(parents=True)
    for name, data in (photographs() if content is None else content).items():
        (path / name).write_bytes(data)
    return path


def load(name):
    """Load a stand-in as a full set, in file order."""
    return datasets.load(name, "full", validation_size=10, split="published")


def is_right(data):
    """Whether a loaded set, in file order, holds the arrays of its stand-in."""
    official = arrays(data.name)
    pixels = np.concatenate([data.x_train, data.x_validation]).reshape(official["x_train"].shape)
    return np.array_equal(pixels, official["x_train"]) and np.array_equal(
        data.y_test, official["y_test"]
    )


def is_subset(folder):
    """Whether a folder holds the small published subset and no other photograph."""
    content = photographs()
    expected = {
        f"{part}/{kind}/{kind}.{number}.jpg": content[f"{kind}.{number}.jpg"]
        for part, numbers in SUBSET.items()
        for kind in ("cat", "dog")
        for number in numbers
    }
    held = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*.jpg")}
    return {name: path.read_bytes() for name, path in held.items()} == expected


def leftovers(folder):
    """What an interrupted piece of work left in a cache."""
    return [path.name for path in folder.rglob("*.part*")]
