"""Train all runs of a job at once: a block of networks in the lanes of each vector register.

Threads train block groups side by side (`scheduling.py`). The arithmetic of a network is the same
in every lane, block and thread, so its result does not depend on what else is trained.
`docs/engine.md` has the memory layout with a drawing.
"""

import os
from collections.abc import Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import numpy as np

from blobtransfer.engines import Engine, Job, OnEpochs, Trained, thread_error
from blobtransfer.engines.compiled import scheduling
from blobtransfer.engines.compiled.compilation import Kernel, get_kernel
from blobtransfer.engines.compiled.memory import GroupNetworks, PackedRows, Workspace
from blobtransfer.engines.compiled.scheduling import BlockGroup
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.training import (
    BALANCED_ACCURACY,
    METRICS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
)
from blobtransfer.statistics.descriptive import balanced_accuracy

POLL_S = 0.1
"""Seconds between two looks at the progress of the threads."""


def create(show_log: bool, n_threads: int | None) -> Engine:
    """Return a new compiled engine; LLVM is imported when it starts."""
    return CompiledEngine(n_threads)


class CompiledEngine:
    """Trains with machine code for the shape of the network.

    Kernels are shared by all engines of a process, so an engine costs nothing to make.

    Args:
        n_threads: Threads that train; None: one for each processor we may use.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self._n_threads = n_threads or n_processors()

    def start(self, spec: ExperimentSpec) -> None:
        """Import LLVM and compile for the networks of a spec; see `engines.Engine.start`."""
        for kernel in kernels_of(spec):
            kernel.train_group.wait()

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Return how many repeats a block of work should have; see `scheduling.repeats_per_job`."""
        assert spec.target is not None
        n_numbers = sum(
            (data.n_train + data.n_test_rows) * data.n_features
            for data in (spec.source, spec.target)
            if data is not None and (data.is_resplit or spec.tune or spec.training.patience)
        )
        return scheduling.repeats_per_job(
            spec.network.n_parameters * len(spec.arms),
            spec.target.n_train,
            spec.training.epochs,
            n_numbers,
            self._n_threads,
        )

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        n_train = max(len(dataset.y_train) for dataset in job.datasets)
        kernel = get_kernel(
            job.network, job.training, job.anchor is not None, n_train, len(job.datasets) > 1
        )
        training = _JobTraining(job, kernel)
        pool = ThreadPoolExecutor(self._n_threads)
        try:
            groups = iter(training.groups(self._n_threads))
            try:
                train = training.train_groups
                running = {pool.submit(train, groups) for _ in range(self._n_threads)}
            except RuntimeError as error:
                raise thread_error(error) from error
            n_reported = 0
            while running:
                # A limited time, in which all systems hear of Ctrl-C.
                done, running = wait(running, POLL_S, FIRST_EXCEPTION)
                for thread in done:
                    thread.result()
                n_done = int(training.epochs_done.sum())
                on_epochs(n_done - n_reported)
                n_reported = n_done
        finally:
            training.stop()
            pool.shutdown(cancel_futures=True)
        return Trained(
            training.weights, training.curves, training.classes_predicted, training.epochs
        )


def kernels_of(spec: ExperimentSpec) -> list[Kernel]:
    """Return the kernels of a spec's networks; they may still be compiled in threads.

    Raises:
        MachineError: LLVM is missing, or no thread can be started.
    """
    n_train = spec.training.n_trained_rows(spec.data.n_train)
    is_resplit = spec.data.is_resplit
    row_kinds = {is_resplit, True} if spec.tune else {is_resplit}
    return [
        get_kernel(
            arm.variant.network(spec.network),
            spec.training,
            arm.variant.anchor is not None,
            n_train,
            has_own_rows,
        )
        for arm in spec.arms
        for has_own_rows in sorted(row_kinds)
    ]


