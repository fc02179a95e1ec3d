"""Say what this machine has, and what to do about what is missing."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import dataclass, field
from importlib import metadata

import click
import psutil

from course_utils import datasets, ledger, machine

# What the course needs, and the names under which it may be installed.
NEEDED = {
    "tensorflow": (("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly"), (2, 20)),
    "keras": (("keras", "keras-nightly"), (3, 13)),
    "numpy": (("numpy",), (1, 26)),
}
USEFUL = ("jupyterlab", "papermill", "pooch", "gdown")
DOWNLOAD_MB = {"fashion_mnist": 31, "mnist": 11, "cifar10": 170, "cats_vs_dogs": 852}


@dataclass
class Findings:
    """What was found: lines to print, advice, and what stops the course altogether."""

    lines: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    fatal: list[str] = field(default_factory=list)

    def add(self, what: str, text: str) -> None:
        """Add one aligned line."""
        self.lines.append(f"  {what:<16} {text}")


def doctor() -> int:
    """Look at software, machine and data; say what to do; 1 where the course cannot run at all."""
    found = Findings()
    for title, look in (("Software", _software), ("Machine", _machine), ("Data", _data)):
        found.lines.append(title)
        look(found)
        found.lines.append("")
    if found.fatal or found.advice:
        found.lines += ["What to do", *(f"  - {text}" for text in found.fatal + found.advice), ""]
    click.echo("\n".join(found.lines))
    click.echo(
        f"The course {'cannot run yet: see the first point' if found.fatal else 'can run here'}."
    )
    return 1 if found.fatal else 0


def _software(found: Findings) -> None:
    found.add("python", platform.python_version())
    for name, (distributions, least) in NEEDED.items():
        version = next(filter(None, map(_version, distributions)), None)
        found.add(name, version or "not installed")
        wanted = ".".join(map(str, least))
        if version is None:
            found.fatal.append(f"{name} is missing: {_install(name, wanted)}.")
        elif tuple(map(int, re.findall(r"\d+", version)[:2])) < least:
            found.fatal.append(
                f"{name} {version} is older than {wanted}: {_install(name, wanted)}."
            )
    for name in USEFUL:
        found.add(name, _version(name) or "not installed")
        if _version(name) is None:
            found.advice.append(f'{name} is missing: run pip install "{name}".')


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _install(name: str, wanted: str) -> str:
    if name == "tensorflow":
        return 'run `make setup`, or pip install ".[cpu]" (".[gpu]" with an NVIDIA card) here'
    return f'run pip install "{name}>={wanted}"'


def _machine(found: Findings) -> None:
    limits = {name: f" ({why})" if why else "" for name, why in machine.limits().items()}
    found.add("cores", f"{machine.cores()} of {os.cpu_count()}{limits['cores']}")
    free, total = machine.memory(), psutil.virtual_memory().total
    found.add("memory free", f"{free / 1e9:.1f} of {total / 1e9:.1f} GB{limits['memory']}")
    if free < machine.BYTES_PER_KERNEL:
        found.advice.append("Little memory is free: close other programs and other notebooks.")
    if any(text.startswith("tensorflow") for text in found.fatal):
        return
    if problem := machine.keras_settings():
        found.fatal.append(problem)
        return
    try:
        from course_utils import runtime  # first: it imports TensorFlow without its start-up log

        import tensorflow as tf  # isort: skip

        gpus = tf.config.list_physical_devices("GPU")
        precision = runtime.resolve_precision("auto")
    except Exception as error:  # whatever it is, the reader needs to hear of it
        reason = (str(error).strip().splitlines() or [""])[0]
        found.fatal.append(
            f"TensorFlow does not start ({type(error).__name__}: {reason}): "
            f"{_install('tensorflow', '')}."
        )
        return
    found.add("GPU", f"{len(gpus)} found" if gpus else "none that TensorFlow can use")
    if not gpus and shutil.which("nvidia-smi"):
        found.advice.append(
            'An NVIDIA driver is here but TensorFlow sees no GPU: pip install ".[gpu]".'
        )
    quick = precision == "mixed_bfloat16"
    found.add("bfloat16", "yes, precision='auto' uses it" if quick else "no, float32 is faster")


def _ledger(found: Findings) -> None:
    path = ledger.default_path().absolute()
    there = next(place for place in (path, *path.parents) if os.path.exists(place))
    found.add("ledger", str(path))
    # Beside the file stands its lock, so that the folder counts too.
    places = {there, path.parent} if there == path else {there}
    if os.path.isdir(path) or not (there == path or os.path.isdir(there)):
        found.advice.append(f"{there} is in the ledger's way: set COURSE_LEDGER to another file.")
    elif not all(os.access(place, os.W_OK) for place in places):
        found.advice.append(
            f"The ledger {path} cannot be written: set COURSE_LEDGER to a file that you may write."
        )


def _data(found: Findings) -> None:
    try:
        for name in datasets.NAMES:
            datasets.load(name)
        found.add("embedded", "all four samples read and verified")
    except datasets.DataError as error:
        found.add("embedded", "damaged")
        found.fatal.append(str(error))
    found.add("COURSE_DATA_DIR", os.environ.get("COURSE_DATA_DIR") or "not set")
    cache = datasets.cache_dir()
    # os.path answers False where a folder may not be entered; pathlib raises.
    there = next(folder for folder in (cache, *cache.parents) if os.path.exists(folder))
    room = shutil.disk_usage(there).free
    found.add("cache", f"{cache} ({room / 1e9:.1f} GB free)")
    if not os.access(there, os.W_OK):
        found.advice.append(f"{there} cannot be written: set COURSE_CACHE to a folder of yours.")
    _ledger(found)
    missing = []
    for name in datasets.NAMES:
        try:
            place = datasets.find(name)
        except datasets.DataError as error:
            found.add("full sets", "not looked for")
            found.advice.append(str(error))
            return
        found.add(name, f"full set in {place[0]}: {place[1]}" if place else "full set not here")
        if place is None:
            missing.append(name)
    if missing:
        size = sum(DOWNLOAD_MB[name] for name in missing)
        found.advice.append(
            f'Only for data="full": `course data {" ".join(missing)}` downloads {size} MB.'
        )
        if room < 3e6 * size:
            found.advice.append("The disk has little room for that: set COURSE_CACHE to another.")
