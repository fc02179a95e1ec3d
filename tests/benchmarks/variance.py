"""Where the variance of a comparison comes from, and how often equal arms look different.

    python tests/benchmarks/variance.py            # runs what variance.jsonl lacks (an hour)
    python tests/benchmarks/variance.py --list

Two comparisons of the course are run with one source of luck varied at a time, the others held at
0: the draw of the training images, the initial weights, and the order of the batches (with it, the
dropout masks). Draw 0 is the embedded sample; the others are drawn from the full set, so it must be
at hand. `equal` are pairs of one and the same arm, as like as two arms of one seed in the course:
the same images, weights and order; only the masks differ.

Bouthillier et al., "Accounting for variance in machine learning benchmarks", MLSys 2021.
"""

from __future__ import annotations

import base64
import json
import os
from itertools import product
from pathlib import Path
from typing import Any

import click

from course_utils import machine

TARGET = Path(__file__).resolve().parents[2] / "course_utils" / "reference" / "variance.jsonl"
VALUES = {"06-dropout": 8, "01-relu": 6}  # of each source
PAIRS = 40  # of equal arms
ARMS = {"01-relu": ("F1", "relu"), "06-dropout": ("dropout_0.1", "dropout_0.5")}
Seeds = tuple[int, int, int, int]  # draw, weights, order, masks
Job = tuple[str, str, Seeds]


def jobs() -> list[Job]:
    """Every run: comparison, arm and the seeds of the four sources."""
    found: list[Job] = []
    for name, arms in ARMS.items():
        seeds = {(0, 0, 0, 0)}
        for place, value in product(range(3), range(VALUES[name])):
            one = [0, 0, 0]
            one[place] = value
            seeds.add((*one, one[2]))
        found += [(name, arm, s) for s in sorted(seeds) for arm in arms]
    equal: list[Job] = [
        ("equal", "dropout_0.1", (0, n, n, m)) for n in range(PAIRS) for m in (n, n + 1000)
    ]
    order = {"06-dropout": 0, "equal": 1, "01-relu": 2}
    return sorted(found + equal, key=lambda job: order[job[0]])


def training_images(name: str, size: int, draw: int) -> tuple[Any, Any]:
    """The embedded sample for draw 0, else as many images of the full set, classes in balance."""
    import numpy as np

    from course_utils import datasets

    if not draw:
        sample = datasets.load(name, train_size=size)
        return sample.x_train, sample.y_train
    full, held = datasets.load(name, "full", validation_size=1), datasets.load(name)
    kept_out = {image.tobytes() for image in held.x_validation}
    random = np.random.RandomState(draw)
    rows: list[int] = []
    for label in range(10):
        members = random.permutation(np.flatnonzero(full.y_train == label))
        free = (i for i in members if full.x_train[i].tobytes() not in kept_out)
        rows += [next(free) for _ in range(size // 10)]
    chosen = random.permutation(rows)
    return full.x_train[chosen], full.y_train[chosen]


def network(arm: str, masks: int) -> Any:
    """The network of an arm, compiled; the masks of dropout have seeds of their own."""
    import keras
    from keras import layers

    seed = iter(range(10 * masks + 1, 10 * masks + 9))
    if arm.startswith("dropout"):
        rate = float(arm.split("_")[1])
        body: list[Any] = [layers.Flatten(), layers.Rescaling(1 / 255)]
        for _ in range(2):
            body += [layers.Dense(50, activation="relu"), layers.BatchNormalization()]
            body += [layers.Dropout(rate, seed=next(seed))]
    else:
        activation = "relu" if arm == "relu" else None
        body = [layers.Rescaling(1 / 255)]
        for filters in (32, 64):
            body += [layers.Conv2D(filters, 3, activation=activation), layers.MaxPooling2D()]
        body += [layers.Conv2D(128, 3, activation=activation), layers.Flatten()]
        body += [layers.Dense(128, activation="relu"), layers.Dropout(0.3, seed=next(seed))]
    model = keras.Sequential(
        [keras.Input((28, 28, 1)), *body, layers.Dense(10, activation="softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def run(job: Job) -> dict[str, Any]:
    """Train one network and measure it on the embedded validation and test images."""
    from course_utils import datasets, runtime, training

    import keras  # isort: skip
    import numpy as np

    comparison, arm, (draw, weights, order, masks) = job
    dense = arm.startswith("dropout")
    name, size, batch, epochs = (
        ("mnist", 6000, 100, 30) if dense else ("fashion_mnist", 3000, 32, 25)
    )
    images, labels = training_images(name, size, draw)
    held = datasets.load(name)
    runtime.fresh_start(weights, "float32")
    model = network(arm, masks)
    stopping = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    history = model.fit(
        training.shuffled_batches(images, labels, batch, order),
        epochs=epochs,
        shuffle=False,
        verbose=0,
        validation_data=(held.x_validation, held.y_validation),
        validation_batch_size=1000,
        callbacks=[stopping] if dense else [],
    ).history
    record: dict[str, Any] = {"comparison": comparison, "arm": arm, "seeds": list(job[2])}
    record |= {"epochs": len(history["loss"])}
    record["best_epoch"] = int(np.argmin(history["val_loss"])) + 1
    for part, x, y in (
        ("validation", held.x_validation, held.y_validation),
        ("test", held.x_test, held.y_test),
    ):
        found = model.predict(x, batch_size=500, verbose=0)
        right = found.argmax(axis=1) == y
        of_the_label = np.clip(found[np.arange(len(y)), y].astype(float), 1e-7, 1)
        record[part] = {
            "accuracy": float(right.mean()),
            "cross_entropy": round(float(-np.log(of_the_label).mean()), 5),
            "right": base64.b64encode(np.packbits(right).tobytes()).decode(),
        }
    return record


def recorded() -> list[dict[str, Any]]:
    """The runs that are there."""
    if not TARGET.exists():
        return []
    return [json.loads(line) for line in TARGET.read_text(encoding="utf-8").splitlines()]


@click.command()
@click.option("--list", "only_list", is_flag=True, help="Say what is missing, and run nothing.")
@click.option("--only", type=click.Choice([*ARMS, "equal"]), help="One part of it.")
def main(only_list: bool, only: str | None) -> None:
    """Run what is missing, one thread a run; each finished run is written at once."""
    from joblib import Parallel, delayed

    held = {(r["comparison"], r["arm"], tuple(r["seeds"])) for r in recorded()}
    todo = [job for job in jobs() if job not in held and only in (None, job[0])]
    click.echo(f"{len(jobs()) - len(todo)} runs are recorded or left out, {len(todo)} to go.")
    if only_list or not todo:
        return
    n = machine.cores()
    os.environ.update(machine.share(n))
    ended = Parallel(n_jobs=n, return_as="generator_unordered", batch_size=1)(
        delayed(run)(job) for job in todo
    )
    with open(TARGET, "a", encoding="utf-8") as file:
        for record in ended:
            file.write(json.dumps(record) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