class _JobTraining:
    """A job while it is trained: its rows as the kernel reads them, and its results so far.

    Attributes:
        epochs_done: (R,) epochs done; those of all runs of a group are counted at its first run.
        weights: As in `Trained`, as far as they are done.
        curves: As in `Trained`.
        test_class_counts: (T, classes) test rows of each class in each dataset.
        classes_predicted: As in `Trained`.
        epochs: As in `Trained`.
    """

    def __init__(self, job: Job, kernel: Kernel) -> None:
        self.job, self.kernel = job, kernel
        self.is_stopped = np.zeros(1, np.int64)
        datasets, lanes = job.datasets, kernel.lanes
        self.train_rows = PackedRows.pack(
            [(dataset.x_train, dataset.y_train) for dataset in datasets], lanes
        )
        self.test_rows = PackedRows.pack(
            [(dataset.x_test, dataset.y_test) for dataset in datasets], lanes
        )
        self.validation_rows = PackedRows.pack(
            [
                dataset.validation or (dataset.x_train[:0], dataset.y_train[:0])
                for dataset in datasets
            ],
            lanes,
        )
        self.test_class_counts = np.stack(
            [np.bincount(data.y_test, minlength=job.network.n_classes) for data in datasets]
        )
        self.records = self.train_rows.records(kernel.layout.record_size(lanes))
        self.dataset_of_run = np.arange(job.n_runs) % len(datasets)
        self.epochs_done = np.zeros(job.n_runs, np.int64)
        self.weights = [np.empty_like(stacked) for stacked in job.weights]
        self.curves = np.empty((len(METRICS), job.n_runs, len(job.evaluated_epochs)))
        self.classes_predicted = np.empty(job.n_runs, np.int64)
        self.epochs = np.full(job.n_runs, job.n_epochs)

    def groups(self, n_threads: int) -> list[BlockGroup]:
        """Return the block groups of the job; see `scheduling.block_groups`."""
        job, lanes, datasets = self.job, self.kernel.lanes, self.dataset_of_run
        all_rows = self.train_rows, self.test_rows, self.validation_rows
        n_rows = [rows.counts[datasets] for rows in all_rows]
        schedules = scheduling.schedules_of(job.n_frozen, *n_rows)
        n_parameters = job.network.n_parameters
        return scheduling.block_groups(job.order_keys, schedules, n_parameters, lanes, n_threads)

    def train_groups(self, groups: Iterator[BlockGroup]) -> None:
        """Train groups from an iterator that threads share, until it ends; run by each thread."""
        workspace: Workspace | None = None
        for group in groups:
            if self.is_stopped[0]:
                return
            n_rows = int(self.train_rows.counts[self.dataset_of_run[group[0][0]]])
            if workspace is None or workspace.n_all_rows != n_rows:
                workspace = self._new_workspace(n_rows)
            _GroupTraining(self, group, workspace).run()

    def _new_workspace(self, n_rows: int) -> Workspace:
        """Return the workspace for runs with `n_rows` training rows."""
        network = self.job.network
        size = scheduling.packed_size(
            n_rows, self.job.training.batch_size, network.n_features, network.n_parameters
        )
        return Workspace(self.kernel, *size, n_rows)

    def stop(self) -> None:
        """Stop all threads soon, with their runs unfinished."""
        self.is_stopped[0] = 1


