"""Corrected resampled t-test: repeats that re-split the rows of one table are not independent.

Over random splits of the same rows, the uncorrected t interval for two equal learners excludes 0
in more than half of all tables. Nadeau & Bengio correct the variance for the rows that the splits
share. The corrected variance has a lower bound however many splits there are, so beyond some
number of splits only more rows help.

Source: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.paired import Difference, Interval, finite_differences, trimmed_mean
from blobtransfer.statistics.power import (
    ALPHA,
    PAIRS,
    pairs_to_resolve,
    smallest_detectable,
    t_quantile,
)


@dataclass(frozen=True)
class ResplitPrecision:
    """Precision of the corrected interval over splits of one table.

    Args:
        test_to_train: Test rows of a split divided by its training rows, above 0.
        n_compared: Simultaneous comparisons, at least 1.
    """

    test_to_train: float
    n_compared: int

    def standard_error(self, std: float, n: int) -> float:
        """Return the corrected standard deviation of the mean over n splits."""
        return std * math.sqrt(1.0 / n + self.test_to_train)

    def excludes(self, std: float, n: int, mean: float, bound: float) -> bool:
        """Return whether the interval ends below a bound; see `power.Precision.excludes`."""
        t = t_quantile(n - 1, ALPHA / self.n_compared)
        return bound - mean >= t * self.standard_error(std, n)


def compare_resplits(
    differences: NDArray[np.float64], test_to_train: float, n_compared: int = 1, margin: float = 0.0
) -> Difference:
    """Estimate the mean difference over splits of one table.

    Args:
        differences: (J,) finite shares, one per split; rounded to 12 digits.
        test_to_train: Test rows of a split divided by its training rows, above 0.
        n_compared: Simultaneous comparisons, at least 1.
        margin: Difference that `repeats_needed` resolves, at least 0; 0 for none.

    Returns:
        The mean with variance var(d) (1 / J + test_to_train) and J - 1 degrees of freedom. There
        is no interval where all differences are equal, as their variance is then unknown, and
        none for the trimmed mean or the probability to be better.

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
    precision = ResplitPrecision(test_to_train, n_compared)
    error = precision.standard_error(std, n)
    p = float(2.0 * special.stdtr(n - 1, -abs(mean) / error))
    half, half_each = (t_quantile(n - 1, alpha) * error for alpha in (ALPHA / n_compared, ALPHA))
    needed, alike = pairs_to_resolve(std, n, margin, precision)
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
        detectable=smallest_detectable(std, n, precision),
        repeats_needed=needed,
        repeats_alike=alike,
    )


def rows_needed(differences: Sequence[Difference], n_rows: int, margin: float) -> int | None:
    """Return the rows of a table that detect differences of the observed sizes with 80 % power.

    The variance of the differences is taken to fall in proportion to the rows, and the number of
    splits and the share of the training rows to stay the same.

    Args:
        differences: Estimates over splits of the table.
        n_rows: Rows of the table.
        margin: Observed differences below it are left out.

    Returns:
        The number, rounded up to two digits; None if no difference has an interval and is at least
        the margin, or if it is more than the largest of `PAIRS`.
    """
    ratios = [
        abs(d.detectable / d.mean)
        for d in differences
        if d.detectable is not None and d.mean and abs(d.mean) >= margin
    ]
    if not ratios:
        return None
    i = bisect_left(PAIRS, n_rows * max(ratios) ** 2)
    return PAIRS[i] if i < len(PAIRS) else None
