"""The order of the rows and the keys of every training."""

import numpy as np
import pytest

from blobtransfer.randomness import Stream, batch_orders, order_key, random_below


def test_split_mix_gives_the_published_numbers():
    # The first outputs of SplitMix64 from state 1234567, as widely published for testing.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    mask = 2**64 - 1
    for counter, full in enumerate(expected, 1):
        with np.errstate(over="ignore"):
            high = random_below(
                np.array([1234567], np.uint64), np.array([counter], np.uint64), np.uint64(2**32)
            )
        assert int(high[0]) == (full & mask) >> 32


def test_streams_repeats_and_train_seeds_have_keys_of_their_own():
    keys = {
        order_key(seed, stream, r)
        for seed in range(5)
        for stream in (Stream.SOURCE_ORDER, Stream.TARGET_ORDER)
        for r in range(100)
    }
    assert len(keys) == 1_000


def test_each_epoch_visits_each_row_once_in_an_order_of_its_own():
    orders = batch_orders(order_key(0, Stream.TARGET_ORDER, 0), range(50), 101)
    assert orders.shape == (50, 101)
    assert (np.sort(orders, axis=1) == np.arange(101)).all()
    assert len({tuple(order) for order in orders}) == 50


def test_an_epoch_has_the_same_order_alone_and_among_others():
    key = order_key(3, Stream.SOURCE_ORDER, 8)
    np.testing.assert_array_equal(
        batch_orders(key, range(20), 33)[[4, 17]], batch_orders(key, [4, 17], 33)
    )


def test_every_order_of_four_rows_is_equally_likely():
    orders = batch_orders(order_key(0, Stream.TARGET_ORDER, 1), range(24_000), 4)
    _, counts = np.unique(orders, axis=0, return_counts=True)
    assert len(counts) == 24
    # Chi-square with 23 degrees of freedom: 49.7 is its 99.9 % point.
    assert ((counts - 1000) ** 2 / 1000).sum() < 49.7


def test_one_row_needs_no_shuffle():
    assert batch_orders(5, range(3), 1).tolist() == [[0], [0], [0]]


@pytest.mark.parametrize("bound", [1, 2, 3, 7, 2**32])
def test_a_draw_is_below_its_bound_and_the_same_for_arrays_and_numbers(bound):
    counters = np.arange(1_000, dtype=np.uint64)
    drawn = random_below(np.full(1_000, 99, np.uint64), counters, np.uint64(bound))
    assert drawn.dtype == np.uint64
    assert int(drawn.max()) < bound
    with np.errstate(over="ignore"):
        one = random_below(np.uint64(99), counters[17], np.uint64(bound))
    assert one == drawn[17]
