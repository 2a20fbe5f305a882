import numpy as np
import pytest

from blobtransfer.network import draw_kernel, initial_weights
from blobtransfer.randomness import Stream, batch_orders, draw_below, order_key
from blobtransfer.specs.network import INITIALIZERS, MLPSpec


def test_split_mix_gives_the_published_numbers():
    # The first outputs of SplitMix64 from state 1234567, as widely published for testing.
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    mask = 2**64 - 1
    for counter, full in enumerate(expected, 1):
        with np.errstate(over="ignore"):
            high = draw_below(
                np.array([1234567], np.uint64), np.array([counter], np.uint64), np.uint64(2**32)
            )
        assert int(high[0]) == (full & mask) >> 32


@pytest.mark.parametrize("initializer", INITIALIZERS)
@pytest.mark.parametrize(("fan_in", "fan_out"), [(2, 5), (5, 3)])
def test_a_kernel_has_the_variance_and_the_bound_of_its_rule(initializer, fan_in, fan_out):
    rng = np.random.default_rng(1234)
    kernels = np.stack([draw_kernel(initializer, fan_in, fan_out, rng) for _ in range(4_000)])
    family, distribution = initializer.split("_")
    fan = {"he": fan_in / 2, "lecun": fan_in, "glorot": (fan_in + fan_out) / 2}[family]
    assert kernels.dtype == np.float32
    assert kernels.shape == (4_000, fan_in, fan_out)
    # With >= 40,000 draws the estimate of a variance is within 3 %.
    assert kernels.var() == pytest.approx(1 / fan, rel=0.03)
    bound = np.sqrt(3 / fan) if distribution == "uniform" else 2 / 0.87962566 / np.sqrt(fan)
    assert np.abs(kernels).max() <= np.float32(bound)
    assert np.abs(kernels).max() > 0.98 * bound


def test_source_and_standalone_share_their_initial_weights_and_repeats_do_not():
    network = MLPSpec(3, (4, 6), 5)
    first, again, other = (initial_weights(network, 7, r) for r in (0, 0, 1))
    assert [w.shape for w in first] == [(3, 4), (4,), (4, 6), (6,), (6, 5), (5,)]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for kernel, bias, different in zip(first[::2], first[1::2], other[::2], strict=True):
        assert not (kernel == different).any()
        assert not bias.any()


def test_the_output_kernel_is_glorot_uniform_whatever_the_hidden_rule():
    outputs = np.stack([initial_weights(MLPSpec(), 0, r)[4] for r in range(2_000)])
    # 5 -> 3 units: variance 2 / 8; 30,000 draws
    assert outputs.var() == pytest.approx(0.25, rel=0.03)


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
