"""The contract of an engine: trainings in, trained networks out.

An engine is a deterministic function of a `Job`. Randomness is decided outside: the job
brings initial weights and the keys of the batch orders, and every engine replays the
same orders, so all engines give the same networks but for float32 rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from blobtransfer.network import Weights
from blobtransfer.specs.experiment import EngineName, ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.tasks.task import Task

Tick = Callable[[int], None]
"""Told how many epochs, summed over the runs of a job, are newly done."""


@dataclass(frozen=True)
class Job:
    """R trainings of one network shape on one task.

    Args:
        network: Shape of every network.
        training: How each is trained, up to epoch `training.epochs`.
        task: What each is trained on.
        weights: Initial kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        n_frozen: (R,) layers from the input that must not move, below the number of layers.
        order_keys: (R,) uint64 keys for `schedule.batch_orders`.
        first_epoch: Epochs before it are done already; their batch orders are skipped.
        with_curves: Evaluate after every epoch, and before the first.
    """

    network: MLPSpec
    training: TrainingSpec
    task: Task
    weights: Weights
    n_frozen: NDArray[np.int64]
    order_keys: NDArray[np.uint64]
    first_epoch: int = 0
    with_curves: bool = False

    @property
    def n_runs(self) -> int:
        """R, the number of trainings."""
        return len(self.order_keys)

    @property
    def n_epochs(self) -> int:
        """E, the epochs of each training."""
        return self.training.epochs - self.first_epoch


@dataclass(frozen=True)
class Scores:
    """Clean evaluations, each (R,) float64 after training or (R, E + 1) by epoch.

    Accuracy is in [0, 1], loss the mean cross-entropy in nats; either can be NaN or
    infinite where training diverged.
    """

    train_accuracy: NDArray[np.float64]
    test_accuracy: NDArray[np.float64]
    train_loss: NDArray[np.float64]
    test_loss: NDArray[np.float64]


@dataclass(frozen=True)
class Trained:
    """What became of a job.

    Args:
        weights: Trained kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        scores: After training.
        classes_predicted: (R,) how many classes the network predicts on the test rows.
        curves: By epoch, epoch 0 being the untrained network; None unless asked for.
    """

    weights: Weights
    scores: Scores
    classes_predicted: NDArray[np.int64]
    curves: Scores | None


Announce = Callable[[str], Tick]
"""Told of other work that takes its time, in a few words; gives what is told 1 at its end."""


class Engine(Protocol):
    """Trains jobs; may keep compiled code between them, but nothing that changes results."""

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Say how many repeats of all variants a job should have.

        Fewer waste time; more waste memory, and are lost together when interrupted.
        """

    def train(self, job: Job, tick: Tick, announce: Announce) -> Trained:
        """Train every run of a job.

        Args:
            job: What to train.
            tick: Told of progress.
            announce: Told of what else takes its time, such as compiling.

        Returns:
            The trained networks, in the order of the job; the first `n_frozen` layers of
            each are bit for bit what came in.

        Raises:
            EnvironmentFailed: What the engine is built on cannot be used.
        """


def load_engine(name: EngineName, show_log: bool = False) -> Engine:
    """Give the engine of that name; what it is built on is imported when it first trains.

    Args:
        name: One of `design.ENGINES`.
        show_log: Let the libraries below the engine write their logs to standard error.
    """
    engine: Engine = import_module(f"blobtransfer.engines.{name}.engine").create(show_log)
    return engine
