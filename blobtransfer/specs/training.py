"""How a network learns: epochs, batches and the optimizer."""

from dataclasses import dataclass

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count, check_positive

MAX_EPOCHS = 1_000_000
"""Longest training."""


@dataclass(frozen=True)
class TrainingSpec:
    """How a network learns: stochastic gradient descent on the cross-entropy.

    Args:
        epochs: Passes over the training rows, at least 1.
        batch_size: Rows of a step; the last batch of an epoch may be shorter.
        learning_rate: Finite and above 0.
        momentum: At least 0 and below 1.

    Raises:
        SettingError: A value is impossible.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, most=MAX_EPOCHS)
        check_count("batch-size", self.batch_size)
        check_positive("learning-rate", self.learning_rate)
        if not 0.0 <= self.momentum < 1.0:
            raise SettingError("momentum", self.momentum, "use a number from 0 up to, not with, 1")
