"""Train all runs at once, a block of networks in the lanes of each vector register.

Blocks are trained side by side by threads. The arithmetic of a network is the same in
whatever lane, block or thread it is, so its result does not depend on what else is trained.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.engines import Engine, Job, OnEpochs, Trained
from blobtransfer.engines.compiled.rule import Rule
from blobtransfer.errors import MachineError
from blobtransfer.metrics import (
    METRICS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
)
from blobtransfer.network import Weights
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.tasks import load_task

WEIGHTS_AT_ONCE = 500_000
"""Weights of all networks of a job, about: 2 MB, and enough to keep threads busy."""

WORK_AT_ONCE = 15_000_000_000
"""Weights x training rows x epochs of a job, about: half a second on two cores."""

CELLS_AT_ONCE = 50_000_000
"""Numbers in the rows of a job's tasks where each repeat has its own: 0.2 GB."""

FEWEST_REPEATS = 16
"""Repeats of a job where a training takes long."""

WORK_OF_A_CALL = 300_000_000
"""Training rows x weights that a block does before it looks whether to stop: about 0.3 s."""

LEAST_ROWS = 64
"""Rows that are evaluated at once where batches are smaller."""

CACHE_LINE = 64
"""Bytes. A vector that lies across two lines costs two loads."""

LOOK_S = 0.1
"""Seconds between two looks at what the threads have done."""


def create(show_log: bool) -> Engine:
    """Give a new compiled engine; LLVM is imported when it starts."""
    return CompiledEngine()


