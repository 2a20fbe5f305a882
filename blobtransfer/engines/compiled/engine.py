"""Train all runs at once, a block of networks in the lanes of each vector register.

Blocks are trained side by side by threads. Those of a repeat's arms see the rows in the same
orders, which are drawn once for a team of them. The arithmetic of a network is the same in
whatever lane, block or thread it is, so its result does not depend on what else is trained.
"""

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_dataset
from blobtransfer.engines import Engine, Job, OnEpochs, Trained
from blobtransfer.engines.compiled.compilation import Kernel, get_kernel
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

WEIGHTS_AT_ONCE = 250_000
"""Weights of all networks of a job for each thread, about: 1 MB, and enough to keep it busy."""

WORK_AT_ONCE = 7_500_000_000
"""Weights x training rows x epochs of a job for each thread, about: half a second."""

FEWEST_REPEATS = 16
"""Repeats of a job: for two threads where a training takes long, for any if networks are large."""

FEWEST_THREADS = 2
"""Jobs are no smaller for one thread than for two."""

WORK_OF_A_CALL = 300_000_000
"""Training rows x weights that a block does before it looks whether to stop: about 0.3 s."""

VECTORS_AT_ONCE = 16_000
"""Vectors of rows that are laid out before a team trains on them: 1 MB, which a cache holds."""

WEIGHTS_OF_A_TEAM = 100_000
"""Weights of the blocks of a team, about; more take memory and gain nothing."""

COST_OF_ORDERS = 0.5
"""Time to draw the orders of a block of small networks, in times of training it."""

CELLS_AT_ONCE = 50_000_000
"""Numbers in the rows of a job's tasks where each repeat has its own: 0.2 GB."""

CACHE_LINE = 64
"""Bytes. A vector that lies across two lines costs two loads."""

LOOK_S = 0.1
"""Seconds between two looks at what the threads have done."""


_LANES_FIRST = {2: (1, 0), 3: (2, 0, 1)}
_LANES_LAST = {2: (1, 0), 3: (1, 2, 0)}
"""Axes of a bias and of a kernel; `np.moveaxis` takes longer to see than these to do."""

_Team = list[NDArray[np.intp]]
"""The runs of each of some blocks, which see the rows in the same orders."""


def create(show_log: bool, n_threads: int | None) -> Engine:
    """Give a new compiled engine; LLVM is imported when it starts."""
    return CompiledEngine(n_threads)


