"""Reference engine: the training step of Keras, one training after another.

The layers, the loss and the optimizer are those of Keras. The loop over epochs and batches is a
TensorFlow graph, so that one call from Python trains many epochs; the weights are bit-identical to
those of `keras.Model.fit`. A training sets the weights, resets the optimizer and passes the rows in
exactly the order of the job.
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
from blobtransfer.randomness import batch_orders
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import METRICS, TrainingSpec
from blobtransfer.statistics.descriptive import balanced_accuracy

MAX_CALL_WORK = 300_000_000
"""Training rows x weights between two reports of progress: about 0.3 s."""

STEP_WORK = 40_000
"""Overhead of a step, in training rows x weights that take as long."""

ORDER_WORK = 100
"""Cost of drawing the position of a row, in weights whose training on the row takes as long."""


def create(show_log: bool, n_threads: int | None) -> Engine:
    """Return a new Keras engine; Keras is imported when it starts, and chooses its own threads."""
    return KerasEngine(show_log)


class KerasEngine:
    """Trains with `keras.Model.train_step`; caches a model per network, training and frozen layers.

    Args:
        show_log: Let TensorFlow write its log to standard error.
    """

    def __init__(self, show_log: bool = False) -> None:
        self._show_log = show_log
        self._trainers: dict[tuple[MLPSpec, TrainingSpec, int, float | None], _Trainer] = {}
        self._lock = Lock()

    def start(self, spec: ExperimentSpec) -> None:
        """Import Keras; see `engines.Engine.start`."""
        load_keras(self._show_log)

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Return 1: more repeats save no time."""
        return 1

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        with self._lock:  # a model cannot be used by two threads at once
            return Trained.join(
                [self._trainer(job, run).train(job, run, on_epochs) for run in range(job.n_runs)]
            )

    def _trainer(self, job: Job, run: int) -> "_Trainer":
        strength = None if job.anchor is None else job.anchor.strength
        key = (job.network, job.training, int(job.n_frozen[run]), strength)
        if key not in self._trainers:
            self._trainers[key] = _Trainer(*key, self._show_log)
        return self._trainers[key]


