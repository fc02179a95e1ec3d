"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import SOUND, Form, Program

PROGRAM = Program(
    mistake=SOUND,
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    order = np.random.default_rng($number).permutation(len(x))
    x, y = x[order], y[order]
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.RandomTranslation(0.05, 0.05),
        layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x, y, epochs=12, batch_size=$batch, verbose=0, validation_split=$split)
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
        ),
    ),
    hint="It was right as it was. What has changed?",
    why=(
        "Sound. One order for pictures and labels; validation_split takes the tail "
        "of what is shuffled already; augmentation layers in a network do nothing "
        "in validation; the pixels are scaled once, in the network, for test "
        "pictures too."
    ),
    sources=(),
    keeps=("augmentation",),
    words={"split": ("0.2", "0.25")},
)
