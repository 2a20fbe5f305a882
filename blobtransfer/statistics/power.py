"""How many pairs it takes: the detectable difference, and repeats to decide.

With the standard error of `paired`: s^2 / n for the pairs seen, and pseudo-runs for those not.
"""

import math
from collections.abc import Callable
from functools import partial

from scipy import special

ALPHA = 0.05
"""Chance of error that is allowed to all differences of a question together."""

POWER = 0.80

POWER_ALIKE = 0.90
"""Chance to detect a margin by which pairs show, with `POWER`, that there is no difference."""

MOST_PAIRS = 10**9


def pseudo_runs(n_compared: int) -> float:
    """Give the pseudo-runs that count in the variance, half of them above and half below.

    Where a share q of networks dies, n runs show no death with the chance exp(-n q), about. That
    is an error that a question may make as long as it is below ALPHA / n_compared, so n clean
    runs exclude no q up to ln(n_compared / ALPHA) / n, the rule of three where one difference is
    asked for. Deaths that cost the reach R each then put the mean off by q R, and so far the
    pseudo-runs alone have to bring the ends of the interval: 2.3 for one difference, 2.9 for three.

    Args:
        n_compared: Differences whose intervals hold together.

    Source:
        Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031, for the rule of three.
    """
    z = float(special.ndtri(1 - ALPHA / (2 * n_compared)))
    return (math.log(n_compared / ALPHA) / z) ** 2


def standard_error(std: float, reach: float, n: int, n_compared: int) -> float:
    """Give the standard error of the mean of n pairs, pseudo-runs at +- `reach` among them."""
    return math.sqrt((std**2 + pseudo_runs(n_compared) * reach**2 / n) / n)


def smallest_detectable(
    std: float, n: int, reach: float, n_compared: int, power: float = POWER
) -> float:
    """Give the mean that n pairs tell from 0 with a power, n at least 2.

    Args:
        std: Sample standard deviation of the differences.
        n: Pairs.
        reach: Of the pseudo-runs.
        n_compared: Differences whose intervals hold together.
        power: Chance to detect it.

    Source:
        The usual sum of two quantiles, here of Student's t; Cohen 1988, with alpha / n_compared.
    """
    quantiles = special.stdtrit(n - 1, [1 - ALPHA / (2 * n_compared), power])
    return float(quantiles.sum()) * standard_error(std, reach, n, n_compared)


def pairs_needed(
    std: float, n: int, difference: float, detectable: Callable[[float, int], float]
) -> tuple[int, int] | None:
    """Give the fewest and most pairs that detect a difference, by how sure the std is.

    Args:
        std: Sample standard deviation of n differences.
        n: Pairs seen, at least 2.
        difference: To be told from 0; where pairs detect it with power 0.9 they show, with a
            power of 0.8, that a true difference of 0 is smaller than that.
        detectable: Gives the difference that pairs of a std detect, by their std and number.

    Returns:
        From the 95 % interval of a normal standard deviation; None where no number is enough.
    """
    quantiles = special.chdtri(n - 1, [ALPHA / 2, 1 - ALPHA / 2])
    found = []
    for quantile in quantiles:
        spread = std * math.sqrt((n - 1) / float(quantile)) if quantile > 0 else math.inf
        needed = _fewest(partial(detectable, spread), difference)
        if needed is None:
            return None
        found.append(needed)
    return found[0], found[1]


def _fewest(detectable: Callable[[int], float], difference: float) -> int | None:
    """Search the fewest pairs by halving: the detectable difference falls with their number."""
    low, high = 1, 2
    while detectable(high) > difference:
        low, high = high, 2 * high
        if high > MOST_PAIRS:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(middle) <= difference else (middle, high)
    return high
