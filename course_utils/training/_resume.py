"""A training that a killed kernel or a dead battery broke off goes on where it was."""

from __future__ import annotations

import io
import json
import math
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from course_utils.errors import CourseError
from course_utils.ledger._file import write_whole
from course_utils.training import _folder
from course_utils.training._folder import STATE, RunError
from course_utils.training._recorder import Recorder
from course_utils.training._same import described, differences, random_states

import keras  # isort: skip  (after runtime, which imports TensorFlow quietly)
import tensorflow as tf  # isort: skip

# What Keras's callbacks know of the epochs so far, and BackupAndRestore does not bring back.
SO_FAR = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter")
FORMAT = 2  # of a state; one of another release is refused
# `fit` makes an iterator when an epoch begins and, where it knows the number of batches, another
# one when it has ended. Each draws an order.
ORDERS_OF_AN_EPOCH = 2


def resumable(
    callbacks: Sequence[keras.callbacks.Callback],
    batches: Iterable[Any],
    *,
    folder: str | Path,
    resume: bool,
) -> list[keras.callbacks.Callback]:
    """Callbacks for `fit`, and one more that keeps the state of the training after each epoch.

    The state is what `keras.callbacks.BackupAndRestore` keeps (weights, optimiser, epoch), and
    the seeds of dropout, the history, the seconds, and what `EarlyStopping` and `ModelCheckpoint`
    know of the best epoch so far. It is a file in the run's own folder (`Recorder.folder`) until
    `Recorder.finish` has written the run to the ledger. A kill at any moment leaves the state of
    the last epoch or of the one before.

    A run that goes on sees the batches in the order, and augmented images with the random numbers,
    that it would have seen: the seeds of dropout and of random layers, in the network and in the
    input pipeline, are part of the state. So the weights agree to the last bit with those of an
    uninterrupted run where the computation itself is repeatable.

    Parameters
    ----------
    callbacks : sequence of Callback
        A `Recorder`, and what else `fit` is given.
    batches : tf.data.Dataset
        What `fit` is given to train on, made for this `fit`: each pass draws a new order.
    folder : path-like
        The notebook's output_dir.
    resume : bool
        Whether to go on from a state that is there; without it the run begins anew.
    """
    return [*callbacks, Resume(callbacks, batches, folder, resume)]


