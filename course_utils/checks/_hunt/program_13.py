"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="best weights not restored",
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
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience)
    $run = $net.fit(x[n:], y[n:], epochs=40, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]), callbacks=[stop])
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                (
                    "patience=$patience)",
                    (
                        "patience=$patience,\n"
                        "                                         restore_best_weights=True)"
                    ),
                ),
            ),
        ),
    ),
    hint=(
        "Which epoch's weights does the network have when it comes back, and which "
        "epoch was the best?"
    ),
    why=(
        "EarlyStopping stops, and leaves the weights of the last epoch: "
        "restore_best_weights is False by default."
    ),
    sources=(
        (
            "https://datascience.stackexchange.com/questions/117913/what-is-the-purpose"
            "-of-earlystopping-returning-last-epochs-weights-by-default"
        ),
        "the tutorial of notebook 06",
    ),
    keeps=("stopping",),
    words={"patience": ("6", "7", "8"), "width": ("96", "112", "128")},
)
