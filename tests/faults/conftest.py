from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fake_sets
import processes
import pytest
import yaml

REASONS = yaml.safe_load(Path(__file__).with_name("reasons.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def hurried(
    request: pytest.FixtureRequest, server: fake_sets.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wait for the next bytes less long than the server stalls, in the tests that are about it."""
    if {"stall", "silent"} & set(request.node.callspec.params["trouble"]):
        for module in ("_download", "_photographs"):
            monkeypatch.setattr(f"course_utils.datasets.{module}.TIMEOUT", (20, 1.5))


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path, int], None]]:
    """Make a folder a disk of its own, of that many bytes; again to give it more."""
    mounted = []

    def size(folder: Path, bytes_: int) -> None:
        options = f"{'remount,' if folder in mounted else ''}size={bytes_}"
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("a small disk cannot be mounted here")
        mounted.append(folder)

    yield size
    for folder in set(mounted):
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def bound(place: Path) -> processes.Fate:
    """The fate of a child whom mode bits bind; skips where there is no such child."""
    if not hasattr(os, "geteuid"):
        pytest.skip("mode bits mean little on this system")
    if os.geteuid() == 0 and not all(up.stat().st_mode & 1 for up in place.parents):
        pytest.skip("root ignores mode bits, and another user may not enter the temporary folder")
    return processes.Fate(unprivileged=True)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for Google Drive that nobody trusts unless told to."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = "subjectAltName=DNS:drive.google.com,DNS:drive.usercontent.google.com"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-subj", "/CN=drive.google.com", "-addext", names]
    subprocess.run(
        [*command, "-keyout", key, "-out", cert], check=True, capture_output=True, timeout=300
    )
    return cert, key


@pytest.fixture
def drive(
    server: fake_sets.Server, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> fake_sets.Server:
    """The server as a proxy to Google Drive: gdown's own requests end there."""
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(*certificate)
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
    monkeypatch.setattr("course_utils.datasets._photographs.TIMEOUT", (20, 20))
    with tempfile.TemporaryDirectory() as folder:
        zipped = fake_sets.photo_zip(Path(folder) / "a.zip", nested=True)
        server.files["dogs-vs-cats.zip"] = zipped.read_bytes()
    return server


@pytest.fixture
def says(request: pytest.FixtureRequest, place: Path) -> Callable[[object], None]:
    """Check that a message is one line of whole sentences, and names what reasons.yaml lists."""
    known = REASONS[request.node.originalname]
    if isinstance(known, dict):
        case = request.node.callspec.id
        known = next(words for part, words in known.items() if part in case)

    def check(message: object) -> None:
        text = str(message)
        places = {place / "cache": "CACHE", place / "shared": "SHARED", place: "FOLDER"}
        for folder, word in places.items():
            text = text.replace(str(folder), word)
        assert "\n" not in text and "Traceback" not in text
        assert text.endswith("."), text
        assert known in text, text

    return check
