"""What students handed in: whose it is, and where the notebooks are, in folders and zips.

Nothing is unpacked: a zip is read where it lies, so no name in it leads anywhere.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from course_utils.errors import CourseError

LARGEST, LARGEST_ZIP = 20 * 2**20, 100 * 2**20  # bytes of a notebook, of a zip in a zip
MOST_ENTRIES, DEPTH = 10_000, 2  # of a zip; zips in zips
MOST_NOTEBOOKS = 60  # of a student
MOODLE = re.compile(r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_.*", re.S)
CANVAS = re.compile(r"(?P<name>[^_]+)_(?:LATE_)?(?P<number>\d+)_\d+_(?P<file>.+)", re.S)
LITTER = ("__MACOSX", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class File:
    """A notebook: a file, or what lies in a zip, by its names in it and in the zips in that."""

    path: Path
    members: tuple[str, ...] = ()
    saved: float = 0  # when

    @property
    def name(self) -> str:
        """Last name, for readers."""
        return clean(re.split(r"[/\\]", self.members[-1])[-1] if self.members else self.path.name)

    def content(self, largest: int = LARGEST) -> bytes:
        """Bytes of it, never more than allowed, whatever a zip promises."""
        if not self.members:
            with open(self.path, "rb") as file:
                return _bounded(file, self.name, largest)
        outer = File(self.path, self.members[:-1])
        with outer.archive() as archive, archive.open(self.members[-1]) as packed:
            return _bounded(packed, self.name, largest)

    def archive(self) -> zipfile.ZipFile:
        """Open it as a zip."""
        return zipfile.ZipFile(io.BytesIO(self.content(LARGEST_ZIP)) if self.members else self.path)


@dataclass
class HandIn:
    """What one student handed in, and what is to be said about it."""

    student: str = ""
    files: list[File] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def _bounded(file: IO[bytes], name: str, largest: int) -> bytes:
    content = file.read(largest + 1)
    if len(content) > largest:
        raise CourseError(f"{name} holds more than {largest // 2**20} MB")
    return content


def clean(text: str) -> str:
    """Text of any script, fit to be shown: without control characters and turned directions."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    kept = (c for c in text if not re.match("[\u202a-\u202e\u2066-\u2069]", c))
    return " ".join("".join(c if unicodedata.category(c) != "Cc" else " " for c in kept).split())


def _is_litter(part: str) -> bool:
    return part.startswith(".") or part in LITTER


def _of_folder(root: Path) -> Iterator[tuple[tuple[str, ...], File | str]]:
    """Names on the way to each file of a folder, and the file, or a sentence about it."""
    for place, folders, files in os.walk(root):
        way = Path(place).relative_to(root).parts
        folders[:] = sorted(each for each in folders if not _is_litter(each))
        for name in sorted([*folders, *(each for each in files if not _is_litter(each))]):
            path, parts = Path(place, name), (*way, name)
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield parts, f"{clean(name)} is a link, and was not followed"
            elif stat.S_ISDIR(mode):
                yield parts, ""
            elif not stat.S_ISREG(mode):
                yield parts, f"{clean(name)} is no file"
            elif name.lower().endswith(".zip"):
                yield from _of_zip((*way, name[:-4]), File(path))
            elif name.lower().endswith(".ipynb"):
                yield parts, File(path, saved=path.stat().st_mtime)


def _of_zip(way: tuple[str, ...], file: File) -> Iterator[tuple[tuple[str, ...], File | str]]:
    """Like `_of_folder`, for a zip."""
    yield way, ""
    try:
        with file.archive() as archive:
            entries = archive.infolist()
        if len(entries) > MOST_ENTRIES:
            raise CourseError(f"it holds {len(entries):,} files")
    except Exception as error:  # zipfile raises many kinds for what is none
        yield way, f"{file.name} cannot be opened as a zip ({clean(str(error))[:80]})"
        return
    for entry in entries:
        name = entry.filename
        if not entry.flag_bits & 0x800:  # not said to be UTF-8; a Mac writes it all the same
            with contextlib.suppress(ValueError):
                name = name.encode("cp437").decode("utf-8")
        parts = tuple(part for part in re.split(r"[/\\]", name) if part)
        saved = datetime(*entry.date_time).timestamp() if entry.date_time[1] else 0.0
        inner = File(file.path, (*file.members, entry.filename), saved)
        if len(name) > 1000 or any(map(_is_litter, set(parts) - {".."})):
            continue
        if ".." in parts or name.startswith(("/", "\\")):
            yield way, f"{clean(name)[:80]} leads out of the zip, and was left alone"
        elif entry.is_dir():
            yield (*way, *parts), ""
        elif name.lower().endswith(".zip"):
            if len(inner.members) >= DEPTH:
                yield way, f"{inner.name} lies in too many zips, and was left alone"
            else:
                yield from _of_zip((*way, *parts[:-1], parts[-1][:-4]), inner)
        elif name.lower().endswith(".ipynb"):
            yield (*way, *parts), inner


def _whose(parts: tuple[str, ...], stems: list[str]) -> tuple[str, str]:
    """Name of the student to whom a file belongs, and what tells two of one name apart."""
    for part in parts:
        if found := MOODLE.fullmatch(part) or CANVAS.fullmatch(part):
            return clean(found["name"]), found["number"]
    name = re.sub(r"\.ipynb$", "", parts[0], flags=re.I)
    if len(parts) == 1:
        for stem in stems:  # a notebook without a folder: its student is what else its name says
            name = name.replace(stem, "").strip(" _-.") or name
    return clean(name) or "without a name", name


def find(root: Path, stems: list[str]) -> list[HandIn]:
    """What each student handed in, in a folder or a zip; one for each student.

    A learning platform's names say whose a file is; without them it is the folder, or the zip, at
    the top.
    """
    found: dict[tuple[str, str], HandIn] = {}
    folders: dict[tuple[str, ...], tuple[str, str]] = {}
    for parts, file in _of_folder(root) if root.is_dir() else _of_zip((), File(root)):
        if file == "":
            folders |= {parts: _whose((*parts, ""), stems)} if parts else {}
            continue
        hand_in = found.setdefault(_whose(parts or (root.stem,), stems), HandIn())
        if isinstance(file, str):
            hand_in.remarks.append(file)
        elif len(hand_in.files) < MOST_NOTEBOOKS:
            hand_in.files.append(file)
        elif len(hand_in.files) == MOST_NOTEBOOKS:
            hand_in.remarks.append(f"only the first {MOST_NOTEBOOKS} notebooks were looked at")
    # A folder in which nothing was found is a student's too, unless it holds others'.
    for parts, whose in folders.items():
        is_students = len(parts) == 1 or MOODLE.fullmatch(parts[-1])
        holds = any(other[: len(parts)] == parts for other in folders if other != parts)
        if is_students and whose not in found and not (holds and found):
            found[whose] = HandIn()
    names = [name for name, _ in found]
    for i, ((name, number), hand_in) in enumerate(found.items()):
        again = number if number.isdigit() else names[: i + 1].count(name)
        hand_in.student = name if names.count(name) == 1 else f"{name} ({again})"
    return sorted(found.values(), key=lambda hand_in: hand_in.student.casefold())
