"""Intervals that hold at every look: hedged betting confidence sequences for bounded differences.

A gambler bets, pair after pair, that the mean is not m. If it is m, the chance that the stake ever
grows to 1 / alpha times what it was is at most alpha, whatever the strategy (Ville's inequality).
So every m against which it has grown that much is excluded, for good. Nothing is assumed but that
the differences lie in [-1, 1] and that repeats are independent.

Source: Waudby-Smith & Ramdas 2024, Journal of the Royal Statistical Society B 86:1, section 4:
the hedged capital process with predictable plug-in bets, and the running intersection.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

N_MEANS = 20_001
"""Means that are tried, from -1 to 1: 0.01 points apart."""

FIRST_STD = 0.2
"""Standard deviation of the differences that the first bets count on; any value is valid."""

TRUNCATION = 0.75
"""Largest share of the stake that a bet can lose; any value below 1 is valid."""

FIRST_LOOK = 100
"""Pairs before the first look."""

GROWTH = 1.25
"""Each look has a quarter more pairs than the one before."""


class BettingSequence:
    """The interval of a mean at every look so far, and their intersection.

    Args:
        alpha: Chance that the truth is ever outside.
    """

    def __init__(self, alpha: float) -> None:
        self._stake = 2.0 * math.log(2.0 / alpha)
        self._limit = math.log(2.0 / alpha)  # each of two gamblers begins with half
        # Everything is moved from [-1, 1] to [0, 1].
        self._means = np.linspace(0.0, 1.0, N_MEANS)
        self._above, self._below = np.zeros(N_MEANS), np.zeros(N_MEANS)
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The ends of the intersection of the intervals after each pair so far."""
        step = 1.0 / (N_MEANS - 1)  # the truth may lie between two means that are tried
        low, high = float(self._means[0]) - step, float(self._means[-1]) + step
        return max(-1.0, 2.0 * low - 1.0), min(1.0, 2.0 * high - 1.0)

    def add(self, differences: Iterable[float]) -> None:
        """Take further differences in, in their order.

        Args:
            differences: Each in [-1, 1].

        Raises:
            ValueError: A difference is outside.
        """
        for d in differences:
            if not -1.0 <= d <= 1.0:
                raise ValueError(f"a difference of {d} is not between -1 and 1")
            self._bet((d + 1.0) / 2.0)

    def _bet(self, x: float) -> None:
        self._n += 1
        variance = (FIRST_STD**2 / 4 + self._squares) / self._n
        bet = math.sqrt(self._stake / (variance * self._n * math.log(1.0 + self._n)))
        means = self._means
        with np.errstate(divide="ignore"):
            self._above += np.log1p(np.minimum(bet, TRUNCATION / means) * (x - means))
            self._below += np.log1p(np.minimum(bet, TRUNCATION / (1.0 - means)) * (means - x))
        possible = np.flatnonzero(np.maximum(self._above, self._below) < self._limit)
        if 0 < len(possible) < len(means):
            kept = slice(possible[0], possible[-1] + 1)
            self._means = means[kept]
            self._above, self._below = self._above[kept], self._below[kept]
        self._sum += x
        self._squares += (x - (0.5 + self._sum) / (self._n + 1)) ** 2


def looks(n_most: int) -> list[int]:
    """Give the numbers of pairs at which one looks, up to `n_most`."""
    found = [min(FIRST_LOOK, n_most)]
    while found[-1] < n_most:
        found.append(min(math.ceil(GROWTH * found[-1]), n_most))
    return found


def sequence_interval(differences: NDArray[np.float64], alpha: float) -> tuple[float, float]:
    """Give the interval of the mean after (n,) differences that holds at every look."""
    sequence = BettingSequence(alpha)
    sequence.add(differences.tolist())
    return sequence.interval
