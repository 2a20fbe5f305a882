"""THE training: the seeds of every repeat, initial weights and batch order.

All randomness of the program is decided here, from the train seed, the repeat and a
stream number, never from global state or the order of loops. So repeat r is the same
whatever else is run, and both engines can be given the same networks.

A set of weights is a list: kernel, bias, kernel, bias, ... from the input to the output.
"""

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.checks import Initializer, MLPSpec

Weights = list[NDArray[np.float32]]
"""Kernel (fan_in, fan_out), bias (fan_out,), ...; with a leading axis R where stacked."""


class Stream(IntEnum):
    """What a random stream draws; a number once given is never used for another thing."""

    WEIGHTS = 0
    SOURCE_ORDER = 1
    TARGET_ORDER = 2
    REDRAWN = 3
    STATISTICS = 4


def initial_weights(
    network: MLPSpec, train_seed: int, repeat: int, stream: Stream = Stream.WEIGHTS
) -> Weights:
    """Draw the initial weights of a repeat: of its source and its standalone network alike.

    Args:
        network: The shape.
        train_seed: All randomness.
        repeat: Which repeat.
        stream: `REDRAWN` for the layers that a variant draws afresh.

    Returns:
        Kernels (fan_in, fan_out) by the network's initializer, the output kernel by
        `glorot_uniform`, and zero biases (fan_out,); float32.
    """
    rng = np.random.default_rng(_sequence(train_seed, stream, repeat))
    weights: Weights = []
    for layer, (fan_in, fan_out) in enumerate(network.shapes):
        is_output = layer == len(network.shapes) - 1
        initializer = "glorot_uniform" if is_output else network.initializer
        weights.append(draw_kernel(initializer, fan_in, fan_out, rng))
        weights.append(np.zeros(fan_out, np.float32))
    return weights


def draw_kernel(
    initializer: Initializer, fan_in: int, fan_out: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw one kernel by variance scaling: He, Glorot or LeCun, uniform or normal.

    Args:
        initializer: The rule, by its Keras name.
        fan_in: Units feeding the layer (rows of the kernel).
        fan_out: Units in the layer (columns of the kernel).
        rng: Source of randomness; advanced.

    Returns:
        Kernel (fan_in, fan_out), float32, of variance 2 / fan_in (he), 1 / fan_in (lecun)
        or 2 / (fan_in + fan_out) (glorot); a normal is cut off at two standard deviations.

    Source:
        He et al. 2015, arXiv:1502.01852; Glorot & Bengio 2010; the rules of
        `keras.initializers.VarianceScaling`.
    """
    family, distribution = initializer.split("_")
    variance = {
        "he": 2.0 / fan_in,
        "lecun": 1.0 / fan_in,
        "glorot": 2.0 / (fan_in + fan_out),
    }[family]
    shape = (fan_in, fan_out)
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance)
        kernel = rng.uniform(-limit, limit, shape)
        return kernel.astype(np.float32)
    # A standard normal cut off at +-2 has this standard deviation (Keras' constant).
    std = math.sqrt(variance) / 0.87962566103423978
    kernel = rng.standard_normal(shape)
    while (outside := np.abs(kernel) > 2.0).any():
        kernel[outside] = rng.standard_normal(int(outside.sum()))
    return (std * kernel).astype(np.float32)


def order_key(train_seed: int, stream: Stream, repeat: int) -> int:
    """Give the 64-bit key that fixes every batch order of one training."""
    return int(_sequence(train_seed, stream, repeat).generate_state(1, np.uint64)[0])


def statistics_rng(train_seed: int) -> np.random.Generator:
    """Give the randomness of resampling: the same for whatever is resampled."""
    return np.random.default_rng(_sequence(train_seed, Stream.STATISTICS, 0))


def draw_below(key: Any, counter: Any, bound: Any) -> Any:
    """Draw whole numbers from 0 up to, not with, `bound`: number `counter` of stream `key`.

    Only `+ * ^ >>` on unsigned 64-bit numbers that wrap around, so that NumPy arrays and
    compiled code give the same draws.

    Args:
        key: uint64, the stream.
        counter: uint64, the place in the stream.
        bound: uint64, 1 to 2**32.

    Returns:
        uint64 below `bound`; each value's probability is within 2**-32 of 1 / bound.

    Source:
        SplitMix64, Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195; the range by
        multiplication, Lemire 2019, arXiv:1805.10941.
    """
    z = key + counter * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    z = z ^ (z >> 31)
    return ((z >> 32) * bound) >> 32


def batch_orders(key: int, epochs: Sequence[int], n_rows: int) -> NDArray[np.int32]:
    """Shuffle the training rows anew for each of some epochs.

    Args:
        key: From `order_key`.
        epochs: Which epochs, the first is 0; an epoch's order depends on no other.
        n_rows: Training rows.

    Returns:
        (E, N) int32: row e lists every training row once, in the order of epoch epochs[e].

    Source:
        Fisher & Yates in Durstenfeld's form, 1964, doi:10.1145/364520.364540.
    """
    # Rows first, so that one step of the shuffle serves all epochs at once.
    orders = np.repeat(np.arange(n_rows, dtype=np.int32)[:, None], len(epochs), axis=1)
    first_counter = np.asarray(epochs, np.uint64) * np.uint64(n_rows)
    every_epoch = np.arange(len(epochs))
    for last in range(n_rows - 1, 0, -1):
        # shape (E,): the row that takes place `last`, out of those not placed yet
        other = draw_below(
            np.full(len(epochs), key, np.uint64), first_counter + np.uint64(last), last + 1
        ).astype(np.intp)
        chosen = orders[other, every_epoch]
        orders[other, every_epoch] = orders[last]
        orders[last] = chosen
    return np.ascontiguousarray(orders.T)


def _sequence(train_seed: int, stream: Stream, repeat: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(train_seed, spawn_key=(stream, repeat))
