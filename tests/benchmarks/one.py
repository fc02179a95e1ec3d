"""One measurement in a fresh process; `run.py` starts it and reads the last line it prints.

"published" is what the tutorials did, on today's TensorFlow: float arrays, `fit` on NumPy arrays,
float32, Keras's own layers and optimisers. "ours" is what the notebooks do, and their networks and
functions are taken from the notebooks themselves.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
if __name__ == "__main__":
    # TensorFlow reads it at its import; the published way does not import the course first.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def from_notebook(name: str, *cells: str, **names: Any) -> dict[str, Any]:
    """Run cells of a stored notebook, by id, and return the names they define."""
    found = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8"))["cells"]
    sources = {cell["id"]: "".join(cell["source"]) for cell in found}
    for cell in cells:
        exec(sources[cell], names)
    return names


def random_images(n: int, *shape: int, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Pixels 0–255 and labels; the time of a step does not depend on what the pictures show."""
    rng = np.random.default_rng(0)
    images = np.frombuffer(rng.bytes(n * math.prod(shape)), np.uint8).reshape(n, *shape)
    return images, rng.integers(classes, size=n).astype("uint8")


def flop_per_image(model: Any) -> float:
    """Multiplications and additions of one training step for one image, dense and convolution.

    Forward, and twice that backward; the first layer needs no gradient of its input.
    """
    total, factor = 0.0, 2
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            places = math.prod(layer.output.shape[1:-1])
            total += 2 * math.prod(layer.kernel.shape) * places * factor
            factor = 3
    return total


def fit_seconds(model: Any, *data: Any, steps: tuple[int, int], **options: Any) -> float:
    """Seconds per step of `fit`, after the first steps."""
    import keras

    moments: list[float] = []

    def mark(batch: int, logs: Any) -> None:
        if batch + 1 in (steps[0], sum(steps)):
            moments.append(time.perf_counter())

    clock = keras.callbacks.LambdaCallback(on_train_batch_end=mark)
    model.fit(*data, steps_per_epoch=sum(steps), verbose=0, callbacks=[clock], **options)
    return (moments[1] - moments[0]) / steps[1]


def epoch(
    model: Any,
    images: np.ndarray,
    labels: np.ndarray,
    way: str,
    steps: tuple[int, int],
    size: int = 32,
) -> dict[str, float]:
    """Seconds of an epoch in batches of that size: from arrays, or as the notebooks do."""
    if way == "published":
        seconds = fit_seconds(model, images, labels, steps=steps, batch_size=size)
    else:
        from course_utils import training

        batches = training.shuffled_batches(images, labels, size, 0)
        seconds = fit_seconds(model, batches, steps=steps, shuffle=False)
    n = len(images)
    return {"value": seconds * math.ceil(n / size), "flop": flop_per_image(model) * n}


def f2(way: str, args: argparse.Namespace) -> dict[str, float]:
    images, labels = random_images(45_000, 28, 28, 1)
    if way == "published":
        import published

        model, optimizer, images = published.f2(), "adam", images.astype("float32") / 255
    else:
        from course_utils import fast, models, runtime

        runtime.fresh_start(0)
        model, optimizer = models.quick(models.fashion_vgg()), fast.Adam()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return epoch(model, images, labels, way, args.steps)


def c1(way: str, args: argparse.Namespace, as_c2: bool = False) -> dict[str, float]:
    images, labels = random_images(2_000, 180, 180, 3, classes=2)
    if way == "published":
        import published

        model, images = published.c1(as_c2), images.astype("float32")
    else:
        from course_utils import runtime

        import keras  # isort: skip

        runtime.fresh_start(0)
        given = {"keras": keras, "layers": keras.layers}
        model = from_notebook("04_small_data_cats_vs_dogs", "network", **given)["pets_convnet"](180)
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return epoch(model, images, labels, way, args.steps)


