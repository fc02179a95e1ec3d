"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="batch-norm statistics that hardly move",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 127.5 - 1, x_test / 127.5 - 1
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width),
        layers.BatchNormalization(momentum=$momentum),
        layers.ReLU(),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=10, batch_size=20, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(("momentum=$momentum", "momentum=0.9"),),
        ),
    ),
    hint=(
        "Validation uses other means and variances than training. How fast do "
        "those follow, and how many steps are there?"
    ),
    why=(
        "With this momentum the moving mean and variance hardly leave their first "
        "values, 0 and 1, in the few steps there are, and validation uses them."
    ),
    sources=(
        "https://github.com/keras-team/keras/issues/3949",
        "https://github.com/tensorflow/tensorflow/issues/36446",
    ),
    keeps=("batch_norm",),
    words={"momentum": ("0.9995", "0.9997", "0.9999")},
)
