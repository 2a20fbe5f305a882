"""The contract of an engine: trainings in, trained networks out.

An engine is a deterministic function of a `Job`. Randomness is decided outside: the job
brings initial weights and the keys of the batch orders, and every engine replays the
same orders, so all engines return the same networks except for float32 rounding.
"""

import mmap
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.dataset import Dataset
from blobtransfer.errors import InputError, MachineError, SettingError
from blobtransfer.network import Weights
from blobtransfer.specs.experiment import EngineName, ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

SPARE_BYTES = 512 << 20
"""Memory that must be free to load or run LLVM beside the imports of other libraries."""

OnEpochs = Callable[[int], None]
"""Called with the newly done epochs, summed over the runs of a job; may raise to stop."""


@dataclass(frozen=True)
class Anchor:
    """Weights that R trainings are pulled towards (L2-SP), in place of weight decay.

    Args:
        strength: Above 0. The penalty added to the training loss is this times the sum of squared
            distances of all trainable weights, kernels and biases, from the anchor.
        weights: Kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.

    Source:
        Li, Grandvalet & Davoine 2018, arXiv:1802.01483.
    """

    strength: float
    weights: Weights


@dataclass(frozen=True)
class Job:
    """R trainings of one network shape, on one dataset or on several of the same width.

    Args:
        network: Shape of every network.
        training: How each is trained, up to epoch `training.epochs`. With `patience`, a run ends
            earlier by the rule of `keras.callbacks.EarlyStopping`, with its loss on validation rows
            (penalty included) and the best weights restored. An evaluation after the end shows the
            restored network.
        datasets: T datasets; run i is trained on dataset i modulo T. With early stopping, they have
            validation rows.
        weights: Initial kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        n_frozen: (R,) frozen layers, counted from the input; below the number of layers.
        order_keys: (R,) uint64 keys for `randomness.batch_orders`.
        first_epoch: First epoch to train; the batch orders of earlier epochs are skipped.
        evaluated_epochs: Epochs after which the networks are evaluated, ascending; `first_epoch`:
            before any training. Empty: never.
        anchor: Weights to pull towards; None: the weight decay of the training.

    Raises:
        SettingError: The network does not fit the rows or the classes of a dataset.
        InputError: Another array does not have the shape, type or values described here. Engines
            rely on them: the compiled engine passes addresses to machine code without checks.
    """

    network: MLPSpec
    training: TrainingSpec
    datasets: tuple[Dataset, ...]
    weights: Weights
    n_frozen: NDArray[np.int64]
    order_keys: NDArray[np.uint64]
    first_epoch: int = 0
    evaluated_epochs: tuple[int, ...] = ()
    anchor: Anchor | None = None

    def __post_init__(self) -> None:
        _check_runs(self)
        _check_weights("weights", self.weights, self)
        if self.anchor is not None:
            _check_weights("anchor weights", self.anchor.weights, self)
        for dataset in self.datasets:
            _check_rows(dataset, dataset.x_train, dataset.y_train, self.network)
            _check_rows(dataset, dataset.x_test, dataset.y_test, self.network)
            if self.training.patience is not None:
                if dataset.validation is None:
                    problem = "has no validation rows, which early stopping needs"
                    raise InputError(f"patience: {dataset.spec.name} {problem}")
                _check_rows(dataset, *dataset.validation, self.network)

    @property
    def n_runs(self) -> int:
        """R, the number of trainings."""
        return len(self.order_keys)

    @property
    def n_epochs(self) -> int:
        """E, the epochs of each training."""
        return self.training.epochs - self.first_epoch

    def dataset_of(self, run: int) -> Dataset:
        """Return the data that a run is trained on."""
        return self.datasets[run % len(self.datasets)]


def _check_runs(job: Job) -> None:
    """Raise InputError unless a job has datasets, runs and epochs that an engine can train."""
    if not job.datasets:
        raise InputError("tasks (): nothing to train on; use at least one task")
    if job.order_keys.ndim != 1 or job.n_runs == 0 or job.order_keys.dtype != np.uint64:
        raise _array_error("order_keys", job.order_keys, "one uint64 for each run")
    n_frozen, n_layers = job.n_frozen, len(job.network.shapes)
    if n_frozen.shape != (job.n_runs,) or n_frozen.dtype.kind not in "iu":
        raise _array_error("n_frozen", n_frozen, f"{job.n_runs} whole numbers, one for each run")
    if n_frozen.min() < 0 or n_frozen.max() >= n_layers:
        raise InputError(
            f"n_frozen {n_frozen.min()} to {n_frozen.max()}: the network has {n_layers} layers; "
            f"use 0 to {n_layers - 1}"
        )
    if not 0 <= job.first_epoch <= job.training.epochs:
        raise InputError(
            f"first_epoch {job.first_epoch}: the training has {job.training.epochs} epochs; "
            f"use 0 to {job.training.epochs}"
        )
    evaluated = job.evaluated_epochs
    if list(evaluated) != sorted(set(evaluated)) or (
        evaluated and not job.first_epoch <= evaluated[0] <= evaluated[-1] <= job.training.epochs
    ):
        raise InputError(
            f"evaluated_epochs {evaluated}: use ascending epochs from {job.first_epoch} to "
            f"{job.training.epochs}"
        )


