"""JupyterLab as `make lab` starts it, and a browser in front of it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import psutil
from playwright.sync_api import Browser, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "browser"
BIN = Path(sys.executable).parent
WIDTH, HEIGHT = 1280, 900
FOLDERS = {
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
}
START_SECONDS = 180
PATIENCE = 180_000  # milliseconds that a page may take, on a busy machine
# the notebooks of the course stay as they are
NO_SAVING = {"@jupyterlab/docmanager-extension:plugin": {"autosave": False}}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = (
    "No Chromium was found on the path and playwright has none of its own; install one with "
    f"`{BIN}/playwright install --with-deps chromium`, or with your system's packages."
)


@dataclass
class Lab:
    """A running server: what it opened for the student, and its processes."""

    process: subprocess.Popen
    opened: str

    def address(self, notebook: Path) -> str:
        """Where a notebook of the repository opens, with no other notebook beside it."""
        url = urlsplit(self.opened)
        place = notebook.relative_to(ROOT).as_posix()
        return url._replace(path=f"/lab/tree/{place}", query=f"{url.query}&reset").geturl()

    def kernels(self) -> list[list[str]]:
        """Command line of each kernel that the server has started."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        lines = [process.cmdline() for process in below]
        return [line for line in lines if any("ipykernel" in word for word in line)]

    def end_kernels(self) -> None:
        """End the kernels of the notebooks that were opened."""
        url = urlsplit(self.opened)
        token = {"Authorization": f"token {parse_qs(url.query)['token'][0]}"}
        every = url._replace(path="/api/sessions", query="").geturl()
        with urlopen(Request(every, headers=token)) as answer:
            sessions = json.load(answer)
        for session in sessions:
            one = f"{every}/{session['id']}"
            urlopen(Request(one, headers=token, method="DELETE")).close()


@contextlib.contextmanager
def lab(home: Path, *, settings: dict[str, dict] | None = None, **variables: str) -> Iterator[Lab]:
    """Run `make lab` in this environment, with nobody's own Jupyter files, and end it after.

    An empty folder stands for the user's folders for Jupyter; settings are by JupyterLab's plugin.
    """
    opened, stamp = home / "opened", home / "installed"
    for folder in FOLDERS.values():
        (home / folder).mkdir(parents=True, exist_ok=True)
    stamp.touch()
    server = {
        "ServerApp": {
            "allow_root": True,
            "port": 0,
            # webbrowser puts the address that a student's browser gets in place of %s
            "browser": f"sh -c 'echo \"%s\" > {opened}'",
            # whatever becomes of the process that should end it, it ends by itself
            "shutdown_no_activity_timeout": 900,
        },
        "MappingKernelManager": {"cull_idle_timeout": 900, "cull_connected": True},
    }
    (home / "config" / "jupyter_server_config.json").write_text(json.dumps(server))
    for plugin, values in (settings or {}).items():
        file = home / "settings" / f"{plugin.replace(':', '/')}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    own |= {variable: str(home / folder) for variable, folder in FOLDERS.items()}
    own["COURSE_LEDGER"] = str(home / "ledger.jsonl")
    with open(home / "log", "w") as log:
        process = subprocess.Popen(
            ["make", "lab", f"BIN={BIN}", f"STAMP={stamp}"],
            cwd=ROOT,
            env=own | variables,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Lab(process, _wait_for(opened, process, home / "log"))
    finally:
        _end(process)


def _wait_for(opened: Path, process: subprocess.Popen, log: Path) -> str:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if opened.exists() and opened.read_text().endswith("\n"):
            return opened.read_text().strip()
        time.sleep(0.05)
    raise RuntimeError(f"make lab opened no page within {START_SECONDS} s:\n{log.read_text()}")


def _end(process: subprocess.Popen) -> None:
    """End the server, which ends its kernels, and make sure of it."""
    started = []
    with contextlib.suppress(psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(started, timeout=20)
    for one in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(timeout=20)


def executable() -> str:
    """Path of the system's Chromium or Chrome, or else of playwright's own."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        with sync_playwright() as playwright:
            found = playwright.chromium.executable_path
    if not Path(found).exists():
        raise FileNotFoundError(NO_BROWSER)
    return found


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        try:
            yield browser
        finally:
            browser.close()


def cells(page: Page) -> Locator:
    """The cells of the notebook in front."""
    return page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")


def wait_until_idle(page: Page) -> None:
    """Wait until the notebook is drawn and the status bar says that its kernel is idle."""
    cells(page).first.wait_for(timeout=PATIENCE)
    page.get_by_role("button", name="| Idle").wait_for(timeout=PATIENCE)


def run_all(page: Page) -> None:
    """Choose Run → Run All Cells, as the course tells its students."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def picture(cell: Locator) -> str:
    """The first picture below a cell, as its address; empty where there is none."""
    return cell.evaluate("e => e.querySelector('.jp-OutputArea-output img')?.src ?? ''")


def wait_for_another_picture(cell: Locator, before: str, milliseconds: float) -> str:
    """Wait until a cell shows another picture than before, and return that."""
    changed = "([e, old]) => ![undefined, old].includes(e.querySelector('img')?.src)"
    arg = [cell.element_handle(), before]
    cell.page.wait_for_function(changed, arg=arg, timeout=milliseconds)
    return picture(cell)


if __name__ == "__main__":  # which browser the tests would take, for .ci/run
    try:
        print(executable())
    except FileNotFoundError as error:
        sys.exit(str(error))
