"""A callback that times one `fit`, keeps its numbers and writes them to the ledger."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from course_utils import ledger, runtime
from course_utils.datasets import Dataset
from course_utils.errors import CourseError
from course_utils.training._calibration import calibration
from course_utils.training._evaluate import Examples, mean, per_image
from course_utils.training._folder import STATE, RunError, claim, give_back

import keras  # isort: skip  (after runtime, which imports TensorFlow quietly)


class Stopped(KeyboardInterrupt):
    """You stopped a training."""

    _render_traceback_ = CourseError._render_traceback_


class Recorder(keras.callbacks.Callback):
    """Times one `fit`, keeps its history, and writes the run to the ledger.

    Give it to `fit` as a callback, then call `finish`. It ends a training whose loss is no number
    any more. The stop button (or Ctrl-C) ends `fit` with a sentence; `history` keeps the whole
    epochs.

    Parameters
    ----------
    notebook : str
        Name of the notebook, without its ending.
    arm : str
        Name of the arm of the comparison.
    seed : int
        The seed of the run.
    dataset : Dataset
        Where the images came from.
    parameters : dict
        What else the run depends on, in plain Python values: epochs (as many as `fit` is given),
        batch size, learning rate, …
    protocol : {"honest", "published"}
        "published" where the run repeats a published experiment's split or its misuse of data.
    """

    def __init__(
        self,
        notebook: str,
        arm: str,
        *,
        seed: int,
        dataset: Dataset,
        parameters: dict[str, Any],
        protocol: str = "honest",
    ) -> None:
        super().__init__()
        if protocol not in ("honest", "published"):
            raise CourseError(f"protocol must be 'honest' or 'published'; got {protocol!r}.")
        for name, value in parameters.items():
            try:
                json.dumps(value, allow_nan=False)
            except (TypeError, ValueError) as error:
                raise CourseError(
                    f"parameters must hold plain Python values, for the ledger; {name} is "
                    f"{value!r}. Write it as a number, a text or a list."
                ) from error
        self._head = {"notebook": notebook, "arm": arm, "seed": seed, "protocol": protocol}
        # That of now: other networks may be built, in another precision, before `finish`.
        self._precision = keras.config.dtype_policy().name
        self._dataset, self._parameters = dataset, parameters
        self._handler: Any = None  # of the stop button, before the training
        self._epoch, self._running, self._is_new = 0, False, True
        self._folder: Path | None = None
        self._unwritten: ledger.Record | None = None
        self._predictions: dict[str, dict[str, np.ndarray]] = {}
        self.history: dict[str, list[float]] = {}
        self.seconds = 0.0
        self.resumed: list[int] = []
        self.diverged: dict[str, int] | None = None

    def _known(self, n_train: int | None = None) -> dict[str, Any]:
        """The part of the record that is known before the training."""
        data = self._dataset
        described = {
            "name": data.name,
            "scale": data.data,
            "source": data.source,
            "split": data.split,
            "train": len(data.y_train) if n_train is None else n_train,
            "validation": len(data.y_validation),
            "test": len(data.y_test),
        }
        known = {"data": described, "parameters": self._parameters, "precision": self._precision}
        return self._head | known

    def identity(self) -> dict[str, Any]:
        """Say which run this is: `ledger.identity` of its record, and a digest of the images."""
        images = hashlib.blake2b(digest_size=8)
        for name in ("x_train", "y_train", "x_validation", "y_validation"):
            images.update(np.ascontiguousarray(getattr(self._dataset, name)).data)
        return ledger.identity(self._known()) | {"images": images.hexdigest()}

    def folder(self, output_dir: str | Path) -> Path:
        """Make a folder in the notebook's output_dir, which no other run writes to until `finish`.

        Its name carries a digest of what the run depends on. A second process that trains the same
        run at the same time gets another folder, and a sentence says so.
        """
        if self._folder is None:
            self._folder = claim(output_dir, self.identity())
        return self._folder

    def done(self) -> ledger.Record | None:
        """Look this run up in the ledger: the last record of the same `ledger.identity`, or None.

        The precision is that in which the `Recorder` was made, after `runtime.fresh_start`.
        """
        ours = ledger.identity(self._known())
        same = (record for record in reversed(ledger.read()) if ledger.identity(record) == ours)
        return next(same, None)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Start the clock; refuse another number of epochs than the record would say."""
        epochs, said = self.params["epochs"], self._parameters.get("epochs")
        if epochs != said:
            raise RunError(
                f"fit was given {epochs} epochs, and the parameters of {self._head['arm']} say "
                f"{said}: run the cell that makes the Recorder again, or write epochs there as fit "
                "has it."
            )
        self.history, self.resumed, self.diverged = {}, [], None
        self._epoch, self._running, self._is_new, self._unwritten = 0, True, True, None
        main = threading.current_thread() is threading.main_thread()  # only it may set handlers
        if main and self._handler is None and signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
            self._handler = signal.signal(signal.SIGINT, self._stop)
        self._started = time.perf_counter()

    def go_on(self, history: dict[str, list[float]], seconds: float, resumed: list[int]) -> None:
        """Take over an earlier process's epochs, seconds, and epochs at which it had gone on."""
        self.history, self.seconds, self.resumed = history, seconds, resumed
        self._epoch, self._is_new = len(history["loss"]), False
        self._started = time.perf_counter() - seconds

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Know the epoch; refuse a network that was trained already, unless it goes on."""
        self._epoch = epoch
        steps = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        if self._is_new and steps:
            self.on_train_end()
            raise RunError(
                f"This network was trained already, for {steps:,} steps: {self._head['arm']} would "
                "be more of that training, and no run of its own. Run the cell that builds and "
                "compiles the network again, and then this one."
            )
        self._is_new = False

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """End a training whose loss is no number any more."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(float(loss)) or self.diverged:
            return
        steps = (self.params or {}).get("steps") or batch + 1
        self.diverged = {"epoch": self._epoch + 1, "step": min(batch + 1, steps)}
        self.model.stop_training = True
        print(
            f"{self._head['arm']} diverged: the loss is {float(loss):.0f} in epoch "
            f"{self._epoch + 1}, at step {self.diverged['step']:,} of {steps:,}, and the training "
            "ends here. Lower the learning rate, or look for numbers in the data that are none."
        )

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's numbers and the seconds so far."""
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(round(float(value), 5))
        self._epoch = epoch + 1
        self.seconds = time.perf_counter() - self._started

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Hear no more of the stop button."""
        self._running = False
        self._do_not_listen()

    def _do_not_listen(self) -> None:
        if self._handler is not None and signal.getsignal(signal.SIGINT) == self._stop:
            signal.signal(signal.SIGINT, self._handler)
        self._handler = None

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._do_not_listen()
        whole, of = len(self.history.get("loss", ())), self.params["epochs"]
        can_resume = self._folder is not None and (self._folder / STATE).exists()
        raise Stopped(
            f"you stopped {self._head['arm']} in epoch {min(whole + 1, of)} of {of}. "
            f"Its curves keep {whole} whole epochs, and the ledger gets no record. "
            + (
                "The line with finish() makes a record of them that is not in the ledger"
                if whole
                else "Build the network again to begin anew"
            )
            + ("; resume = True goes on from there." if can_resume else ".")
        )

    def finish(
        self,
        train: Examples | None = None,
        validation: Examples | None = None,
        test: Examples | None = None,
        **more: Any,
    ) -> ledger.Record:
        """Measure the trained network, append the run to the ledger and return the record.

        The looks at the test images are counted, in the ledger: the second time that one arm, seed
        and protocol looks at them, the record says so and a sentence is printed.

        A run that diverged is recorded with the key ``diverged`` and NaN for what it measures. A
        run that was stopped is returned with the key ``stopped`` and NaN for the test images,
        which stay closed; it is not written to the ledger. If the ledger cannot be written, the
        record is kept: call `finish` again.

        Parameters
        ----------
        train, validation, test : tuple of arrays, or iterable of batches, optional
            What to measure on; the dataset's own arrays where not given.
        **more
            Further keys of the record, for instance a count that the notebook made.
        """
        if not self.history.get("loss"):
            raise RunError(
                f"{self._head['arm']} has not trained a whole epoch, so there is nothing to "
                "record: run the cell with fit again."
            )
        if self._unwritten is None:
            self._unwritten = self._measured(train, validation, test) | more
        record = self._unwritten | {"test_uses": self._test_uses()}
        if not self._running:
            record = ledger.append(record, predictions=self._predictions)
        self._unwritten = None
        if self._running:  # on_train_end was never reached
            print(
                f"{self._head['arm']} ended after epoch {len(self.history['loss'])} of "
                f"{self.params['epochs']}: this record is not in the ledger, and the test images "
                "were not looked at."
            )
        elif self._folder is not None:
            give_back(self._folder)
            self._folder = None
        return record

    def _test_uses(self) -> int:
        """How often this arm, seed and protocol has looked at the test images, now included."""
        uses = int("test" in self._predictions)
        with contextlib.suppress(ledger.LedgerError):  # append is about to say why
            uses += sum(
                all(record[name] == value for name, value in self._head.items())
                and record["data"]["scale"] == self._dataset.data
                and "diverged" not in record
                for record in ledger.read()
            )
        if "test" in self._predictions and uses > 1:
            print(f"The test images were used {uses} times for {self._head['arm']}.")
        return uses

    def _measured(
        self, train: Examples | None, validation: Examples | None, test: Examples | None
    ) -> ledger.Record:
        data, epochs = self._dataset, len(self.history["loss"])
        n_train = len(train[1]) if isinstance(train, tuple) else len(data.y_train)
        closed = ("train", "validation", "test") if self.diverged else ("test",) * self._running
        measured: dict[str, Any] = {}
        self._predictions = {}
        for name, given in (("train", train), ("validation", validation), ("test", test)):
            if name in closed:
                measured[name] = {"accuracy": math.nan, "cross_entropy": math.nan}
                continue
            own = getattr(data, f"x_{name}"), getattr(data, f"y_{name}")
            images = per_image(self.model, own if given is None else given)
            measured[name] = mean(images)
            if name == "validation":
                measured["calibration"] = calibration(images["probabilities"], images["labels"])
            if name != "train":
                self._predictions[name] = images
        # argmin would call the first NaN of a run that diverged its lowest loss
        val_loss = np.array(self.history.get("val_loss", []))
        best_epoch = int(np.nanargmin(val_loss)) + 1 if np.isfinite(val_loss).any() else None
        trainable = sum(int(np.prod(w.shape)) for w in self.model.trainable_weights)
        record = self._known(n_train) | {
            "history": self.history,
            "best_epoch": best_epoch,
            "epochs": epochs,
            **measured,
            "seconds": round(self.seconds, 2),
            "images_per_second": round(n_train * epochs / self.seconds, 1),
            "peak_memory_mb": round(runtime.peak_memory_mb()),
            "model": {"parameters": self.model.count_params(), "trainable": trainable},
            "versions": runtime.versions(),
            "device": runtime.device(),
        }
        if self.resumed:
            record["resumed"] = self.resumed
        if self.diverged:
            record["diverged"] = self.diverged
        if self._running:
            record["stopped"] = {"after": epochs, "of": self.params["epochs"]}
        return record
