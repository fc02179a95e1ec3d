"""Where a command may write: folders of its own, and in them only the files that it wrote.

A folder that a command wrote into holds the marker ``.course.json``: the command, and the digest of
each file. What is not in the marker, or was changed since, is never replaced or removed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from course_utils.errors import CourseError
from course_utils.ledger._file import write_whole

MARKER = ".course.json"
LOCK = f"{MARKER}.lock"
# How the course names its notebooks (07b_speed too); a copy by JupyterLab is named otherwise.
NOTEBOOK = re.compile(r"\d\d[a-z]?_[a-z0-9_]+\.ipynb")
PACKAGE = Path(__file__).resolve().parents[1]
ELSEWHERE = "choose another folder with --to."


def absolute(path: Path | str) -> Path:
    """Path with ``~`` written out, links followed."""
    return Path(path).expanduser().resolve()


def relative(path: Path | str, start: Path | str = os.curdir) -> str:
    """Path from the working folder or another one, where there is one."""
    try:
        return os.path.relpath(path, start)
    except ValueError:  # another drive
        return str(path)


def course_roots(start: Path) -> list[Path]:
    """Folders, from `start` upwards, whose ``notebooks`` holds notebooks of the course."""
    return [
        root
        for root in (start, *start.parents)
        if any(NOTEBOOK.fullmatch(path.name) for path in (root / "notebooks").glob("*.ipynb"))
    ]


def refuse_forbidden(folder: Path, sources: Iterable[Path] = ()) -> None:
    """Refuse a folder that no command may write into: the course's own, a notebook's, a .venv's."""
    shown = f"--to {relative(folder)}"
    if any(source.parent == folder for source in sources):
        raise CourseError(f"{shown} is the folder of the notebooks themselves; {ELSEWHERE}")
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not there.is_dir():
        raise CourseError(f"{shown} cannot be a folder: {relative(there)} is a file; {ELSEWHERE}")
    roots = [*course_roots(Path.cwd()), *course_roots(folder), *course_roots(PACKAGE)]
    own = [PACKAGE, *(root / part for root in roots for part in ("notebooks", "course_utils"))]
    if any(folder.is_relative_to(part) for part in own):
        raise CourseError(f"{shown} lies in the course itself; {ELSEWHERE}")
    if any(root.is_relative_to(folder) for root in roots):
        raise CourseError(f"{shown} holds the course itself; {ELSEWHERE}")
    if (folder / ".venv").exists() or (folder / "pyvenv.cfg").exists():
        raise CourseError(f"{shown} holds a Python environment (.venv); {ELSEWHERE}")


