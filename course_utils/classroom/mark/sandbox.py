"""A locked process for code that nobody has read: bubblewrap, a filter of system calls, limits."""

from __future__ import annotations

import json
import os
import platform
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from course_utils.classroom.mark import inside
from course_utils.classroom.paths import PACKAGE
from course_utils.errors import CourseError

NEEDED = (
    "`course mark` runs submissions in a sandbox, by bubblewrap (bwrap), on Linux only, and never "
    "without it: {why}. On Debian or Ubuntu, `sudo apt install bubblewrap`; on Windows, mark in "
    "WSL; on a Mac, in a Linux virtual machine. notebooks/instructors.md says more."
)
ALWAYS = ("/usr", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")
MEGABYTES, MEGABYTES_JUDGE = 768, 16384  # of addresses; TensorFlow takes many and uses few
# Numbers of system calls: how processes are made, how memory is had that no limit counts, and what
# has been a door out of sandboxes. Threads are made by `clone` with a flag, and may be.
ARCHITECTURES: dict[str, tuple[int, int, tuple[int, ...]]] = {  # its number, that of clone, others
    "x86_64": (0xC000003E, 56, (29, 57, 58, 101, 248, 250, 272, 298, 308, 319, 321, 323, 425)),
    "aarch64": (0xC00000B7, 220, (97, 117, 194, 217, 219, 241, 268, 279, 280, 282, 425)),
}
CLONE3, CLONE_THREAD, X32 = 435, 0x10000, 0x40000000
ALLOW, REFUSE, UNKNOWN, KILL = 0x7FFF0000, 0x50001, 0x50026, 0x80000000
PROBE = '''
import os, socket
def probe(folders):
    """What is possible here and must not be."""
    possible = []
    def attempt(what, action):
        try:
            if action() is not False:
                possible.append(what)
        except BaseException:
            pass
    attempt("another process", lambda: os.fork() or os._exit(0))
    attempt("the network", lambda: {n for _, n in socket.if_nameindex()} - {"lo"} or False)
    attempt("2 GB of memory", lambda: len(bytearray(2 * 2**30)))
    for folder in ("/", "/dev", "/tmp", *folders):
        attempt(f"writing to {folder}", lambda: open(f"{folder}/course-probe", "w"))
    for folder in ("/home", "/proc/self", *folders):
        attempt(f"reading {folder}", lambda: bool(os.listdir(folder)))
    return possible
'''


def system_calls() -> bytes:
    """Filter for the kernel (BPF): the calls above are refused, all others are allowed."""
    number, clone, refused = ARCHITECTURES.get(platform.machine(), (0, 0, ()))
    load, equal, at_least, has = 0x20, 0x15, 0x35, 0x45
    code: list[tuple[int, int | str, int | str, int]] = [
        (load, 0, 0, 4), (equal, 0, "kill", number), (load, 0, 0, 0), (at_least, "refuse", 0, X32),
        *((equal, "refuse", 0, call) for call in refused),
        (equal, "unknown", 0, CLONE3), (equal, 0, "allow", clone),
        (load, 0, 0, 16), (has, "allow", "refuse", CLONE_THREAD),
    ]  # fmt: skip
    ends = {"allow": ALLOW, "refuse": REFUSE, "unknown": UNKNOWN, "kill": KILL}
    place = {end: len(code) + i for i, end in enumerate(ends)}

    def jump(to: int | str, here: int) -> int:
        return to if isinstance(to, int) else place[to] - here - 1

    lines = [(op, jump(yes, i), jump(no, i), k) for i, (op, yes, no, k) in enumerate(code)]
    lines += [(0x06, 0, 0, value) for value in ends.values()]
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def command(hidden: list[Path], judge: bool) -> tuple[list[str], list[str]]:
    """How a process is started that sees the interpreter and its packages, and folders to import.

    `hidden` are folders of this machine of which it sees nothing, wherever they lie.
    """
    sites = [Path(sysconfig.get_path(name)).resolve() for name in ("purelib", "platlib")]
    shown = list(dict.fromkeys([Path(sys.base_prefix).resolve(), *sites, PACKAGE]))
    parents = {parent for path in shown for parent in path.parents}
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    for always in ALWAYS:
        words += ["--ro-bind-try", always, always]
    if judge:  # TensorFlow looks itself up in /proc, and wants a place for files
        # Before what is shown is bound: a clone may lie in /tmp.
        words += ["--proc", "/proc", "--size", str(64 * inside.MEGABYTE), "--tmpfs", "/tmp"]
    for path in sorted(parents - {Path("/"), Path("/usr")}):
        words += ["--dir", str(path)]
    for path in shown:
        words += ["--ro-bind", str(path), str(path)]
    for device in ("/dev/null", "/dev/urandom"):
        words += ["--dev-bind", device, device]
    for path in [*hidden, *([] if judge else [PACKAGE / "checks"])]:
        if any(path.is_relative_to(place) for place in shown) and path.is_dir():
            words += ["--tmpfs", str(path), "--remount-ro", str(path)]
    words += ["--remount-ro", "/", "--chdir", "/"]
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    words += [str(python), "-I", "-S", "-c", STARTER, *map(str, sites), inside.__file__]
    return words, [str(PACKAGE.parent)]


# numpy is found only where the packages of this environment are known.
STARTER = (
    "import runpy, sys; sys.path += sys.argv[1:-1]; runpy.run_path(sys.argv[-1], {}, '__main__')"
)


def run(
    task: dict[str, Any], seconds: float, hidden: list[Path], *, judge: bool = False
) -> tuple[dict[str, Any], str]:
    """Do a task in a sandbox: what it says there, and a sentence where it says nothing."""
    words, folders = command(hidden, judge)
    megabytes = MEGABYTES_JUDGE if judge else MEGABYTES
    task = {**task, "judge": judge, "path": folders, "megabytes": megabytes}
    # Its files have no name and are all that it can write, up to the limit for a file.
    with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as said:
        asked.write(json.dumps(task).encode())
        asked.seek(0)
        filter_end, filled = os.pipe()
        os.write(filled, system_calls())
        os.close(filled)
        words[1:1] = ["--seccomp", str(filter_end)]
        process = subprocess.Popen(
            words,
            stdin=asked,
            stdout=said,
            stderr=subprocess.DEVNULL,
            pass_fds=[filter_end],
            env={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3",
                 "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
        )  # fmt: skip
        os.close(filter_end)
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return {}, f"took longer than {seconds:g} s"
        finally:
            process.kill()  # and with it, for that is what bwrap was told, all that it started
            process.wait()
        said.seek(0)
        text = said.read()
        if len(text) >= inside.LIMITS["RLIMIT_FSIZE"]:
            return {}, "gave more than 4 MB"
        try:
            result = json.loads(text)
        except (ValueError, RecursionError):
            result = None
    if not isinstance(result, dict):
        return {}, f"ended its process (status {status}) before it had answered"
    return result, ""


def check(hidden: list[Path]) -> None:
    """Refuse, in one sentence, where the sandbox does not hold."""
    if sys.platform != "linux" or not shutil.which("bwrap"):
        raise CourseError(NEEDED.format(why="there is none here"))
    if platform.machine() not in ARCHITECTURES:
        raise CourseError(NEEDED.format(why=f"none was made for {platform.machine()}"))
    folders = [str(path) for path in [*hidden, PACKAGE / "checks"]]
    task = {"name": "probe", "sources": [PROBE], "inputs": [[inside.plain(folders)]]}
    result, problem = run(task, 60, hidden)
    if problem or "calls" not in result:
        raise CourseError(NEEDED.format(why="it cannot be started here (user namespaces?)"))
    possible = inside.real(result["calls"][0].get("given", {"is": "nothing"}))
    if possible != []:
        raise CourseError(NEEDED.format(why=f"the one here does not hold; it allows {possible}"))
