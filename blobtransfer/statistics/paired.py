"""Paired differences: their mean with an interval that allows for failures not yet seen; verdicts.

Networks that fail to train make differences skewed, and thirty runs without failure do not exclude
a failure rate of one in ten. So the interval of the mean is a Bayesian bootstrap of the differences
and both ends of their range (`bootstrap.py`). Interval and p come from one distribution, so they
cannot contradict each other. `tests/benchmarks/calibration.py` measures coverage and error rates.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.bootstrap import BootstrapMean, range_end
from blobtransfer.statistics.power import (
    ALPHA,
    BootstrapPrecision,
    pairs_to_resolve,
    smallest_detectable,
    t_quantile,
)

MIN_PAIRS = 6
"""With fewer pairs every verdict is `undecided`."""

TRIMMED_SHARE = 0.2
"""Share of the pairs that the trimmed mean leaves out at each end."""


@dataclass(frozen=True)
class Interval:
    """Point estimate and its 95 % confidence interval; None where n is too small.

    Args:
        mean: The estimate.
        ci_low: Lower end of the interval.
        ci_high: Upper end of the interval.
    """

    mean: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Difference:
    """Estimate of the mean of paired differences, such as variant minus standalone.

    Args:
        n: Number of independent pairs: repeats, or source networks if each has several repeats.
        mean: Mean of the differences, a share; None without pairs.
        ci_low: Lower end of the interval of the mean, at the level that is simultaneous for all
            differences of the source mode; None for fewer than 2 pairs.
        ci_high: Upper end of the simultaneous interval of the mean.
        each_low: Lower end of the 95 % interval per comparison (unadjusted).
        each_high: Upper end of the unadjusted 95 % interval of the mean.
        p_value: Two-sided p-value of no difference, per comparison (unadjusted), 0 to 1.
        p_adjusted: p-value of no difference, adjusted for all differences of the source mode: the
            unadjusted one times their number, at most 1; it agrees with the simultaneous interval.
        typical: 20 % trimmed mean of the differences, with its 95 % interval.
        probability_better: Share of pairs with a difference above 0, ties counted half.
        probability_low: Lower end of the 95 % interval of `probability_better`.
        probability_high: Upper end of that interval.
        effect_size: Cohen's d_z, mean divided by sample standard deviation.
        detectable: Difference that n pairs detect with 80 % power, a share.
        repeats_needed: Fewest and most pairs that detect a difference of the margin with 80 %
            power, by the uncertainty of the standard deviation; None where unknown.
        repeats_alike: Fewest and most pairs that show with 80 % power that the difference is within
            the margin; None where unknown.
    """

    n: int
    mean: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    each_low: float | None = None
    each_high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    typical: Interval = Interval(None, None, None)
    probability_better: float | None = None
    probability_low: float | None = None
    probability_high: float | None = None
    effect_size: float | None = None
    detectable: float | None = None
    repeats_needed: tuple[int, int] | None = None
    repeats_alike: tuple[int, int] | None = None


VerdictKind = Literal["better", "worse", "no practical difference", "undecided", "faster", "slower"]
Beyond = Literal["yes", "no", "maybe"]


@dataclass(frozen=True)
class Verdict:
    """Verdict on a difference, by its interval.

    Args:
        kind: `better` if the interval is above 0, `worse` if below, `no practical difference` if
            within the margin; `faster` and `slower` are used for epochs.
        beyond_margin: Whether the difference is larger than the margin: `yes` or `no` if the whole
            interval agrees, `maybe` if not; None without an interval.
        repeats_to_decide: Fewest and most pairs that decide with 80 % power if the true difference
            is at least the margin; None unless undecided, or where unknown.
    """

    kind: VerdictKind
    beyond_margin: Beyond | None = None
    repeats_to_decide: tuple[int, int] | None = None


def compare_pairs(
    differences: NDArray[np.float64],
    max_difference: float,
    n_compared: int = 1,
    margin: float = 0.0,
) -> Difference:
    """Estimate the mean of paired differences.

    Args:
        differences: (n,) finite shares; rounded to 12 digits, as smaller values are rounding.
        max_difference: Largest possible absolute difference, at least 0: the best possible
            accuracy minus chance level. A larger one replaces it.
        n_compared: Simultaneous comparisons, at least 1.
        margin: Difference that `repeats_needed` resolves, at least 0; 0 for none.

    Raises:
        ValueError: A difference is not finite.
    """
    d = finite_differences(differences)
    n = len(d)
    if n == 0:
        return Difference(0, None)
    share = float(np.mean(d > 0) + 0.5 * np.mean(d == 0))
    if n == 1:
        return Difference(1, float(d[0]), probability_better=share)
    mean, std = float(d.mean()), float(d.std(ddof=1)) if np.ptp(d) else 0.0
    max_difference = max(max_difference, float(np.abs(d).max()))
    low = high = each_low = each_high = detectable = 0.0
    p, needed, alike = 1.0, None, None
    if max_difference:
        end = range_end(max_difference, n)
        bootstrap = BootstrapMean.of_sample(d, -end, end)
        low, high = _extended_to(mean, bootstrap.interval(ALPHA / n_compared))
        each_low, each_high = (
            _extended_to(mean, bootstrap.interval(ALPHA)) if n_compared > 1 else (low, high)
        )
        p = 2.0 * bootstrap.smaller_tail(0.0)
        precision = BootstrapPrecision(max_difference, n_compared)
        detectable = smallest_detectable(std, n, precision)
        needed, alike = pairs_to_resolve(std, n, margin, precision)
    probability_low, probability_high = wilson_interval(share, n)
    return Difference(
        n=n,
        mean=mean,
        ci_low=low,
        ci_high=high,
        each_low=each_low,
        each_high=each_high,
        p_value=min(1.0, p),
        p_adjusted=min(1.0, n_compared * p),
        typical=trimmed_mean(d),
        probability_better=share,
        probability_low=probability_low,
        probability_high=probability_high,
        effect_size=mean / std if std else None,
        detectable=detectable,
        repeats_needed=needed,
        repeats_alike=alike,
    )


def estimate_mean(values: NDArray[np.float64], low: float, high: float) -> Interval:
    """Estimate the mean of independent values with its 95 % interval, as `compare_pairs` does.

    Args:
        values: (n,) finite values.
        low: Lowest possible value; a lower one replaces it.
        high: Highest possible value; a higher one replaces it.
    """
    if len(values) < 2:
        return Interval(float(values[0]) if len(values) else None, None, None)
    mean, low, high = float(values.mean()), min(low, values.min()), max(high, values.max())
    if low == high:
        return Interval(mean, mean, mean)
    return Interval(
        mean, *_extended_to(mean, BootstrapMean.of_sample(values, low, high).interval(ALPHA))
    )


def verdict_of(difference: Difference, margin: float, fewest: int = MIN_PAIRS) -> Verdict:
    """Return the verdict that the interval of a difference gives.

    Args:
        difference: With its simultaneous interval.
        margin: Largest negligible difference, at least 0.
        fewest: Pairs below which the verdict is `undecided`.
    """
    d = difference
    if d.ci_low is None or d.ci_high is None:
        return Verdict("undecided")
    is_within = -margin < d.ci_low and d.ci_high < margin
    is_beyond = margin < d.ci_low or d.ci_high < -margin
    beyond: Beyond = "yes" if is_beyond else "no" if is_within else "maybe"
    if d.n >= fewest:
        if is_within:
            return Verdict("no practical difference", beyond)
        if d.ci_low > 0.0 or d.ci_high < 0.0:
            return Verdict("better" if d.ci_low > 0.0 else "worse", beyond)
        return Verdict("undecided", beyond, _to_decide(d))
    return Verdict("undecided", beyond)


def trimmed_mean(d: NDArray[np.float64]) -> Interval:
    """Return the 20 % trimmed mean of (n,) numbers, with its 95 % interval.

    Source:
        Tukey & McLaughlin 1963, Sankhya A 25:331, with the Winsorised variance and the share
        that is actually left; where n is divisible by 5 the same as
        `scipy.stats.mstats.trimmed_mean_ci`, whose import takes long.
    """
    n_cut, ordered = int(TRIMMED_SHARE * len(d)), np.sort(d)
    middle = ordered[n_cut : len(d) - n_cut]
    n = len(middle)
    if n < 2:
        return Interval(float(middle.mean()) if n else None, None, None)
    mean = float(middle.mean())
    winsorised = np.clip(d, middle[0], middle[-1])
    error = float(winsorised.std(ddof=1)) / ((1 - 2 * n_cut / len(d)) * math.sqrt(len(d)))
    half = t_quantile(n - 1, ALPHA) * error
    return Interval(mean, mean - half, mean + half)


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Compute the 95 % interval of a probability.

    Args:
        share: Observed share, 0 to 1; ties count half, which makes the interval approximate.
        n: Independent pairs, at least 1.

    Returns:
        Both ends, 0 to 1.

    Source:
        Wilson 1927, doi:10.2307/2276774; the same as
        `scipy.stats.binomtest(k, n).proportion_ci(method="wilson")`, whose import takes long.
    """
    z = float(special.ndtri(1 - ALPHA / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_difference(variant: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> Interval:
    """Estimate the difference of two shares in n pairs, variant minus baseline.

    Args:
        variant: (n,) whether the event occurs in the variant's run, such as a low accuracy.
        baseline: (n,) whether it occurs in the other run of the pair.

    Returns:
        Difference of the shares, -1 to 1, with its 95 % interval; all None without pairs.

    Source:
        Agresti & Min 2005, doi:10.1002/sim.1781: Wald's interval after half a pair is added to
        each of the four cells.
    """
    n = len(variant)
    if n == 0:
        return Interval(None, None, None)
    mean = float(np.mean(variant) - np.mean(baseline))
    more, fewer = np.sum(variant & ~baseline) + 0.5, np.sum(baseline & ~variant) + 0.5
    centre = (more - fewer) / (n + 2)
    error = math.sqrt((more + fewer) / (n + 2) - centre**2) / math.sqrt(n + 2)
    half = float(special.ndtri(1 - ALPHA / 2)) * error
    return Interval(mean, max(-1.0, float(centre - half)), min(1.0, float(centre + half)))


def finite_differences(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (n,) numbers rounded to 12 digits.

    Raises:
        ValueError: A number is not finite.
    """
    if not np.isfinite(differences).all():
        raise ValueError("a difference is not finite; leave such pairs out, or give them a value")
    return np.round(differences, 12)


def _extended_to(mean: float, interval: tuple[float, float]) -> tuple[float, float]:
    """Return an interval that is extended to the sample mean if that is outside.

    The mean can be outside if all values are at the same end of their range.
    """
    return min(interval[0], mean), max(interval[1], mean)


def _to_decide(d: Difference) -> tuple[int, int] | None:
    """Return the range of pairs, above d.n, that an undecided difference should need.

    If d.n already resolves the margin, the true difference is probably smaller, and the pairs that
    show this are returned.
    """
    for pairs in (d.repeats_needed, d.repeats_alike):
        if pairs is not None and pairs[1] > d.n:
            low, high = (_rounded_up(max(n, d.n + 1)) for n in pairs)
            return low, high
    return None if d.repeats_needed is None else (2 * d.n, 4 * d.n)


def _rounded_up(n: int) -> int:
    unit = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // unit) * unit
