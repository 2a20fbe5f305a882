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

OnEpochs = Callable[[int], None]
"""Called with how many epochs, summed over the runs of a job, are newly done; may raise to stop."""


@dataclass(frozen=True)
class Anchor:
    """What the weights of R trainings are pulled towards, in place of weight decay.

    Args:
        strength: This times the sum over all weights that move, kernels and biases, of the
            squares of their distances is added to the loss that is trained on; above 0.
        weights: Kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
    """

    strength: float
    weights: Weights


@dataclass(frozen=True)
class Job:
    """R trainings of one network shape, on one task or on several of the same width.

    Args:
        network: Shape of every network.
        training: How each is trained, up to epoch `training.epochs`.
        tasks: What they are trained on, T tasks: run i on task i modulo T.
        weights: Initial kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        n_frozen: (R,) layers from the input that must not move, below the number of layers.
        order_keys: (R,) uint64 keys for `randomness.batch_orders`.
        first_epoch: Epochs before it are done already; their batch orders are skipped.
        with_curves: Evaluate after every epoch, and before the first.
        anchor: What pulls on the weights; None: the weight decay of the training.
    """

    network: MLPSpec
    training: TrainingSpec
    tasks: tuple[Task, ...]
    weights: Weights
    n_frozen: NDArray[np.int64]
    order_keys: NDArray[np.uint64]
    first_epoch: int = 0
    with_curves: bool = False
    anchor: Anchor | None = None

    @property
    def n_runs(self) -> int:
        """R, the number of trainings."""
        return len(self.order_keys)

    @property
    def n_epochs(self) -> int:
        """E, the epochs of each training."""
        return self.training.epochs - self.first_epoch

    def task_of(self, run: int) -> Task:
        """Give the task of a run."""
        return self.tasks[run % len(self.tasks)]


@dataclass(frozen=True)
class Trained:
    """What became of a job; metrics in the order of `METRICS`.

    Args:
        weights: Trained kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        curves: (4, R, E + 1) float64, clean evaluations by epoch, entry 0 the untrained
            network; (4, R, 1) without curves, after training alone. NaN or infinite where
            training diverged.
        classes_predicted: (R,) how many classes the network predicts on the test rows.
    """

    weights: Weights
    curves: NDArray[np.float64]
    classes_predicted: NDArray[np.int64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """(4, R) evaluations after training."""
        return self.curves[:, :, -1]


class Engine(Protocol):
    """Trains jobs; may keep compiled code between them, but nothing that changes results."""

    def start(self, spec: ExperimentSpec) -> None:
        """Load what the engine is built on and compile for a spec, which may take seconds.

        Raises:
            MachineError: It cannot be used here.
        """

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Say how many repeats of all variants a block should have.

        Fewer waste time; more waste memory, and are lost together when interrupted.
        """

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job.

        Args:
            job: What to train.
            on_epochs: Called as epochs are done.

        Returns:
            The trained networks, in the order of the job; the first `n_frozen` layers of
            each are bit for bit what came in.

        Raises:
            MachineError: What the engine is built on cannot be used.
        """


def load_engine(name: EngineName, show_log: bool = False, n_threads: int | None = None) -> Engine:
    """Give the engine of that name; what it is built on is imported when it starts.

    Args:
        name: One of `specs.experiment.ENGINES`.
        show_log: Let the libraries below the engine write their logs to standard error.
        n_threads: Threads that train; None: one for each processor we may use.
    """
    home = import_module(f"blobtransfer.engines.{name}.engine")
    engine: Engine = home.create(show_log, n_threads)
    return engine
