"""Scheduling: pure functions of integers, so no kernel is compiled here."""

import numpy as np
import pytest

from blobtransfer.engines.compiled import scheduling
from blobtransfer.engines.compiled.scheduling import (
    block_groups,
    packed_size,
    repeats_per_job,
    runs_of_lanes,
    schedules_of,
)


def runs_of_variants(n_repeats, n_frozen):
    """Return the order keys and schedules of some variants of each repeat."""
    order_keys = np.tile(np.arange(n_repeats, dtype=np.uint64), len(n_frozen))
    return order_keys, schedules_of(np.repeat(n_frozen, n_repeats))


@pytest.mark.parametrize("n_repeats", [1, 5, 16, 30, 48, 70])
@pytest.mark.parametrize("n_threads", [1, 2, 5])
@pytest.mark.parametrize("lanes", [4, 16])
def test_groups_contain_every_run_once_and_share_their_orders(n_repeats, n_threads, lanes):
    order_keys, schedules = runs_of_variants(n_repeats, [0, 0, 1, 2])
    groups = block_groups(order_keys, schedules, 63, lanes, n_threads)
    runs = [run for group in groups for block in group for run in block]
    assert sorted(runs) == list(range(len(order_keys)))
    for group in groups:
        assert len({order_keys[block].tobytes() for block in group}) == 1
        assert all(len(set(schedules[block])) == 1 for block in group)
        assert all(1 <= len(block) <= lanes for block in group)


@pytest.mark.parametrize(
    ("n_repeats", "n_threads", "sizes"),
    [
        (32, 2, [4, 4]),
        (16, 2, [2, 2]),  # one group would leave a thread idle
        (16, 1, [4]),
        (48, 2, [4, 4, 2, 2]),
        (3, 1, [1, 1]),  # three variants of three repeats fit one block
    ],
)
def test_variants_share_a_group_unless_threads_or_lanes_would_be_idle(n_repeats, n_threads, sizes):
    order_keys, schedules = runs_of_variants(n_repeats, [0, 0, 0, 1])
    groups = block_groups(order_keys, schedules, 63, 16, n_threads)
    assert [len(group) for group in groups] == sizes


def test_groups_of_large_networks_are_cut_to_bound_memory():
    order_keys, schedules = runs_of_variants(16, [0] * 6)
    groups = block_groups(order_keys, schedules, scheduling.MAX_GROUP_WEIGHTS // 2, 16, 1)
    assert [len(group) for group in groups] == [2, 2, 2]


def test_runs_have_one_schedule_where_frozen_layers_and_rows_are_equal():
    schedules = schedules_of(np.array([0, 1, 0, 0]), np.array([90, 90, 90, 80]), np.full(4, 10))
    assert schedules[0] == schedules[2]
    assert len(set(schedules)) == 3


def test_lanes_without_a_run_train_the_last_run_again():
    assert runs_of_lanes(np.array([[7, 9]]), 4).tolist() == [[7, 9, 9, 9]]


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "size"),
    [
        (90, 32, (11, 90)),  # 4,000 vectors / 4 per row = 1,000 rows
        (4_000, 32, (1, 4_000)),  # 16,000 vectors
        (4_001, 32, (1, 4_000)),  # 125 batches
        (4_001, 3_000, (1, 3_000)),
        (9_000, 5_000, (1, 5_000)),  # a batch is never cut
    ],
)
def test_whole_epochs_are_packed_or_whole_batches_of_one(n_rows, batch_size, size):
    assert packed_size(n_rows, batch_size, 2, 63) == size


@pytest.mark.parametrize(
    ("n_weights", "n_train", "n_epochs", "n_numbers", "n_repeats"),
    [
        (126, 90, 100, 0, 3_968),  # 500,000 weights
        (126, 90, 1_000_000, 0, 16),  # that takes long
        (1_000_000, 90, 100, 0, 16),  # that takes memory
        (126, 90, 100, 1_000_000, 50),  # rows of their own take memory
        (126, 90, 100, 1_000_000_000, 1),
    ],
)
def test_jobs_are_bounded_by_weights_work_and_rows(
    n_weights, n_train, n_epochs, n_numbers, n_repeats
):
    assert repeats_per_job(n_weights, n_train, n_epochs, n_numbers, 2) == n_repeats
