"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="the test set chooses",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience,
                                         restore_best_weights=True)
    $run = $net.fit(x, y, epochs=20, batch_size=$batch, verbose=0,
                    validation_data=(x_test, y_test), callbacks=[stop])
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                (
                    "    $net = keras.Sequential",
                    (
                        "    n = len(x) // $part  # pictures for validation\n"
                        "    $net = keras.Sequential"
                    ),
                ),
                ("fit(x, y, epochs", "fit(x[n:], y[n:], epochs"),
                ("(x_test, y_test), callbacks", "(x[:n], y[:n]), callbacks"),
            ),
        ),
    ),
    hint=(
        "Follow the test pictures through the program. What has already been "
        "decided with them when the score is measured?"
    ),
    why=(
        "The pictures that give the score also decide when training stops and "
        "which weights come back."
    ),
    sources=(
        "https://github.com/kuangliu/pytorch-cifar/issues/145",
        "the tutorial of notebook 06",
    ),
    keeps=("stopping",),
    words={"patience": ("3", "4")},
)
