"""Power analysis: the smallest detectable difference, and the pairs needed to decide.

The standard error is defined as in `paired`: s^2 / n for the pairs seen, plus pseudo-runs.
"""

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import partial

from scipy import special

ALPHA = 0.05
"""Family-wise error rate of the simultaneous comparisons of one source mode."""

POWER = 0.80
"""Power that a number of repeats should have."""

EQUIVALENCE_POWER = 0.90
"""Power for a difference of the margin at which pairs show equivalence with power `POWER`."""

MAX_PAIRS = 2**29
"""Pairs beyond which no number is named."""


def pseudo_runs(n_compared: int) -> float:
    """Compute the number of prior pairs (Agresti-Coull pseudo-observations) in the variance.

    Half of them lie `max_unseen_shift` above 0 and half as far below. If a share q of networks
    fails to train, n runs contain no failure with probability about exp(-n q). So n runs without
    failure do not exclude any q up to ln(n_compared / ALPHA) / n at the level ALPHA / n_compared
    (the rule of three for one comparison). If each failure costs R, these shift the mean by q R,
    and the pseudo-runs alone must widen the interval by that much.

    Args:
        n_compared: Simultaneous comparisons, at least 1.

    Returns:
        A number above 0: 2.3 for one comparison, 2.9 for three.

    Source:
        Rule of three: Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031.
    """
    z = float(special.ndtri(1 - ALPHA / (2 * n_compared)))
    return (math.log(n_compared / ALPHA) / z) ** 2


def standard_error(std: float, max_unseen_shift: float, n: int, n_compared: int) -> float:
    """Return the standard error of a mean paired difference, with the pseudo-runs.

    Args:
        std: Sample standard deviation of the differences, at least 0.
        max_unseen_shift: Distance of the pseudo-runs from 0, at least 0.
        n: Pairs, at least 1.
        n_compared: Simultaneous comparisons, at least 1.
    """
    return math.sqrt((std**2 + pseudo_runs(n_compared) * max_unseen_shift**2 / n) / n)


def smallest_detectable(
    std: float, n: int, max_unseen_shift: float, n_compared: int, power: float = POWER
) -> float:
    """Return the true mean difference that n pairs detect with the given power.

    Args:
        std: Sample standard deviation of the differences, at least 0.
        n: Pairs, at least 2.
        max_unseen_shift: Distance of the pseudo-runs from 0, at least 0.
        n_compared: Simultaneous comparisons, at least 1.
        power: Probability of detection, above 0 and below 1.

    Source:
        The usual sum of two quantiles, here of Student's t; Cohen 1988, with alpha / n_compared.
    """
    quantiles = special.stdtrit(n - 1, [1 - ALPHA / (2 * n_compared), power])
    return float(quantiles.sum()) * standard_error(std, max_unseen_shift, n, n_compared)


def pairs_needed(
    std: float, n: int, difference: float, detectable: Callable[[float, int], float]
) -> tuple[int, int] | None:
    """Return the fewest and the most pairs that may be needed to detect a difference.

    Args:
        std: Sample standard deviation of n differences, at least 0.
        n: Pairs seen, at least 2.
        difference: To be detected, above 0. Pairs that detect it with power 0.9 show with power
            0.8 that a true difference of 0 is smaller than that.
        detectable: Takes a standard deviation and a number of pairs; returns the difference that
            these detect.

    Returns:
        The pairs needed at both ends of the 95 % confidence interval of the standard deviation
        (normal distribution); None if more than `MAX_PAIRS`.
    """
    needed = []
    for quantile in special.chdtri(n - 1, [ALPHA / 2, 1 - ALPHA / 2]):
        std_bound = std * math.sqrt((n - 1) / float(quantile)) if quantile > 0 else math.inf
        n_pairs = _fewest_pairs(partial(detectable, std_bound), difference)
        if n_pairs is None:
            return None
        needed.append(n_pairs)
    return needed[0], needed[1]


def pairs_to_resolve(
    std: float, n: int, margin: float, detectable: Callable[..., float]
) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """Return the pairs that detect a difference of the margin, and those that show equivalence.

    Args:
        std: Sample standard deviation of n differences, at least 0.
        n: Pairs seen, at least 2.
        margin: Difference to be resolved, at least 0; 0 returns None for both.
        detectable: Takes a standard deviation, a number of pairs and `power`; returns the
            difference that these detect.

    Returns:
        Both as by `pairs_needed`, with 80 % power.
    """
    if not margin:
        return None, None
    needed, alike = (
        pairs_needed(std, n, margin, partial(detectable, power=power))
        for power in (POWER, EQUIVALENCE_POWER)
    )
    return needed, alike


def t_quantile(degrees: int, alpha: float) -> float:
    """Return the two-sided quantile of Student's t: an interval of level 1 - alpha ends there."""
    return float(special.stdtrit(degrees, 1.0 - alpha / 2))


def _fewest_pairs(detectable: Callable[[int], float], difference: float) -> int | None:
    """Find the fewest pairs by bisection: the detectable difference falls with their number."""
    pairs = range(2, MAX_PAIRS + 1)
    i = bisect_left(pairs, True, key=lambda n: detectable(n) <= difference)
    return pairs[i] if i < len(pairs) else None
