"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="a leak by copies",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    # each picture, and copies of it that are moved by a pixel: down, and to the right
    x = np.concatenate([x, np.roll(x, 1, 1), np.roll(x, 1, 2)])
    y = np.concatenate([y, y, y])
    order = np.random.default_rng($number).permutation(len(x))
    x, y, n = x[order], y[order], len(x) // $part
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=15, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                (
                    (
                        "    # each picture, and copies of it that are moved by a pixel: down, and "
                        "to the right\n"
                        "    x = np.concatenate([x, np.roll(x, 1, 1), np.roll(x, 1, 2)])\n"
                        "    y = np.concatenate([y, y, y])\n"
                        "    order = np.random.default_rng($number).permutation(len(x))\n"
                        "    x, y, n = x[order], y[order], len(x) // $part\n"
                    ),
                    (
                        "    n = len(x) // $part\n"
                        "    x_train, y_train = x[n:], np.concatenate([y[n:], y[n:], y[n:]])\n"
                        "    # each training picture, and copies of it that are moved by a pixel\n"
                        "    x_train = np.concatenate([x_train, np.roll(x_train, 1, 1), "
                        "np.roll(x_train, 1, 2)])\n"
                    ),
                ),
                ("fit(x[n:], y[n:], epochs", "fit(x_train, y_train, epochs"),
            ),
        ),
    ),
    hint=("What becomes of a picture and its copies when all are shuffled and then split?"),
    why=(
        "The pictures are copied before the split, so nearly every validation "
        "picture has a copy among the training pictures, moved by a pixel."
    ),
    sources=(
        "https://github.com/MicrosoftDocs/ml-basics/issues/55",
        "the tutorial of notebook 03",
    ),
    keeps=("copies",),
    words={"width": ("112", "128")},
)
