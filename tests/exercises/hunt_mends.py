"""What readers may do to the programs of the bug hunt: pieces of the text, and what replaces them.

By the mistake; for sound programs by a word of their text that no other program has.
"""

from __future__ import annotations

Change = tuple[tuple[str, str], ...]  # regular expressions, each of which stands in the text

WRONG: dict[str, list[Change]] = {
    "the test set chooses": [
        ((r"epochs=20", "epochs=8"),),
        ((r"\(x_test, y_test\), callbacks", "(x_test[::2], y_test[::2]), callbacks"),),
        ((r"\(x_test, y_test\), callbacks", "(x, y), callbacks"),),
        ((r"monitor=\"val_loss\"", 'monitor="val_accuracy"'),),
    ],
    "a leak by copies": [
        ((r" *x = np.concat.*\n", ""), (r" *y = np.concat.*\n", "")),
        ((r"np.random.default_rng\(\d+\).permutation\(len\(x\)\)", "np.arange(len(x))"),),
        ((r"validation_data=\(x\[:n\], y\[:n\]\)", "validation_data=(x_test, y_test)"),),
    ],
    "softmax twice": [
        ((r'activation="softmax"', 'activation="sigmoid"'),),
        ((r"epochs=12", "epochs=30"),),
        ((r"Adam\(0.003\)", "Adam(0.01)"),),
    ],
    "early stopping on a penalised loss": [
        ((r", kernel_regularizer=penalty", ""),),
        ((r'monitor="val_loss"', 'monitor="loss"'),),
        ((r"L2\(0.0[12]\)", "L2(0.0001)"),),
        ((r", callbacks=\[stop\]", ""),),
    ],
    "dropout left on in evaluation": [
        ((r" *layers.Lambda.*\n", ""),),
        ((r"rate=0.\d", "rate=0.05"),),
        ((r"rate=0.\d", "rate=0.0"),),
        ((r"layers.Lambda.*", "layers.Dropout(0.0),"),),
    ],
    "labels shuffled apart from the pictures": [
        ((r"x\[rng.permutation\(len\(x\)\)\], ", "x, "),),
        ((r"y\[rng.permutation\(len\(y\)\)\]", "y[::-1]"),),
        ((r"x\[rng.*", "np.sort(x, axis=0), np.sort(y)"),),
    ],
    "a learning rate ten times too high": [
        ((r"SGD\((0.\d)", r"SGD(\1 * 3"),),
        ((r"SGD\((0.\d)", r"SGD(\1 / 10000"),),
        ((r"batch_size=\d+", "batch_size=50"),),
    ],
    "cache behind the augmentation": [
        ((r" *train = train.map.*\n", ""),),
        ((r"training=True", "training=False"), (r"\.cache\(\)", "")),
        ((r"\.cache\(\)", ".cache().shuffle(10)"),),
        ((r"\)\.shuffle", ").cache().shuffle"),),
    ],
    "batch-norm statistics that hardly move": [
        ((r"momentum=0.\d+", "momentum=0.99999"),),
        ((r" *layers.BatchNorm.*\n", ""),),
        ((r"momentum=0.\d+", "momentum=0.9, trainable=False"),),
        ((r"epochs=10", "epochs=12"),),
    ],
    "scaled twice": [
        ((r"x, x_test = x / 255, x_test / 255", "x = x / 1.0"), (r"1 / 255", "1.0")),
        ((r"x, x_test = x / 255, x_test / 255", "x_test = x_test / 255"),),
        ((r"1 / 255", "255"),),
    ],
    "best weights not restored": [
        ((r"patience=\d", "patience=1"),),
        ((r"patience=\d", "patience=12"),),
        ((r", callbacks=\[stop\]", ""),),
        ((r"patience=\d", 'patience=5, mode="max", restore_best_weights=True'),),
    ],
    "validation augmented": [
        ((r" *data = data.map.*\n", ""),),
        ((r"data.take\(n\)", "data.take(n).cache()"),),
        ((r"training=True", "training=False"),),
    ],
    "validation_split": [
        ((r"y\[order\]", "y"),),
        ((r" *layers.Rescaling.*\n", ""),),
        ((r" *layers.RandomTranslation.*\n", ""),),
        ((r"x\[order\]", "x[order] / 255"),),
    ],
    "val_accuracy": [
        ((r"from_logits=True", ""),),
        ((r",\s*restore_best_weights=True", ""),),
        ((r" *layers.Dropout.*\n", ""),),
    ],
}

# Other mends than the course's own that are as good.
RIGHT: dict[str, list[Change]] = {
    "early stopping on a penalised loss": [
        ((r'monitor="val_loss"', 'monitor="val_accuracy"'),),
    ],
    "scaled twice": [
        ((r"x, x_test = x / 255, x_test / 255", "x = x / 1.0"),),
    ],
    "a learning rate ten times too high": [
        ((r"SGD\(0.\d, momentum=0.9\)", "Adam()"),),
        ((r"SGD\(0.\d", "SGD(0.02"),),
    ],
    "batch-norm statistics that hardly move": [
        ((r"\(momentum=0.\d+\)", "()"),),
    ],
    "cache behind the augmentation": [
        ((r"\.cache\(\)", ""),),
    ],
    "best weights not restored": [
        ((r"(stop = .*)\n", r"\1\n    stop.restore_best_weights = True\n"),),
    ],
}
