from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import BUILD, HEIGHT, NO_SAVING, PATIENCE, WIDTH, Lab, chromium, executable, lab
from playwright.sync_api import Browser, Page, expect

expect.set_options(timeout=20_000)  # the page of runs is long, and a machine may be busy


def pytest_sessionstart() -> None:
    try:
        executable()
    except FileNotFoundError as error:
        pytest.exit(str(error), returncode=1)


def _other_kernel(folder: Path) -> None:
    """A kernel of another environment that is called python3 too."""
    words = [sys.executable, "-X", "other", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": words, "display_name": "Python 3 of another course", "language": "python"}
    (folder / "kernels" / "python3").mkdir(parents=True)
    (folder / "kernels" / "python3" / "kernel.json").write_text(json.dumps(spec))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """`make lab`, for a user who has other kernels with the name of the course's own."""
    home, shared = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("shared")
    _other_kernel(home / "data")
    _other_kernel(shared)
    # every cell is laid out, as if the reader had scrolled to it
    drawn = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"}}
    with lab(home, settings=drawn | NO_SAVING, JUPYTER_PATH=str(shared)) as running:
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(server: Lab, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A new window; how it looks at the end goes to build/browser."""
    context = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    try:
        yield page
    finally:
        name = request.node.name.replace("[", "-").rstrip("]")
        page.screenshot(path=BUILD / f"{name}.png")
        context.close()
        server.end_kernels()
