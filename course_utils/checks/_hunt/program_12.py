"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="scaled twice",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(("        layers.Rescaling(1 / 255),\n", ""),),
        ),
    ),
    hint=("Follow one white pixel, 255, from the file to the first layer with weights."),
    why=(
        "The pixels are divided by 255 before they are given to the network, and "
        "once more in it: they end at 0.004."
    ),
    sources=("https://github.com/Priyanshu-byte-coder/devtrack/issues/927",),
    keeps=("dropout",),
)
