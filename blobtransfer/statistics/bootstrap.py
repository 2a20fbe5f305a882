"""Bayesian bootstrap of a mean that allows for values not yet seen.

The values have random weights from a Dirichlet(1, ..., 1) distribution, and so has each end of the
range of possible values. The ends stand for what the values do not show, such as a network that
fails to train: thirty values without a failure do not exclude that one run in ten fails, at full
cost. Tail probabilities are computed by a saddlepoint approximation, without random numbers.

Source: Bayesian bootstrap, Rubin 1981, doi:10.1214/aos/1176345338; an end of the range as a further
value, Gaffke 2005 and Learned-Miller & Thomas 2020, arXiv:1905.06208.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

MAX_STEPS = 100
"""Largest number of steps of a search; 5 to 10 are usual."""

TOLERANCE = 1e-9
"""Relative size of the last step of a search."""

SMALL_ROOT = 1e-3
"""Root of twice the exponent below which the tail is that at the centre."""

MIN_SQUARES = 1e-20
"""Sum of squared relative weights minus 1 below which they are rounding errors."""


@dataclass(frozen=True, eq=False)
class BootstrapMean:
    """Distribution of the mean of N values with Dirichlet(1, ..., 1) weights.

    Args:
        values: (V,) different values, at least two, ascending.
        counts: (V,) how often each occurs, above 0; need not be whole numbers.
    """

    values: NDArray[np.float64]
    counts: NDArray[np.float64]

    @classmethod
    def of_sample(cls, sample: NDArray[np.float64], low: float, high: float) -> "BootstrapMean":
        """Return the distribution of the mean of (n,) values and both ends of their range.

        Args:
            sample: Values between `low` and `high`.
            low: Lower end of the range.
            high: Upper end, above `low`.
        """
        values, counts = np.unique(np.append(sample, (low, high)), return_counts=True)
        return cls(values, counts.astype(np.float64))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the alpha / 2 and 1 - alpha / 2 quantiles."""
        return -self._negated().upper_quantile(alpha / 2), self.upper_quantile(alpha / 2)

    def smaller_tail(self, mean: float) -> float:
        """Return the probability of a mean above `mean`, or below if that is smaller.

        Args:
            mean: Between the lowest and the highest value.
        """
        deviations = self.values - mean
        is_above = float(self.counts @ deviations) > 0.0
        tail = upper_tail(*self._sums(self._ratios_at(-deviations if is_above else deviations)))
        return min(tail, 1.0 - tail)

    def upper_quantile(self, p: float) -> float:
        """Return the number that the mean exceeds with probability `p`.

        The weights at the saddlepoint are proportional to 1 / (t - value) for a number t above the
        highest value, so the search is for t.

        Args:
            p: Above 0 and below a half.
        """
        highest, n = float(self.values[-1]), float(self.counts.sum())
        target = -float(special.ndtri(p))
        low, high = -math.inf, math.inf  # of the logarithm of t - highest
        # Start at the t at which a normal distribution of the mean has this quantile.
        centre = float(self.counts @ self.values) / n
        std = math.sqrt(float(self.counts @ (self.values - centre) ** 2))
        distance = max(centre + std / target - highest, std / (n * target))
        for _ in range(MAX_STEPS):
            inverse = 1.0 / (highest + distance - self.values)
            mean_inverse = float(self.counts @ inverse) / n
            ratios = inverse / mean_inverse
            logs, squares, cubes = self._sums(ratios)
            tail = upper_tail(logs, squares, cubes)
            z = -float(special.ndtri(tail)) if tail > 0.0 else math.inf
            position = math.log(distance)
            low, high = (position, high) if z > target else (low, position)
            # Newton step; z is about the signed root, whose derivative with respect to t is known
            root = math.sqrt(max(-2.0 * logs, 0.0))
            step = (z - target) * root / (mean_inverse * squares * distance)
            if not low < position + step < high:
                step = _within(low, high, position) - position
            distance = math.exp(position + step)
            if abs(step) < TOLERANCE:
                break
        ratios = 1.0 / (highest + distance - self.values)
        return float((self.counts * ratios) @ self.values / (self.counts @ ratios))

    def _negated(self) -> "BootstrapMean":
        return BootstrapMean(-self.values[::-1], self.counts[::-1])

    def _ratios_at(self, deviations: NDArray[np.float64]) -> NDArray[np.float64]:
        """Find the weights at the saddlepoint s, relative to their mean.

        Args:
            deviations: (V,) distances of the values from the mean in question; their sum is at
                most 0, and some are above 0.

        Returns:
            (V,) 1 / (1 - s deviation), at which the weighted deviations sum to 0.
        """
        low, high = 0.0, 1.0 / float(deviations.max())
        s = 0.0
        for _ in range(MAX_STEPS):
            terms = deviations / (1.0 - s * deviations)
            first, second = float(self.counts @ terms), float(self.counts @ terms**2)
            low, high = (s, high) if first < 0.0 else (low, s)
            step = -first / second
            if not low < s + step < high:
                step = (low + high) / 2 - s
            s += step
            if abs(step) <= TOLERANCE * s:
                break
        return 1.0 / (1.0 - s * deviations)

    def _sums(self, ratios: NDArray[np.float64]) -> tuple[float, float, float]:
        """Return the sums over all values that `upper_tail` takes."""
        excess = ratios - 1.0
        squares = excess * excess
        logs = float(self.counts @ np.log(ratios))
        return logs, float(self.counts @ squares), float(self.counts @ (squares * excess))


def range_end(max_difference: float, n: int) -> float:
    """Return how far from 0 both ends of the range are that is added to n differences.

    With these ends, the half-width of the interval of equal differences is at least that of the
    rule of three at full cost, max_difference (1 - alpha^(1 / n)).

    Args:
        max_difference: Largest possible absolute difference, at least 0.
        n: Number of differences, at least 1.
    """
    return (1.0 + 1.0 / n) * max_difference


def upper_tail(logs: float, squares: float, cubes: float) -> float:
    """Compute a tail of the distribution of a mean.

    Args:
        logs: Sum of the logarithms of the weights at the saddlepoint, relative to their mean.
        squares: Sum of the squares of the relative weights minus 1.
        cubes: Sum of their cubes.

    Returns:
        Probability of a mean above the one with these weights, which is at least the centre.

    Source:
        Lugannani & Rice 1980, doi:10.2307/1426607, with the cumulant generating function K(s) of
        minus the sum of log(1 - s (value - mean)).
    """
    root = math.sqrt(max(-2.0 * logs, 0.0))
    if root < SMALL_ROOT:
        skewness = 2.0 * cubes / squares**1.5 if squares > MIN_SQUARES else 0.0
        return 0.5 - skewness / (6.0 * math.sqrt(2.0 * math.pi))
    density = math.exp(-root * root / 2) / math.sqrt(2.0 * math.pi)
    return float(special.ndtr(-root)) + density * (1.0 / math.sqrt(squares) - 1.0 / root)


def _within(low: float, high: float, position: float) -> float:
    """Return a point between two ends, of which one may be infinite."""
    if math.isinf(low):
        return min(position, high) - 2.0
    return max(position, low) + 2.0 if math.isinf(high) else (low + high) / 2
