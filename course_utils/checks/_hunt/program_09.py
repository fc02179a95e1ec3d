"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="cache behind the augmentation",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    augment = layers.RandomTranslation(0.1, 0.1)
    train = tf.data.Dataset.from_tensor_slices((x[n:], y[n:])).shuffle(1000).batch($batch)
    train = train.map(lambda $a, $b: (augment($a, training=True), $b)).cache()
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(train, epochs=15, verbose=0, validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                ("(x[n:], y[n:])).shuffle", "(x[n:], y[n:])).cache().shuffle"),
                (")).cache()\n", "))\n"),
            ),
        ),
    ),
    hint=(
        "Read the training pictures twice, as two epochs do. Which versions come the second time?"
    ),
    why=(
        "cache() keeps what came out of the augmentation in the first epoch: every "
        "later epoch sees the same versions, in the same batches."
    ),
    sources=("https://github.com/tensorflow/tensorflow/issues/47755",),
    keeps=("augmentation",),
    words={"a": ("picture", "image"), "b": ("label", "truth")},
)