class CompiledEngine:
    """Trains with machine code made for the shape of the network.

    Args:
        n_threads: Threads that train blocks; None: one for each processor we may use.
    """

    def __init__(self, n_threads: int | None = None) -> None:
        self._n_threads = n_threads or _n_processors()

    def start(self, spec: ExperimentSpec) -> None:
        """Import LLVM and compile for the networks of a spec; see `engines.Engine.start`."""
        n_train = len(load_dataset(spec.task).y_train)
        for arm in spec.arms:
            network, is_anchored = arm.variant.network(spec.network), arm.variant.anchor is not None
            is_resplit = spec.task.is_resplit
            self._kernel(network, spec.training, is_anchored, n_train, is_resplit)
            if spec.tune and not is_resplit:
                self._kernel(network, spec.training, is_anchored, n_train, has_own_rows=True)

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        """Give a number that keeps the threads busy, the memory small and the user informed."""
        assert spec.target is not None
        n_weights = spec.network.n_parameters * len(spec.arms)
        work = n_weights * spec.target.n_train * spec.training.epochs
        n_threads = max(FEWEST_THREADS, self._n_threads)
        # Fewer than a vector has lanes would leave some of them idle.
        n_of_work = max(
            FEWEST_REPEATS * n_threads // FEWEST_THREADS, WORK_AT_ONCE * n_threads // work
        )
        n_of_weights = WEIGHTS_AT_ONCE * n_threads // n_weights
        n_repeats = max(FEWEST_REPEATS, min(n_of_weights, n_of_work))
        n_cells = sum(
            (one.n_train + one.n_test_rows) * one.n_features
            for one in (spec.source, spec.target)
            if one is not None and (one.is_resplit or spec.tune)
        )
        return max(1, min(n_repeats, CELLS_AT_ONCE // n_cells)) if n_cells else n_repeats

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        """Train every run of a job; see `engines.Engine.train`."""
        n_train, is_anchored = max(len(one.y_train) for one in job.tasks), job.anchor is not None
        kernel = get_kernel(job.network, job.training, is_anchored, n_train, len(job.tasks) > 1)
        work = _Work(job, kernel)
        pool = ThreadPoolExecutor(self._n_threads)
        try:
            teams = iter(work.teams(self._n_threads))
            running = {_submitted(pool, work, teams) for _ in range(self._n_threads)}
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
            work.stop()
            pool.shutdown(cancel_futures=True)
        return Trained(work.weights, work.curves, work.classes_predicted)


def _submitted(pool: ThreadPoolExecutor, work: "_Work", teams: Iterator[_Team]) -> "Future[None]":
    try:
        return pool.submit(work.train_teams, teams)
    except RuntimeError as error:
        raise MachineError(
            f"no thread can be started ({error}); free some memory, or end other programs"
        ) from error


class _Work:
    """A job on its way: the data as the kernel reads it, and what is done.

    Attributes:
        epochs_done: (R,) epochs that are done: of all runs of a team at its first.
        weights: As in `Trained`, as far as they are done.
        curves: As in `Trained`.
        classes_predicted: As in `Trained`.
    """

    def __init__(self, job: Job, kernel: Kernel) -> None:
        self._job, self._kernel = job, kernel
        self._is_stopped = np.zeros(1, np.int64)
        self._train_rows = _Rows.of([(task.x_train, task.y_train) for task in job.tasks], kernel)
        self._test_rows = _Rows.of([(task.x_test, task.y_test) for task in job.tasks], kernel)
        self._task_of = np.arange(job.n_runs) % len(job.tasks)
        n_rows = [rows.counts[self._task_of] for rows in (self._train_rows, self._test_rows)]
        _, self._course = np.unique(np.stack([job.n_frozen, *n_rows]), axis=1, return_inverse=True)
        training, anchor = job.training, job.anchor
        strength = training.weight_decay if anchor is None else anchor.strength
        rate = 1.0 if training.optimizer == "adam" else training.learning_rate
        # The derivative of strength * w^2 is this times w; SGD's gradients have its rate in them.
        self._pull = 2.0 * strength * rate
        n_evaluations = job.n_epochs + 1 if job.with_curves else 1
        self.epochs_done = np.zeros(job.n_runs, np.int64)
        self.weights = [np.empty_like(stacked) for stacked in job.weights]
        self.curves = np.empty((len(METRICS), job.n_runs, n_evaluations))
        self.classes_predicted = np.empty(job.n_runs, np.int64)

    def teams(self, n_threads: int) -> list[_Team]:
        """Cut the runs into blocks of one course, as many runs as there are lanes.

        That is of as many frozen layers and as many rows.
        Blocks whose lanes have the same order keys are a team. Teams that would leave threads
        idle at the end are split.
        """
        whole, rest = self._teams_of_repeats()
        packed = [[block] for block in self._packed([block for team in rest for block in team])]
        if _cost(packed) < _cost(rest):
            rest = packed
        most = max(1, WEIGHTS_OF_A_TEAM // self._job.network.n_parameters)
        teams = [part for team in (*whole, *rest) for part in _cut(team, -(-len(team) // most))]
        teams.sort(key=len, reverse=True)
        n_odd = sum(len(team) > 1 for team in teams) % n_threads
        last = [part for team in teams[:n_odd] for part in _cut(team, n_threads)]
        return sorted([*teams[n_odd:], *last], key=len, reverse=True)

    def train_teams(self, teams: Iterator[_Team]) -> None:
        """Train teams, which threads share, until none is left; in a thread of its own."""
        for team in teams:
            if self._is_stopped[0]:
                return
            self._train_team(team)

    def stop(self) -> None:
        """Let all teams leave their runs as they are."""
        self._is_stopped[0] = 1

    def _teams_of_repeats(self) -> tuple[list[_Team], list[_Team]]:
        """Give the teams of the runs with the same keys: of whole blocks, and of what is left."""
        job, lanes = self._job, self._kernel.lanes
        whole: dict[bytes, _Team] = {}
        rest: dict[bytes, _Team] = {}
        for course in range(self._course.max() + 1):
            of_key = defaultdict(list)
            for run in np.flatnonzero(self._course == course):
                of_key[job.order_keys[run]].append(run)
            # The first run of each key, the second of each, ...: an arm each.
            for arm in zip_longest(*of_key.values()):
                runs = np.array([run for run in arm if run is not None], np.intp)
                for block in np.split(runs, range(lanes, len(runs), lanes)):
                    teams = whole if len(block) == lanes else rest
                    teams.setdefault(job.order_keys[block].tobytes(), []).append(block)
        return list(whole.values()), list(rest.values())

    def _packed(self, blocks: _Team) -> _Team:
        """Put the runs of some blocks into as few as can be."""
        lanes = self._kernel.lanes
        found: _Team = []
        for course in range(self._course.max() + 1):
            own = [block for block in blocks if self._course[block[0]] == course]
            if own:
                runs = np.concatenate(own)
                found += np.split(runs, range(lanes, len(runs), lanes))
        return found

    def _train_team(self, team: _Team) -> None:
        """Train the blocks of a team in turn on the rows laid out, and keep what came out."""
        job, lanes = self._job, self._lanes(team[0])
        tasks = self._task_of[lanes]
        rows = self._train_rows.of_lanes(tasks), self._test_rows.of_lanes(tasks)
        memory = _Memory(self._kernel, *self._laid_out_at_once(rows[0].n), rows[0].n)
        blocks = [self._block(runs) for runs in team]
        train = self._training_of(team, blocks, job.order_keys[lanes], rows[0], memory)
        ends = [job.first_epoch, job.training.epochs]
        if job.with_curves:
            self._evaluate(team, blocks, 0, rows, memory)
            ends = list(range(job.first_epoch, job.training.epochs + 1))
        for first, last in pairwise(ends):
            train(first, last)
            if self._is_stopped[0]:
                return
            evaluation = last - job.first_epoch if job.with_curves else 0
            self._evaluate(team, blocks, evaluation, rows, memory)
        for runs, block in zip(team, blocks, strict=True):
            for kept, new in zip(self.weights, block.unpacked(), strict=True):
                kept[runs] = new[: len(runs)]

    def _training_of(
        self,
        team: _Team,
        blocks: "Sequence[_Block]",
        keys: NDArray[np.uint64],
        rows: "_LaneRows",
        memory: "_Memory",
    ) -> Callable[[int, int], None]:
        """Give what trains a team from one epoch up to, not with, another: one call of the kernel.

        Threads wait for one another wherever they are in Python.
        """
        job, kernel = self._job, self._kernel
        training, n_runs = job.training, sum(map(len, team))
        fields = np.array([block.fields for block in blocks], np.int64)
        n_done = self.epochs_done[team[0][0] :]

        def train(first_epoch: int, last_epoch: int) -> None:
            kernel.train_team(
                blocks=fields.ctypes.data,
                n_blocks=len(fields),
                is_stopped=self._is_stopped.ctypes.data,
                n_done=n_done.ctypes.data,
                n_runs=n_runs,
                n_epochs_at_once=memory.n_epochs,
                n_rows_at_once=memory.n_rows,
                order_keys=keys.ctypes.data,
                orders=memory.orders.at(0),
                first_epoch=first_epoch,
                last_epoch=last_epoch,
                n_rows=rows.n,
                first_rows=rows.firsts.ctypes.data,
                x=rows.x.ctypes.data,
                y=rows.y.ctypes.data,
                inputs=memory.inputs.at(0),
                labels=memory.labels.at(0),
                workspace=memory.workspace.at(0),
                batch_size=training.batch_size,
                learning_rate=training.learning_rate,
                momentum=training.momentum,
                pull=self._pull,
            )

        return train

    def _laid_out_at_once(self, n_rows: int) -> tuple[int, int]:
        """Give the epochs whose rows are laid out at once, and the rows of each of them.

        Several whole epochs, or a part of one, in whole batches.
        """
        training, network = self._job.training, self._job.network
        n_fitting = max(1, VECTORS_AT_ONCE // (network.n_features + 2))
        if n_fitting < n_rows:
            return 1, max(1, n_fitting // training.batch_size) * training.batch_size
        most = max(1, WORK_OF_A_CALL // (n_rows * network.n_parameters))
        return min(most, n_fitting // n_rows), n_rows

    def _lanes(self, runs: NDArray[np.intp]) -> NDArray[np.intp]:
        """Give the run of each lane; lanes without one train the last one again."""
        return runs[np.minimum(np.arange(self._kernel.lanes), len(runs) - 1)]

    def _block(self, runs: NDArray[np.intp]) -> "_Block":
        job, lanes = self._job, self._lanes(runs)
        anchors = None if job.anchor is None else [one[lanes] for one in job.anchor.weights]
        weights = [stacked[lanes] for stacked in job.weights]
        return _Block(self._kernel, weights, anchors, int(job.n_frozen[runs[0]]))

    def _evaluate(
        self,
        team: _Team,
        blocks: "Sequence[_Block]",
        evaluation: int,
        rows: "tuple[_LaneRows, _LaneRows]",
        memory: "_Memory",
    ) -> None:
        """Evaluate the blocks of a team on the training rows and on the test rows."""
        for runs, block in zip(team, blocks, strict=True):
            n = len(runs)
            for own, accuracy_metric, loss_metric in (
                (rows[0], TRAIN_ACCURACY, TRAIN_LOSS),
                (rows[1], TEST_ACCURACY, TEST_LOSS),
            ):
                accuracy, loss, classes_predicted = block.evaluate(own, memory.workspace)
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
        cls, rows: Sequence[tuple[NDArray[np.float32], NDArray[np.int64]]], kernel: Kernel
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


class _Vectors:
    """Zero vectors that start where a cache line does.

    Attributes:
        values: (n, lanes).
    """

    def __init__(self, n: int, lanes: int) -> None:
        n_bytes = n * lanes * 4
        memory = np.zeros(n_bytes + CACHE_LINE, np.uint8)
        start = -memory.ctypes.data % CACHE_LINE
        self.values = memory[start : start + n_bytes].view(np.float32).reshape(n, lanes)
        # Asked once: NumPy takes as long for an address as a kernel for several rows.
        self._address, self._size = int(self.values.ctypes.data), lanes * 4

    def at(self, place: int) -> int:
        """Give the address of a vector."""
        return self._address + place * self._size


class _Memory:
    """What the blocks of a team use one after another: rows in their orders, room for units.

    Args:
        kernel: What uses it.
        n_epochs: Epochs whose rows are laid out at once.
        n_rows: Rows of each of them that are.
        n_all_rows: Rows of an epoch, all of whose order is drawn at once.
    """

    def __init__(self, kernel: Kernel, n_epochs: int, n_rows: int, n_all_rows: int) -> None:
        self.n_epochs, self.n_rows = n_epochs, n_rows
        self.orders = _Vectors(n_epochs * n_all_rows, kernel.lanes)
        self.inputs = _Vectors(n_epochs * n_rows * kernel.layout.inputs_stride, kernel.lanes)
        self.labels = _Vectors(n_epochs * n_rows, kernel.lanes)
        self.workspace = _Vectors(kernel.layout.n_units, kernel.lanes)


class _Block:
    """One block: a number of every network side by side in each vector.

    Args:
        kernel: What trains it.
        weights: Of each lane.
        anchors: What pulls on the weights of each lane; None: nothing does.
        n_frozen: Layers that must not move.

    Attributes:
        fields: What the kernel is told of it, in the order of `kernel.OF_A_BLOCK`.
    """

    def __init__(
        self, kernel: Kernel, weights: Weights, anchors: Weights | None, n_frozen: int
    ) -> None:
        self._kernel = kernel
        n_weights = kernel.layout.n_weights
        self._weights = _Vectors(n_weights, kernel.lanes)
        self._moments = _Vectors(kernel.rule.n_moments * n_weights, kernel.lanes)
        self._beta_powers = np.ones(2)
        self._anchors = _Vectors(0 if anchors is None else n_weights, kernel.lanes)
        self._pack(weights, self._weights)
        if anchors is not None:
            self._pack(anchors, self._anchors)
        fields = {
            "weights": self._weights.at(0),
            "moments": self._moments.at(0),
            "beta_powers": int(self._beta_powers.ctypes.data),
            "anchors": self._anchors.at(0),
            "n_frozen": n_frozen,
        }
        self.fields = [fields[name] for name in kernel.block_fields]

    def evaluate(
        self, rows: _LaneRows, workspace: _Vectors
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Give each network's accuracy, mean loss, and number of classes predicted."""
        lanes, n_classes = self._kernel.lanes, self._kernel.layout.network.n_classes
        n_correct = np.zeros(lanes, np.int32)
        loss = np.zeros(lanes, np.float64)
        is_predicted = np.zeros((n_classes, lanes), np.int32)
        self._kernel.evaluate(
            weights=self._weights.at(0),
            x=rows.x.ctypes.data,
            y=rows.y.ctypes.data,
            first_rows=rows.firsts.ctypes.data,
            workspace=workspace.at(0),
            n_rows=rows.n,
            n_correct=n_correct.ctypes.data,
            loss=loss.ctypes.data,
            is_predicted=is_predicted.ctypes.data,
        )
        return n_correct / rows.n, loss / rows.n, is_predicted.sum(axis=0)

    def unpacked(self) -> Weights:
        """Give the weights as kernels (lanes, fan_in, fan_out) and biases (lanes, fan_out)."""
        return [part.transpose(_LANES_FIRST[part.ndim]) for part in self._parts(self._weights)]

    def _pack(self, weights: Weights, vectors: _Vectors) -> None:
        """Lay weights out as the kernel reads them."""
        for part, stacked in zip(self._parts(vectors), weights, strict=True):
            part[:] = stacked.transpose(_LANES_LAST[stacked.ndim])

    def _parts(self, vectors: _Vectors) -> Iterator[NDArray[np.float32]]:
        """Give views of each layer: kernel (fan_in, fan_out, lanes), bias (fan_out, lanes)."""
        for (fan_in, fan_out), (start, end) in self._kernel.layout.layers:
            layer = vectors.values[start:end].reshape(fan_in + 1, -1, self._kernel.lanes)
            yield layer[:fan_in, :fan_out]
            yield layer[fan_in, :fan_out]


def _cost(teams: Sequence[_Team]) -> float:
    """Give the time that teams take, in times of training a block."""
    return sum(len(team) + COST_OF_ORDERS for team in teams)


def _cut(team: _Team, n: int) -> list[_Team]:
    """Cut a team into n parts, as even as can be, but for those that would be empty."""
    ends = [len(team) * i // n for i in range(n + 1)]
    return [team[i:j] for i, j in pairwise(ends) if i < j]


def _n_processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
