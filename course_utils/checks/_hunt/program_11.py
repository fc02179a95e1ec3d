"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import SOUND, Form, Program

PROGRAM = Program(
    mistake=SOUND,
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
        layers.Dropout($rate),
        layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    $net.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    stop = keras.callbacks.EarlyStopping(monitor="val_accuracy", patience=5,
                                         restore_best_weights=True)
    $run = $net.fit(x[n:], y[n:], epochs=20, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]), callbacks=[stop])
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
        ),
    ),
    hint="It was right as it was. What has changed?",
    why=(
        "Sound. The loss makes the softmax itself (from_logits=True), and the "
        "largest number is the largest probability, so accuracy is right too. With "
        "dropout, training accuracy is measured with signals missing, so "
        "validation may lie above it. To stop by accuracy is a choice."
    ),
    sources=(),
    keeps=("dropout", "stopping"),
    words={"rate": ("0.4", "0.5")},
)
