"""Power analysis: the smallest detectable difference, and the pairs needed to decide."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from scipy import special

from blobtransfer.statistics.bootstrap import MAX_STEPS, range_end, upper_tail

ALPHA = 0.05
"""Family-wise error rate of the simultaneous comparisons of one source mode."""

POWER = 0.80
"""Power that a number of repeats should have."""

EQUIVALENCE_POWER = 0.90
"""Probability that each end of an interval is within the margin, so that both are with `POWER`."""

PAIRS = (*range(2, 10), *(n * 10**k for k in range(7) for n in range(10, 100)))
"""Numbers of pairs that are named: those of two significant digits, up to 99 million."""

N_BISECTIONS = 16
"""Halvings of the range in which a detectable difference is searched."""


class Precision(Protocol):
    """Predicts the interval of the mean of n differences from their standard deviation."""

    def standard_error(self, std: float, n: int) -> float:
        """Return the standard deviation of the mean of n differences."""

    def excludes(self, std: float, n: int, mean: float, bound: float) -> bool:
        """Return whether the interval of n differences with this mean ends below a bound.

        Args:
            std: Standard deviation of the differences, at least 0.
            n: Number of differences, at least 2.
            mean: Mean of the differences.
            bound: A number.
        """


@dataclass(frozen=True)
class BootstrapPrecision:
    """Precision of the interval of `bootstrap.BootstrapMean` for normal differences.

    Args:
        max_difference: Largest possible absolute difference, above 0.
        n_compared: Simultaneous comparisons, at least 1.
    """

    max_difference: float
    n_compared: int

    def standard_error(self, std: float, n: int) -> float:
        """Return the standard deviation of the mean of n independent differences."""
        return std / math.sqrt(n)

    def excludes(self, std: float, n: int, mean: float, bound: float) -> bool:
        """Return whether the interval ends below a bound; see `Precision.excludes`.

        Three values, the mean and sqrt(3) standard deviations on both sides of it, stand for the n
        differences: they have the first five moments of the normal distribution.
        """
        end, outer, deviation = (
            range_end(self.max_difference, n),
            math.sqrt(3.0) * std,
            mean - bound,
        )
        points = (
            (2 * n / 3, deviation), (n / 6, deviation - outer), (n / 6, deviation + outer),
            (1.0, -end - bound), (1.0, end - bound),
        )  # fmt: skip
        highest = max(value for _, value in points)
        if highest <= 0.0 or sum(count * value for count, value in points) >= 0.0:
            return highest <= 0.0
        s = low = 0.0
        high = 1.0 / highest
        for _ in range(MAX_STEPS):  # to the saddlepoint; see `BootstrapMean`
            terms = [(count, value / (1.0 - s * value)) for count, value in points]
            slope = sum(count * term for count, term in terms)
            low, high = (s, high) if slope < 0.0 else (low, s)
            step = -slope / sum(count * term**2 for count, term in terms)
            if not low < s + step < high:
                step = (low + high) / 2 - s
            s += step
            if abs(step) < 1e-5 * s:
                break
        weights = [(count, 1.0 / (1.0 - s * value)) for count, value in points]
        logs = sum(count * math.log(weight) for count, weight in weights)
        squares = sum(count * (weight - 1.0) ** 2 for count, weight in weights)
        return upper_tail(logs, squares, 0.0) <= ALPHA / (2 * self.n_compared)


def smallest_detectable(std: float, n: int, precision: Precision) -> float:
    """Return the true mean difference that n pairs detect with power `POWER`.

    Args:
        std: Standard deviation of the differences, at least 0.
        n: Pairs, at least 2.
        precision: Precision of their interval.
    """
    low, high = 0.0, max(precision.standard_error(std, n), 1.0 / n)
    while not precision.excludes(std, n, -high, 0.0):
        low, high = high, 2 * high
    for _ in range(N_BISECTIONS):
        middle = (low + high) / 2
        is_excluded = precision.excludes(std, n, -middle, 0.0)
        low, high = (low, middle) if is_excluded else (middle, high)
    return high + _shortfall(std, n, precision, POWER)


def pairs_to_resolve(
    std: float, n: int, margin: float, precision: Precision
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return the pairs that detect a difference of the margin, and those that show equivalence.

    Args:
        std: Sample standard deviation of n differences, at least 0.
        n: Pairs seen, at least 2.
        margin: Difference to be resolved, at least 0; 0 returns None for both.
        precision: Precision of the interval.

    Returns:
        For each the fewest and the most pairs that may be needed for 80 % power: those at both ends
        of the 95 % confidence interval of the standard deviation (normal distribution), rounded up
        to two digits; None if more than those of `PAIRS`.
    """
    if not margin:
        return None, None

    def detects(std: float, n: int) -> bool:
        mean = margin - _shortfall(std, n, precision, POWER)
        return mean > 0.0 and precision.excludes(std, n, -mean, 0.0)

    def shows_equivalence(std: float, n: int) -> bool:
        mean = _shortfall(std, n, precision, EQUIVALENCE_POWER)
        return mean < margin and precision.excludes(std, n, mean, margin)

    return _pairs_needed(std, n, detects), _pairs_needed(std, n, shows_equivalence)


def t_quantile(degrees: int, alpha: float) -> float:
    """Return the two-sided quantile of Student's t: an interval of level 1 - alpha ends there."""
    return float(special.stdtrit(degrees, 1.0 - alpha / 2))


def _shortfall(std: float, n: int, precision: Precision, power: float) -> float:
    """Return how far a mean falls short of the true mean with probability 1 - `power`."""
    return float(special.stdtrit(n - 1, power)) * precision.standard_error(std, n)


def _pairs_needed(
    std: float, n: int, is_enough: Callable[[float, int], bool]
) -> tuple[int, int] | None:
    """Find the fewest pairs that are enough, for both ends of the interval of `std`."""
    needed = []
    for quantile in special.chdtri(n - 1, [ALPHA / 2, 1 - ALPHA / 2]):
        std_bound = std * math.sqrt((n - 1) / float(quantile)) if quantile > 0 else math.inf
        i = bisect_left(PAIRS, True, key=partial(is_enough, std_bound))
        if i == len(PAIRS):
            return None
        needed.append(PAIRS[i])
    return needed[0], needed[1]
