"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="labels shuffled apart from the pictures",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    rng = np.random.default_rng($number)
    x, y = x[rng.permutation(len(x))], y[rng.permutation(len(y))]
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
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
                    (
                        "    rng = np.random.default_rng($number)\n"
                        "    x, y = x[rng.permutation(len(x))], y[rng.permutation(len(y))]\n"
                    ),
                    (
                        "    order = np.random.default_rng($number).permutation(len(x))\n"
                        "    x, y = x[order], y[order]\n"
                    ),
                ),
            ),
        ),
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    pictures = tf.data.Dataset.from_tensor_slices(x[n:]).shuffle(1000)
    labels = tf.data.Dataset.from_tensor_slices(y[n:]).shuffle(1000)
    train = tf.data.Dataset.zip((pictures, labels)).batch($batch)
    $run = $net.fit(train, epochs=12, verbose=0, validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                ("x[n:]).shuffle(1000)", "x[n:])"),
                ("y[n:]).shuffle(1000)", "y[n:])"),
                (").batch($batch)", ").shuffle(1000).batch($batch)"),
            ),
        ),
    ),
    hint=(
        "Take one training picture and its label as they come to `fit`. Do they belong together?"
    ),
    why=("Pictures and labels are shuffled one by one, each in an order of its own."),
    sources=(
        "https://github.com/tensorflow/tensorflow/issues/41334",
        "https://github.com/udacity/sdc-issue-reports/issues/1326",
    ),
)
