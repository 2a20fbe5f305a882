"""Scheduling: which runs share a block, which blocks share row orders, how much a call does.

Functions of integers and arrays of integers alone; nothing here knows of LLVM or of weights.

A block is an array of run numbers, at most one run per lane of a vector register. All runs of a
block have the same schedule: as many frozen layers and as many rows. A block group is a list of
blocks whose lanes see the rows in the same orders, such as the variants of one repeat: their
orders are drawn and their rows packed once.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise, zip_longest

import numpy as np
from numpy.typing import NDArray

JOB_WEIGHTS_PER_THREAD = 250_000
"""Weights of all networks of a job for each thread, about: 1 MB, and enough to keep it busy."""

JOB_WORK_PER_THREAD = 7_500_000_000
"""Weights x training rows x epochs of a job for each thread, about: half a second."""

MIN_JOB_REPEATS = 16
"""Fewest repeats of a job for `MIN_JOB_THREADS` threads; fewer would leave lanes idle."""

MIN_JOB_THREADS = 2
"""Jobs are not smaller for one thread than for two."""

MAX_JOB_NUMBERS = 50_000_000
"""Numbers in the rows of a job where each repeat has rows of its own: 0.2 GB."""

MAX_CALL_WORK = 300_000_000
"""Training rows x weights between two checks for a stop: about 0.3 s."""

MAX_PACKED_VECTORS = 16_000
"""Maximum vectors that are packed at a time if they are rows of one epoch: 1 MB."""

MAX_MULTI_EPOCH_VECTORS = 4_000
"""Maximum vectors if they are rows of several epochs: a cache of 1 MB also holds the networks."""

MAX_GROUP_WEIGHTS = 100_000
"""Weights of the blocks of a group, about; more take memory and gain nothing."""

ROW_ORDER_COST = 0.5
"""Time to draw the row orders of a block of small networks, in times of training it."""

Block = NDArray[np.intp]
"""(n,) run numbers, at most one per lane."""

BlockGroup = list[Block]
"""Blocks of equal length, whose lanes have the same order keys."""


def repeats_per_job(
    n_weights: int, n_train: int, n_epochs: int, n_numbers: int, n_threads: int
) -> int:
    """Return how many repeats a job should have: threads busy, memory bounded, progress visible.

    Args:
        n_weights: Weights of all networks of a repeat, at least 1.
        n_train: Training rows, at least 1.
        n_epochs: Epochs of each training, at least 1.
        n_numbers: Numbers in the rows that a repeat has for itself; 0 where repeats share rows.
        n_threads: Threads that train, at least 1.
    """
    n_threads = max(MIN_JOB_THREADS, n_threads)
    n_by_work = max(
        MIN_JOB_REPEATS * n_threads // MIN_JOB_THREADS,
        JOB_WORK_PER_THREAD * n_threads // (n_weights * n_train * n_epochs),
    )
    n_by_weights = JOB_WEIGHTS_PER_THREAD * n_threads // n_weights
    n_repeats = max(MIN_JOB_REPEATS, min(n_by_weights, n_by_work))
    return max(1, min(n_repeats, MAX_JOB_NUMBERS // n_numbers)) if n_numbers else n_repeats


def schedules_of(n_frozen: NDArray[np.int64], *n_rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """Assign a schedule number to each run: the same for runs with equal frozen layers and rows.

    Args:
        n_frozen: (R,) frozen layers of each run.
        n_rows: (R,) rows of each run; training rows, test rows.

    Returns:
        (R,) numbers from 0 on.
    """
    _, schedules = np.unique(np.stack([n_frozen, *n_rows]), axis=1, return_inverse=True)
    return np.asarray(schedules, np.intp).reshape(-1)


def block_groups(
    order_keys: NDArray[np.uint64],
    schedules: NDArray[np.intp],
    n_parameters: int,
    lanes: int,
    n_threads: int,
) -> list[BlockGroup]:
    """Cut runs into blocks, and blocks into groups, largest group first.

    Partly filled blocks are merged where that costs less than sharing row orders. Groups that
    would leave threads idle at the end are split.

    Args:
        order_keys: (R,) runs with the same key see the rows in the same orders.
        schedules: (R,) from `schedules_of`; the runs of a block have the same.
        n_parameters: Weights of a network, at least 1.
        lanes: Runs of a full block, at least 1.
        n_threads: Threads that the groups are for, at least 1.

    Returns:
        Groups of blocks of (n,) run numbers; they contain each run once.
    """
    full, partial = _full_and_partial_groups(order_keys, schedules, lanes)
    partial_blocks = [block for group in partial for block in group]
    merged = [[block] for block in _merge_blocks(partial_blocks, schedules, lanes)]
    if _cost(merged) < _cost(partial):
        partial = merged
    max_blocks = max(1, MAX_GROUP_WEIGHTS // n_parameters)
    groups = [
        piece for group in (*full, *partial) for piece in _cut(group, -(-len(group) // max_blocks))
    ]
    groups.sort(key=len, reverse=True)
    n_odd = sum(len(group) > 1 for group in groups) % n_threads
    pieces = [piece for group in groups[:n_odd] for piece in _cut(group, n_threads)]
    return sorted([*groups[n_odd:], *pieces], key=len, reverse=True)


def runs_of_lanes(runs: NDArray[np.intp], lanes: int) -> NDArray[np.intp]:
    """Return the run of each lane, (blocks, lanes); lanes without a run train the last run again.

    Args:
        runs: (blocks, n) run numbers of each block.
        lanes: Runs of a full block, at least n.
    """
    return runs[:, np.minimum(np.arange(lanes), runs.shape[1] - 1)]


def packed_size(
    n_rows: int, batch_size: int, n_features: int, n_parameters: int
) -> tuple[int, int]:
    """Return for how many epochs rows are packed at a time, and how many rows of each epoch.

    Either several whole epochs, or a part of one epoch in whole batches.

    Args:
        n_rows: Training rows, at least 1.
        batch_size: Rows of a batch, at least 1.
        n_features: Features of a row, at least 1.
        n_parameters: Weights of a network, at least 1.
    """
    n_vectors = n_features + 2
    max_rows = max(1, MAX_PACKED_VECTORS // n_vectors)
    if max_rows < n_rows:
        return 1, max(1, max_rows // batch_size) * batch_size
    max_epochs = min(
        MAX_CALL_WORK // (n_rows * n_parameters), MAX_MULTI_EPOCH_VECTORS // (n_rows * n_vectors)
    )
    return max(1, max_epochs), n_rows


def _full_and_partial_groups(
    order_keys: NDArray[np.uint64], schedules: NDArray[np.intp], lanes: int
) -> tuple[list[BlockGroup], list[BlockGroup]]:
    """Return the groups of full blocks, and those of blocks with lanes to spare."""
    full: dict[bytes, BlockGroup] = {}
    partial: dict[bytes, BlockGroup] = {}
    for schedule in range(schedules.max() + 1):
        runs_of_key = defaultdict(list)
        schedule_runs = np.flatnonzero(schedules == schedule)
        keys = order_keys[schedule_runs].tolist()
        for run, key in zip(schedule_runs.tolist(), keys, strict=True):
            runs_of_key[key].append(run)
        # The first run of each key, the second of each, ...: one variant at a time.
        for variant_runs in zip_longest(*runs_of_key.values()):
            runs = np.array([run for run in variant_runs if run is not None], np.intp)
            for block in np.split(runs, range(lanes, len(runs), lanes)):
                groups = full if len(block) == lanes else partial
                groups.setdefault(order_keys[block].tobytes(), []).append(block)
    return list(full.values()), list(partial.values())


def _merge_blocks(blocks: Sequence[Block], schedules: NDArray[np.intp], lanes: int) -> list[Block]:
    """Return the runs of some blocks in as few blocks as possible."""
    merged: list[Block] = []
    for schedule in range(schedules.max() + 1):
        same_schedule = [block for block in blocks if schedules[block[0]] == schedule]
        if same_schedule:
            runs = np.concatenate(same_schedule)
            merged += np.split(runs, range(lanes, len(runs), lanes))
    return merged


def _cost(groups: Sequence[BlockGroup]) -> float:
    """Return the time that groups take, in times of training a block."""
    return sum(len(group) + ROW_ORDER_COST for group in groups)


def _cut(group: BlockGroup, n: int) -> list[BlockGroup]:
    """Cut a group into n pieces, as even as possible, without the empty ones."""
    ends = [len(group) * i // n for i in range(n + 1)]
    return [group[i:j] for i, j in pairwise(ends) if i < j]