def l1(way: str, args: argparse.Namespace) -> dict[str, float]:
    images, labels = random_images(35_000, 32, 32, 3)
    mean, variance = 127.0, 5400.0
    metrics: list[Any] = ["accuracy"]
    if way == "published":
        import keras
        import published

        model, optimizer = published.l1(), keras.optimizers.Adam(1e-4)
        images = images.astype("float32")
        images -= np.float32(mean)
        images /= np.float32(math.sqrt(variance))
    else:
        from course_utils import fast, models, runtime

        import keras  # isort: skip

        runtime.fresh_start(0)
        given = {"keras": keras, "layers": keras.layers, "width": 1.0}
        build = from_notebook("05_l2_regularization", "network", **given)["cifar_l2"]
        model = models.quick(build([mean] * 3, [variance] * 3))
        optimizer = fast.Adam(1e-4)
        # The notebook's metrics: the cross-entropy without the penalty is one of them.
        metrics.append(keras.metrics.SparseCategoricalCrossentropy())
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=metrics)
    return epoch(model, images, labels, way, args.steps)


def d2(way: str, args: argparse.Namespace) -> dict[str, float]:
    """The published way; what races against it is the capstone's network."""
    import published

    images, labels = random_images(50_000, 28, 28, 1)
    model, images = published.d2(), images.astype("float32") / 255
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return epoch(model, images, labels, way, args.steps, 100)


