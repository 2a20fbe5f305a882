"""Random-effects pooling: does transfer help on pairs of data like these?

Each pair contributes one number, its mean difference over repeats. The pairs do not share data,
so they are independent, and their number K is the sample size, however many repeats each has. The
variation of true effects between pairs is reported beside the mean, because the data of a
reader is a new pair.

Source: random effects, Higgins, Thompson & Spiegelhalter 2009,
doi:10.1111/j.1467-985X.2008.00552.x.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.paired import finite_differences
from blobtransfer.statistics.power import ALPHA, t_quantile

MIN_POOLED_PAIRS = 6
"""Fewer pairs get no interval."""

N_QUANTILES = 100
"""Quantiles of the between-pair variance over which the prediction interval is averaged."""

MIN_FREEDOM = 1e-9
"""Smallest 1 - leverage of a point; below it the line is forced through the point."""

MIN_VARIANCE = 1e-18
"""Between-pair variance, in shares squared, below which it counts as 0."""


@dataclass(frozen=True)
class PooledEffect:
    """Estimate of the mean effect over pairs of data, and of how much pairs differ.

    All but the mean and the worst are None for fewer than 6 pairs. If all effects are equal, their
    spread is unknown: the interval is that of the rule of three, and there is no prediction
    interval. Effects are shares.

    Args:
        n_pairs: Number of pairs of data, K.
        mean: Unweighted mean of their effects; None without pairs.
        worst: Lowest effect of a pair; None without pairs.
        ci_low: Lower end of the interval of the mean, simultaneous for all variants.
        ci_high: Upper end of the simultaneous interval of the mean.
        each_low: Lower end of the 95 % interval per comparison (unadjusted).
        each_high: Upper end of the unadjusted 95 % interval of the mean.
        p_value: Two-sided p-value of a mean of 0, per comparison (unadjusted).
        p_adjusted: `p_value` times the number of variants, at most 1; it agrees with the
            simultaneous interval.
        tau: Between-pair standard deviation of the true effects.
        prediction_low: Lower end of the 95 % prediction interval of a new pair's true effect.
        prediction_high: Upper end of the prediction interval.
        better_share: Probability that a new pair's true effect is above the margin.
        worse_share: Probability that a new pair's true effect is below minus the margin.
        beyond_margin_share: Sum of `better_share` and `worse_share`.
    """

    n_pairs: int
    mean: float | None
    worst: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    each_low: float | None = None
    each_high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    tau: float | None = None
    prediction_low: float | None = None
    prediction_high: float | None = None
    better_share: float | None = None
    worse_share: float | None = None
    beyond_margin_share: float | None = None


@dataclass(frozen=True)
class Slope:
    """Linear regression of an effect on a property of the pairs.

    Args:
        n: Number of pairs.
        slope: Change of the effect per unit of the property; None for fewer than 6 pairs, or if the
            property does not vary.
        ci_low: Lower end of the 95 % interval of the slope; None also if effects do not vary.
        ci_high: Upper end of the interval of the slope.
        p_value: Two-sided p-value of a slope of 0.
    """

    n: int
    slope: float | None
    ci_low: float | None = None
    ci_high: float | None = None
    p_value: float | None = None


def pool_pairs(
    effects: NDArray[np.float64],
    variances: NDArray[np.float64],
    n_compared: int = 1,
    margin: float = 0.0,
    max_difference: float = 1.0,
) -> PooledEffect:
    """Estimate the mean effect over all pairs of data like those seen.

    The mean is not weighted: a pair whose networks fail to train has both a low effect and a large
    variance, so weights would raise the mean. The variances are used for `tau` and prediction.

    Args:
        effects: (K,) finite shares, one per pair: the mean paired difference over its repeats.
        variances: (K,) their squared standard errors, at least 0.
        n_compared: Variants compared simultaneously, at least 1.
        margin: Largest negligible effect, at least 0.
        max_difference: Largest possible absolute effect, above 0.

    Returns:
        Student's t over the K effects with K - 1 degrees of freedom; where all are equal, the rule
        of three, with a pair at the end of the range as the cost. The prediction interval and
        the shares take the uncertainty of `tau` into account. The usual interval does not, and
        covers only 84 to 91 % if `tau` is half the standard error of a pair; this one covers 93 to
        98 % there, 93 to 95 % if `tau` is greater, and more if pairs do not differ
        (`tests/benchmarks/next_pair.py`).

    Raises:
        ValueError: An effect or a variance is not finite, a variance is below 0, or their numbers
            differ.
    """
    d = finite_differences(effects)
    n = len(d)
    if len(variances) != n:
        raise ValueError(f"{n} effects and {len(variances)} variances; use one of each per pair")
    if not (np.isfinite(variances) & (variances >= 0.0)).all():
        raise ValueError("a variance is not finite or below 0; leave such pairs out")
    if n == 0:
        return PooledEffect(0, None)
    mean, worst = float(d.mean()), float(d.min())
    if n < MIN_POOLED_PAIRS:
        return PooledEffect(n, mean, worst)
    if not np.ptp(d):
        return _equal_effects(n, worst, n_compared, max_difference)
    error = float(d.std(ddof=1)) / math.sqrt(n)
    half, half_each = (t_quantile(n - 1, alpha) * error for alpha in (ALPHA / n_compared, ALPHA))
    p = float(2.0 * special.stdtr(n - 1, -abs(mean) / error))
    tau, spreads = math.sqrt(between_pair_variance(d, variances)), _predictive_stds(d, variances)
    half_next = _prediction_half_width(spreads)
    better, worse = (
        float(np.mean(special.ndtr((centre - margin) / spreads))) for centre in (mean, -mean)
    )
    return PooledEffect(
        n_pairs=n,
        mean=mean,
        worst=worst,
        ci_low=mean - half,
        ci_high=mean + half,
        each_low=mean - half_each,
        each_high=mean + half_each,
        p_value=p,
        p_adjusted=min(1.0, n_compared * p),
        tau=tau,
        prediction_low=mean - half_next,
        prediction_high=mean + half_next,
        better_share=better,
        worse_share=worse,
        beyond_margin_share=better + worse,
    )


def fit_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> Slope:
    """Fit a line through K points by ordinary least squares.

    Args:
        x: (K,) finite property of the pairs.
        y: (K,) finite effects.

    Returns:
        The slope with its t interval, K - 2 degrees of freedom. Its standard error allows for
        effects that spread more at some values of x than at others. There is no interval where all
        points but one have the same x.

    Raises:
        ValueError: A number is not finite, or the lengths differ.

    Source:
        HC3 standard error: MacKinnon & White 1985, doi:10.1016/0304-4076(85)90158-7.
    """
    x, y = finite_differences(x), finite_differences(y)
    n = len(x)
    if len(y) != n:
        raise ValueError(f"{n} of x and {len(y)} of y; use one of each per point")
    if n < MIN_POOLED_PAIRS or not np.ptp(x):
        return Slope(n, None)
    if not np.ptp(y):
        return Slope(n, 0.0)
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(dx @ dx)
    slope = float(dx @ dy) / spread
    freedom = 1.0 - 1.0 / n - dx**2 / spread  # 1 minus the leverage of each point
    if freedom.min() < MIN_FREEDOM:
        return Slope(n, slope)
    residuals = (dy - slope * dx) / freedom
    error = math.sqrt(float((dx * residuals) @ (dx * residuals))) / spread
    half = t_quantile(n - 2, ALPHA) * error
    p = float(2.0 * special.stdtr(n - 2, -abs(slope) / error)) if error else 0.0
    return Slope(n, slope, slope - half, slope + half, p)


def unseen_share(n: int, alpha: float = ALPHA) -> float:
    """Return the share of failures of which n pairs show none with probability `alpha`.

    Source:
        Rule of three: Hanley & Lippman-Hand 1983, doi:10.1001/jama.1983.03330370053031.
    """
    return float(1.0 - alpha ** (1.0 / n))


def _equal_effects(n: int, effect: float, n_compared: int, max_difference: float) -> PooledEffect:
    """Return the estimate from n equal effects.

    Args:
        n: Number of pairs.
        effect: The effect on each of them.
        n_compared: Variants compared simultaneously, at least 1.
        max_difference: Largest possible absolute effect.

    Returns:
        The interval that allows for pairs at the end of the range; see `unseen_share`.
    """
    half, half_each = (
        max_difference * unseen_share(n, alpha) for alpha in (ALPHA / n_compared, ALPHA)
    )
    p = max(0.0, 1.0 - abs(effect) / max_difference) ** n
    return PooledEffect(
        n_pairs=n,
        mean=effect,
        worst=effect,
        ci_low=effect - half,
        ci_high=effect + half,
        each_low=effect - half_each,
        each_high=effect + half_each,
        p_value=p,
        p_adjusted=min(1.0, n_compared * p),
    )


def between_pair_variance(effects: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """Estimate the variance of the true effects, corrected for that of their estimates.

    Where pairs are estimated with unequal precision, this is more robust than the variance of the
    effects minus the mean of `variances`, which one imprecise pair dominates. With equal variances
    both are the same.

    Args:
        effects: (K,) finite, K at least 2.
        variances: (K,) variances of the estimates, at least 0.

    Returns:
        tau squared; 0 if the effects do not vary more than their estimates would.

    Source:
        Paule & Mandel 1982, doi:10.6028/jres.087.022: the weighted squares sum to K - 1.
    """
    return float(_between_variances_at(np.array([len(effects) - 1.0]), effects, variances)[0])


def _predictive_stds(
    effects: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return equally likely values of the standard deviation of a new pair around the mean.

    Args:
        effects: (K,) finite, K at least 2.
        variances: (K,) variances of the estimates, at least 0.

    Returns:
        (N_QUANTILES,) from the between-pair variances at which the weighted squares are the
        quantiles of chi squared.

    Source:
        Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520, with quantiles in place of
        random draws; the variances as in Viechtbauer 2007, doi:10.1002/sim.2514.
    """
    n = len(effects)
    chances = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    between = _between_variances_at(special.chdtri(n - 1, chances), effects, variances)
    # of a new pair and of the mean; kept above 0, as they are divided by
    squares = between + (between + variances.mean()) / n
    return np.asarray(np.sqrt(np.maximum(squares, MIN_VARIANCE)))


