"""Trainings that are killed, stopped, or diverge; two at once; no room for what they keep."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trainings

from course_utils import ledger, stats, training
from course_utils.errors import CourseError

import keras  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks a process with TensorFlow")
KILLED = -getattr(signal, "SIGKILL", 9)
STATE = "01_baseline_overfit-F1-honest-0.npz"


@pytest.fixture(scope="module")
def nursery() -> Iterator[trainings.Nursery]:
    nursery = trainings.Nursery()
    yield nursery
    nursery.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A training that nothing happened to."""
    return trainings.fit(tmp_path_factory.mktemp("whole"), keep=False)


@pytest.fixture(autouse=True)
def ledger_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(place / "ledger.jsonl"))
    training._recorder._test_uses.clear()


def unfinished(place: Path) -> list[str]:
    return sorted(path.name for path in (place / "unfinished").glob("*"))


def is_the_same(run: dict[str, Any], whole: dict[str, Any]) -> bool:
    assert run["recorder"].history == whole["recorder"].history
    for ours, theirs in zip(run["model"].get_weights(), whole["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in ("best", "wait", "best_epoch", "stopped_epoch"):
        assert getattr(run["stopping"], name) == getattr(whole["stopping"], name), name
    assert run["checkpoint"].best == whole["checkpoint"].best
    return True


def goes_on(place: Path, whole: dict[str, Any], **changes: Any) -> ledger.Record:
    run = trainings.fit(place, resume=True, **changes)
    assert is_the_same(run, whole)
    record = run["recorder"].finish()
    assert ledger.read() == [record]
    assert not unfinished(place)
    return record


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (2, None), (4, 2), (6, None)])
def test_killed_in_a_training(
    place: Path, nursery: Any, whole: Any, capsys: Any, epoch: int, step: int | None
) -> None:
    child = nursery.start("train", place, what="kill", epoch=epoch, step=step)
    assert child.end() == (KILLED, "")
    assert not ledger.read()
    record = goes_on(place, whole)
    if epoch == 1:
        assert "resumed" not in record
    else:
        assert record["resumed"] == [epoch]
        assert capsys.readouterr().out == f"F1 goes on with epoch {epoch} of 6.\n"
    assert record["epochs"] == len(record["history"]["val_loss"]) == 6


def epoch_of(path: Path) -> int:
    with np.load(path) as stored:
        return json.loads(str(stored["state"]))["epoch"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(8))
def test_killed_while_the_state_is_written(
    place: Path, nursery: Any, whole: Any, capsys: Any, moment: int
) -> None:
    state = place / "unfinished" / STATE
    fate = {"folder": str(state), "operation": 5 + moment}
    assert nursery.start("train_only", place, fate=fate).end()[0] == KILLED
    epoch = epoch_of(state)
    assert 1 <= epoch <= 5
    goes_on(place, whole)
    assert capsys.readouterr().out == f"F1 goes on with epoch {epoch + 1} of 6.\n"


def test_killed_inside_the_file_of_a_state(
    place: Path, nursery: Any, whole: Any, says: Any, capsys: Any
) -> None:
    child = nursery.start("train_only", place, what="die of no room", epoch=4)
    assert child.end()[0] == -signal.SIGXFSZ
    half = place / "unfinished" / f"{STATE}.new"
    assert 0 < half.stat().st_size <= 4000
    goes_on(place, whole)
    says(capsys.readouterr().out.strip())


def test_killed_before_it_was_recorded(
    place: Path, nursery: Any, whole: Any, says: Any, capsys: Any
) -> None:
    assert nursery.start("train_only", place).end() == (0, "")
    assert not ledger.read()
    record = goes_on(place, whole)
    assert "resumed" not in record
    says(capsys.readouterr().out.strip())


def test_early_stopping_is_not_begun_again(place: Path, says: Any, capsys: Any) -> None:
    early = {"patience": 2, "min_delta": 10}
    short = trainings.fit(place / "a", keep=False, **early)
    assert len(short["recorder"].history["loss"]) == 3
    trainings.fit(place, **early)
    goes_on(place, short, **early)
    says(capsys.readouterr().out.strip())


def test_without_resume_it_begins_anew(place: Path, whole: Any, says: Any, capsys: Any) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    run = trainings.fit(place)
    assert is_the_same(run, whole) and not run["recorder"].resumed
    says(capsys.readouterr().out.strip())


@pytest.mark.parametrize("what", ["epochs", "rate", "layers", "arm"])
def test_state_of_another_run(place: Path, says: Any, what: str) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    state = place / "unfinished" / STATE
    other: dict[str, Any] = {"epochs": 8}
    if what == "arm":
        state = state.rename(state.with_name(STATE.replace("F1", "relu")))
        other = {"arm": "relu"}
    elif what != "epochs":
        other = {"rate": {"rate": 0.02}, "layers": {"units": 9}}[what]
    before = state.read_bytes()
    with pytest.raises(training.RunError) as caught:
        trainings.fit(place, resume=True, **other)
    says(caught.value)
    assert state.read_bytes() == before