class CompiledEngine:
    """Trains with machine code made for the shape of the network.

    Args:
        n_threads: Threads that train blocks; None: one for each processor we may use.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self._n_threads = n_threads or _n_processors()
        self._kernels: dict[tuple[MLPSpec, int, Rule, bool], _Kernel] = {}

    def start(self, spec: ExperimentSpec) -> None:
        """Import LLVM and compile for the networks of a spec; see `engines.Engine.start`."""
        n_train = len(load_task(spec.task).y_train)
        for arm in spec.arms:
            network, is_anchored = arm.variant.network(spec.network), arm.variant.anchor is not None
            self._kernel(network, spec.training, is_anchored, n_train, spec.task.is_split_anew)

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Give a number that keeps the threads busy, the memory small and the user informed."""
        assert spec.target is not None
        n_weights = spec.network.n_parameters * len(spec.arms)
        work = n_weights * spec.target.n_train * spec.training.epochs
        # Fewer than a vector has lanes would leave some of them idle.
        n_repeats = max(FEWEST_REPEATS, min(WEIGHTS_AT_ONCE // n_weights, WORK_AT_ONCE // work))
        n_cells = sum(
            (one.n_train + one.n_test_rows) * one.n_features
            for one in (spec.source, spec.target)
            if one is not None and one.is_split_anew
        )
        return max(1, min(n_repeats, CELLS_AT_ONCE // n_cells)) if n_cells else n_repeats

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        n_train, is_anchored = max(len(one.y_train) for one in job.tasks), job.anchor is not None
        kernel = self._kernel(job.network, job.training, is_anchored, n_train, len(job.tasks) > 1)
        work = _Work(job, kernel)
        pool = ThreadPoolExecutor(self._n_threads)
        try:
            blocks = iter(list(work.blocks()))
            running = {_submitted(pool, work, blocks) for _ in range(self._n_threads)}
            n_told = 0
            while running:
                # A limited time, in which all systems hear of Ctrl-C.
                done, running = wait(running, LOOK_S, FIRST_EXCEPTION)
                for thread in done:
                    thread.result()
                n_done = int(work.epochs_done.sum())
                on_epochs(n_done - n_told)
                n_told = n_done
        finally:
            work.is_stopped = True
            pool.shutdown(cancel_futures=True)
        return Trained(work.weights, work.curves, work.classes_predicted)

    def _kernel(
        self,
        network: MLPSpec,
        training: TrainingSpec,
        is_anchored: bool,
        n_train: int,
        has_own_rows: bool,
    ) -> "_Kernel":
        n_rows = max(min(training.batch_size, n_train), LEAST_ROWS)
        key = (network, n_rows, Rule.of(training, is_anchored), has_own_rows)
        if key not in self._kernels:
            self._kernels[key] = _Kernel.compiled(*key)
        return self._kernels[key]


def _submitted(
    pool: ThreadPoolExecutor, work: "_Work", blocks: Iterator[NDArray[np.intp]]
) -> "Future[None]":
    try:
        return pool.submit(work.train_blocks, blocks)
    except RuntimeError as error:
        raise MachineError(
            f"no thread can be started ({error}); free some memory, or end other programs"
        ) from error


class _Work:
    """A job on its way: the data as the kernel reads it, and what is done.

    Attributes:
        is_stopped: Blocks that see this leave their runs as they are.
        epochs_done: (R,) epochs of each run that are done.
        weights: As in `Trained`, as far as they are done.
        curves: As in `Trained`.
        classes_predicted: As in `Trained`.
    """

    def __init__(self, job: Job, kernel: "_Kernel") -> None:
        self._job, self._kernel = job, kernel
        self.is_stopped = False
        self._train_rows = _Rows.of([(task.x_train, task.y_train) for task in job.tasks], kernel)
        self._test_rows = _Rows.of([(task.x_test, task.y_test) for task in job.tasks], kernel)
        self._task_of = np.arange(job.n_runs) % len(job.tasks)
        n_evaluations = job.n_epochs + 1 if job.with_curves else 1
        self.epochs_done = np.zeros(job.n_runs, np.int64)
        self.weights = [np.empty_like(stacked) for stacked in job.weights]
        self.curves = np.empty((len(METRICS), job.n_runs, n_evaluations))
        self.classes_predicted = np.empty(job.n_runs, np.int64)

    def blocks(self) -> Iterator[NDArray[np.intp]]:
        """Give the runs of each block: as many as there are lanes, which go through one course.

        That is as many frozen layers, and as many rows.
        """
        n_rows = [rows.counts[self._task_of] for rows in (self._train_rows, self._test_rows)]
        _, course = np.unique(np.stack([self._job.n_frozen, *n_rows]), axis=1, return_inverse=True)
        for number in range(course.max() + 1):
            runs = np.flatnonzero(course == number)
            yield from np.split(runs, range(self._kernel.lanes, len(runs), self._kernel.lanes))

    def train_blocks(self, blocks: Iterator[NDArray[np.intp]]) -> None:
        """Train blocks, which threads share, until none is left; in a thread of its own."""
        for block in blocks:
            if self.is_stopped:
                return
            self._train_block(block)

    def _train_block(self, runs: NDArray[np.intp]) -> None:
        """Train the runs of one block and keep what came out."""
        job, training, kernel = self._job, self._job.training, self._kernel
        # Lanes without a run train the last one again.
        lanes = np.pad(runs, (0, kernel.lanes - len(runs)), mode="edge")
        weights = [stacked[lanes] for stacked in job.weights]
        anchor = None if job.anchor is None else [one[lanes] for one in job.anchor.weights]
        block = _Block(kernel, weights, job.order_keys[lanes], anchor)
        pull = training.weight_decay if job.anchor is None else job.anchor.strength
        tasks = self._task_of[lanes]
        train_rows, test_rows = self._train_rows.of_lanes(tasks), self._test_rows.of_lanes(tasks)
        work_of_an_epoch = train_rows.n * job.network.n_parameters
        at_once = 1 if job.with_curves else max(1, WORK_OF_A_CALL // work_of_an_epoch)
        if job.with_curves:
            self._evaluate(block, runs, 0, train_rows, test_rows)
        for first in range(job.first_epoch, training.epochs, at_once):
            if self.is_stopped:
                return
            last = min(first + at_once, training.epochs)
            n_frozen = int(job.n_frozen[runs[0]])
            block.train(train_rows, first, last, training, pull, n_frozen)
            if job.with_curves:
                self._evaluate(block, runs, last - job.first_epoch, train_rows, test_rows)
            self.epochs_done[runs] = last - job.first_epoch
        if not job.with_curves:
            self._evaluate(block, runs, 0, train_rows, test_rows)
        for kept, new in zip(self.weights, block.unpacked(), strict=True):
            kept[runs] = new[: len(runs)]

    def _evaluate(
        self,
        block: "_Block",
        runs: NDArray[np.intp],
        evaluation: int,
        train_rows: "_LaneRows",
        test_rows: "_LaneRows",
    ) -> None:
        n = len(runs)
        for rows, accuracy_metric, loss_metric in (
            (train_rows, TRAIN_ACCURACY, TRAIN_LOSS),
            (test_rows, TEST_ACCURACY, TEST_LOSS),
        ):
            accuracy, loss, classes_predicted = block.evaluate(rows)
            self.curves[accuracy_metric, runs, evaluation] = accuracy[:n]
            self.curves[loss_metric, runs, evaluation] = loss[:n]
        self.classes_predicted[runs] = classes_predicted[:n]  # on the test rows


@dataclass(frozen=True)
class _Rows:
    """Rows of T tasks as the kernel reads them, one task below the other.

    Args:
        x: Features, float32, contiguous.
        y: Classes, int32, contiguous.
        firsts: (T,) int32, the first row of each task.
        counts: (T,) how many rows each has.
    """

    x: NDArray[np.float32]
    y: NDArray[np.int32]
    firsts: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def of(
        cls, rows: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]], kernel: "_Kernel"
    ) -> "_Rows":
        counts = np.array([len(y) for _, y in rows])
        if max(sum(x.size for x, _ in rows), counts.sum() * kernel.lanes) >= 2**31:
            raise MachineError(
                f"{counts.sum():,} rows are too many for the compiled engine, which counts in 32 "
                "bits; use fewer rows, or --engine keras"
            )
        return cls(
            np.ascontiguousarray(np.concatenate([x for x, _ in rows]), np.float32),
            np.ascontiguousarray(np.concatenate([y for _, y in rows]), np.int32),
            (np.cumsum(counts) - counts).astype(np.int32),
            counts,
        )

    def of_lanes(self, tasks: NDArray[np.intp]) -> "_LaneRows":
        """Give the rows of the tasks of a block's lanes, which have as many rows each."""
        return _LaneRows(self.x, self.y, self.firsts[tasks], int(self.counts[tasks[0]]))


@dataclass(frozen=True)
class _LaneRows:
    """Which rows each lane of a block reads: `n` from its own `firsts` on, (lanes,) int32."""

    x: NDArray[np.float32]
    y: NDArray[np.int32]
    firsts: NDArray[np.int32]
    n: int


@dataclass(frozen=True)
class _Kernel:
    """Machine code for one shape of networks and rule, and how their memory is laid out."""

    layout: Any
    rule: Rule
    lanes: int
    train: Any
    evaluate: Any

    @classmethod
    def compiled(cls, network: MLPSpec, n_rows: int, rule: Rule, has_own_rows: bool) -> "_Kernel":
        """Compile the machine code for a shape and a rule."""
        try:
            from blobtransfer.engines.compiled import kernel, native
        except ImportError as error:
            raise MachineError(
                f"LLVM cannot be imported ({error}); install llvmlite, or use --engine keras"
            ) from error
        lanes = native.host_lanes()
        functions = native.compile_functions(
            kernel.write_module(network, n_rows, rule, has_own_rows, lanes),
            {"train": kernel.TRAIN_ARGUMENTS, "evaluate": kernel.EVALUATE_ARGUMENTS},
        )
        return cls(kernel.Layout(network, n_rows), rule, lanes, **functions)


class _Block:
    """The memory of one block: a number of every network side by side in each vector."""

    def __init__(
        self,
        kernel: _Kernel,
        weights: Weights,
        order_keys: NDArray[np.uint64],
        anchor: Weights | None,
    ) -> None:
        self._kernel, self._keys = kernel, np.ascontiguousarray(order_keys, np.uint64)
        self._weights = self._vectors(kernel.layout.n_weights)
        self._moments = self._vectors(kernel.rule.n_moments * kernel.layout.n_weights)
        self._beta_powers = np.ones(2)
        self._workspace = self._vectors(kernel.layout.n_units)
        self._orders = self._vectors(0)
        self._pack(weights, self._weights)
        self._anchors = self._vectors(0 if anchor is None else kernel.layout.n_weights)
        if anchor is not None:
            self._pack(anchor, self._anchors)

    def train(
        self,
        rows: _LaneRows,
        first_epoch: int,
        last_epoch: int,
        training: TrainingSpec,
        pull: float,
        n_frozen: int,
    ) -> None:
        """Train from epoch `first_epoch` up to, not with, `last_epoch`."""
        is_adam = training.optimizer == "adam"
        if len(self._orders) != rows.n:
            self._orders = self._vectors(rows.n)
        self._kernel.train(
            self._weights.ctypes.data,
            self._moments.ctypes.data,
            self._beta_powers.ctypes.data,
            self._anchors.ctypes.data,
            self._keys.ctypes.data,
            rows.x.ctypes.data,
            rows.y.ctypes.data,
            rows.firsts.ctypes.data,
            self._orders.ctypes.data,
            self._workspace.ctypes.data,
            first_epoch,
            last_epoch,
            rows.n,
            training.batch_size,
            n_frozen,
            training.learning_rate,
            training.momentum,
            # The derivative of pull * w^2 is this times w; SGD's rate is in it already.
            2.0 * pull * (1.0 if is_adam else training.learning_rate),
        )

    def evaluate(
        self, rows: _LaneRows
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Give each network's accuracy, mean loss, and number of classes predicted."""
        lanes, n_classes = self._kernel.lanes, self._kernel.layout.network.n_classes
        n_correct = np.zeros(lanes, np.int32)
        loss = np.zeros(lanes, np.float64)
        is_predicted = np.zeros((n_classes, lanes), np.int32)
        self._kernel.evaluate(
            self._weights.ctypes.data,
            rows.x.ctypes.data,
            rows.y.ctypes.data,
            rows.firsts.ctypes.data,
            self._workspace.ctypes.data,
            rows.n,
            n_correct.ctypes.data,
            loss.ctypes.data,
            is_predicted.ctypes.data,
        )
        return n_correct / rows.n, loss / rows.n, is_predicted.sum(axis=0)

    def unpacked(self) -> Weights:
        """Give the weights as kernels (lanes, fan_in, fan_out) and biases (lanes, fan_out)."""
        return [np.moveaxis(part, -1, 0) for layer in self._layers(self._weights) for part in layer]

    def _pack(self, weights: Weights, vectors: NDArray[np.float32]) -> None:
        """Lay weights out as the kernel reads them."""
        parts = [part for layer in self._layers(vectors) for part in layer]
        for part, stacked in zip(parts, weights, strict=True):
            part[:] = np.moveaxis(stacked, 0, -1)

    def _layers(
        self, vectors: NDArray[np.float32]
    ) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Give views of each layer: kernel (fan_in, fan_out, lanes), bias (fan_out, lanes)."""
        layout = self._kernel.layout
        for k, (fan_in, fan_out) in enumerate(layout.network.shapes):
            place = layout.weights(k), layout.weights(k + 1)
            layer = vectors[slice(*place)].reshape(fan_in + 1, -1, self._kernel.lanes)
            yield layer[:fan_in, :fan_out], layer[fan_in, :fan_out]

    def _vectors(self, n: int) -> NDArray[np.float32]:
        """Allocate n zero vectors that start where a cache line does."""
        n_bytes = n * self._kernel.lanes * 4
        memory = np.zeros(n_bytes + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        vectors = memory[start : start + n_bytes].view(np.float32)
        return vectors.reshape(n, self._kernel.lanes)


def _n_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
