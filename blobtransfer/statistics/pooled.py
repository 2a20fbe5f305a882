"""From one pair of problems to many: does transfer help on problems like these?

One number a pair, its mean difference over repeats; the pairs share no problem, so they are
independent, and their number K is the sample size however many repeats each has. Beside the mean
stands how much pairs differ in truth, as the next pair is what a reader has to do with.

Source: random effects, Higgins, Thompson & Spiegelhalter 2009,
doi:10.1111/j.1467-985X.2008.00552.x.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.paired import finite_differences
from blobtransfer.statistics.power import ALPHA

FEWEST_POOLED = 5
"""Below, there is no interval."""

MOST_EXACT = 200
"""Up to so many effects the signed-rank test counts all their signs."""

N_QUANTILES = 100
"""Of the spread between pairs, over which the prediction interval is taken."""

LEAST_VARIANCE = 1e-18
"""Between pairs; below, in shares squared, it is 0."""


@dataclass(frozen=True)
class Family:
    """What is known about the effects of all pairs of problems like those seen.

    All but the mean is None for fewer than 5 pairs. All but the mean and `wilcoxon_p` is None
    where all effects are equal, as that says nothing of how far they spread.

    Args:
        n_pairs: Pairs of problems, K.
        mean: Of their effects, each counting the same; None without pairs.
        ci_low: Lower end of the interval of the mean, at a level that holds for all variants
            compared together.
        ci_high: Upper end.
        each_low: Lower end of the 95 % interval of this variant alone.
        each_high: Upper end.
        p_value: Two-sided, of a mean of 0; of this variant alone.
        p_adjusted: Times the variants compared, at most 1; fits the interval.
        tau: Standard deviation of the true effects between pairs.
        prediction_low: Lower end of the 95 % prediction interval of the next pair's true effect.
        prediction_high: Upper end.
        better_share: Chance that the next pair's true effect is above the margin.
        worse_share: Chance that it is below minus the margin.
        beyond_margin_share: The sum of both.
        wilcoxon_p: Two-sided, of the signed-rank test over the effects, times the variants
            compared, at most 1; a check of `p_adjusted` that no single pair can sway.
    """

    n_pairs: int
    mean: float | None
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
    wilcoxon_p: float | None = None


@dataclass(frozen=True)
class Slope:
    """How an effect changes with something that pairs differ in.

    Args:
        n: Pairs.
        slope: Change of y with one unit of x; None for fewer than 5 pairs, or where x does not
            vary.
        ci_low: Lower end of its 95 % interval; None also where y does not vary.
        ci_high: Upper end.
        p_value: Two-sided, of a slope of 0.
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
) -> Family:
    """Say what is known about the effects of all pairs of problems like those seen.

    The mean is not weighted: a pair whose networks die has both a low effect and a large
    variance, so weights would lift the mean. The variances serve `tau` alone.

    Args:
        effects: (K,) finite shares, one a pair: the mean paired difference over its repeats.
        variances: (K,) squared standard errors of these, at least 0.
        n_compared: Variants whose intervals are to hold together.
        margin: Effects up to this do not matter.

    Returns:
        Student's t over the K effects, K - 1 degrees of freedom. The prediction interval, and the
        distribution that the shares are of, do not take `tau` for known. The usual interval does,
        and covers but 84 to 91 % where `tau` is half the standard error of a pair; this one
        covers 93 to 98 % there, 93 to 95 % where `tau` is greater, and more where pairs do not
        differ (`tests/benchmarks/next_pair.py`).

    Raises:
        ValueError: An effect or a variance is not finite, a variance is below 0, or there are
            not as many of both.
    """
    d = finite_differences(effects)
    n = len(d)
    if len(variances) != n:
        raise ValueError(f"{n} effects and {len(variances)} variances: one of each a pair")
    if not (np.isfinite(variances) & (variances >= 0.0)).all():
        raise ValueError("a variance is not finite or below 0; leave such pairs out")
    if n < FEWEST_POOLED:
        return Family(n, float(d.mean()) if n else None)
    mean, wilcoxon_p = float(d.mean()), min(1.0, n_compared * signed_rank_p(d))
    if not np.ptp(d):
        return Family(n, float(d[0]), wilcoxon_p=wilcoxon_p)
    error = float(d.std(ddof=1)) / math.sqrt(n)
    half, half_each = (_quantile(n - 1, alpha) * error for alpha in (ALPHA / n_compared, ALPHA))
    p = float(2.0 * special.stdtr(n - 1, -abs(mean) / error))
    tau, spreads = math.sqrt(variance_between(d, variances)), _spreads_of_next(d, variances)
    half_next = _half_of_next(spreads)
    better, worse = (
        float(np.mean(special.ndtr((centre - margin) / spreads))) for centre in (mean, -mean)
    )
    return Family(
        n_pairs=n,
        mean=mean,
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
        wilcoxon_p=wilcoxon_p,
    )


