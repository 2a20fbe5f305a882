"""The order of the rows and the keys of every training."""

import numpy as np
import pytest

from blobtransfer.randomness import (
    Stream,
    batch_orders,
    generators,
    order_keys,
    random_below,
    seed_sequence,
    seed_states,
)

KEY = int(order_keys(0, Stream.TARGET_ORDER, [0])[0])

SEEDS = (0, 1, 7, 2**31, 2**32 - 1)

REPEATS = (0, 1, 2, 17, 65_535, 65_536, 9_999_999, 2**32 - 1)


@pytest.mark.parametrize("stream", Stream)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_states_of_many_repeats_are_those_of_numpys_seed_sequences(seed, stream):
    for n_words in (1, 2, 3, 4, 7):
        expected = [
            np.random.SeedSequence(seed, spawn_key=(stream, r)).generate_state(n_words, np.uint64)
            for r in REPEATS
        ]
        states = seed_states(seed, stream, REPEATS, n_words)
        assert states.dtype == np.uint64 and states.flags.c_contiguous
        np.testing.assert_array_equal(states, expected)
    np.testing.assert_array_equal(
        seed_sequence(seed, stream, 17).generate_state(7, np.uint64), states[REPEATS.index(17)]
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_a_repeat_has_the_same_state_alone_and_among_others(seed):
    together = seed_states(seed, Stream.WEIGHTS, range(1_000), 4)
    separate = [seed_states(seed, Stream.WEIGHTS, [r], 4)[0] for r in range(1_000)]
    np.testing.assert_array_equal(together, separate)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_generator_of_a_repeat_is_numpys_default_generator(seed):
    for r, rng in zip(REPEATS, generators(seed, Stream.WEIGHTS, REPEATS), strict=True):
        expected = np.random.default_rng(
            np.random.SeedSequence(seed, spawn_key=(Stream.WEIGHTS, r))
        )
        for draw in ("random", "standard_normal"):
            np.testing.assert_array_equal(getattr(rng, draw)(300), getattr(expected, draw)(300))
        np.testing.assert_array_equal(rng.permutation(50), expected.permutation(50))


@pytest.mark.parametrize("repeat", [-1, 2**32])
def test_a_repeat_that_needs_more_than_32_bits_is_an_error(repeat):
    with pytest.raises(OverflowError):
        order_keys(0, Stream.TARGET_ORDER, [repeat])


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
        int(key)
        for seed in range(5)
        for stream in (Stream.SOURCE_ORDER, Stream.TARGET_ORDER)
        for key in order_keys(seed, stream, range(100))
    }
    assert len(keys) == 1_000


def test_each_epoch_visits_each_row_once_in_an_order_of_its_own():
    orders = batch_orders(KEY, range(50), 101)
    assert orders.shape == (50, 101)
    assert (np.sort(orders, axis=1) == np.arange(101)).all()
    assert len({tuple(order) for order in orders}) == 50


def test_an_epoch_has_the_same_order_alone_and_among_others():
    np.testing.assert_array_equal(
        batch_orders(KEY, range(20), 33)[[4, 17]], batch_orders(KEY, [4, 17], 33)
    )


def test_every_order_of_four_rows_is_equally_likely():
    orders = batch_orders(KEY, range(24_000), 4)
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