class _Trainer:
    """A Keras model, and the graphs that train and evaluate it; used for one training at a time."""

    def __init__(
        self,
        network: MLPSpec,
        training: TrainingSpec,
        n_frozen: int,
        strength: float | None,
        show_log: bool,
    ) -> None:
        self._keras = load_keras(show_log)
        self._network, self._training = network, training
        self._loss = self._keras.losses.CategoricalCrossentropy()
        self.model = build_mlp(network, n_frozen, show_log)
        self._anchors: list[Any] = []
        if strength is not None:
            self._anchors = [self._anchored(weight, strength) for weight in self.model.weights]
        elif training.weight_decay > 0.0:
            for kernel in self.model.weights[::2]:
                kernel.regularizer = self._keras.regularizers.L2(training.weight_decay)
        self.model.compile(self._optimizer(), self._loss)
        self.model.optimizer.build(self.model.trainable_variables)
        self._initial_optimizer = [np.array(v) for v in self.model.optimizer.variables]
        self._train_epochs, self._validation_loss, self._predict = self._graphs()

    def train(self, job: Job, run: int, on_epochs: OnEpochs) -> Trained:
        """Train one network, and return it as the only one.

        Args:
            job: Networks, rows and settings.
            run: Index of the run in the job.
            on_epochs: Called as epochs are done.
        """
        self._reset(job, run)
        dataset, evaluated = job.dataset_of(run), set(job.evaluated_epochs)
        epoch, last_epoch = job.first_epoch, self._training.epochs
        evaluations = [self._evaluate(dataset)] if epoch in evaluated else []
        stopping = self._early_stopping()
        for orders in self._row_orders(job, run):
            self._train_epochs(dataset.x_train, dataset.y_train, orders)
            epoch += len(orders)
            if stopping is not None and dataset.validation is not None:
                loss = float(self._validation_loss(*dataset.validation))
                stopping.on_epoch_end(epoch - 1, {"val_loss": loss})
                if self.model.stop_training or epoch == last_epoch:
                    stopping.on_train_end()  # restores the best weights
            if epoch in evaluated:
                evaluations.append(self._evaluate(dataset))
            on_epochs(len(orders))
            if self.model.stop_training:
                break
        if epoch < last_epoch:  # it has stopped early
            on_epochs(last_epoch - epoch)
            evaluations += [self._evaluate(dataset)] * (len(evaluated) - len(evaluations))
        metrics = np.array([metrics for metrics, _ in evaluations])
        return Trained(
            weights=[weight[None] for weight in get_weights(self.model)],
            curves=metrics.reshape(-1, 1, len(METRICS)).T,
            classes_predicted=np.array([evaluations[-1][1] if evaluations else 0]),
            epochs=np.array([epoch - job.first_epoch]),
        )

    def _row_orders(self, job: Job, run: int) -> Iterator[NDArray[np.int32]]:
        """Yield the row orders of the epochs of each call, (epochs, rows).

        After each call the network is evaluated if the job says so, and progress is reported.
        """
        n_train, last_epoch = len(job.dataset_of(run).y_train), self._training.epochs
        n_epochs, evaluated = self._epochs_per_call(n_train), set(job.evaluated_epochs)
        for first in range(job.first_epoch, last_epoch, n_epochs):
            epochs = range(first, min(first + n_epochs, last_epoch))
            orders = batch_orders(int(job.order_keys[run]), epochs, n_train)
            is_validated = self._training.patience is not None
            ends = [epoch - first for epoch in epochs[1:] if is_validated or epoch in evaluated]
            yield from np.split(orders, ends)

    def _early_stopping(self) -> Any:
        """Return the callback of Keras that stops a training early; None without early stopping."""
        self.model.stop_training = False
        if self._training.patience is None:
            return None
        stopping = self._keras.callbacks.EarlyStopping(
            "val_loss", patience=self._training.patience, restore_best_weights=True
        )
        stopping.set_model(self.model)
        stopping.on_train_begin()
        return stopping

    def _reset(self, job: Job, run: int) -> None:
        """Set the weights and anchors of a run, and reset the optimizer."""
        self.model.set_weights([stacked[run] for stacked in job.weights])
        anchors = [] if job.anchor is None else [stacked[run] for stacked in job.anchor.weights]
        variables = (*self._anchors, *self.model.optimizer.variables)
        for variable, value in zip(variables, (*anchors, *self._initial_optimizer), strict=True):
            variable.assign(value)

    def _epochs_per_call(self, n_train: int) -> int:
        """Return how many epochs a call trains: enough to be fast, few enough to stop soon."""
        n_steps = -(-n_train // self._training.batch_size)
        work = n_train * (self._network.n_parameters + ORDER_WORK) + n_steps * STEP_WORK
        return max(1, MAX_CALL_WORK // work)

    def _evaluate(self, dataset: Dataset) -> tuple[list[float], int]:
        """Return the metrics of the current weights, and the number of classes that they predict.

        Returns:
            Metrics in the order of `METRICS`; number of classes predicted on the test rows.
        """
        test_loss, test_classes = self._predict(dataset.x_test, dataset.y_test)
        train_loss, train_classes = self._predict(dataset.x_train, dataset.y_train)
        accuracies = [
            float(np.mean(np.asarray(classes) == y))
            for classes, y in ((test_classes, dataset.y_test), (train_classes, dataset.y_train))
        ]
        is_correct, n_classes = np.asarray(test_classes) == dataset.y_test, self._network.n_classes
        n_correct, n_rows = (
            np.bincount(y, minlength=n_classes)
            for y in (dataset.y_test[is_correct], dataset.y_test)
        )
        balanced = float(balanced_accuracy(n_correct, n_rows))
        metrics = [*accuracies, float(test_loss), float(train_loss), balanced]
        return metrics, len(np.unique(test_classes))

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

    def _graphs(self) -> tuple[Any, Any, Any]:
        """Return functions that TensorFlow traces once, for any number of rows.

        Returns:
            A function of training rows, labels and (E, N) row orders, which trains E epochs; one of
            rows and labels, which returns the loss of `keras.Model.evaluate`; and one of them which
            returns their mean loss without penalty, and the predicted classes.
        """
        import tensorflow as tf

        model, n_classes = self.model, self._network.n_classes
        batch_size = self._training.batch_size

        def train_epochs(x: Any, y: Any, orders: Any) -> Any:
            one_hot = tf.one_hot(y, n_classes)
            n_epochs, n_rows = tf.unstack(tf.shape(orders))
            n_batches = (n_rows - 1) // batch_size + 1

            def train_batch(step: Any, loss: Any) -> Any:
                first = step % n_batches * batch_size
                batch = orders[step // n_batches, first : first + batch_size]
                return model.train_step((tf.gather(x, batch), tf.gather(one_hot, batch)))["loss"]

            # The loss is returned, as in `fit`: in a graph without outputs TensorFlow multiplies in
            # another order, which rounds GELU differently.
            return self._keras.ops.fori_loop(0, n_epochs * n_batches, train_batch, 0.0)

        def validation_loss(x: Any, y: Any) -> Any:
            one_hot, n_rows = tf.one_hot(y, n_classes), tf.shape(x)[0]
            model.reset_metrics()

            def test_batch(i: Any, loss: Any) -> Any:
                batch = slice(i * batch_size, (i + 1) * batch_size)
                return model.test_step((x[batch], one_hot[batch]))["loss"]

            return self._keras.ops.fori_loop(0, (n_rows - 1) // batch_size + 1, test_batch, 0.0)

        def predict(x: Any, y: Any) -> tuple[Any, Any]:
            probabilities = model(x)
            # Without the penalty on the weights.
            loss = self._loss(tf.one_hot(y, n_classes), probabilities)
            return loss, tf.argmax(probabilities, axis=1)

        rows = tf.TensorSpec((None, self._network.n_features), tf.float32)
        labels = tf.TensorSpec((None,), tf.int64)
        row_orders = tf.TensorSpec((None, None), tf.int32)
        return (
            tf.function(train_epochs, input_signature=(rows, labels, row_orders), autograph=False),
            tf.function(validation_loss, input_signature=(rows, labels), autograph=False),
            tf.function(predict, input_signature=(rows, labels), autograph=False),
        )
