"""Intervals that hold at every look: hedged betting confidence sequences for bounded differences.

A gambler bets, pair after pair, that the mean is not m. If it is m, the probability that the stake
ever grows to 1 / alpha times its start is at most alpha, whatever the strategy (Ville's
inequality). Every m against which it has grown that much is therefore excluded for good. The only
assumptions are differences in [-1, 1] and independent repeats.

Source: Waudby-Smith & Ramdas 2024, Journal of the Royal Statistical Society B 86:1, section 4:
the hedged capital process with predictable plug-in bets, and the running intersection.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

N_MEANS = 20_001
"""Candidate means from -1 to 1, a step of 0.01 points apart."""

FIRST_STD = 0.2
"""Standard deviation of the differences that the first bets assume; any value is valid."""

MAX_STAKE_SHARE = 0.95
"""Largest share of the stake that a bet can lose; any value below 1 is valid."""

FIRST_LOOK_PAIRS = 100
"""Pairs before the first look."""

LOOK_GROWTH = 1.25
"""Each look has a quarter more pairs than the one before."""


class BettingSequence:
    """Confidence sequence of the mean of bounded differences, updated pair by pair.

    Args:
        alpha: Probability that the true mean is ever outside, above 0 and below 1.
    """

    def __init__(self, alpha: float) -> None:
        self._stake = 2.0 * math.log(2.0 / alpha)
        self._limit = math.log(2.0 / alpha)  # each of two gamblers begins with half
        # Differences are mapped from [-1, 1] to [0, 1].
        self._means = np.linspace(0.0, 1.0, N_MEANS)
        self._above, self._below = np.zeros(N_MEANS), np.zeros(N_MEANS)
        self._n, self._sum, self._squares = 0, 0.0, 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of the intersection of the intervals after each pair so far."""
        step = 1.0 / (N_MEANS - 1)  # the true mean may lie between two candidates
        low, high = float(self._means[0]) - step, float(self._means[-1]) + step
        return max(-1.0, 2.0 * low - 1.0), min(1.0, 2.0 * high - 1.0)

    def add(self, differences: Iterable[float]) -> None:
        """Add differences in the order of their repeats.

        Args:
            differences: Each in [-1, 1].

        Raises:
            ValueError: A difference is outside of [-1, 1].
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
            self._above += np.log1p(np.minimum(bet, MAX_STAKE_SHARE / means) * (x - means))
            self._below += np.log1p(np.minimum(bet, MAX_STAKE_SHARE / (1.0 - means)) * (means - x))
        possible = np.flatnonzero(np.maximum(self._above, self._below) < self._limit)
        if 0 < len(possible) < len(means):
            within = slice(possible[0], possible[-1] + 1)
            self._means = means[within]
            self._above, self._below = self._above[within], self._below[within]
        self._sum += x
        self._squares += (x - (0.5 + self._sum) / (self._n + 1)) ** 2


def look_schedule(n_most: int) -> list[int]:
    """Return the numbers of pairs, ascending, after which one looks; the last is `n_most`."""
    n_pairs = [min(FIRST_LOOK_PAIRS, n_most)]
    while n_pairs[-1] < n_most:
        n_pairs.append(min(math.ceil(LOOK_GROWTH * n_pairs[-1]), n_most))
    return n_pairs


def sequence_interval(differences: NDArray[np.float64], alpha: float) -> tuple[float, float]:
    """Return both ends of the interval after (n,) differences in [-1, 1]; see `BettingSequence`."""
    sequence = BettingSequence(alpha)
    sequence.add(differences.tolist())
    return sequence.interval