def _race(way: str, args: argparse.Namespace) -> dict[str, Any]:
    """Seconds until the published recipe's best validation accuracy; see race.py."""
    import race

    found = race.recorded(args.task)
    if way == "published":
        if args.task == "race-cats":
            seconds = c1(way, args, as_c2=True)["value"]
        else:
            task = {"race-fashion": f2, "race-cifar": l1, "race-mnist": d2}[args.task]
            seconds = task(way, args)["value"]
        told = {"epochs": found["published"], "whole": found["whole"][way]}
        return told | {"value": found["published"] * seconds}
    n, batch_size = found["run"]["data"]["train"], found["run"]["parameters"]["batch_size"]
    *_, shape, classes = race.RACES[args.task]
    images, labels = random_images(n, *shape, classes=classes)
    model, batches = race.capstone(args.task, images, labels, batch_size)
    # A step of ours sees up to 16 times as many pictures.
    steps = (2, max(2, 32 * args.steps[1] // batch_size))
    seconds = fit_seconds(model, batches, steps=steps, shuffle=False) * math.ceil(n / batch_size)
    return {
        "value": found["ours"] * seconds,
        "whole": found["whole"][way],
        "epochs": found["ours"],
        "height": found["height"],
        "arm": found["run"]["arm"],
    }


def _startup(way: str, args: argparse.Namespace) -> dict[str, float]:
    """Seconds of a command in a fresh process, with the start of Python itself."""
    course = Path(sys.executable).with_name("course.exe" if sys.platform == "win32" else "course")
    imports = [sys.executable, "-c", "import course_utils"]
    command = {"import": imports, "help": [str(course), "--help"]}[args.task]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return {"value": time.perf_counter() - started}


def augmentation(way: str, args: argparse.Namespace) -> dict[str, float]:
    """Shuffled and augmented batches of 32, as `fit` takes them, without a network."""
    images, labels = random_images(50_000, 28, 28, 1)
    if way == "published":
        import tensorflow as tf  # Keras's legacy module leaves that to its caller
        from keras.src.legacy.preprocessing.image import ImageDataGenerator

        generator = ImageDataGenerator(
            rotation_range=15,
            zoom_range=0.1,
            shear_range=0.6,
            width_shift_range=0.1,
            height_shift_range=0.1,
            horizontal_flip=True,
        )
        batches = generator.flow(images.astype("float32") / 255, labels, batch_size=32)
    else:
        from course_utils import training

        import keras  # isort: skip
        import tensorflow as tf

        cells = from_notebook(
            "03_data_augmentation", "affine", "augment", math=math, tf=tf, keras=keras
        )
        batches = cells["augmented"](training.shuffled_batches(images, labels, 32, 0), 0)
    warm, measured = (5, 20) if args.quick else (50, 800)
    iterator = iter(batches)
    for _ in range(warm):
        next(iterator)
    started = time.perf_counter()
    for _ in range(measured):
        next(iterator)
    return {"value": 32 * measured / (time.perf_counter() - started)}


def memory(way: str, args: argparse.Namespace) -> dict[str, float]:
    """Peak of loading the set and one epoch of F1, above TensorFlow imported and idle."""
    import psutil

    if way == "ours":
        from course_utils import datasets, models, runtime, training
    import keras  # noqa: F401  (idle includes it)
    import tensorflow as tf

    tf.config.list_physical_devices()
    idle = psutil.Process().memory_info().rss
    loss = {"loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]}
    if way == "published":
        import published

        with np.load(args.arrays) as file:
            x, y, x_test = file["x_train"], file["y_train"], file["x_test"]
        if args.quick:
            x, y = x[:1000], y[:1000]
        # float64, as the tutorials' plain `/ 255` gives, would be twice this.
        x, x_test = (each.reshape(-1, 28, 28, 1).astype("float32") / 255 for each in (x, x_test))
        model = published.f1()
        model.compile(optimizer="adam", **loss)
        model.fit(x, y, batch_size=32, epochs=1, validation_split=0.25, verbose=0)
    else:
        size = {} if args.quick else {"train_size": 45_000, "validation_size": 15_000}
        scale = "embedded" if args.quick else "full"
        fashion = datasets.load("fashion_mnist", scale, split="published", **size)
        runtime.fresh_start(0)
        model = models.fashion_baseline()
        model.compile(optimizer="adam", **loss)
        model.fit(
            training.shuffled_batches(fashion.x_train, fashion.y_train, 32, 0),
            epochs=1,
            shuffle=False,
            verbose=0,
            validation_data=(fashion.x_validation, fashion.y_validation),
            validation_batch_size=256,
        )
    from course_utils import runtime  # only to read the peak

    return {"value": runtime.peak_memory_mb() - idle / 1e6, "idle": idle / 1e6}


def kind() -> str:
    """Which units for bfloat16 the processor has."""
    from rows import KINDS

    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.exists() else ""
    return next(name for flag, name in KINDS.items() if flag in flags)


def ceiling(way: str, args: argparse.Namespace) -> dict[str, Any]:
    """What the machine can do at best, in GFLOP/s: a large product and a large convolution."""
    from course_utils import runtime

    import tensorflow as tf  # isort: skip

    found: dict[str, Any] = {}
    for dtype in (tf.float32, tf.bfloat16):
        square = tf.cast(tf.random.normal((2048, 2048)), dtype)
        images = tf.cast(tf.random.normal((32, 28, 28, 128)), dtype)
        kernel = tf.cast(tf.random.normal((3, 3, 128, 128)), dtype)
        works: dict[str, tuple[float, Callable[[], Any]]] = {
            "matmul": (2 * 2048**3, lambda a=square: tf.matmul(a, a)),
            "conv": (
                2 * 32 * 28 * 28 * 9 * 128 * 128,
                lambda x=images, k=kernel: tf.nn.conv2d(x, k, 1, "SAME"),
            ),
        }
        for name, (flop, work) in works.items():
            work()
            best = math.inf
            for _ in range(2 if args.quick else 20):
                started = time.perf_counter()
                work()
                best = min(best, time.perf_counter() - started)
            found[f"{name} {dtype.name}"] = flop / best / 1e9
    return {
        "gflops": found,
        "precision": runtime.resolve_precision(),
        "processor": runtime.device(),
        "kind": kind(),
        "versions": runtime.versions(),
    }


TASKS = {task.__name__: task for task in (f2, c1, l1, augmentation, memory, ceiling)}
TASKS |= dict.fromkeys(("race-fashion", "race-cats", "race-cifar", "race-mnist"), _race)
TASKS |= dict.fromkeys(("import", "help"), _startup)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("way", choices=("published", "ours"))
    parser.add_argument("--steps", type=int, nargs=2, default=(0, 0))
    parser.add_argument("--arrays", help="the full Fashion-MNIST, as an .npz file")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    print(json.dumps(TASKS[args.task](args.way, args)))


if __name__ == "__main__":
    main()
