"""Differences over splits of one table: repeats that share their rows are not independent.

Over random splits of the same rows the plain t interval of two equal learners leaves out 0 in
more than half of all tables. Nadeau & Bengio correct its variance for the rows that the splits
share: it does not fall below a share of the variance however many splits there are, so from
some number on only more rows would tell.

Source: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
"""

import math
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.paired import (
    Difference,
    Interval,
    finite_differences,
    trimmed_mean,
)
from blobtransfer.statistics.power import ALPHA, POWER, POWER_ALIKE, pairs_needed


def compare_resplits(
    differences: NDArray[np.float64],
    test_to_train: float,
    n_compared: int = 1,
    margin: float = 0.0,
) -> Difference:
    """Say what is known about the mean of differences over splits of one table.

    Args:
        differences: (J,) finite, one a split.
        test_to_train: Test rows of a split over its training rows.
        n_compared: Differences of the question, whose intervals are to hold together.
        margin: What `repeats_needed` is to resolve; 0 for none.

    Returns:
        The mean with var(d) (1 / J + test_to_train) as its variance, and J - 1 degrees of
        freedom. There is no interval where all differences are equal, as that says nothing of
        their variance, and none for the typical difference or the probability to be better.

    Raises:
        ValueError: A difference is not finite.
    """
    d = finite_differences(differences)
    n = len(d)
    if n == 0:
        return Difference(0, None)
    mean, typical = float(d.mean()), Interval(trimmed_mean(d).mean, None, None)
    share = float(np.mean(d > 0) + 0.5 * np.mean(d == 0))
    std = float(d.std(ddof=1)) if n > 1 and np.ptp(d) else 0.0
    if std == 0.0:
        return Difference(n, mean, typical=typical, probability_better=share)
    error = std * math.sqrt(1.0 / n + test_to_train)
    p = float(2.0 * special.stdtr(n - 1, -abs(mean) / error))
    half, half_each = (_quantile(n, alpha) * error for alpha in (ALPHA / n_compared, ALPHA))
    needed = alike = None
    if margin:
        needed, alike = (
            pairs_needed(
                std,
                n,
                margin,
                partial(
                    _detectable, test_to_train=test_to_train, n_compared=n_compared, power=power
                ),
            )
            for power in (POWER, POWER_ALIKE)
        )
    return Difference(
        n=n,
        mean=mean,
        ci_low=mean - half,
        ci_high=mean + half,
        each_low=mean - half_each,
        each_high=mean + half_each,
        p_value=p,
        p_adjusted=min(1.0, n_compared * p),
        typical=typical,
        probability_better=share,
        effect_size=mean / std,
        detectable=_detectable(std, n, test_to_train, n_compared, POWER),
        repeats_needed=needed,
        repeats_alike=alike,
    )


def _detectable(std: float, n: int, test_to_train: float, n_compared: int, power: float) -> float:
    """Give the mean that n splits tell from 0 with a power, n at least 2."""
    quantiles = _quantile(n, ALPHA / n_compared) + float(special.stdtrit(n - 1, power))
    return quantiles * std * math.sqrt(1.0 / n + test_to_train)


def _quantile(n: int, alpha: float) -> float:
    return float(special.stdtrit(n - 1, 1.0 - alpha / 2))
