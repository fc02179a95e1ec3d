"""Exercises of notebook 01."""

from __future__ import annotations

from typing import Any

import numpy as np

from course_utils.checks._exercises._kinds import Arguments, Behaviour, Exercise, Exercises


def sure_mistakes(probabilities: np.ndarray, labels: np.ndarray, threshold: float) -> float:
    wrong = probabilities.argmax(axis=1) != labels
    return float((probabilities.max(axis=1)[wrong] > threshold).mean())


def _answers(rng: np.random.Generator) -> Arguments:
    n_images, n_classes = rng.integers(2, 5), rng.integers(2, 11)
    percent = rng.multinomial(99, rng.dirichlet(np.full(n_classes, 0.5), n_images))
    answers = percent.argmax(axis=1)
    percent[range(n_images), answers] += 1  # no two classes share the first place
    labels = rng.integers(0, n_classes, n_images)
    labels[0] = (answers[0] + 1) % n_classes  # one is wrong at least
    probabilities = percent / 100
    return probabilities, labels, float(rng.choice(probabilities.max(axis=1)))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    powers = probabilities ** (1 / temperature)
    return powers / powers.sum(axis=1, keepdims=True)


def _sure(rng: np.random.Generator) -> Arguments:
    chances = rng.dirichlet(np.full(rng.integers(2, 11), 0.7), rng.integers(1, 4)) + 0.01
    return chances / chances.sum(axis=1, keepdims=True), float(rng.choice([0.5, 1, 1.5, 2, 3]))


def mended_accuracy(probabilities: np.ndarray, labels: np.ndarray) -> float:
    return float((probabilities.argmax(axis=1) == labels.ravel()).mean())


def _columns(rng: np.random.Generator) -> Arguments:
    probabilities, labels, _ = _answers(rng)
    return probabilities, labels[:, None] if rng.random() < 0.7 else labels


def _bending(build: Any, rng: np.random.Generator) -> str | None:
    from course_utils.checks._exercises import _networks

    images = rng.integers(0, 256, (8, 28, 28, 1), dtype="uint8")
    network, wrong = _networks.network_of(build, images, 60_000, rng)
    wrong = wrong or _networks.straight_piece(network, images, rng)
    if wrong is None:
        ranks = [len(layer.kernel.shape) for layer in network.layers if hasattr(layer, "kernel")]
        if ranks.count(4) < 3 or ranks.count(2) < 2:
            wrong = f"It has {ranks.count(4)} convolutions and {ranks.count(2)} dense layers."
    return wrong


EXERCISES: Exercises = {
    "sure_mistakes": Exercise(
        sure_mistakes,
        _answers,
        (
            (np.array([[0.9, 0.1], [0.2, 0.8], [0.05, 0.95]]), np.array([1, 0, 1]), 0.8),
            (np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]]), np.array([1, 0]), 0.6),
        ),
        "The answer is the column with the largest probability. Of the rows whose answer is "
        "wrong, which part has its largest probability above the threshold?",
    ),
    "at_temperature": Exercise(
        at_temperature,
        _sure,
        (
            (np.array([[0.9, 0.1]]), 2.0),
            (np.array([[0.2, 0.3, 0.5]]), 1.0),
            (np.array([[0.64, 0.32, 0.04], [0.25, 0.25, 0.5]]), 0.5),
            (np.full((1, 10), 0.1), 3.0),
        ),
        "Divide the logarithms, and take the exponential of what you get. What does each row have "
        "to sum to?",
    ),
    "bending_network": Behaviour(
        _bending,
        "Print network.summary() and ask of each pair of neighbours with weights: what stands "
        "between them that is no sum of multiples? Most parameters sit behind Flatten.",
    ),
    "mended_accuracy": Exercise(
        mended_accuracy,
        _columns,
        (
            (np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([[0], [1]])),
            (np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([0, 1])),
            (np.array([[0.6, 0.4], [0.3, 0.7], [0.8, 0.2]]), np.array([[1], [1], [1]])),
            (np.array([[0.1, 0.2, 0.7]]), np.array([[2]])),
        ),
        "Print the shapes of the guesses, of the labels, and of guesses == labels.",
    ),
}
