"""A program of the examination."""

from __future__ import annotations

from course_utils.checks._hunt._kinds import Form, Program

PROGRAM = Program(
    mistake="validation augmented",
    forms=(
        Form(
            """
def program(x, y, x_test, y_test):
    x, x_test = (x / 255).astype("float32"), x_test / 255
    augment = layers.RandomTranslation($by, $by)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
    data = data.map(lambda $a, $b: (augment($a, training=True), $b))
    n = len(data) // $part  # batches for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    $net.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    $run = $net.fit(data.skip(n), epochs=12, verbose=0, validation_data=data.take(n))
    return $net, $run.history, $net.evaluate(x_test, y_test, verbose=0)[1]
""",
            mend=(
                ("    data = data.map(lambda $a, $b: (augment($a, training=True), $b))\n", ""),
                (
                    "# batches for validation\n",
                    (
                        "# batches for validation\n"
                        "    train = data.skip(n).map(lambda $a, $b: (augment($a, training=True), "
                        "$b))\n"
                    ),
                ),
                ("fit(data.skip(n),", "fit(train,"),
            ),
        ),
    ),
    hint="Read the validation pictures twice, and compare.",
    why=(
        "The pictures are augmented before they are split, so validation pictures "
        "are moved as well, in another way each epoch."
    ),
    sources=(
        "https://github.com/udacity/deep-learning-v2-pytorch/issues/132",
        "https://github.com/gpleiss/efficient_densenet_pytorch/issues/51",
    ),
    keeps=("augmentation",),
    words={"by": ("0.1", "0.15"), "a": ("picture", "image"), "b": ("label", "truth")},
)
