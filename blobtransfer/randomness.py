"""Seeds of every repeat and order of the rows in every epoch: all randomness is here.

Each is a function of the train seed, the repeat and a stream number, never of global state
or the order of loops. So repeat r is the same whatever else is run, and every engine can be
given the same networks.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.random import PCG64, Generator, SeedSequence
from numpy.random.bit_generator import ISeedSequence
from numpy.typing import NDArray

PCG64_WORDS = 4
"""64-bit words of the seed state of PCG64, which reads them from contiguous memory."""

MIX_LEFT, MIX_RIGHT = np.uint32(0xCA01F9DD), np.uint32(0x4973F715)
"""Factors with which `numpy.random.SeedSequence` mixes a word into its pool."""

POOL_HASH = (0x43B0D7E5, 0x931E8875)
STATE_HASH = (0x8B51F9DD, 0x58F38DED)
"""Initial constant and factor of the hashes that fill the pool, and that generate the state."""


class Stream(IntEnum):
    """Use of a random stream; the number of a stream never changes its meaning."""

    WEIGHTS = 0
    SOURCE_ORDER = 1
    TARGET_ORDER = 2
    REINITIALISED = 3
    SPLIT = 5
    VALIDATION = 6


def order_keys(train_seed: int, stream: Stream, repeats: Sequence[int]) -> NDArray[np.uint64]:
    """Return a key per repeat, which determines all batch orders of its training.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: `SOURCE_ORDER` or `TARGET_ORDER`.
        repeats: Indices of R repeats.

    Returns:
        (R,) uint64.
    """
    return seed_states(train_seed, stream, repeats, 1)[:, 0]


def generators(train_seed: int, stream: Stream, repeats: Sequence[int]) -> list[Generator]:
    """Return the random generator of each repeat.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: The stream.
        repeats: Indices of the repeats.

    Returns:
        The generator that `numpy.random.default_rng` returns for the seed sequence of each repeat.
    """
    states = seed_states(train_seed, stream, repeats, PCG64_WORDS)
    # A bit generator accepts any `ISeedSequence`; NumPy's types name `SeedSequence` only.
    return [Generator(PCG64(_SeedState(state))) for state in states]  # type: ignore[arg-type]


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
        key: One of `order_keys`.
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


def seed_sequence(train_seed: int, stream: Stream, repeat: int) -> SeedSequence:
    """Return the seeds of a stream of one repeat; streams and repeats are independent.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: The stream.
        repeat: Index of the repeat, at least 0.
    """
    return SeedSequence(train_seed, spawn_key=(stream, repeat))


def seed_states(
    train_seed: int, stream: Stream, repeats: Sequence[int], n_words: int
) -> NDArray[np.uint64]:
    """Compute the state that the seed sequence of each repeat generates.

    Each NumPy operation handles all repeats: a `SeedSequence` for each takes far longer.

    Args:
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        stream: The stream.
        repeats: Indices of R repeats, 0 to 2**32 - 1.
        n_words: Words of each state.

    Returns:
        (R, n_words) uint64, contiguous: row i is the result of `generate_state(n_words, np.uint64)`
        of the `seed_sequence` of repeat i.

    Raises:
        OverflowError: A repeat does not fit in 32 bits.

    Source:
        O'Neill 2015, "Developing a seed_seq alternative"; `numpy.random.SeedSequence`.
    """
    # NumPy mixes train seed and stream into the pool of 4 words; the repeat is one more word.
    pool = SeedSequence(train_seed, spawn_key=(stream,)).pool
    repeat_word = np.asarray(repeats, np.uint32)
    mixed = []
    for i, word in enumerate(pool[:, None]):  # arrays: scalars warn of overflow
        # 20 hashes precede: 4 that fill the pool, 12 that mix it, and 4 of the stream.
        hashed = _hashed(repeat_word, 20 + i, *POOL_HASH)
        mixed.append(_xor_shifted(word * MIX_LEFT - hashed * MIX_RIGHT))
    halves = [_hashed(mixed[i % 4], i, *STATE_HASH) for i in range(2 * n_words)]
    words = np.stack(halves, axis=1, dtype=np.uint64)  # (R, 2 * n_words)
    return words[:, ::2] | words[:, 1::2] << np.uint64(32)


def _hashed(
    words: NDArray[np.uint32], n_before: int, initial: int, factor: int
) -> NDArray[np.uint32]:
    """Hash words as a seed sequence does after `n_before` hashes with the same two constants."""
    constant = initial * pow(factor, n_before, 2**32) % 2**32
    return _xor_shifted((words ^ np.uint32(constant)) * np.uint32(constant * factor % 2**32))


def _xor_shifted(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    return words ^ (words >> np.uint32(16))


class _SeedState(ISeedSequence):
    """Seed of one generator: a row of `seed_states`."""

    def __init__(self, state: NDArray[np.uint64]) -> None:
        self._state = state

    def generate_state(self, n_words: int, dtype: Any = np.uint64) -> NDArray[np.uint64]:
        return self._state
