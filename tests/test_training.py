"""A fair start, a measurement by hand, and a run written down."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest

from course_utils import ledger, plots, runtime, training
from course_utils.datasets import Dataset
from course_utils.errors import CourseError

import keras  # isort: skip  (after runtime, which imports TensorFlow quietly)
from keras import layers  # isort: skip

# Probabilities of three classes for four images; a network that gives out what it is given
# makes them its own predictions.
GIVEN = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], "float32")
LABELS = np.array([0, 1, 2, 2], "uint8")
BY_HAND = {
    "accuracy": 0.75,  # the third is taken for class 0
    "cross_entropy": -(math.log(0.7) + math.log(0.8) + math.log(0.25) + math.log(0.6)) / 4,
}
IMAGE = (6, 6, 1)


@pytest.fixture(autouse=True)
def start(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_LEDGER", str(tmp_path / "ledger.jsonl"))
    keras.utils.set_random_seed(0)


@pytest.fixture(scope="module")
def identity():
    model = keras.Sequential([keras.Input((None,)), layers.Identity()])
    model.compile(run_eagerly=True)
    return model


@pytest.mark.parametrize(
    "labels",
    [LABELS, LABELS[:, None], np.eye(3)[LABELS], LABELS.astype("int64"), LABELS.astype("float32")],
    ids=["numbers", "column", "one-hot", "int64", "float"],
)
def test_evaluate_is_the_sum_done_by_hand(identity, labels):
    batches = [(GIVEN[part], labels[part]) for part in (slice(0, 3), slice(3, 4))]  # one smaller
    dataset = runtime.tf.data.Dataset.from_tensor_slices((GIVEN, labels)).batch(3)
    for examples in ((GIVEN, labels), batches, iter(batches), dataset):
        assert training.evaluate(identity, examples) == pytest.approx(BY_HAND, abs=1e-6)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_evaluate_one_sigmoid(identity, shape):
    given = np.array([[0.9], [0.2], [0.4], [0.75]], "float32")
    labels = np.array([1, 0, 1, 1]).reshape(shape)
    nats = -(math.log(0.9) + math.log(0.8) + math.log(0.4) + math.log(0.75)) / 4
    by_hand = {"accuracy": 0.75, "cross_entropy": nats}  # the third, 0.4, is taken for class 0
    for examples in ((given, labels), [(given, labels)]):
        assert training.evaluate(identity, examples) == pytest.approx(by_hand, abs=1e-6)


def test_being_sure_and_wrong_costs_much_but_not_infinitely_much(identity):
    measured = training.evaluate(identity, (np.array([[1.0, 0.0]], "float32"), np.array([1])))
    assert measured["accuracy"] == 0
    assert 10 < measured["cross_entropy"] < 20


def test_evaluate_leaves_out_penalties_and_dropout():
    model = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dropout(0.9),
            layers.Dense(
                3,
                use_bias=False,
                kernel_initializer="identity",
                kernel_regularizer=keras.regularizers.L2(10.0),
            ),
        ]
    )
    model.compile(loss="sparse_categorical_crossentropy", run_eagerly=True)
    assert training.evaluate(model, (GIVEN, LABELS)) == pytest.approx(BY_HAND, abs=1e-6)
    assert training.evaluate(model, [(GIVEN, LABELS)]) == pytest.approx(BY_HAND, abs=1e-6)
    # Keras's own loss holds the penalty: 10 times three ones squared
    assert model.evaluate(GIVEN, LABELS, verbose=0) == pytest.approx(
        BY_HAND["cross_entropy"] + 30, abs=1e-4
    )


def test_a_temperature_mends_an_over_sure_network_and_not_its_accuracy():
    random = np.random.default_rng(0)
    logits = random.normal(size=(4000, 3))
    even = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (random.random((4000, 1)) > even.cumsum(axis=1)).sum(axis=1)  # as likely as it says
    over_sure = even**3 / (even**3).sum(axis=1, keepdims=True)
    found = training.calibration(over_sure, labels)
    assert found["temperature"] == pytest.approx(3, rel=0.1)
    assert found["cross_entropy_tempered"] < found["cross_entropy"] - 0.1
    assert found["error_tempered"] < 0.04 < 0.15 < found["error"]
    assert training.calibration(even, labels)["temperature"] == pytest.approx(1, rel=0.1)
    half = slice(2000, None)
    by_hand = -np.log(over_sure[half][np.arange(2000), labels[half]]).mean()
    assert found["cross_entropy"] == pytest.approx(by_hand, abs=1e-5)


def network(dropout=0.0, units=5, norm=True):
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            layers.Conv2D(2, 3),
            *([layers.BatchNormalization()] if norm else []),
            *([layers.Dropout(dropout)] if dropout else []),
            layers.Flatten(),
            layers.Dense(units),
            layers.Dropout(dropout),
            layers.Dense(3, activation="softmax"),
        ]
    )


def of(model, kind):
    return [layer.get_weights() for layer in model.layers if isinstance(layer, kind)]


def test_arms_with_and_without_dropout_start_equal():
    keras.utils.set_random_seed(0)
    without = network()
    keras.utils.set_random_seed(0)
    with_dropout = network(dropout=0.5)
    # the same seed is not enough: what the helper is for
    assert not np.array_equal(without.get_weights()[-2], with_dropout.get_weights()[-2])

    copied = training.copy_matching_weights(without, with_dropout)
    weighted = [layer.name for layer in with_dropout.layers if layer.weights]
    assert sorted(copied) == sorted(weighted)
    assert len(copied) == 4
    images = np.random.default_rng(0).random((4, *IMAGE)).astype("float32")
    np.testing.assert_array_equal(without(images), with_dropout(images))


def test_what_does_not_fit_keeps_its_own_weights():
    source, target = network(units=5), network(units=7)
    before = target.get_weights()
    copied = training.copy_matching_weights(source, target)
    names = {layer.name: type(layer).__name__ for layer in target.layers}
    assert sorted(names[name] for name in copied) == ["BatchNormalization", "Conv2D"]
    np.testing.assert_array_equal(of(target, layers.Conv2D)[0][0], of(source, layers.Conv2D)[0][0])
    for now, then in zip(target.get_weights()[-4:], before[-4:], strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_layer_that_one_arm_lacks_is_passed_over():
    source, target = network(norm=False), network(norm=True)
    assert len(training.copy_matching_weights(source, target)) == 3
    for kind in (layers.Conv2D, layers.Dense):
        for theirs, ours in zip(of(source, kind), of(target, kind), strict=True):
            np.testing.assert_array_equal(ours[0], theirs[0])
    assert len(training.copy_matching_weights(target, source)) == 3


def orders(seed, epochs=3):
    """The numbers of the images in the order in which each epoch shows them."""
    images = np.arange(64, dtype="uint8").reshape(64, 1, 1, 1)
    batches = training.shuffled_batches(images, np.arange(64), 16, seed)
    for some, labels in batches:  # bytes and pairs stay
        assert some.dtype == "uint8" and np.array_equal(np.ravel(some), labels)
    batches = training.shuffled_batches(images, np.arange(64), 16, seed)
    return [[labels.numpy().tolist() for _, labels in batches] for _ in range(epochs)]


def test_each_epoch_has_an_order_of_its_own_and_shows_each_image_once():
    first, second, third = ([*itertools.chain(*epoch)] for epoch in orders(seed=5))
    assert sorted(first) == sorted(second) == sorted(third) == list(range(64))
    assert first != second != third != first
    assert first != sorted(first)
    assert orders(seed=5) == orders(seed=5)  # the orders belong to the seed
    assert orders(seed=5) != orders(seed=6)


@pytest.fixture(scope="module")
def pictures():
    random = np.random.default_rng(0)
    sets = {}
    for part, n in {"train": 64, "validation": 32, "test": 16}.items():
        sets[f"x_{part}"] = random.integers(0, 256, (n, *IMAGE)).astype(np.uint8)
        sets[f"y_{part}"] = random.integers(0, 3, n).astype(np.uint8)
    return Dataset(
        name="fashion_mnist",
        data="embedded",
        title="Fashion-MNIST",
        class_names=("a", "b", "c"),
        source="embedded sample",
        split="stratified",
        **sets,
    )


KEYS = (
    "schema id time notebook arm seed protocol data parameters history best_epoch epochs train "
    "validation test calibration test_uses seconds images_per_second peak_memory_mb model versions "
    "device precision"
)


def recorder(pictures, arm, epochs=3, **changes):
    options = {"seed": 3, "dataset": pictures, "parameters": {"epochs": epochs}} | changes
    return training.Recorder("01_baseline_overfit", arm, **options)


def pretend(recorder, model, **history):
    """What `fit` tells a callback, without the training."""
    model.compile(run_eagerly=True)  # a few images are not worth a graph
    recorder.set_model(model)
    recorder.set_params({"epochs": len(history["loss"])})
    recorder.on_train_begin()
    for epoch, values in enumerate(zip(*history.values(), strict=True)):
        recorder.on_epoch_begin(epoch)
        recorder.on_epoch_end(epoch, dict(zip(history, values, strict=True)))
    recorder.on_train_end()


def test_a_run_is_one_line_with_every_documented_key(pictures, capsys):
    model = network(dropout=0.5)
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    keeper = recorder(pictures, "whole run", protocol="published")
    fitted = model.fit(
        pictures.x_train,
        pictures.y_train,
        validation_data=(pictures.x_validation, pictures.y_validation),
        epochs=3,
        verbose=0,
        callbacks=[keeper, plots.LiveCurves("whole run")],
    )
    record = keeper.finish()
    assert ledger.read() == [record]
    assert set(record) == set(KEYS.split())
    assert all(key in ledger.__doc__ for key in KEYS.split())

    expected = {
        "schema": 1,
        "notebook": "01_baseline_overfit",
        "arm": "whole run",
        "seed": 3,
        "protocol": "published",
        "data": {
            "name": "fashion_mnist",
            "scale": "embedded",
            "source": "embedded sample",
            "split": "stratified",
            "train": 64,
            "validation": 32,
            "test": 16,
        },
        "parameters": {"epochs": 3},
        "best_epoch": 1 + int(np.argmin(fitted.history["val_loss"])),
        "epochs": 3,
        "test_uses": 1,
        # 18 + 2, twice 4 of batch norm of which half are not trained, 32·5 + 5, 5·3 + 3
        "model": {"parameters": 211, "trainable": 207},
        "versions": runtime.versions(),
        "device": runtime.device(),
        "precision": "float32",
    }
    assert {key: record[key] for key in expected} == expected
    assert set(record["history"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    for name, values in fitted.history.items():
        assert record["history"][name] == pytest.approx(values, abs=1e-5)
    for part in ("train", "validation", "test"):
        examples = getattr(pictures, f"x_{part}"), getattr(pictures, f"y_{part}")
        assert record[part] == training.evaluate(model, examples)
        if part != "train":
            kept = ledger.predictions(record)[part]
            assert kept["correct"].mean() == record[part]["accuracy"]
            answers = model.predict(examples[0], verbose=0).argmax(axis=1)
            np.testing.assert_array_equal(kept["classes"], answers)
            measured = kept["cross_entropy"].mean()
            assert measured == pytest.approx(record[part]["cross_entropy"], rel=0.01)
    assert min(record[key] for key in ("seconds", "images_per_second", "peak_memory_mb")) > 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3  # the live curves' plain lines, and no word about the test images
    assert lines[-1].startswith("whole run  epoch 3/3")


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([0.9, 0.5, 0.7], 2),
        ([0.9, 0.9], 1),
        ([0.9, 0.8, math.nan], 2),  # the run diverged
        ([math.nan, math.nan], None),
        ([], None),  # no validation
    ],
)
def test_the_best_epoch_has_the_lowest_validation_loss(pictures, losses, best):
    keeper = recorder(pictures, "best", len(losses) or 1)
    pretend(keeper, network(), loss=losses or [0.9], **({"val_loss": losses} if losses else {}))
    record = keeper.finish()
    assert (record["best_epoch"], record["epochs"]) == (best, len(losses) or 1)


def test_a_second_look_at_the_test_images_is_counted_and_said(pictures, capsys):
    def look(arm="looked", **changes):
        keeper = recorder(pictures, arm, 1, **changes)
        pretend(keeper, model, loss=[0.9])
        return keeper.finish()["test_uses"]

    model = network()
    assert look() == 1
    assert capsys.readouterr().out == ""
    assert look() == 2
    assert capsys.readouterr().out == "The test images were used 2 times for looked.\n"
    # another arm, another seed: decisions of their own
    assert [look(arm="another"), look(seed=4)] == [1, 1]
    assert capsys.readouterr().out == ""
    assert [record["test_uses"] for record in ledger.read()] == [1, 2, 1, 1]
    ledger.append(ledger.read()[0] | {"id": "of another kernel"})
    assert look() == 4


def test_what_was_measured_on_can_be_given(pictures):
    keeper = recorder(pictures, "given", 1)
    model = network()
    pretend(keeper, model, loss=[0.9], val_loss=[0.8])
    some = pictures.x_train[:10], pictures.y_train[:10]
    batches = [(pictures.x_test[:8], pictures.y_test[:8])]
    record = keeper.finish(train=some, test=batches, leaked=7)
    validation = pictures.x_validation, pictures.y_validation
    for part, examples in (("train", some), ("validation", validation), ("test", batches)):
        assert record[part] == training.evaluate(model, examples)
    assert record["data"]["train"] == 10
    assert record["leaked"] == ledger.read()[0]["leaked"] == 7


def test_the_precision_is_that_of_the_training(pictures):
    watched = recorder(pictures, "first", 1)
    pretend(watched, network(), loss=[0.5], val_loss=[0.6])
    try:
        keras.config.set_dtype_policy("mixed_bfloat16")  # another network is built before the end
        record = watched.finish()
    finally:
        keras.config.set_dtype_policy("float32")
    assert record["precision"] == "float32"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"protocol": "Honest"}, "'honest' or 'published'; got 'Honest'"),
        ({"protocol": None}, "'honest' or 'published'; got None"),
        ({"parameters": {"rate": np.float32(0.1)}}, r"plain Python values.*rate is np.float32"),
    ],
)
def test_what_the_ledger_cannot_hold_is_refused_before_the_training(pictures, options, said):
    with pytest.raises(CourseError, match=said):
        recorder(pictures, "refused", **options)


def test_a_folder_of_a_run_belongs_to_its_data_and_parameters(pictures, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    other = pictures.x_train.copy()
    other[0, 0, 0] ^= 1
    runs = [
        recorder(pictures, "arm"),
        recorder(pictures, "arm", 4),
        recorder(pictures, "arm", seed=4),
        recorder(pictures, "arm", protocol="published"),
        recorder(dataclasses.replace(pictures, x_train=other), "arm"),
    ]
    folders = [run.folder("~/out") for run in runs]
    assert len({*folders}) == 5
    assert all(f.parent == tmp_path / "out" / "01_baseline_overfit" for f in folders)
    assert recorder(pictures, "arm").folder("~/out") == folders[0]  # the cell is run again
    pretend(runs[0], network(), loss=[0.9, 0.8, 0.7])
    (folders[1] / "best.keras").touch()
    for run in runs[:2]:
        pretend(run, network(), loss=[0.9] * run.identity()["parameters"]["epochs"])
        run.finish()
    assert [f.exists() for f in folders[:2]] == [False, True]  # what holds a file stays


def test_a_run_that_the_ledger_has_is_found(pictures):
    keeper = recorder(pictures, "found", parameters={"epochs": 1, "rates": (0.1, 0.2)})
    assert keeper.done() is None
    pretend(keeper, network(), loss=[0.9])
    record = keeper.finish() | {"parameters": {"epochs": 1, "rates": [0.1, 0.2]}}  # as read
    assert keeper.done() == record
    for changes in ({"seed": 4}, {"protocol": "published"}, {"parameters": {"epochs": 2}}):
        assert recorder(pictures, "found", **changes).done() is None
    options = {"parameters": {"epochs": 1, "rates": (0.1, 0.2)}}
    some = {"x_train": pictures.x_train[1:], "y_train": pictures.y_train[1:]}
    for changes, found in ((some, None), ({"source": "a share"}, record)):
        other = dataclasses.replace(pictures, **changes)
        assert recorder(other, "found", **options).done() == found


@pytest.mark.parametrize("count", [0, 2])
def test_what_goes_on_needs_one_recorder(pictures, tmp_path, count):
    keepers = [recorder(pictures, f"arm {number}") for number in range(count)]
    with pytest.raises(CourseError, match=f"must hold one Recorder; got {count}"):
        training.resumable(keepers, [], folder=tmp_path, resume=False)


def test_curves_of_a_run_that_goes_on_begin_with_its_earlier_epochs():
    curves = plots.LiveCurves("goes on")
    curves.on_train_begin()
    curves.go_on({"loss": [0.9, 0.8]})
    curves.set_params({"epochs": 3})
    curves.on_epoch_end(2, {"loss": 0.7})
    assert curves._history == {"loss": [0.9, 0.8, 0.7]}
