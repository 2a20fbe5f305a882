"""Compiled engine: all runs at once, a block of networks in the lanes of each vector register.

Blocks are trained side by side by threads. The arithmetic of a network is the same in
whatever lane, block or thread it is, so its result does not depend on what else is trained.
"""

import os
import queue
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer import randomness as schedule
from blobtransfer.engines import Announce, Engine, Job, Scores, Tick, Trained
from blobtransfer.errors import EnvironmentFailed
from blobtransfer.network import Weights
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

WEIGHTS_AT_ONCE = 500_000
"""Weights of all networks of a job, about: 2 MB, and enough to keep threads busy."""

WORK_AT_ONCE = 15_000_000_000
"""Weights x training rows x epochs of a job, about: half a second on two cores."""

FEWEST_REPEATS = 16
"""Repeats of a job where a training takes long."""

WORK_OF_A_CALL = 300_000_000
"""Training rows x weights that a block does before it looks whether to stop: about 0.3 s."""

LEAST_ROWS = 64
"""Rows that are evaluated at once where batches are smaller."""

CACHE_LINE = 64
"""Bytes. A vector that lies across two lines costs two loads."""


def create(show_log: bool) -> Engine:
    """Give a new compiled engine; LLVM is imported at its first training."""
    return CompiledEngine()


