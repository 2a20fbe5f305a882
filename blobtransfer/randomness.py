"""Seeds of every repeat and order of the rows in every epoch: all randomness is here.

Each is a function of the train seed, the repeat and a stream number, never of global state
or the order of loops. So repeat r is the same whatever else is run, and every engine can be
given the same networks.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Stream(IntEnum):
    """Use of a random stream; the number of a stream never changes its meaning."""

    WEIGHTS = 0
    SOURCE_ORDER = 1
    TARGET_ORDER = 2
    REINITIALISED = 3
    SPLIT = 5
    VALIDATION = 6


def order_key(train_seed: int, stream: Stream, repeat: int) -> int:
    """Return the 64-bit key that determines every batch order of one training.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: `SOURCE_ORDER` or `TARGET_ORDER`.
        repeat: Index of the repeat, at least 0.
    """
    return int(seed_sequence(train_seed, stream, repeat).generate_state(1, np.uint64)[0])


def random_below(key: Any, counter: Any, bound: Any) -> Any:
    """Draw whole numbers, at least 0 and less than `bound`: number `counter` of stream `key`.

    Only `+ * ^ >>` on unsigned 64-bit numbers that wrap around, so that NumPy arrays and
    compiled code give the same draws.

    Args:
        key: uint64, the stream.
        counter: uint64, the position in the stream.
        bound: uint64, 1 to 2**32.

    Returns:
        uint64 less than `bound`; each value's probability is within 2**-32 of 1 / bound.

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
    """Shuffle the training rows for each of some epochs.

    Args:
        key: From `order_key`.
        epochs: Indices of the epochs, the first is 0; an epoch's order depends on no other.
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
        other = random_below(
            np.full(len(epochs), key, np.uint64), first_counter + np.uint64(last), last + 1
        ).astype(np.intp)
        chosen = orders[other, every_epoch]
        orders[other, every_epoch] = orders[last]
        orders[last] = chosen
    return np.ascontiguousarray(orders.T)


def seed_sequence(train_seed: int, stream: Stream, repeat: int) -> np.random.SeedSequence:
    """Return the seeds of a stream of one repeat; streams and repeats are independent.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: The stream.
        repeat: Index of the repeat, at least 0.
    """
    return np.random.SeedSequence(train_seed, spawn_key=(stream, repeat))
