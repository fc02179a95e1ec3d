"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="dropout left on in evaluation",
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
        layers.Lambda(lambda signals: tf.nn.dropout(signals, rate=$rate)),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                (
                    "layers.Lambda(lambda signals: tf.nn.dropout(signals, rate=$rate))",
                    "layers.Dropout($rate)",
                ),
            ),
        ),
    ),
    hint="Let the network predict the same pictures twice, and compare.",
    why=(
        "tf.nn.dropout drops signals whenever it is called; only a Dropout layer "
        "knows when the network is trained. So signals are missing in validation, "
        "in evaluation and in use as well."
    ),
    sources=("https://github.com/Coderx7/SimpleNet/issues/2",),
    keeps=("dropout",),
    words={"rate": ("0.5", "0.6")},
)