class _GroupTraining:
    """The training of a block group: its networks and rows.

    Args:
        training: Training of the job, which stores the results.
        group: Run numbers of each block.
        workspace: Memory that all groups of a thread use.
    """

    def __init__(self, training: _JobTraining, group: BlockGroup, workspace: Workspace) -> None:
        self._training, self._runs, self._workspace = training, np.stack(group), workspace
        job, kernel = training.job, training.kernel
        runs = scheduling.runs_of_lanes(self._runs, kernel.lanes)
        datasets = training.dataset_of_run[runs[0]]
        self._train_rows = training.train_rows.of_lanes(datasets)
        self._test_rows = training.test_rows.of_lanes(datasets)
        self._validation_rows = training.validation_rows.of_lanes(datasets)
        self._test_class_counts = training.test_class_counts[datasets].T
        self._order_keys = job.order_keys[runs[0]]
        weights = [stacked[runs] for stacked in job.weights]
        anchors = None if job.anchor is None else [stacked[runs] for stacked in job.anchor.weights]
        self._networks = GroupNetworks(kernel, weights, anchors, job.n_frozen[runs[:, 0]])
        shape = (len(self._runs), kernel.lanes)
        self._curves = np.empty((len(job.evaluated_epochs), len(METRICS), *shape))
        self._classes_predicted = np.zeros(shape, np.int64)
        self._n_running = np.full(1, len(self._runs), np.int64)
        self._arguments = self._kernel_arguments()

    def run(self) -> None:
        """Train and evaluate the blocks, and store their results; or return early if stopped."""
        training, job = self._training, self._training.job
        reached = job.first_epoch
        for i, epoch in enumerate(job.evaluated_epochs):
            self._train(reached, epoch)
            if training.is_stopped[0]:
                return
            self._evaluate(i)
            reached = epoch
        self._train(reached, job.training.epochs)
        if training.is_stopped[0]:
            return
        n_runs = self._runs.shape[1]
        training.curves[:, self._runs] = self._curves[..., :n_runs].transpose(1, 2, 3, 0)
        training.classes_predicted[self._runs] = self._classes_predicted[:, :n_runs]
        if job.training.patience is not None:
            training.epochs[self._runs] = self._networks.epochs_made[:, :n_runs]
        for result, stacked in zip(training.weights, self._networks.unpack_weights(), strict=True):
            result[self._runs] = stacked[:, :n_runs]

    def _train(self, first_epoch: int, last_epoch: int) -> None:
        """Train the blocks from one epoch up to another, or until the job is stopped."""
        if first_epoch < last_epoch:
            # One call for all: threads wait for one another wherever they are in Python.
            self._training.kernel.train_group(
                first_epoch=first_epoch, last_epoch=last_epoch, **self._arguments
            )
        spec = self._training.job.training
        if spec.patience is not None:
            self._networks.restore_best_weights(spec.patience, last_epoch == spec.epochs)

    def _kernel_arguments(self) -> dict[str, int | float]:
        """Return the arguments of `kernel.train_group` except for the epochs.

        This object and the training of the job own the memory that the addresses point to.
        """
        training, spec = self._training, self._training.job.training
        rows, validation_rows, workspace = self._train_rows, self._validation_rows, self._workspace
        return {
            "blocks": self._networks.fields.ctypes.data,
            "n_blocks": len(self._runs),
            "is_stopped": training.is_stopped.ctypes.data,
            "n_done": training.epochs_done[self._runs[0, 0] :].ctypes.data,
            "n_runs": self._runs.size,
            "n_packed_epochs": workspace.n_epochs,
            "n_packed_rows": workspace.n_rows,
            "order_keys": self._order_keys.ctypes.data,
            "row_orders": workspace.row_orders.address,
            "n_rows": rows.n,
            "first_rows": rows.first_rows.ctypes.data,
            "x": rows.x.ctypes.data,
            "y": rows.y.ctypes.data,
            "records": training.records.ctypes.data,
            "inputs": workspace.inputs.address,
            "labels": workspace.labels.address,
            "workspace": workspace.units.address,
            "batch_size": spec.batch_size,
            "learning_rate": spec.learning_rate,
            "momentum": spec.momentum,
            "penalty_factor": _penalty_factor(training.job),
            "penalty": _penalty(training.job),
            "n_running": self._n_running.ctypes.data,
            "n_validation_rows": validation_rows.n,
            "validation_x": validation_rows.x.ctypes.data,
            "validation_y": validation_rows.y.ctypes.data,
            "validation_first_rows": validation_rows.first_rows.ctypes.data,
            "validation_loss": workspace.validation_loss.address,
            "n_correct": workspace.n_correct.address,
            "is_predicted": workspace.is_predicted.address,
            "patience": spec.patience or 0,
        }

    def _evaluate(self, evaluation: int) -> None:
        """Store an evaluation of the networks on the training rows and on the test rows."""
        metrics = self._curves[evaluation]
        for rows, accuracy_metric, loss_metric in (
            (self._train_rows, TRAIN_ACCURACY, TRAIN_LOSS),
            (self._test_rows, TEST_ACCURACY, TEST_LOSS),
        ):
            n_correct, loss, classes_predicted = self._networks.evaluate(
                rows, self._workspace.units
            )
            metrics[accuracy_metric] = n_correct.sum(axis=1) / rows.n
            metrics[loss_metric] = loss
        # The last evaluation is that on the test rows.
        metrics[BALANCED_ACCURACY] = balanced_accuracy(n_correct, self._test_class_counts, axis=1)
        self._classes_predicted = classes_predicted


def _penalty_factor(job: Job) -> float:
    """Return what a weight's distance is multiplied by to be added to its gradient.

    The derivative of strength * w^2 is 2 * strength * w; SGD's gradients are multiplied by the
    learning rate already.
    """
    rate = 1.0 if job.training.optimizer == "adam" else job.training.learning_rate
    return 2.0 * _penalty(job) * rate


def _penalty(job: Job) -> float:
    """Return the penalty on a squared distance of 1."""
    return job.training.weight_decay if job.anchor is None else job.anchor.strength


def n_processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