class Resume(keras.callbacks.Callback):
    """Keeps the state of a training, and goes on from it; `resumable` makes it."""

    def __init__(
        self,
        callbacks: Sequence[keras.callbacks.Callback],
        batches: Iterable[Any],
        output_dir: str | Path,
        resume: bool,
    ) -> None:
        super().__init__()
        recorders = [each for each in callbacks if isinstance(each, Recorder)]
        if len(recorders) != 1:
            raise CourseError(f"callbacks must hold one Recorder; got {len(recorders)}.")
        (self._recorder,) = recorders
        self._callbacks, self._batches, self._resume = list(callbacks), batches, resume
        self._output_dir, self._keeps = output_dir, False

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Go on from the state that is there, or begin anew."""
        self.model._initial_epoch = 0  # an earlier `fit` may have left it behind
        self._run = self._identity()
        arm, epochs = self._run["arm"], self.params["epochs"]
        try:
            self._file = self._recorder.folder(self._output_dir) / STATE
        except RunError as error:
            self._keeps = False
            print(f"{arm} trains, but could not go on after a crash: {error}")
            return
        self._keeps = True
        state, arrays = self._read(self._file)
        if not self._resume:
            if state and state.get("run") == self._run and not state["ended"]:
                print(
                    f"{arm} begins anew. An earlier training of it was broken off after epoch "
                    f"{state['epoch']} of {epochs}; resume = True would go on from there, as long "
                    "as this one has not finished its first epoch."
                )
            return
        if state is None:
            for other in _folder.of_other_settings(self._file.parent, self._run):
                self._refuse_another(self._read(other)[0])
            return
        self._refuse_another(state)
        self._restore(state, arrays)
        if state["ended"]:
            print(f"{arm} had ended its training, and was not recorded yet.")
        else:
            print(f"{arm} goes on with epoch {state['epoch'] + 1} of {epochs}.")

    def _refuse_another(self, state: dict[str, Any] | None) -> None:
        """Say where a state is of another run; it stays as it is."""
        if state and state.get("format") != FORMAT:
            raise RunError(
                f"The unfinished training of {self._run['arm']} was written by another release of "
                "the course, and cannot go on in this one: set resume to False to begin anew, or "
                "finish it with that release."
            )
        if state and (differ := list(differences(state["run"], self._run))):
            more = f", and {len(differ) - 3} more" if len(differ) > 3 else ""
            raise RunError(
                f"The unfinished training of {self._run['arm']} cannot go on: "
                f"{'; '.join(differ[:3])}{more}. Set it back, or set resume to False to begin anew."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Stop while nothing is lost if `ModelCheckpoint` will find no room for its file.

        It writes over the best network so far, so that a full disk would leave neither.
        """
        # The weights and the optimiser's state, in the checkpoint and in this callback's file.
        room = 2 * sum(4 * math.prod(variable.shape) for variable in self._variables())
        for file in self._checkpoints():
            folder = next(parent for parent in file.parents if parent.exists())
            if shutil.disk_usage(folder).free < room:
                on = f" with resume = True: it goes on with epoch {epoch + 1}"
                raise RunError(
                    f"There is no room in {folder} for the best network of {self._run['arm']} "
                    f"({math.ceil(room / 1e6)} MB are needed). Make room, or set output_dir to a "
                    "folder on another disk, and run this cell again"
                    f"{on if self._keeps and epoch else ''}."
                )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Write the state of this epoch, then let go of the one before."""
        if not self._keeps or self._recorder.diverged:
            return
        try:
            self._write(epoch)
        except OSError as error:
            self._keeps = False
            print(
                f"{self._run['arm']} trains on, but could not go on after a crash: its state "
                f"cannot be written in {self._output_dir} ({error.strerror or error}). Make room, "
                "or set output_dir to a folder of yours."
            )

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Leave nothing behind for the next `fit` of this network."""
        self.model._initial_epoch = 0

    def _checkpoints(self) -> dict[Path, keras.callbacks.ModelCheckpoint]:
        """Where `ModelCheckpoint` keeps the best network."""
        return {
            Path(each.filepath).absolute(): each
            for each in self._callbacks
            if isinstance(each, keras.callbacks.ModelCheckpoint)
        }

    def _identity(self) -> dict[str, Any]:
        """All that must be equal for a training to go on, as it will be read."""
        shapes = [list(variable.shape) for variable in self._variables()]
        run = self._recorder.identity() | {"shapes of its weights": shapes}
        return json.loads(json.dumps(run, default=str)) | described(
            self.model, self._callbacks, self._batches
        )

    def _read(self, file: Path) -> tuple[dict[str, Any] | None, dict[str, np.ndarray]]:
        try:
            with np.load(file, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}  # checks their CRC
            return json.loads(str(arrays.pop("state"))), arrays
        except FileNotFoundError:
            return None, {}
        except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
            if not self._resume:
                return None, {}
            raise RunError(
                f"The unfinished training of {self._run['arm']} cannot be read "
                f"({type(error).__name__}): set resume to False to begin anew."
            ) from error

    def _variables(self) -> list[Any]:
        """Weights, the optimiser's state, and those of random generators: dropout, augmentation."""
        optimizer = self.model.optimizer
        if not optimizer.built:
            optimizer.build(self.model.trainable_variables)
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        return [*self.model.weights, *optimizer.variables, *seeds, *random_states(self._batches)]

    def _write(self, epoch: int) -> None:
        arrays = {f"variable_{n}": v.numpy() for n, v in enumerate(self._variables())}
        so_far = []
        for number, callback in enumerate(self._callbacks):
            known = {name: getattr(callback, name) for name in SO_FAR if hasattr(callback, name)}
            so_far.append({k: None if v is None else float(v) for k, v in known.items()})
            for n, weights in enumerate(getattr(callback, "best_weights", None) or ()):
                arrays[f"best_{number}_{n}"] = weights
        state = {
            "format": FORMAT,
            "run": self._run,
            "epoch": epoch + 1,
            "ended": bool(self.model.stop_training) or epoch + 1 == self.params["epochs"],
            "history": self._recorder.history,
            "seconds": self._recorder.seconds,
            "resumed": self._recorder.resumed,
            "callbacks": so_far,
        }
        # NumPy's files, for HDF5 brings the whole kernel down where a disk is full; and made in
        # memory, for a zip file that cannot be written complains once more when it is collected.
        made = io.BytesIO()
        np.savez(made, state=np.array(json.dumps(state)), **arrays)
        write_whole(self._file, made.getbuffer())

    def _restore(self, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        for number, callback in enumerate(self._callbacks):
            for name, value in state["callbacks"][number].items():
                whole = name != "best" and value is not None
                setattr(callback, name, int(value) if whole else value)
            best = [arrays[name] for name in arrays if name.startswith(f"best_{number}_")]
            if best:  # in the order in which they were written
                callback.best_weights = best
            if callback is self._recorder:
                went_on = [] if state["ended"] else [state["epoch"] + 1]
                callback.go_on(state["history"], state["seconds"], state["resumed"] + went_on)
            elif hasattr(callback, "go_on"):
                callback.go_on(state["history"])
        for file, checkpoint in self._checkpoints().items():
            if checkpoint.best is None or not checkpoint.save_best_only:
                continue
            if not file.exists():
                raise RunError(
                    f"The unfinished training of {self._run['arm']} cannot go on: its best network "
                    f"so far, {file}, is gone. Set resume to False to begin anew."
                )
            # A kill while it was written left a part of it. The epoch was not over, so it comes
            # again; its network is kept, whatever is known of the file's.
            if file.suffix == ".keras" and not zipfile.is_zipfile(file):
                checkpoint.best = None
        # What keras.callbacks.BackupAndRestore sets, too: there is no public way for a callback.
        self.model._initial_epoch = self.params["epochs"] if state["ended"] else state["epoch"]
        known = isinstance(self._batches, tf.data.Dataset) and self._batches.cardinality() >= 0
        for _ in range(state["epoch"] * (ORDERS_OF_AN_EPOCH if known else 1)):
            iter(self._batches)
        for number, variable in enumerate(self._variables()):
            variable.assign(arrays[f"variable_{number}"])