def _prediction_half_width(spreads: NDArray[np.float64]) -> float:
    """Find the half width that covers 95 % of new pairs, averaged over their spreads."""
    low, high = 0.0, 4.0 * float(spreads.max())
    for _ in range(60):
        middle = (low + high) / 2
        is_covered = float(np.mean(special.ndtr(-middle / spreads))) < ALPHA / 2
        low, high = (low, middle) if is_covered else (middle, high)
    return high


def _between_variances_at(
    squares: NDArray[np.float64], effects: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the between-pair variances at which the weighted squares have the given sums."""

    def weighted_squares(between: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = 1.0 / (variances + between[:, None])
        centres = weights @ effects / weights.sum(axis=1)
        return np.asarray(np.sum(weights * (effects - centres[:, None]) ** 2, axis=1))

    low = np.full(len(squares), MIN_VARIANCE)
    # an upper bound: there the weighted squares are smaller
    high = np.maximum(float(effects.var()) * len(effects) / squares, low)
    is_zero = weighted_squares(low) <= squares
    for _ in range(60):  # bisection down to the last digit
        middle = (low + high) / 2
        is_more = weighted_squares(middle) > squares
        low, high = np.where(is_more, middle, low), np.where(is_more, high, middle)
    return np.where(is_zero, 0.0, (low + high) / 2)


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ranks of (n,) numbers from 1, ties by the mean of their ranks.

    Source:
        The same as `scipy.stats.rankdata`, whose import takes long.
    """
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return ranks[group]
