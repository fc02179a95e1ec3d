"""The programs, in the order from which a seed draws.

What stands here is the body of each. As in a patch, a line that begins with - is in the program as
it is given alone, and one that begins with + in the mended program alone.
"""

from __future__ import annotations

from course_utils.checks._hunt._kinds import SOUND, Program

# fmt: off
PROGRAMS: list[Program] = [
    Program(
        mistake="the test set chooses",
        hint="Follow the test pictures through the program. What has already been decided with "
             "them when the score is measured?",
        why="The pictures that give the score also decide when training stops and which weights "
            "come back.",
        sources=("https://github.com/kuangliu/pytorch-cifar/issues/145",
                 "the tutorial of notebook 06"),
        keeps=("stopping",), words={"patience": ("3", "4")},
        forms=("""
    x, x_test = x / 255, x_test / 255
+   n = len(x) // $part  # pictures for validation
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
-   $run = $net.fit(x, y, epochs=20, batch_size=$batch, verbose=0,
-                   validation_data=(x_test, y_test), callbacks=[stop])
+   $run = $net.fit(x[n:], y[n:], epochs=20, batch_size=$batch, verbose=0,
+                   validation_data=(x[:n], y[:n]), callbacks=[stop])
""",),
    ),
    Program(
        mistake="a leak by copies",
        hint="What becomes of a picture and its copies when all are shuffled and then split?",
        why="The pictures are copied before the split, so nearly every validation picture has a "
            "copy among the training pictures, moved by a pixel.",
        sources=("https://github.com/MicrosoftDocs/ml-basics/issues/55",
                 "the tutorial of notebook 03"),
        keeps=("copies",), words={"width": ("112", "128")},
        forms=("""
    x, x_test = x / 255, x_test / 255
-   # each picture, and copies of it that are moved by a pixel: down, and to the right
-   x = np.concatenate([x, np.roll(x, 1, 1), np.roll(x, 1, 2)])
-   y = np.concatenate([y, y, y])
-   order = np.random.default_rng($number).permutation(len(x))
-   x, y, n = x[order], y[order], len(x) // $part
+   n = len(x) // $part
+   x_train, y_train = x[n:], np.concatenate([y[n:], y[n:], y[n:]])
+   # each training picture, and copies of it that are moved by a pixel
+   x_train = np.concatenate([x_train, np.roll(x_train, 1, 1), np.roll(x_train, 1, 2)])
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
-   $run = $net.fit(x[n:], y[n:], epochs=15, batch_size=$batch, verbose=0,
+   $run = $net.fit(x_train, y_train, epochs=15, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake="softmax twice",
        hint="What does the loss take: probabilities, or the numbers from which a softmax makes "
             "them? And what does it get?",
        why="A softmax of a softmax: no class can get more than 23 %, so the loss cannot fall "
            "below 1.46 nats.",
        sources=("https://github.com/nfmcclure/tensorflow_cookbook/issues/86",
                 "https://github.com/tflearn/tflearn/pull/562"),
        keeps=("dropout",),
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dropout(0.2),
-       layers.Dense(10, activation="softmax"),
+       layers.Dense(10),
    ])
    def loss(truth, given):
        truth = tf.cast(tf.reshape(truth, [-1]), "int64")
        return tf.nn.sparse_softmax_cross_entropy_with_logits(truth, given)
    $net.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
""", """
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
-       layers.Softmax(),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
"""),
    ),
    Program(
        mistake="early stopping on a penalised loss",
        hint="Of what is the number made up that decides when to stop? Is all of it about "
             "pictures?",
        why="The loss holds the L2 penalty, so val_loss falls on while the weights shrink, "
            "whatever the validation pictures say. The metric without the penalty is there, and "
            "nobody looks at it.",
        sources=("https://github.com/keras-team/keras/issues/6518", "the tutorial of notebook 05"),
        keeps=("stopping", "l2"), words={"patience": ("3", "4"), "l2": ("0.01", "0.02")},
        forms=("""
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
-   stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience,
+   stop = keras.callbacks.EarlyStopping(monitor="val_nats", patience=$patience,
                                         restore_best_weights=True)
    $run = $net.fit(x[n:], y[n:], epochs=25, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]), callbacks=[stop])
""",),
    ),
    Program(
        mistake="dropout left on in evaluation",
        hint="Let the network predict the same pictures twice, and compare.",
        why="tf.nn.dropout drops signals whenever it is called; only a Dropout layer knows when "
            "the network is trained. So signals are missing in validation, in evaluation and in "
            "use as well.",
        sources=("https://github.com/Coderx7/SimpleNet/issues/2",),
        keeps=("dropout",), words={"rate": ("0.5", "0.6")},
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
-       layers.Lambda(lambda signals: tf.nn.dropout(signals, rate=$rate)),
+       layers.Dropout($rate),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake=SOUND,
        hint="It was right as it was. What has changed?",
        why="Sound. One order for pictures and labels; validation_split takes the tail of what is "
            "shuffled already; augmentation layers in a network do nothing in validation; the "
            "pixels are scaled once, in the network, for test pictures too.",
        keeps=("augmentation",), words={"split": ("0.2", "0.25")},
        forms=("""
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
""",),
    ),
    Program(
        mistake="labels shuffled apart from the pictures",
        hint="Take one training picture and its label as they come to `fit`. Do they belong "
             "together?",
        why="Pictures and labels are shuffled one by one, each in an order of its own.",
        sources=("https://github.com/tensorflow/tensorflow/issues/41334",
                 "https://github.com/udacity/sdc-issue-reports/issues/1326"),
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
-   rng = np.random.default_rng($number)
-   x, y = x[rng.permutation(len(x))], y[rng.permutation(len(y))]
+   order = np.random.default_rng($number).permutation(len(x))
+   x, y = x[order], y[order]
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
""", """
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
-   pictures = tf.data.Dataset.from_tensor_slices(x[n:]).shuffle(1000)
-   labels = tf.data.Dataset.from_tensor_slices(y[n:]).shuffle(1000)
-   train = tf.data.Dataset.zip((pictures, labels)).batch($batch)
+   pictures = tf.data.Dataset.from_tensor_slices(x[n:])
+   labels = tf.data.Dataset.from_tensor_slices(y[n:])
+   train = tf.data.Dataset.zip((pictures, labels)).shuffle(1000).batch($batch)
    $run = $net.fit(train, epochs=12, verbose=0, validation_data=(x[:n], y[:n]))
"""),
    ),
    Program(
        mistake="a learning rate ten times too high",
        hint="The loss says how far the steps carry. What is their size?",
        why="The steps are ten times too long: the loss jumps, and the network hardly learns or "
            "not at all.",
        sources=("https://github.com/NLeSC/mcfly/issues/43",
                 "https://github.com/keras-team/keras/pull/6182"),
        words={"rate": ("0.4", "0.5")},
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense($width, activation="relu"),
        layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
-   $net.compile(optimizer=keras.optimizers.SGD($rate, momentum=0.9), loss=loss,
+   $net.compile(optimizer=keras.optimizers.SGD($rate / 10, momentum=0.9), loss=loss,
                 metrics=["accuracy"])
    $run = $net.fit(x[n:], y[n:], epochs=10, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake="cache behind the augmentation",
        hint="Read the training pictures twice, as two epochs do. Which versions come the second "
             "time?",
        why="cache() keeps what came out of the augmentation in the first epoch: every later "
            "epoch sees the same versions, in the same batches.",
        sources=("https://github.com/tensorflow/tensorflow/issues/47755",),
        keeps=("augmentation",), words={"a": ("picture", "image"), "b": ("label", "truth")},
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    augment = layers.RandomTranslation(0.1, 0.1)
-   train = tf.data.Dataset.from_tensor_slices((x[n:], y[n:])).shuffle(1000).batch($batch)
-   train = train.map(lambda $a, $b: (augment($a, training=True), $b)).cache()
+   train = tf.data.Dataset.from_tensor_slices((x[n:], y[n:])).cache().shuffle(1000).batch($batch)
+   train = train.map(lambda $a, $b: (augment($a, training=True), $b))
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(train, epochs=15, verbose=0, validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake="batch-norm statistics that hardly move",
        hint="Validation uses other means and variances than training. How fast do those follow, "
             "and how many steps are there?",
        why="With this momentum the moving mean and variance hardly leave their first values, 0 "
            "and 1, in the few steps there are, and validation uses them.",
        sources=("https://github.com/keras-team/keras/issues/3949",
                 "https://github.com/tensorflow/tensorflow/issues/36446"),
        keeps=("batch_norm",), words={"momentum": ("0.9995", "0.9997", "0.9999")},
        forms=("""
    x, x_test = x / 127.5 - 1, x_test / 127.5 - 1
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width),
-       layers.BatchNormalization(momentum=$momentum),
+       layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=10, batch_size=20, verbose=0,
                    validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake=SOUND,
        hint="It was right as it was. What has changed?",
        why="Sound. The loss makes the softmax itself (from_logits=True), and the largest number "
            "is the largest probability, so accuracy is right too. With dropout, training "
            "accuracy is measured with signals missing, so validation may lie above it. To stop "
            "by accuracy is a choice.",
        keeps=("dropout", "stopping"), words={"rate": ("0.4", "0.5")},
        forms=("""
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
""",),
    ),
    Program(
        mistake="scaled twice",
        hint="Follow one white pixel, 255, from the file to the first layer with weights.",
        why="The pixels are divided by 255 before they are given to the network, and once more in "
            "it: they end at 0.004.",
        sources=("https://github.com/Priyanshu-byte-coder/devtrack/issues/927",),
        keeps=("dropout",),
        forms=("""
    x, x_test = x / 255, x_test / 255
    n = len(x) // $part  # pictures for validation
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
-       layers.Rescaling(1 / 255),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dropout(0.2),
        layers.Dense(10, activation="softmax"),
    ])
    $net.compile(optimizer=keras.optimizers.Adam(0.003), metrics=["accuracy"],
                 loss="sparse_categorical_crossentropy")
    $run = $net.fit(x[n:], y[n:], epochs=12, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]))
""",),
    ),
    Program(
        mistake="best weights not restored",
        hint="Which epoch's weights does the network have when it comes back, and which epoch was "
             "the best?",
        why="EarlyStopping stops, and leaves the weights of the last epoch: restore_best_weights "
            "is False by default.",
        sources=("https://datascience.stackexchange.com/questions/117913/what-is-the-purpose"
                 "-of-earlystopping-returning-last-epochs-weights-by-default",
                 "the tutorial of notebook 06"),
        keeps=("stopping",), words={"patience": ("6", "7", "8"), "width": ("96", "112", "128")},
        forms=("""
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
-   stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience)
+   stop = keras.callbacks.EarlyStopping(monitor="val_loss", patience=$patience,
+                                        restore_best_weights=True)
    $run = $net.fit(x[n:], y[n:], epochs=40, batch_size=$batch, verbose=0,
                    validation_data=(x[:n], y[:n]), callbacks=[stop])
""",),
    ),
    Program(
        mistake="validation augmented",
        hint="Read the validation pictures twice, and compare.",
        why="The pictures are augmented before they are split, so validation pictures are moved "
            "as well, in another way each epoch.",
        sources=("https://github.com/udacity/deep-learning-v2-pytorch/issues/132",
                 "https://github.com/gpleiss/efficient_densenet_pytorch/issues/51"),
        keeps=("augmentation",),
        words={"by": ("0.1", "0.15"), "a": ("picture", "image"), "b": ("label", "truth")},
        forms=("""
    x, x_test = (x / 255).astype("float32"), x_test / 255
    augment = layers.RandomTranslation($by, $by)
    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(32)
-   data = data.map(lambda $a, $b: (augment($a, training=True), $b))
    n = len(data) // $part  # batches for validation
+   train = data.skip(n).map(lambda $a, $b: (augment($a, training=True), $b))
    $net = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Flatten(),
        layers.Dense($width, activation="relu"),
        layers.Dense(10),
    ])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    $net.compile(optimizer=keras.optimizers.Adam(0.003), loss=loss, metrics=["accuracy"])
-   $run = $net.fit(data.skip(n), epochs=12, verbose=0, validation_data=data.take(n))
+   $run = $net.fit(train, epochs=12, verbose=0, validation_data=data.take(n))
""",),
    ),
]
