"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="softmax twice",
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
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ])
    def loss(truth, given):
        truth = tf.cast(tf.reshape(truth, [-1]), "int64")
        return tf.nn.sparse_softmax_cross_entropy_with_logits(truth, given)
    $net.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=((', activation="softmax"', ""),),
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
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
        layers.Softmax(),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(("        layers.Softmax(),\n", ""),),
        ),
    ),
    hint=(
        "What does the loss take: probabilities, or the numbers from which a "
        "softmax makes them? And what does it get?"
    ),
    why=(
        "A softmax of a softmax: no class can get more than 23 %, so the loss "
        "cannot fall below 1.46 nats."
    ),
    sources=(
        "https://github.com/nfmcclure/tensorflow_cookbook/issues/86",
        "https://github.com/tflearn/tflearn/pull/562",
    ),
    keeps=("dropout",),
)
