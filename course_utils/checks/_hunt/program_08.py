"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="a learning rate ten times too high",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense($width, activation="relu"),
        layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    $net.compile(optimizer=keras.optimizers.SGD($rate, momentum=0.9), loss=loss,
                 metrics=["accuracy"])
    $run = $net.fit(x[n:], y[n:], epochs=10, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(("SGD($rate,", "SGD($rate / 10,"),),
        ),
    ),
    hint="The loss says how far the steps carry. What is their size?",
    why=(
        "The steps are ten times too long: the loss jumps, and the network hardly "
        "learns or not at all."
    ),
    sources=(
        "https://github.com/NLeSC/mcfly/issues/43",
        "https://github.com/keras-team/keras/pull/6182",
    ),
    words={"rate": ("0.4", "0.5")},
)
