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

from course_utils import ledger, stats
from course_utils.errors import CourseError
from course_utils.training import _recorder
from course_utils.training._folder import RunError

import keras  # isort: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks a process with TensorFlow")
KILLED = -getattr(signal, "SIGKILL", 9)


@pytest.fixture(scope="module")
def start() -> Iterator[Any]:
    with trainings.served():
        yield trainings.start


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A training that nothing happened to."""
    return trainings.fit(tmp_path_factory.mktemp("whole"), keep=False)


@pytest.fixture(autouse=True)
def ledger_here(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_LEDGER", str(place / "ledger.jsonl"))


def states(place: Path) -> list[Path]:
    return sorted(place.rglob("unfinished.npz"))


def state_of(place: Path) -> Path:
    (state,) = states(place)
    return state


def refusal(place: Path, **changes: Any) -> str:
    with pytest.raises(RunError) as caught:
        trainings.fit(place, resume=True, **changes)
    return str(caught.value)


def halved(epoch: int, rate: float) -> float:
    return rate / 2


def held(epoch: int, rate: float) -> float:
    return rate


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
    assert not states(place)
    return record


@pytest.mark.parametrize(("epoch", "step"), [(1, 2), (4, 2), (6, None)])
def test_killed_in_a_training(
    place: Path, start: Any, whole: Any, capsys: Any, epoch: int, step: int | None
) -> None:
    child = start(trainings.train, place, what="kill", epoch=epoch, step=step)
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
    place: Path, start: Any, whole: Any, capsys: Any, moment: int
) -> None:
    trainings.fit(place)["recorder"].finish()  # what the folder is called
    (folder,) = (file.parent for file in place.rglob("best.keras"))
    (place / "ledger.jsonl").unlink()
    capsys.readouterr()
    fate = {"folder": folder / "unfinished.npz", "operation": 5 + moment}
    assert start(trainings.train_only, place, fate=fate).end()[0] == KILLED
    epoch = epoch_of(state_of(place))
    assert 1 <= epoch <= 5
    goes_on(place, whole)
    assert capsys.readouterr().out == f"F1 goes on with epoch {epoch + 1} of 6.\n"


def test_killed_inside_the_file_of_a_state(place: Path, start: Any, capsys: Any) -> None:
    child = start(trainings.train_only, place, what="die of no room", epoch=4, best_on_disk=False)
    assert child.end()[0] == -signal.SIGXFSZ
    (half,) = place.rglob("unfinished.npz.new")
    assert 0 < half.stat().st_size <= 4000
    trainings.fit(place, resume=True, best_on_disk=False)["recorder"].finish()
    assert capsys.readouterr().out == "F1 goes on with epoch 4 of 6.\n"
    assert not list(place.rglob("unfinished*"))


def test_killed_before_it_was_recorded(place: Path, start: Any, whole: Any, capsys: Any) -> None:
    assert start(trainings.train_only, place).end() == (0, "")
    assert not ledger.read()
    assert "resumed" not in goes_on(place, whole)
    assert capsys.readouterr().out == "F1 had ended its training, and was not recorded yet.\n"


def test_early_stopping_is_not_begun_again(place: Path, capsys: Any) -> None:
    early = {"patience": 2, "min_delta": 10}
    short = trainings.fit(place / "a", keep=False, **early)
    assert len(short["recorder"].history["loss"]) == 3
    trainings.fit(place, **early)
    goes_on(place, short, **early)
    assert "had ended its training" in capsys.readouterr().out


def test_without_resume_it_begins_anew(place: Path, whole: Any, capsys: Any) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    run = trainings.fit(place)
    assert is_the_same(run, whole) and not run["recorder"].resumed
    said = capsys.readouterr().out
    assert said.startswith("F1 begins anew. An earlier training of it was broken off after epoch 2")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"epochs": 8}, "epochs was 6 and is 8 now"),
        ({"size": 64}, "data's train was 96 and is 64 now"),
        ({"rate": 0.02}, "optimizer's learning_rate was 0.00999"),
        ({"units": 9}, "layer 3 (Dense)'s units was 8 and is 9 now"),
        ({"activation": "tanh"}, "layer 3 (Dense)'s activation was 'relu' and is 'tanh' now"),
        ({"dropout": 0.9}, "layer 4 (Dropout)'s rate was 0.3 and is 0.9 now"),
        ({"l2": 0.01}, "layer 3 (Dense)'s kernel_regularizer was None and is {"),
        ({"images_from": 1}, "images was '"),
        ({"optimizer": "SGD"}, "optimizer's kind was 'Adam' and is 'SGD' now"),
        ({"ignored": 2}, "loss's config's ignore_class was None and is 2 now"),
        ({"patience": 9}, "EarlyStopping's patience was 50 and is 9 now"),
        ({"min_delta": 0.1}, "EarlyStopping's min_delta was 0 and is 0.1 now"),
        ({"monitor": "loss"}, "EarlyStopping's monitor was 'val_loss' and is 'loss' now"),
        ({"best_on_disk": False}, "its callbacks were Recorder, EarlyStopping, ModelCheckpoint, "),
        ({"schedule": halved}, "LearningRateScheduler, Fate now"),
        ({"augment": "layer"}, "its batches are made in another way now"),
        ({"flip": True}, "other layers, Rescaling, Flatten, Dense, Dropout, Dense and now RandomF"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_state_of_another_run_stays_as_it_is(
    place: Path, other: dict[str, Any], said: str
) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    state = state_of(place)
    before = state.read_bytes()
    sentence = refusal(place, **other)
    assert sentence.startswith("The unfinished training of F1 cannot go on: ")
    assert said in sentence and "\n" not in sentence
    assert state.read_bytes() == before


@pytest.mark.parametrize(
    ("then", "now", "said"),
    [
        ({"augment": "noise"}, {"augment": "more noise"}, "its batches are made in another way"),
        ({"augment": "noise"}, {"augment": ""}, "its batches are made in another way"),
        ({"schedule": held}, {"schedule": halved}, "LearningRateScheduler's schedule was 'held"),
    ],
    ids=["noise", "no noise", "schedule"],
)
def test_what_was_there_before_is_compared_too(
    place: Path, then: dict[str, Any], now: dict[str, Any], said: str
) -> None:
    trainings.fit(place, what="break", epoch=3, step=1, **then)
    before = state_of(place).read_bytes()
    assert said in refusal(place, **now)
    assert state_of(place).read_bytes() == before
    assert trainings.fit(place, resume=True, **then)["recorder"].resumed == [3]


@pytest.mark.parametrize(
    "how", [{"flip": True}, {"augment": "layer"}, {"augment": "noise"}], ids=str
)
def test_augmentation_goes_on_with_the_numbers_it_would_have_had(
    place: Path, start: Any, how: dict[str, Any]
) -> None:
    uninterrupted = trainings.fit(place / "a", keep=False, **how)
    assert uninterrupted["recorder"].history != trainings.fit(place / "b")["recorder"].history
    assert start(trainings.train, place, what="kill", epoch=4, step=2, **how).end()[0] == KILLED
    run = trainings.fit(place, resume=True, **how)
    assert is_the_same(run, uninterrupted) and run["recorder"].resumed == [4]


def test_a_state_of_an_older_release_is_refused(place: Path) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    path = state_of(place)
    with np.load(path) as stored:
        arrays = {name: stored[name] for name in stored.files}
    state = json.loads(str(arrays.pop("state")))
    for older in ({"run": state["run"]}, {"epoch": 2}, state | {"format": 1}):
        np.savez(path, state=np.array(json.dumps(older)), **arrays)
        before = path.read_bytes()
        assert "written by another release of the course" in refusal(place)
        assert path.read_bytes() == before


def test_a_network_that_was_trained_already_is_refused(place: Path) -> None:
    first = trainings.fit(place)
    record = first["recorder"].finish()
    with pytest.raises(RunError, match=r"trained already, for 18 steps.*builds and compiles"):
        trainings.fit(place, model=first["model"])
    assert ledger.read() == [record]
    fresh = trainings.fit(place, what="break", epoch=1, step=0)["model"]
    fresh.set_weights(first["model"].get_weights())  # weights alone are a start like another
    trainings.fit(place, model=fresh)["recorder"].finish()
    assert len(ledger.read()) == 2


def test_a_cell_that_was_stopped_goes_on_with_its_own_network(place: Path, whole: Any) -> None:
    broken = trainings.fit(place, what="break", epoch=3, step=1)["model"]
    run = trainings.fit(place, resume=True, model=broken)
    assert is_the_same(run, whole) and run["recorder"].resumed == [3]


def test_epochs_are_those_that_fit_was_given(place: Path) -> None:
    with pytest.raises(RunError, match="fit was given 6 epochs, and the parameters of F1 say 2"):
        trainings.fit(place, parameters={"epochs": 2})


@pytest.mark.parametrize("damage", ["half", "a byte", "empty"])
def test_damaged_state(place: Path, damage: str) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    path = state_of(place)
    held = path.read_bytes()
    with np.load(path) as stored:
        at = held.index(stored["variable_0"].tobytes())
    other = held[:at] + bytes([held[at] ^ 1]) + held[at + 1 :]
    path.write_bytes({"half": held[: len(held) // 2], "a byte": other, "empty": b""}[damage])
    assert "cannot be read" in refusal(place)
    trainings.fit(place)["recorder"].finish()
    assert not states(place)


def test_no_room_for_the_state(place: Path, start: Any) -> None:
    # The best network on the disk is another case: test_no_room_for_the_best_network.
    child = start(trainings.train_only, place, what="no room", epoch=4, best_on_disk=False)
    code, printed = child.end()
    assert code == 0 and "its state cannot be written in" in printed, printed
    assert epoch_of(state_of(place)) == 3
    assert not list(place.rglob("*.new"))


def test_no_room_for_the_best_network(place: Path, whole: Any, small_disk: Any) -> None:
    folder, filler = place / "small", place / "small" / "filler"
    folder.mkdir()
    small_disk(folder, 200_000)
    with pytest.raises(RunError) as caught:
        trainings.fit(folder, what="fill the disk", epoch=3, step=0, ready=filler)
    assert "no room in" in str(caught.value) and "goes on with epoch 3" in str(caught.value)
    filler.unlink()
    run = trainings.fit(folder, resume=True)
    assert is_the_same(run, whole) and run["recorder"].finish()["resumed"] == [3]


def test_the_best_network_is_gone(place: Path) -> None:
    trainings.fit(place, what="break", epoch=3, step=1)
    next(place.rglob("best.keras")).unlink()
    assert "its best network so far" in refusal(place)


def test_killed_inside_the_file_of_the_best_network(place: Path) -> None:
    trainings.fit(place, what="break", epoch=3, step=1, epochs=3, rate=0.0)
    file = next(place.rglob("best.keras"))
    file.write_bytes(file.read_bytes()[:5000])
    run = trainings.fit(place, resume=True, epochs=3, rate=0.0)
    losses = run["recorder"].history["val_loss"]
    assert losses[2] >= min(losses[:2]), "a better epoch would be written anyway"
    held_weights = keras.saving.load_model(file).get_weights()
    for held, weight in zip(held_weights, run["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(held, weight)


def test_output_dir_below_a_file(place: Path, capsys: Any) -> None:
    (place / "out").write_text("")
    run = trainings.fit(place / "out", best_on_disk=False)
    said = capsys.readouterr().out
    assert said.startswith("F1 trains, but could not go on after a crash: nothing can be written")
    assert len(run["recorder"].history["loss"]) == 6


def test_the_loss_becomes_nan(place: Path, capsys: Any) -> None:
    run = trainings.fit(place, what="nan", epoch=2, step=1)
    assert "F1 diverged: the loss is nan in epoch 2, at step 2 of 3" in capsys.readouterr().out
    record = run["recorder"].finish()
    assert "NaN" not in (place / "ledger.jsonl").read_text()
    assert np.isnan(ledger.read()[0]["test"]["accuracy"])
    assert ledger.read()[0]["diverged"] == record["diverged"] == {"epoch": 2, "step": 2}
    assert record["epochs"] == 2 and record["test_uses"] == 0
    for part in ("train", "validation", "test"):
        assert np.isnan(list(record[part].values())).all()
    assert not states(place)


def test_diverged_runs_poison_nothing(place: Path, whole: Any) -> None:
    well = whole["recorder"].finish()
    poor = trainings.fit(place, what="nan", epoch=2, step=1)["recorder"].finish() | {"seed": 1}
    alone = ledger.table([well]).iloc[0]
    both = ledger.table([well, poor]).iloc[0]
    assert (alone["n"], both["n"], both["diverged"]) == (1, 1, 1)
    assert "diverged" not in alone
    for name in alone.index.difference(["n"]):
        assert both[name] == alone[name] or both[name] != both[name], name
    row = ledger.table([poor]).iloc[0]
    assert row["n"] == 0 and np.isnan(row["val acc %"])
    with pytest.raises(CourseError, match="diverged"):
        runs = [well, poor | {"seed": 1}]
        stats.compare_runs(runs, runs, lambda record: record["validation"]["accuracy"])


def until(path: Path) -> None:
    deadline = time.monotonic() + trainings.processes.PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline, "it did not come that far"
        time.sleep(0.01)


def test_the_stop_button(place: Path) -> None:
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
        said = "Stopped: you stopped F1 in epoch 3 of 6. Its curves keep 2 whole epochs"
        assert errors[0]["traceback"][0].startswith(said)
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
    assert states(place)


def test_ctrl_c_in_the_first_epoch(place: Path, start: Any) -> None:
    ready = place / "ready"
    child = start(trainings.train, place, what="wait", epoch=1, step=2, ready=str(ready))
    until(ready)
    os.kill(child.process.pid, signal.SIGINT)
    code, printed = child.end()
    assert code == trainings.processes.SENTENCE and "you stopped F1 in epoch 1 of 6" in printed, (
        printed
    )
    assert not ledger.read()


def test_finish_of_a_broken_training(place: Path, capsys: Any) -> None:
    without = trainings.fit(place / "none", what="break", epoch=1, step=2)
    with pytest.raises(RunError, match="has not trained a whole epoch"):
        without["recorder"].finish()
    run = trainings.fit(place, what="break", epoch=3, step=1)
    record = run["recorder"].finish()
    assert "this record is not in the ledger" in capsys.readouterr().out
    assert record["stopped"] == {"after": 2, "of": 6} and record["test_uses"] == 0
    assert 0 <= record["validation"]["accuracy"] <= 1 and np.isnan(record["test"]["accuracy"])
    assert not ledger.read() and states(place)


def test_two_arms_in_one_output_dir(place: Path, start: Any) -> None:
    children = [start(trainings.train, place, arm=arm) for arm in ("F1", "relu")]
    assert [child.end() for child in children] == [(0, ""), (0, "")]
    assert sorted(record["arm"] for record in ledger.read()) == ["F1", "relu"]
    assert not states(place)


@pytest.mark.parametrize(
    "other", [{}, {"size": 64, "epochs": 3}], ids=["the same run", "other sizes"]
)
def test_two_kernels_with_one_arm_never_share_a_file(
    place: Path, start: Any, capsys: Any, other: dict[str, Any]
) -> None:
    """The first one's record once held what the second one's network measured."""
    ready, go = place / "ready", place / "go"
    first = start(
        trainings.train, place, what="wait", epoch=6, step=3, ready=str(ready), go=str(go)
    )
    until(ready)
    trainings.train(place, **other)  # trains and records while the first one is in its last epoch
    said = capsys.readouterr().out
    assert ("a folder of its own" in said) == (not other)
    go.touch()
    assert first.end()[0] == 0
    second, last = ledger.read()
    for record, epochs in ((second, other.get("epochs", 6)), (last, 6)):
        assert record["epochs"] == epochs
        # the network of the best epoch, which its own checkpoint kept, and nobody else's
        assert record["validation"]["cross_entropy"] == pytest.approx(record["lowest"], abs=1e-4)
    assert len(list(place.rglob("best.keras"))) == 2 and not states(place)


def test_the_ledger_cannot_be_written_when_it_ends(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "ledger.jsonl").mkdir()
    run = trainings.fit(place)
    with pytest.raises(ledger.LedgerError, match="run the line with finish"):
        run["recorder"].finish()
    assert states(place), "a crash now would lose the training"
    monkeypatch.setenv("COURSE_LEDGER", str(place / "elsewhere.jsonl"))
    monkeypatch.setattr(_recorder, "per_image", None)  # it is not measured again
    record = run["recorder"].finish()
    assert ledger.read() == [record] and record["test_uses"] == 1
    assert not states(place)
    shutil.rmtree(place / "ledger.jsonl")
