from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(autouse=True)
def float32_again() -> Iterator[None]:
    """Leave no precision of a test to the next one, which may be of another file."""
    yield
    if keras := sys.modules.get("keras"):
        keras.config.set_dtype_policy("float32")