@dataclass
class Claim:
    """A folder that one command may write into, and what it wrote there before.

    `files` has the digests of each file, by its path from the folder. None stands for what is
    the command's whatever it holds: a folder, or a file that grows.
    """

    path: Path
    command: str
    files: dict[str, list[str] | None] = field(default_factory=dict)

    def check(self, names: Iterable[str]) -> None:
        """Refuse, in a sentence that names it, the first file that is not this command's."""
        names = list(names)
        problem = self._problem(names)
        if problem:  # the same command may have begun here after this one had looked
            self.files = claim(self.path, self.command).files
            problem = self._problem(names)
        if problem:
            raise CourseError(f"{problem}: move it away, or {ELSEWHERE}")

    def _problem(self, names: list[str]) -> str:
        for name in names:
            path = self.path / name
            if not os.path.lexists(path) or self._is_whole(name):
                continue
            if name == "." and {*os.listdir(path)} <= {LOCK}:
                continue  # nothing is in it
            if name not in self.files:
                problem = f"is there already, and `course {self.command}` did not write it"
            elif path.is_dir() or _digest(path) not in (self.files[name] or ()):
                problem = f"was changed since `course {self.command}` wrote it"
            else:
                continue
            return f"{relative(path)} {problem}"
        return ""

    def _is_whole(self, name: str) -> bool:
        above = [Path(name), *Path(name).parents]
        return any(self.files.get(part.as_posix(), ()) is None for part in above)

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Make an empty folder in this one, for files that `take` puts in their places."""
        self.path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=".course-", dir=self.path, ignore_cleanup_errors=True
        ) as folder:
            yield Path(folder)

    def take(self, staged: Path, names: Iterable[str]) -> None:
        """Put files of a staging folder, where only their last names count, in their places."""
        names = list(names)
        with self._alone():
            self.check(names)
            digests = {
                name: _digest(staged / Path(name).name)
                for name in names
                if not self._is_whole(name)
            }
            # While they move, old and new are ours: a kill in between leaves no foreign file.
            self._save(
                {name: [*(self.files.get(name) or ()), digest] for name, digest in digests.items()}
            )
            for name in names:
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(staged / Path(name).name, self.path / name)
            self._save({name: [digest] for name, digest in digests.items()})

    def fill(self, name: str, staged: Path) -> None:
        """Put all of a staging folder in the place of what a noted folder held."""
        place = self.path / name
        place.mkdir(exist_ok=True)
        for old in place.iterdir():
            if not old.name.startswith(".course"):
                shutil.rmtree(old) if old.is_dir() else old.unlink()
        for new in staged.iterdir():
            os.replace(new, place / new.name)

    def write_all(self, files: Mapping[str, str | bytes]) -> None:
        """Write or replace files, each whole or not at all, and all together."""
        with self.staging() as staged:
            for name, content in files.items():
                content = content.encode() if isinstance(content, str) else content
                (staged / Path(name).name).write_bytes(content)
            self.take(staged, files)

    def replace_all(self, files: Mapping[str, str | bytes]) -> None:
        """Write or replace files, and remove what was written here before and is none of them."""
        earlier = self.files.keys() - files.keys()
        self.check([*files, *earlier])
        self.remove(*earlier)
        self.write_all(files)

    def note(self, *names: str) -> None:
        """Make folders, or files that grow, this command's own whatever they will hold."""
        with self._alone():
            self.check(names)
            self._save(dict.fromkeys(names))

    def remove(self, *names: str) -> None:
        """Remove files that this command wrote."""
        with self._alone():
            self.check(names)
            for name in names:
                (self.path / name).unlink(missing_ok=True)
                self.files.pop(name, None)
            self._save({})

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other command change the marker meanwhile; know what it wrote before."""
        self.path.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path / LOCK):
            self.files = claim(self.path, self.command).files
            yield

    def _save(self, files: dict[str, list[str] | None]) -> None:
        self.files |= files
        marker = {"command": self.command, "files": self.files}
        replace_file(self.path / MARKER, json.dumps(marker, indent=1) + "\n")


def claim(folder: Path | str, command: str, sources: Iterable[Path] = ()) -> Claim:
    """Check that a command may write into a folder; nothing is written or made yet."""
    path = absolute(folder)
    refuse_forbidden(path, sources)
    marker = path / MARKER
    if not marker.exists():
        return Claim(path, command)
    try:
        held = json.loads(marker.read_text(encoding="utf-8"))
        found = Claim(path, held["command"], dict(held["files"]))
    except (ValueError, KeyError, TypeError):
        raise CourseError(
            f"{relative(marker)}, which says what `course` wrote there, is broken; {ELSEWHERE}"
        ) from None
    if found.command != command:
        raise CourseError(
            f"{relative(path)} holds what `course {found.command}` wrote; {ELSEWHERE}"
        )
    return found


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def replace_file(path: Path, text: str) -> None:
    """Write a text file in one step, so that nobody sees it half done; its mode stays."""
    mode = path.stat().st_mode & 0o777 if path.exists() else None
    write_whole(path, text.encode())
    if mode is not None:
        path.chmod(mode)


def block(name: str, text: str) -> str:
    """Block of a page that a command renews, with its marks."""
    return f"<!-- course {name} -->{text}<!-- end of course {name} -->"


def renewed(page: str, name: str, text: str) -> str | None:
    """Text of a page with every block of this name renewed; None where it has no such block."""
    pattern = re.compile(re.escape(block(name, "@")).replace("@", ".*?"), re.S)
    return pattern.sub(lambda _: block(name, text), page) if pattern.search(page) else None


def renew_page(path: Path, name: str, text: str) -> None:
    """Renew the block of this name in a page in Markdown; refuse a page without one."""
    page = renewed(path.read_text(encoding="utf-8") if path.is_file() else "", name, f"\n{text}\n")
    if page is None:
        raise CourseError(f"{path.name} has no place for the tables: {block(name, ' … ')}.")
    replace_file(path, page)
