"""Specification of a training: epochs, batches and the optimizer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count, check_number, check_positive, join

METRICS = ("test_accuracy", "train_accuracy", "test_loss", "train_loss", "balanced_accuracy")
"""Metrics of a training, in the order of every array of metrics.

Accuracies are shares in [0, 1], losses the mean cross-entropy in nats. The balanced accuracy is
that on test rows: the mean of the recalls of the classes.
"""

TEST_ACCURACY, TRAIN_ACCURACY, TEST_LOSS, TRAIN_LOSS, BALANCED_ACCURACY = range(len(METRICS))

Metric = Literal["accuracy", "balanced-accuracy"]
"""Metric on test rows by which networks are judged."""

JUDGED_METRICS: Mapping[Metric, int] = {
    "accuracy": TEST_ACCURACY,
    "balanced-accuracy": BALANCED_ACCURACY,
}
"""Index in `METRICS` of each metric by which networks can be judged."""

Optimizer = Literal["sgd", "adam"]
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

LEARNING_RATES: Mapping[Optimizer, float] = {"sgd": 0.01, "adam": 0.001}
"""Default learning rate of each optimizer, as in Keras."""

MAX_PENALTY = 1e6
"""Largest penalty: a thousand times the strength that prevents any training progress."""

MAX_EPOCHS = 1_000_000
"""Largest number of epochs."""

TRAINING_ROWS_PER_VALIDATION_ROW = 5
"""One of this many training rows is a validation row."""


@dataclass(frozen=True)
class TrainingSpec:
    """Settings of a training: stochastic gradient descent on the cross-entropy.

    Args:
        epochs: Passes over the training rows, at least 1.
        batch_size: Rows per step; the last batch of an epoch may be shorter.
        learning_rate: Finite and above 0.
        momentum: Momentum of `sgd`, at least 0 and less than 1.
        optimizer: `sgd` or `adam`, with the update rules and constants of Keras.
        nesterov: Use Nesterov momentum in `sgd`.
        weight_decay: L2 penalty: this times the sum of squares of all trainable kernels is added
            to the training loss; 0 to `MAX_PENALTY`.
        patience: Early stopping: a training ends once its loss on validation rows has not improved
            for this many epochs, and its best weights are restored; 1 to `MAX_EPOCHS`. The
            validation rows are a fifth of the training rows. None: no early stopping.

    Raises:
        SettingError: A value is impossible.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.0
    optimizer: Optimizer = "sgd"
    nesterov: bool = False
    weight_decay: float = 0.0
    patience: int | None = None

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, most=MAX_EPOCHS)
        check_count("batch-size", self.batch_size)
        check_positive("learning-rate", self.learning_rate)
        check_number("momentum", self.momentum)
        if not 0.0 <= self.momentum < 1.0:
            raise SettingError(
                "momentum", self.momentum, "use a number of at least 0 and less than 1"
            )
        if self.optimizer not in OPTIMIZERS:
            raise SettingError("optimizer", self.optimizer, f"use one of {join(OPTIMIZERS)}")
        if self.optimizer == "adam" and self.momentum > 0.0:
            problem = "only sgd has a momentum; leave it out, or use --optimizer sgd"
            raise SettingError("momentum", self.momentum, problem)
        if self.nesterov and self.optimizer == "adam":
            problem = "only sgd has Nesterov momentum; leave it out, or use --optimizer sgd"
            raise SettingError("nesterov", "", problem)
        if self.nesterov and not self.momentum:
            problem = "it needs a momentum; add --momentum, such as --momentum 0.9"
            raise SettingError("nesterov", "", problem)
        check_penalty("weight-decay", self.weight_decay)
        if self.patience is not None:
            check_count("patience", self.patience, most=MAX_EPOCHS)

    def n_trained_rows(self, n_train: int) -> int:
        """Return how many of the training rows train: all, or with early stopping four fifths."""
        return n_train if self.patience is None else n_train - n_validation_rows(n_train)

    def n_updates(self, n_train: int) -> int:
        """Count the updates of the training on a number of training rows."""
        return self.epochs * self._n_batches(n_train)

    def epochs_of(self, n_updates: int, n_train: int) -> int:
        """Return the epochs, at least 1, whose number of updates is closest to `n_updates`.

        Args:
            n_updates: Number of updates.
            n_train: Number of training rows.
        """
        return max(1, round(n_updates / self._n_batches(n_train)))

    def _n_batches(self, n_train: int) -> int:
        """Count the batches of an epoch; the last may be shorter."""
        return -(-self.n_trained_rows(n_train) // self.batch_size)


def n_validation_rows(n_train: int) -> int:
    """Return how many of the training rows become validation rows: a fifth, at least 1."""
    return max(1, n_train // TRAINING_ROWS_PER_VALIDATION_ROW)


def earlier_epoch(n_epochs: int) -> int:
    """Return three quarters of the epochs of a training, rounded down.

    The accuracy after these epochs shows whether the rest of the training still improves a network.
    """
    return 3 * n_epochs // 4


def check_penalty(setting: str, value: float) -> None:
    """Raise `SettingError` unless `value` can be the strength of a penalty on the weights."""
    check_number(setting, value)
    if not 0.0 <= value <= MAX_PENALTY:
        raise SettingError(setting, value, f"use a number from 0 to {MAX_PENALTY:,.0f}")
