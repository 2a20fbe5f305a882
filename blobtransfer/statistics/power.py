"""How many pairs it takes: the detectable difference, and repeats to decide."""

import math
from functools import cache

import numpy as np
from scipy import optimize, stats

ALPHA = 0.05

POWER = 0.80

FEWEST_PAIRS = 6
"""Below, no two-sided sign-flip p can be under 5 %: it is at least 2 / 2^n."""


def detectable_effect(n: int) -> float:
    """Give the mean, in standard deviations, that n pairs detect with 80 % power.

    Two-sided t test at 5 %; n at least 2.

    Source:
        Non-central t distribution; Cohen 1988.
    """
    return _detectable_noncentrality(n) / math.sqrt(n)


def pairs_needed(effect: float) -> int | None:
    """Give the fewest pairs that detect a mean, in standard deviations, with 80 % power.

    Returns:
        At least 6, as fewer never give a finding; None where no number of pairs is enough.
    """
    if effect <= 0.0:
        return None
    # The normal distribution gives n for certain too small, and by few.
    normal: float = ((stats.norm.ppf(1 - ALPHA / 2) + stats.norm.ppf(POWER)) / effect) ** 2
    if not normal < 1e9:
        return None
    n: int = max(FEWEST_PAIRS, math.floor(normal))
    while detectable_effect(n) > effect:
        n += 1
    return n


@cache
def _detectable_noncentrality(n: int) -> float:
    critical = stats.t.ppf(1 - ALPHA / 2, n - 1)

    def shortfall(noncentrality: float) -> float:
        above = stats.nct.sf(critical, n - 1, noncentrality)
        # Far out, where it is 0, scipy gives NaN.
        below = np.nan_to_num(stats.nct.cdf(-critical, n - 1, noncentrality))
        return float(above + below) - POWER

    # For n = 2 the root is near 20; above 3 it soon falls towards 2.8.
    return float(optimize.brentq(shortfall, 1.0, 40.0))