class CompiledEngine:
    """Trains with machine code made for the shape of the network.

    Args:
        n_threads: Threads that train blocks; None: one for each processor we may use.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self._n_threads = n_threads or _n_processors()
        self._kernels: dict[tuple[MLPSpec, int, bool], _Kernel] = {}

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Give a number that keeps the threads busy, the memory small and the user informed."""
        assert spec.target is not None
        n_weights = spec.network.n_parameters * len(spec.arms)
        work = n_weights * spec.target.n_train * spec.training.epochs
        # Fewer than a vector has lanes would leave some of them idle.
        return max(FEWEST_REPEATS, min(WEIGHTS_AT_ONCE // n_weights, WORK_AT_ONCE // work))

    def train(self, job: Job, tick: Tick, announce: Announce) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        work = _Work(job, self._kernel(job, announce))
        threads = [threading.Thread(target=work.run, daemon=True) for _ in range(self._n_threads)]
        n_left = len(work.blocks)
        try:
            for thread in threads:
                _start(thread)
            while n_left:
                # Ctrl-C can arrive anywhere here, so this thread holds no lock that the others
                # need, and waits for a limited time, in which all systems hear of Ctrl-C.
                with suppress(queue.Empty):
                    report = work.reports.get(timeout=0.1)
                    if isinstance(report, BaseException):
                        raise report
                    tick(report.n_epochs)
                    n_left -= report.is_last
        finally:
            work.is_stopped = True
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        return work.trained()

    def _kernel(self, job: Job, announce: Announce) -> "_Kernel":
        n_rows = max(min(job.training.batch_size, len(job.task.y_train)), LEAST_ROWS)
        key = (job.network, n_rows, job.training.momentum > 0.0)
        if key not in self._kernels:
            self._kernels[key] = _Kernel.load(*key, announce)
        return self._kernels[key]


@dataclass(frozen=True)
class _Report:
    """Told by a thread: epochs, summed over runs, that are newly done of a block."""

    n_epochs: int
    is_last: bool


class _Work:
    """A job on its way: the kernel, the data as the kernel reads it, and what is done."""

    def __init__(self, job: Job, kernel: "_Kernel") -> None:
        self.job, self._kernel = job, kernel
        self.is_stopped = False
        self.reports: queue.SimpleQueue[_Report | BaseException] = queue.SimpleQueue()
        self._train_rows = _Rows.of(job.task.x_train, job.task.y_train, self._kernel.lanes)
        self._test_rows = _Rows.of(job.task.x_test, job.task.y_test, self._kernel.lanes)
        self.blocks = deque(self._blocks())
        n_evaluations = job.n_epochs + 1 if job.with_curves else 1
        self._weights = [np.empty_like(stacked) for stacked in job.weights]
        # train accuracy, test accuracy, train loss, test loss
        self._scores = np.empty((4, job.n_runs, n_evaluations))
        self._classes_predicted = np.empty(job.n_runs, np.int64)

    def run(self) -> None:
        """Train blocks until none is left; in a thread of its own."""
        try:
            while not self.is_stopped and (block := self._next_block()) is not None:
                self.train_block(block)
        except BaseException as error:
            self.reports.put(error)

    def train_block(self, runs: NDArray[np.intp]) -> None:
        """Train the runs of one block and keep what came out."""
        job, training, kernel = self.job, self.job.training, self._kernel
        # Lanes without a run train the last one again.
        lanes = np.pad(runs, (0, kernel.lanes - len(runs)), mode="edge")
        weights = [stacked[lanes] for stacked in job.weights]
        block = _Block(kernel, weights, job.order_keys[lanes], training.momentum > 0.0)
        n_train = len(job.task.y_train)
        work_of_an_epoch = n_train * job.network.n_parameters
        at_once = 1 if job.with_curves else max(1, WORK_OF_A_CALL // work_of_an_epoch)
        if job.with_curves:
            self._evaluate(block, runs, 0)
        for first in range(job.first_epoch, training.epochs, at_once):
            if self.is_stopped:
                return
            last = min(first + at_once, training.epochs)
            block.train(self._train_rows, first, last, training, int(job.n_frozen[runs[0]]))
            if job.with_curves:
                self._evaluate(block, runs, last - job.first_epoch)
            if last < training.epochs:
                self.reports.put(_Report((last - first) * len(runs), is_last=False))
        if not job.with_curves:
            self._evaluate(block, runs, 0)
        for kept, new in zip(self._weights, block.unpacked(), strict=True):
            kept[runs] = new[: len(runs)]
        self.reports.put(_Report((last - first) * len(runs), is_last=True))

    def trained(self) -> Trained:
        """Give the result once all blocks are done."""
        return Trained(
            weights=self._weights,
            scores=Scores(*self._scores[:, :, -1]),
            classes_predicted=self._classes_predicted,
            curves=Scores(*self._scores) if self.job.with_curves else None,
        )

    def _blocks(self) -> Iterator[NDArray[np.intp]]:
        """Give the runs of each block: as many as there are lanes, all with the same n_frozen."""
        for n_frozen in np.unique(self.job.n_frozen):
            runs = np.flatnonzero(self.job.n_frozen == n_frozen)
            yield from np.split(runs, range(self._kernel.lanes, len(runs), self._kernel.lanes))

    def _next_block(self) -> NDArray[np.intp] | None:
        try:
            return self.blocks.popleft()
        except IndexError:
            return None

    def _evaluate(self, block: "_Block", runs: NDArray[np.intp], evaluation: int) -> None:
        for i, rows in enumerate((self._train_rows, self._test_rows)):
            accuracy, loss, classes_predicted = block.evaluate(rows)
            self._scores[i, runs, evaluation] = accuracy[: len(runs)]
            self._scores[2 + i, runs, evaluation] = loss[: len(runs)]
        self._classes_predicted[runs] = classes_predicted[: len(runs)]  # on the test rows


@dataclass(frozen=True)
class _Rows:
    """Rows as the kernel reads them: features float32, classes int32, both contiguous."""

    x: NDArray[np.float32]
    y: NDArray[np.int32]

    @classmethod
    def of(cls, x: NDArray[np.float32], y: NDArray[np.int64], lanes: int) -> "_Rows":
        if max(x.size, len(y) * lanes) >= 2**31:
            raise EnvironmentFailed(
                f"{len(y):,} rows are too many for the compiled engine, which counts in 32 bits; "
                "use fewer rows, or --engine keras"
            )
        return cls(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(y, np.int32))


@dataclass(frozen=True)
class _Kernel:
    """Machine code for one shape of networks, and how their memory is laid out."""

    layout: Any
    lanes: int
    train: Any
    evaluate: Any

    @classmethod
    def load(
        cls, network: MLPSpec, n_rows: int, has_momentum: bool, announce: Announce
    ) -> "_Kernel":
        """Load the machine code for a shape, compiling it where it is new."""
        try:
            from blobtransfer.engines.compiled import kernel, native, simd
        except ImportError as error:
            raise EnvironmentFailed(
                f"LLVM cannot be imported ({error}); install llvmlite, or use --engine keras"
            ) from error
        lanes = native.host_lanes()
        sources = [Path(str(module.__file__)).read_bytes() for module in (kernel, simd, schedule)]
        key = native.cache_key(
            network.layer_sizes, network.activation, n_rows, has_momentum, lanes, sources
        )
        done = None if native.is_kept(key) else announce(f"compiling for {network}, once")
        functions = native.load_functions(
            key,
            lambda: kernel.write_module(network, n_rows, has_momentum, lanes),
            {"train": kernel.TRAIN_ARGUMENTS, "evaluate": kernel.EVALUATE_ARGUMENTS},
        )
        if done is not None:
            done(1)
        return cls(kernel.Layout(network, n_rows), lanes, **functions)


class _Block:
    """The memory of one block: a number of every network side by side in each vector."""

    def __init__(
        self,
        kernel: _Kernel,
        weights: Weights,
        order_keys: NDArray[np.uint64],
        has_momentum: bool,
    ) -> None:
        self._kernel, self._keys = kernel, np.ascontiguousarray(order_keys, np.uint64)
        self._weights = self._vectors(kernel.layout.n_weights)
        self._velocity = self._vectors(kernel.layout.n_weights if has_momentum else 0)
        self._workspace = self._vectors(kernel.layout.n_units)
        self._orders = self._vectors(0)
        for (kernels, biases), kernel_weights, bias_weights in zip(
            self._layers(), weights[::2], weights[1::2], strict=True
        ):
            kernels[:] = np.moveaxis(kernel_weights, 0, -1)
            biases[:] = np.moveaxis(bias_weights, 0, -1)

    def train(
        self, rows: _Rows, first_epoch: int, last_epoch: int, training: TrainingSpec, n_frozen: int
    ) -> None:
        """Train from epoch `first_epoch` up to, not with, `last_epoch`."""
        if len(self._orders) != len(rows.y):
            self._orders = self._vectors(len(rows.y))
        self._kernel.train(
            self._weights.ctypes.data,
            self._velocity.ctypes.data,
            self._keys.ctypes.data,
            rows.x.ctypes.data,
            rows.y.ctypes.data,
            self._orders.ctypes.data,
            self._workspace.ctypes.data,
            first_epoch,
            last_epoch,
            len(rows.y),
            training.batch_size,
            n_frozen,
            training.learning_rate,
            training.momentum,
        )

    def evaluate(
        self, rows: _Rows
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
            self._workspace.ctypes.data,
            len(rows.y),
            n_correct.ctypes.data,
            loss.ctypes.data,
            is_predicted.ctypes.data,
        )
        return n_correct / len(rows.y), loss / len(rows.y), is_predicted.sum(axis=0)

    def unpacked(self) -> Weights:
        """Give the weights as kernels (lanes, fan_in, fan_out) and biases (lanes, fan_out)."""
        return [np.moveaxis(part, -1, 0) for layer in self._layers() for part in layer]

    def _layers(self) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Give views of each layer: kernel (fan_in, fan_out, lanes), bias (fan_out, lanes)."""
        layout = self._kernel.layout
        for k, (fan_in, fan_out) in enumerate(layout.network.shapes):
            place = layout.weights(k), layout.weights(k + 1)
            layer = self._weights[slice(*place)].reshape(fan_in + 1, -1, self._kernel.lanes)
            yield layer[:fan_in, :fan_out], layer[fan_in, :fan_out]

    def _vectors(self, n: int) -> NDArray[np.float32]:
        """Allocate n zero vectors that start where a cache line does."""
        n_bytes = n * self._kernel.lanes * 4
        memory = np.zeros(n_bytes + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        vectors = memory[start : start + n_bytes].view(np.float32)
        return vectors.reshape(n, self._kernel.lanes)


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        raise EnvironmentFailed(
            f"no thread can be started ({error}); free some memory, or end other programs"
        ) from error


def _n_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