def slope_of(x: NDArray[np.float64], y: NDArray[np.float64]) -> Slope:
    """Fit a line through K points by ordinary least squares.

    Args:
        x: (K,) finite, what pairs differ in.
        y: (K,) finite, their effects.

    Returns:
        The slope with its t interval, K - 2 degrees of freedom.

    Raises:
        ValueError: A number is not finite, or there are not as many of both.
    """
    x, y = finite_differences(x), finite_differences(y)
    n = len(x)
    if len(y) != n:
        raise ValueError(f"{n} of x and {len(y)} of y: one of each a point")
    if n < FEWEST_POOLED or not np.ptp(x):
        return Slope(n, None)
    if not np.ptp(y):
        return Slope(n, 0.0)
    dx, dy = x - x.mean(), y - y.mean()
    spread = float(dx @ dx)
    slope = float(dx @ dy) / spread
    residuals = dy - slope * dx
    error = math.sqrt(float(residuals @ residuals) / (n - 2) / spread)
    half = _quantile(n - 2, ALPHA) * error
    p = float(2.0 * special.stdtr(n - 2, -abs(slope) / error)) if error else 0.0
    return Slope(n, slope, slope - half, slope + half, p)


def variance_between(effects: NDArray[np.float64], variances: NDArray[np.float64]) -> float:
    """Estimate the variance of the true effects, that of their estimates taken off.

    Where pairs are estimated with unequal precision, this holds better than the variance of the
    effects less the mean of `variances`, which one imprecise pair spoils. With equal variances
    both are the same.

    Args:
        effects: (K,) finite, at least 2.
        variances: (K,) of the estimates, at least 0.

    Returns:
        tau squared; 0 where the effects differ no more than their estimates would.

    Source:
        Paule & Mandel 1982, doi:10.6028/jres.087.022: the weighted squares come to K - 1.
    """
    return float(_variances_at(np.array([len(effects) - 1.0]), effects, variances)[0])


def _spreads_of_next(
    effects: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give what the standard deviation of the next pair around the mean may be, equally likely.

    Args:
        effects: (K,) finite, at least 2.
        variances: (K,) of the estimates, at least 0.

    Returns:
        (N_QUANTILES,) from the variances between pairs at which the weighted squares are the
        quantiles of chi squared.

    Source:
        Nagashima, Noma & Furukawa 2019, doi:10.1177/0962280218773520, by quantiles in place of
        random draws; the variances as Viechtbauer 2007, doi:10.1002/sim.2514, has them.
    """
    n = len(effects)
    chances = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES
    between = _variances_at(special.chdtri(n - 1, chances), effects, variances)
    # of the next pair and of the mean; above 0, as what is exactly 0 could not be divided by
    squares = between + (between + variances.mean()) / n
    return np.asarray(np.sqrt(np.maximum(squares, LEAST_VARIANCE)))


def _half_of_next(spreads: NDArray[np.float64]) -> float:
    """Find the half width that holds 95 % of the next pairs on average over their spreads."""
    low, high = 0.0, 4.0 * float(spreads.max())
    for _ in range(60):
        middle = (low + high) / 2
        is_covered = float(np.mean(special.ndtr(-middle / spreads))) < ALPHA / 2
        low, high = (low, middle) if is_covered else (middle, high)
    return high


def _variances_at(
    squares: NDArray[np.float64], effects: NDArray[np.float64], variances: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Find the variances between pairs at which the weighted squares come to given sums."""

    def weighted_squares(between: NDArray[np.float64]) -> NDArray[np.float64]:
        weights = 1.0 / (variances + between[:, None])
        centres = weights @ effects / weights.sum(axis=1)
        found: NDArray[np.float64] = np.sum(weights * (effects - centres[:, None]) ** 2, axis=1)
        return found

    low = np.full(len(squares), LEAST_VARIANCE)
    high = np.maximum(float(effects.var()) * len(effects) / squares, low)  # where they are fewer
    is_none = weighted_squares(low) <= squares
    for _ in range(60):  # halves the interval down to the last digit
        middle = (low + high) / 2
        is_more = weighted_squares(middle) > squares
        low, high = np.where(is_more, middle, low), np.where(is_more, high, middle)
    return np.where(is_none, 0.0, (low + high) / 2)


def signed_rank_p(effects: NDArray[np.float64]) -> float:
    """Give the two-sided p of Wilcoxon's signed-rank test.

    Args:
        effects: (K,) finite, in which equal ones are exactly equal; those of 0 are left out.

    Returns:
        Over all choices of the signs, so exact with ties, too; by the normal distribution for
        more than 200 effects. 1 where all are 0.

    Source:
        Wilcoxon 1945, doi:10.2307/3001968.
    """
    kept = effects[effects != 0.0]
    ranks = average_ranks(np.abs(kept))
    positive, total = float(ranks[kept > 0].sum()), float(ranks.sum())
    smaller = min(positive, total - positive)
    if len(kept) > MOST_EXACT:
        std = math.sqrt(float(ranks @ ranks)) / 2
        return float(2.0 * special.ndtr((smaller - total / 2) / std))
    doubled = np.rint(2 * ranks).astype(np.intp)  # ties have half ranks
    probabilities = np.zeros(int(doubled.sum()) + 1)  # of each doubled sum of positive ranks
    probabilities[0] = 1.0
    for rank in doubled:
        probabilities[rank:] += probabilities[:-rank].copy()
        probabilities /= 2.0
    return min(1.0, 2.0 * float(probabilities[: round(2 * smaller) + 1].sum()))


def average_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank n numbers from 1, equal ones by the mean of their ranks."""
    _, which, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = np.cumsum(counts) - (counts - 1) / 2
    return ranks[which]


def _quantile(degrees: int, alpha: float) -> float:
    return float(special.stdtrit(degrees, 1.0 - alpha / 2))
