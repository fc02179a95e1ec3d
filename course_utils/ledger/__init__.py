"""The ledger: every training run is one line of JSON, appended when the run ends.

Schema, version 1. A record is a JSON object with the keys

``schema, id, time, notebook, arm, seed, protocol, data, parameters, history, best_epoch, epochs,
train, validation, test, calibration, test_uses, seconds, images_per_second, peak_memory_mb, model,
versions, device, precision``.

``protocol`` is "published" (as the tutorial did it) or "honest". ``history`` maps Keras's names to
one number per epoch. ``best_epoch`` counts from 1 and is the epoch of the lowest validation loss.
``train``, ``validation`` and ``test`` hold ``accuracy`` and ``cross_entropy`` of the final network,
measured with dropout off and without penalties; each is null where it was not measured. A number
that is none, NaN or infinite, is null in the file and read back as NaN. ``calibration`` is that of
the validation images, see `training.calibration`; the oldest recorded runs have none.

Three more keys where they say something: ``resumed``, the epochs, counted from 1, at which a broken
run went on; ``diverged``, epoch and step at which the loss became NaN or infinite (the three
measurements are then NaN, and `table` counts the run apart); ``stopped``, in a record that
`training.Recorder.finish` returns for a run that you stopped, and that is never written.

What the network said of each validation and test image stands beside the ledger, in
``predictions/<id>.npz``; `predictions` reads it.
"""

from course_utils.ledger._file import (
    SCHEMA,
    LedgerError,
    Record,
    append,
    default_path,
    predictions,
    read,
    recorded,
)
from course_utils.ledger._table import beside_published, identity, table
