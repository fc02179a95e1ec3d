"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="early stopping on a penalised loss",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    penalty = keras.regularizers.L2($l2)
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu", kernel_regularizer=penalty),
        layers.Dense(10, activation="softmax"),
    ])
    nats = keras.metrics.SparseCategoricalCrossentropy(name="nats")
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy", nats],
                 loss="sparse_categorical_crossentropy")
    stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience,
                                         restore_best_weights=True)
    $run = $net.fit(x[n:], y[n:], epochs=25, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]), callbacks=[stop])
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(('monitor="val_loss"', 'monitor="val_nats"'),),
        ),
    ),
    hint=("Of what is the number made up that decides when to stop? Is all of it about pictures?"),
    why=(
        "The loss holds the L2 penalty, so val_loss falls on while the weights "
        "shrink, whatever the validation pictures say. The metric without the "
        "penalty is there, and nobody looks at it."
    ),
    sources=(
        "https://github.com/keras-team/keras/issues/6518",
        "the tutorial of notebook 05",
    ),
    keeps=("stopping", "l2"),
    words={"patience": ("3", "4"), "l2": ("0.01", "0.02")},
)