def _check_weights(name: str, weights: Weights, job: Job) -> None:
    """Raise InputError unless weights are those of the job's runs, in float32."""
    shapes = [
        (job.n_runs, *shape)
        for fan_in, fan_out in job.network.shapes
        for shape in ((fan_in, fan_out), (fan_out,))
    ]
    if len(weights) != len(shapes):
        raise InputError(
            f"{name}: {len(weights)} arrays; use {len(shapes)}, a kernel and a bias for each layer"
        )
    for i, (array, shape) in enumerate(zip(weights, shapes, strict=True)):
        if array.shape != shape or array.dtype != np.float32:
            raise _array_error(f"{name}[{i}]", array, f"float32 of shape {shape}")


def _check_rows(
    dataset: Dataset, x: NDArray[np.float32], y: NDArray[np.int64], network: MLPSpec
) -> None:
    """Raise InputError for invalid rows, and SettingError if the network does not fit them."""
    if x.ndim != 2 or x.dtype != np.float32:
        raise _array_error("x", x, "float32 of shape (rows, features)")
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or len(y) == 0:
        raise _array_error("y", y, f"{max(len(x), 1):,} whole numbers, one for each row")
    name, n_features = dataset.spec.name, x.shape[1]
    if n_features != network.n_features:
        problem = f"the rows of {name} have {n_features} features; use n_features={n_features}"
        raise SettingError("n_features", network.n_features, problem)
    first_class, last_class = int(y.min()), int(y.max())
    if first_class < 0 or last_class >= network.n_classes:
        raise SettingError(
            "n_classes",
            network.n_classes,
            f"the classes of {name} are numbered {first_class} to {last_class}; "
            f"use n_classes={last_class + 1} or more, and numbers from 0",
        )


def _array_error(name: str, array: NDArray[Any], expected: str) -> InputError:
    return InputError(f"{name}: {array.dtype} of shape {array.shape}; use {expected}")


@dataclass(frozen=True)
class Trained:
    """Results of a job; metrics in the order of `METRICS`.

    Args:
        weights: Trained kernels (R, fan_in, fan_out) and biases (R, fan_out), float32.
        curves: (5, R, n) float64, clean evaluations after each of the job's n evaluated epochs;
            NaN or infinite where training diverged.
        classes_predicted: (R,) number of classes that the network predicts on the test rows in the
            last evaluation; 0 without one.
        epochs: (R,) number of epochs that each network was trained for: with early stopping up to
            the epoch that ended the training, whose weights are those of an earlier one.
    """

    weights: Weights
    curves: NDArray[np.float64]
    classes_predicted: NDArray[np.int64]
    epochs: NDArray[np.int64]

    @property
    def scores(self) -> NDArray[np.float64]:
        """(5, R) metrics of the last evaluation."""
        return self.curves[:, :, -1]

    def at(self, runs: slice | NDArray[np.intp]) -> "Trained":
        """Return some of the runs."""
        weights = [stacked[runs] for stacked in self.weights]
        classes_predicted, epochs = self.classes_predicted[runs], self.epochs[runs]
        return Trained(weights, self.curves[:, runs], classes_predicted, epochs)

    @classmethod
    def join(cls, trained: Sequence["Trained"]) -> "Trained":
        """Join the runs of trainings with the same evaluated epochs."""
        layers = zip(*(runs.weights for runs in trained), strict=True)
        return cls(
            weights=[np.concatenate(layer) for layer in layers],
            curves=np.concatenate([runs.curves for runs in trained], axis=1),
            classes_predicted=np.concatenate([runs.classes_predicted for runs in trained]),
            epochs=np.concatenate([runs.epochs for runs in trained]),
        )


class Engine(Protocol):
    """Trains jobs; may cache compiled code between jobs, but nothing that changes results."""

    def start(self, spec: ExperimentSpec) -> None:
        """Import the engine's libraries and compile for a spec, which may take seconds.

        Raises:
            MachineError: A library of the engine is missing or cannot be used.
        """

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Return how many repeats of all variants a job should have.

        Fewer repeats cost time; more cost memory, and are lost together after an interrupt.
        """

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job.

        Args:
            job: Networks, rows and settings.
            on_epochs: Called as epochs are done.

        Returns:
            The trained networks, in the order of the job; the first `n_frozen` layers of
            each are bit for bit what came in.

        Raises:
            MachineError: A library of the engine is missing or cannot be used.
        """


def load_engine(name: EngineName, show_log: bool = False, n_threads: int | None = None) -> Engine:
    """Return the engine of a name; its libraries are imported when it starts.

    Args:
        name: One of `specs.experiment.ENGINES`.
        show_log: Let the engine's libraries write their logs to standard error.
        n_threads: Threads that train; None: one for each processor we may use.
    """
    module = import_module(f"blobtransfer.engines.{name}.engine")
    engine: Engine = module.create(show_log, n_threads)
    return engine


def compile_ahead(spec: ExperimentSpec) -> None:
    """Begin to compile for a spec in a thread, while the caller imports other modules.

    `Engine.start` waits for it, and raises its errors. The Keras engine has nothing to compile.
    """
    if spec.engine == "compiled" and has_spare_memory():
        from blobtransfer.engines.compiled.engine import kernels_of

        with suppress(MachineError):
            kernels_of(spec)


def has_spare_memory() -> bool:
    """Return whether several libraries may be loaded at once.

    Short of memory, OpenBLAS retries forever, and LLVM ends the process.
    """
    try:
        mmap.mmap(-1, SPARE_BYTES).close()
    except OSError:
        return False
    return True


def thread_error(error: RuntimeError) -> MachineError:
    """Return the error for a thread that Python cannot start."""
    advice = "free some memory, or end other programs"
    return MachineError(f"no thread can be started ({error}); {advice}")