@pytest.mark.parametrize("damage", ["half", "a byte", "empty"])
def test_damaged_state(place: Path, says: Any, damage: str) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    path = place / "unfinished" / STATE
    held = path.read_bytes()
    with np.load(path) as stored:
        at = held.index(stored["variable_0"].tobytes())
    other = held[:at] + bytes([held[at] ^ 1]) + held[at + 1 :]
    path.write_bytes({"half": held[: len(held) // 2], "a byte": other, "empty": b""}[damage])
    with pytest.raises(training.RunError) as caught:
        trainings.fit(place, resume=True)
    says(caught.value)
    trainings.fit(place)["recorder"].finish()
    assert not unfinished(place)


def test_no_room_for_the_state(place: Path, nursery: Any, says: Any) -> None:
    # The best network on the disk is another case: test_no_room_for_the_best_network.
    child = nursery.start("train_only", place, what="no room", epoch=4, best_on_disk=False)
    code, printed = child.end()
    assert code == 0, printed
    says(printed)
    assert epoch_of(place / "unfinished" / STATE) == 3
    assert unfinished(place) == [STATE, f"{STATE}.lock"]


def test_no_room_for_the_best_network(place: Path, whole: Any, says: Any, small_disk: Any) -> None:
    folder, filler = place / "small", place / "small" / "filler"
    folder.mkdir()
    small_disk(folder, 200_000)
    with pytest.raises(training.RunError) as caught:
        trainings.fit(folder, what="fill the disk", epoch=3, step=0, ready=filler)
    says(caught.value)
    filler.unlink()
    run = trainings.fit(folder, resume=True)
    assert is_the_same(run, whole) and run["recorder"].finish()["resumed"] == [3]


def test_the_best_network_is_gone(place: Path, says: Any) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    (place / "F1.keras").unlink()
    with pytest.raises(training.RunError) as caught:
        trainings.fit(place, resume=True)
    says(caught.value)


def test_killed_inside_the_file_of_the_best_network(place: Path) -> None:
    trainings.fit(place, what="break", epoch=3, step=1, epochs=3, rate=0.0)
    file = place / "F1.keras"
    file.write_bytes(file.read_bytes()[:5000])
    run = trainings.fit(place, resume=True, epochs=3, rate=0.0)
    losses = run["recorder"].history["val_loss"]
    assert losses[2] >= min(losses[:2]), "a better epoch would be written anyway"
    held_weights = keras.saving.load_model(file).get_weights()
    for held, weight in zip(held_weights, run["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(held, weight)


def test_output_dir_below_a_file(place: Path, says: Any, capsys: Any) -> None:
    (place / "out").write_text("")
    data = trainings.images()
    recorder = training.Recorder("01_baseline_overfit", "F1", seed=0, dataset=data, parameters={})
    kept = training.Resume([recorder], [], folder=place / "out", resume=False)
    assert not kept._locked_for("F1")
    says(capsys.readouterr().out.strip())


def test_the_loss_becomes_nan(place: Path, says: Any, capsys: Any) -> None:
    run = trainings.fit(place, what="nan", epoch=2, step=1)
    says(capsys.readouterr().out.strip())
    record = run["recorder"].finish()
    assert ledger.read()[0]["diverged"] == record["diverged"] == {"epoch": 2, "step": 2}
    assert record["epochs"] == 2 and record["test_uses"] == 0
    for part in ("train", "validation", "test"):
        assert np.isnan(list(record[part].values())).all()
    assert not unfinished(place)


def test_diverged_runs_poison_nothing(place: Path, whole: Any, says: Any) -> None:
    well = whole["recorder"].finish()
    poor = trainings.fit(place, what="nan", epoch=2, step=1)["recorder"].finish()
    alone = ledger.table([well]).iloc[0]
    both = ledger.table([well, poor]).iloc[0]
    assert (alone["n"], both["n"], both["diverged"]) == (1, 1, 1)
    assert "diverged" not in alone
    for name in alone.index.difference(["n"]):
        assert both[name] == alone[name] or both[name] != both[name], name
    row = ledger.table([poor]).iloc[0]
    assert row["n"] == 0 and np.isnan(row["val acc %"])
    with pytest.raises(CourseError) as caught:
        runs = [well, poor | {"seed": 1}]
        stats.compare_runs(runs, runs, lambda record: record["validation"]["accuracy"])
    says(caught.value)


def until(path: Path) -> None:
    deadline = time.monotonic() + trainings.processes.PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, "it did not come that far"
        time.sleep(0.01)


def test_the_stop_button(place: Path, says: Any) -> None:
    from jupyter_client.manager import start_new_kernel

    path = os.pathsep.join(filter(None, sys.path))
    manager, client = start_new_kernel(env=os.environ | {"PYTHONPATH": path})

    def run(code: str, stop_at: Path | None = None) -> tuple[str, list[dict[str, Any]]]:
        outputs: list[dict[str, Any]] = []
        sent = client.execute(code)
        if stop_at:
            until(stop_at)
            manager.interrupt_kernel()
        while True:
            message = client.get_iopub_msg(timeout=trainings.processes.PATIENCE)
            if message["parent_header"].get("msg_id") != sent:
                continue
            outputs.append(message["content"])
            if message["content"].get("execution_state") == "idle":
                break
        printed = "".join(o["text"] for o in outputs if o.get("name") == "stdout")
        return printed, [output for output in outputs if "traceback" in output]

    try:
        ready = place / "ready"
        code = (
            "import trainings, keras\nfrom course_utils import ledger, training\n"
            "kept = {}\ntraining.Recorder.__new__ = staticmethod("
            "lambda cls, *a, **k: kept.setdefault('recorder', object.__new__(cls)))\n"
            f"trainings.fit({str(place)!r}, what='wait', epoch=3, step=2, ready={str(ready)!r})"
        )
        printed, errors = run(code, ready)
        assert len(errors) == 1 and len(errors[0]["traceback"]) == 1, errors
        says(errors[0]["traceback"][0])
        assert run("recorder = kept['recorder']\nprint(len(recorder.history['val_loss']))") == (
            "2\n",
            [],
        )
        printed, errors = run("record = recorder.finish(); print(record['stopped'])")
        assert not errors
        assert printed == (
            "F1 ended after epoch 2 of 6: this record is not in the ledger, and the test images "
            "were not looked at.\n{'after': 2, 'of': 6}\n"
        )
        assert run("print(ledger.read(), 6 * 7)") == ("[] 42\n", [])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert unfinished(place) == [STATE, f"{STATE}.lock"]


def test_ctrl_c_in_the_first_epoch(place: Path, nursery: Any, says: Any) -> None:
    ready = place / "ready"
    child = nursery.start("train", place, what="wait", epoch=1, step=2, ready=str(ready))
    until(ready)
    os.kill(child.pid, signal.SIGINT)
    code, printed = child.end()
    assert code == 130, printed
    says(printed)
    assert not ledger.read()


def test_finish_of_a_broken_training(place: Path, says: Any, capsys: Any) -> None:
    run = trainings.fit(place, what="break", epoch=3, step=1)
    record = run["recorder"].finish()
    says(capsys.readouterr().out.strip())
    assert record["stopped"] == {"after": 2, "of": 6} and record["test_uses"] == 0
    assert 0 <= record["validation"]["accuracy"] <= 1 and np.isnan(record["test"]["accuracy"])
    assert not ledger.read() and STATE in unfinished(place)


def test_finish_without_an_epoch(place: Path, says: Any) -> None:
    run = trainings.fit(place, what="break", epoch=1, step=2)
    with pytest.raises(training.RunError) as caught:
        run["recorder"].finish()
    says(caught.value)
    assert not ledger.read()


def test_two_arms_in_one_output_dir(place: Path, nursery: Any) -> None:
    children = [nursery.start("train", place, arm=arm) for arm in ("F1", "relu")]
    assert [child.end() for child in children] == [(0, ""), (0, "")]
    assert sorted(record["arm"] for record in ledger.read()) == ["F1", "relu"]
    assert not unfinished(place)


def test_the_same_arm_twice_at_once(place: Path, nursery: Any, says: Any, capsys: Any) -> None:
    ready = place / "ready"
    first = nursery.start("train", place, what="wait", epoch=2, step=1, ready=str(ready))
    until(ready)
    before = (place / "unfinished" / STATE).read_bytes()
    trainings.fit(place, resume=True)["recorder"].finish()
    says(capsys.readouterr().out.strip())
    assert (place / "unfinished" / STATE).read_bytes() == before
    os.kill(first.pid, signal.SIGKILL)
    first.end()
    assert len(ledger.read()) == 1


def test_the_ledger_cannot_be_written_when_it_ends(
    place: Path, says: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "ledger.jsonl").mkdir()
    run = trainings.fit(place)
    with pytest.raises(ledger.LedgerError) as caught:
        run["recorder"].finish()
    says(caught.value)
    assert STATE in unfinished(place), "a crash now would lose the training"
    monkeypatch.setenv("COURSE_LEDGER", str(place / "elsewhere.jsonl"))
    monkeypatch.setattr(training._recorder, "evaluate", None)  # it is not measured again
    record = run["recorder"].finish()
    assert ledger.read() == [record] and record["test_uses"] == 1
    assert not unfinished(place)
    shutil.rmtree(place / "ledger.jsonl")
