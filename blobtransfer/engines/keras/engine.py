"""Reference engine: Keras `fit`, one training after another.

Keras compiles a model once for every set of trainable layers; a training sets its
weights, resets its optimizer and feeds the rows in exactly the order of the job.
"""

from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.engines import Engine, Job, OnEpochs, Trained
from blobtransfer.engines.keras.model import build_mlp, get_weights
from blobtransfer.engines.keras.quiet import load_keras
from blobtransfer.network import Weights
from blobtransfer.randomness import batch_orders
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import METRICS, TrainingSpec

LOSS = "categorical_crossentropy"
"""Keras' name of the loss."""

MAX_ORDER_ENTRIES = 1_000_000
"""Maximum row numbers of batch orders in memory at a time; 4 bytes each."""


def create(show_log: bool, n_threads: int | None) -> Engine:
    """Return a new Keras engine; Keras is imported when it starts, and chooses its own threads."""
    return KerasEngine(show_log)


class KerasEngine:
    """Trains with `keras.Model.fit`, and caches one compiled model per way of training.

    Args:
        show_log: Let TensorFlow write its log to standard error.
    """

    def __init__(self, show_log: bool = False) -> None:
        self._show_log = show_log
        self._trainers: dict[tuple[MLPSpec, TrainingSpec, int, int, float | None], _Trainer] = {}
        self._lock = Lock()

    def start(self, spec: ExperimentSpec) -> None:
        """Import Keras; see `engines.Engine.start`."""
        load_keras(self._show_log)

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Return 1: more repeats save no time."""
        return 1

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        curves, weights, classes_predicted = [], list[Weights](), []
        with self._lock:  # threads would share a model
            for run in range(job.n_runs):
                trainer = self._trainer(job, run)
                curves.append(trainer.fit(job, run, on_epochs))
                weights.append(get_weights(trainer.model))
                classes_predicted.append(trainer.count_predicted_classes())
        return Trained(
            weights=[np.stack(layer) for layer in zip(*weights, strict=True)],
            curves=np.stack(curves, axis=1),
            classes_predicted=np.array(classes_predicted, np.int64),
        )

    def _trainer(self, job: Job, run: int) -> "_Trainer":
        n_train = len(job.dataset_of(run).y_train)
        strength = None if job.anchor is None else job.anchor.strength
        key = (job.network, job.training, int(job.n_frozen[run]), n_train, strength)
        if key not in self._trainers:
            self._trainers[key] = _Trainer(*key, self._show_log)
        return self._trainers[key]


class _Trainer:
    """One compiled model and the pipeline that feeds it; used for one training at a time."""

    def __init__(
        self,
        network: MLPSpec,
        training: TrainingSpec,
        n_frozen: int,
        n_train: int,
        strength: float | None,
        show_log: bool,
    ) -> None:
        self._keras = load_keras(show_log)
        self._network, self._training, self._n_train = network, training, n_train
        self._dataset: Dataset | None = None
        self._x: dict[str, NDArray[np.float32]] = {}
        self._y: dict[str, NDArray[np.float32]] = {}
        self._steps = -(-n_train // training.batch_size)
        self._order_key, self._first_epoch = 0, 0
        self.model = build_mlp(network, n_frozen, show_log)
        self._anchors: list[Any] = []
        if strength is not None:
            self._anchors = [self._anchored(weight, strength) for weight in self.model.weights]
        elif training.weight_decay > 0.0:
            for kernel in self.model.weights[::2]:
                kernel.regularizer = self._keras.regularizers.L2(training.weight_decay)
        self.model.compile(
            optimizer=self._optimizer(),
            loss=LOSS,
            # The loss once more, without the penalty.
            metrics=["accuracy", LOSS],
            # Steps of an epoch without a return to Python; the arithmetic is the same.
            steps_per_execution=self._steps,
        )
        self.model.optimizer.build(self.model.trainable_variables)
        self._new_optimizer = [np.array(v) for v in self.model.optimizer.variables]
        self._batches = self._make_batches()

    def fit(self, job: Job, run: int, on_epochs: OnEpochs) -> NDArray[np.float64]:
        """Train one network.

        Args:
            job: Networks, rows and settings.
            run: Index of the run in the job.
            on_epochs: Called with 1 after each epoch.

        Returns:
            (4, E + 1) metrics by epoch, or (4, 1) after training.
        """
        self._use_rows(job.dataset_of(run))
        self.model.set_weights([stacked[run] for stacked in job.weights])
        anchors = [] if job.anchor is None else [stacked[run] for stacked in job.anchor.weights]
        variables = (*self._anchors, *self.model.optimizer.variables)
        for variable, value in zip(variables, (*anchors, *self._new_optimizer), strict=True):
            variable.assign(value)
        self._order_key, self._first_epoch = int(job.order_keys[run]), job.first_epoch
        curve = [self._evaluate()] if job.with_curves else []

        def end_epoch(epoch: int, logs: Any) -> None:
            if job.with_curves:
                curve.append(self._evaluate())
            on_epochs(1)

        self.model.fit(
            self._batches,
            epochs=self._training.epochs,
            initial_epoch=job.first_epoch,
            steps_per_epoch=self._steps,
            shuffle=False,
            verbose=0,
            callbacks=[self._keras.callbacks.LambdaCallback(on_epoch_end=end_epoch)],
        )
        return np.array(curve or [self._evaluate()]).T

    def _use_rows(self, dataset: Dataset) -> None:
        if dataset is self._dataset:
            return
        self._dataset = dataset
        self._x = {"train": dataset.x_train, "test": dataset.x_test}
        one_hot = np.eye(self._network.n_classes, dtype=np.float32)
        self._y = {"train": one_hot[dataset.y_train], "test": one_hot[dataset.y_test]}

    def count_predicted_classes(self) -> int:
        """Count the classes that the trained network predicts on the test rows."""
        probabilities = np.asarray(self.model.predict_on_batch(self._x["test"]))
        return len(np.unique(probabilities.argmax(axis=1)))

    def _evaluate(self) -> list[float]:
        """Return the metrics of the current weights, in the order of `METRICS`."""
        values = {}
        for rows in ("train", "test"):
            self.model.reset_metrics()
            logs = self.model.test_on_batch(self._x[rows], self._y[rows], return_dict=True)
            values[f"{rows}_accuracy"] = self._exact(logs["accuracy"], rows)
            values[f"{rows}_loss"] = float(logs[LOSS])
        self.model.reset_metrics()
        return [values[metric] for metric in METRICS]

    def _anchored(self, weight: Any, strength: float) -> Any:
        """Add an L2 penalty on the distance of a weight to a new variable; return the variable."""
        anchor = self._keras.Variable(np.zeros(weight.shape), dtype="float32", trainable=False)
        l2 = self._keras.regularizers.L2(strength)
        weight.regularizer = lambda value: l2(value - anchor)
        return anchor

    def _optimizer(self) -> Any:
        """Return the optimizer; what is not named here has Keras' default."""
        training, optimizers = self._training, self._keras.optimizers
        if training.optimizer == "adam":
            return optimizers.Adam(training.learning_rate)
        return optimizers.SGD(training.learning_rate, training.momentum, training.nesterov)

    def _exact(self, accuracy: float, rows: str) -> float:
        """Return an accuracy without the float32 rounding: a whole number of rows over all rows."""
        n_rows = len(self._x[rows])
        return round(float(accuracy) * n_rows) / n_rows

    def _make_batches(self) -> Any:
        """Return a dataset that yields the batches of the current rows and orders; built once."""
        import tensorflow as tf

        def rows_to_batches(x: Any, y: Any) -> Any:
            return tf.data.Dataset.from_tensor_slices((x, y)).batch(self._training.batch_size)

        widths = (self._network.n_features, self._network.n_classes)
        return tf.data.Dataset.from_generator(
            self._epochs,
            output_signature=tuple(
                tf.TensorSpec((self._n_train, width), tf.float32) for width in widths
            ),
        ).flat_map(rows_to_batches)

    def _epochs(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Yield all training rows, in the order of each epoch."""
        n_rows = self._n_train
        epochs = range(self._first_epoch, self._training.epochs)
        n_epochs = max(1, MAX_ORDER_ENTRIES // n_rows)
        for first in range(0, len(epochs), n_epochs):
            for order in batch_orders(self._order_key, epochs[first : first + n_epochs], n_rows):
                yield self._x["train"][order], self._y["train"][order]
