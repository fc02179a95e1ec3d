"""The ledger: read-only, torn, full, written by many, its writer killed; no run is made up."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import processes
import pytest

from course_utils import ledger

LINES = 500
RUN = processes.RUN
REFUSED = "This run is not in the ledger: "


@pytest.fixture
def path(place: Path) -> Path:
    # Long enough that a limit on its size leaves room for what a child prints.
    ledger.append(RUN | {"text": "é" * 2000}, place / "ledger.jsonl")
    return place / "ledger.jsonl"


def seeds(path: Path) -> list[int]:
    return [record["seed"] for record in ledger.read(path)]


@pytest.mark.parametrize("kept", [1, 40, -1], ids=["a byte", "half", "all but the newline"])
def test_torn_last_line(path: Path, kept: int) -> None:
    whole = path.read_bytes()
    ledger.append(RUN | {"seed": 2}, path)
    path.write_bytes(whole + path.read_bytes()[len(whole) :][:kept])
    survivors = [1, 2] if kept == -1 else [1]  # without its newline a record is still whole
    if kept == -1:
        assert seeds(path) == survivors
    else:
        with pytest.warns(UserWarning, match="1 of 2 lines left out"):
            assert seeds(path) == survivors
    ledger.append(RUN | {"seed": 3}, path)
    assert [json.loads(line)["seed"] for line in path.read_bytes().splitlines()[-1:]] == [3]


NO_RECORDS = {
    "inside a letter": b'{"schema": 1, "arm": "\xc3',
    "null": b"null",
    "list": b"[1, 2]",
    "empty": b"{}",
    "zeros": bytes(40),
    "page": b"<html>",
    "foreign": b'{"schema":1,"notebook":"x","arm":"x"}',
    "newer": json.dumps(RUN | {"schema": 2}).encode(),
    "no data": json.dumps(RUN | {"schema": 1, "data": None}).encode(),
}


@pytest.mark.parametrize("what", NO_RECORDS)
def test_a_line_that_is_no_record(path: Path, what: str) -> None:
    with path.open("ab") as file:
        file.write(NO_RECORDS[what] + b"\n")
    ledger.append(RUN | {"seed": 2}, path)
    with pytest.warns(UserWarning, match="1 of 3 lines left out"):
        assert seeds(path) == [1, 2]


@pytest.mark.parametrize("what", ["file", "folder", "lock"])
def test_read_only_ledger(path: Path, bound: Any, what: str) -> None:
    path.chmod(0o444 if what == "file" else 0o666)
    (lock := Path(f"{path}.lock")).unlink(missing_ok=True)
    if what == "lock":
        lock.touch(0o400)
    path.parent.chmod(0o777 if what == "file" else 0o555)
    before = path.read_bytes()
    assert REFUSED in processes.sentence(processes.append, path, fate=bound)
    assert path.read_bytes() == before
    assert processes.outcome(processes.read, path, fate=bound) == "1"  # reading needs no lock


def test_unreadable_ledger(path: Path, bound: Any) -> None:
    path.chmod(0o000)
    assert "make it readable" in processes.sentence(processes.read, path, fate=bound)


@pytest.mark.parametrize("action", [processes.append, processes.read])
def test_ledger_that_is_a_folder(place: Path, action: Any) -> None:
    (place / "ledger.jsonl").mkdir()
    assert "(Is a directory)" in processes.sentence(action, place / "ledger.jsonl")


def test_course_ledger_below_a_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "file").write_text("")
    monkeypatch.setenv("COURSE_LEDGER", str(place / "file" / "ledger.jsonl"))
    said = processes.sentence(processes.append)
    assert REFUSED in said and "a file stands where its folder should be" in said


def test_full_disk(path: Path) -> None:
    before = path.read_bytes()
    fate = processes.Fate(largest=len(before) + 100)  # room for a part of the line
    child = processes.start(processes.write_lines, path, 0, 7, fate=fate)
    code, printed = child.end()
    assert code == processes.SENTENCE, printed
    assert REFUSED in printed and "(File too large)" in printed
    assert path.read_bytes().startswith(before) and path.read_bytes().endswith(b"\n")
    assert all(json.loads(line) for line in path.read_bytes().splitlines()), "nothing half-written"
    ledger.append(RUN | {"seed": 2}, path)
    assert ledger.read(path)[-1]["seed"] == 2


def test_killed_in_the_middle_of_a_line(path: Path) -> None:
    fate = processes.Fate(largest=path.stat().st_size + 50, deadly=True)
    code, _ = processes.start(processes.append, path, fate=fate).end()
    assert code == -signal.SIGXFSZ
    assert not path.read_bytes().endswith(b"\n")
    ledger.append(RUN | {"seed": 2}, path)
    with pytest.warns(UserWarning, match="1 of 3 lines left out"):
        assert seeds(path) == [1, 2]


@pytest.mark.parametrize("moment", range(3))
def test_killed_while_writing_many(path: Path, moment: int) -> None:
    child = processes.start(processes.write_lines, path, 0, 100_000)
    size = path.stat().st_size
    deadline = time.monotonic() + processes.PATIENCE
    while path.stat().st_size < size + 3000 * (moment + 1) and time.monotonic() < deadline:
        time.sleep(0.001)
    time.sleep(random.Random(moment).random() / 50)
    child.kill()
    child.end()
    records = ledger.read(path)[1:]
    assert records and [r["number"] for r in records] == list(range(len(records)))
    ledger.append(RUN | {"seed": 2}, path)  # the lock went with the process
    assert len(ledger.read(path)) == len(records) + 2


def test_two_processes_write_500_lines_each(path: Path) -> None:
    ready = processes.CONTEXT.Barrier(2)
    writers = [
        processes.start(processes.write_lines, path, writer, LINES, ready) for writer in range(2)
    ]
    assert [child.end() for child in writers] == [(0, "")] * 2
    records = ledger.read(path)[1:]
    for writer in range(2):
        numbers = [r["number"] for r in records if r["writer"] == writer]
        assert numbers == list(range(LINES))
    assert len({record["id"] for record in records}) == len(records) == 2 * LINES
    assert all(len(r["text"]) == r["number"] % 7 * 300 for r in records)


def test_another_process_holds_the_lock(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    monkeypatch.setattr("course_utils.ledger._file.LOCK_SECONDS", 0.2)
    before = path.read_bytes()
    with FileLock(f"{path}.lock"), pytest.raises(ledger.LedgerError, match="has held"):
        ledger.append(RUN | {"seed": 2}, path)
    assert path.read_bytes() == before
    ledger.append(RUN | {"seed": 2}, path)


def test_what_json_cannot_hold(path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(TypeError):
        ledger.append({"model": os}, path)
    assert path.read_bytes() == before
