"""Paired differences: their mean with an interval that allows for failures not yet seen; verdicts.

Networks that fail to train make differences skewed, and thirty runs without failure do not exclude
a failure rate of one in ten. So the interval of the mean is Student's t with pseudo-runs: as if
there were, besides the n pairs, a few more, half of them `max_unseen_shift` above 0 and half as
far below. The end on the side of the longer tail is moved out for the skewness. Interval and p are
computed from one ratio, so they cannot contradict each other. `tests/benchmarks/calibration.py`
measures coverage and error rates.

Source: pseudo-runs after Agresti & Coull 1998, doi:10.1080/00031305.1998.10480550, for a mean;
the skewness term of Johnson 1978, doi:10.1080/01621459.1978.10480051, where it widens.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from blobtransfer.statistics.power import (
    ALPHA,
    pairs_to_resolve,
    smallest_detectable,
    standard_error,
    t_quantile,
)

MIN_PAIRS = 6
"""With fewer pairs every verdict is `undecided`."""

TRIMMED_SHARE = 0.2
"""Share of the pairs that the trimmed mean leaves out at each end."""


@dataclass(frozen=True)
class Interval:
    """Point estimate and its 95 % confidence interval; None where n is too small."""

    mean: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Difference:
    """Estimate of the mean of paired differences, such as variant minus standalone.

    Args:
        n: Independent pairs; source networks where the design is nested.
        mean: Mean of the differences, a share; None without pairs.
        ci_low: Lower end of the interval of the mean, at the level that is simultaneous for all
            differences of the source mode; None for fewer than 2 pairs.
        ci_high: Upper end.
        each_low: Lower end of the 95 % interval per comparison (unadjusted).
        each_high: Upper end.
        p_value: Two-sided p of no difference, per comparison (unadjusted), 0 to 1.
        p_adjusted: The same, adjusted for all differences of the source mode: fits the
            simultaneous interval; times the number of differences, at most 1.
        typical: 20 % trimmed mean of the differences, with its 95 % interval.
        probability_better: Share of pairs with a difference above 0, ties counted half.
        probability_low: Lower end of its 95 % interval.
        probability_high: Upper end.
        effect_size: Cohen's d_z, mean divided by sample standard deviation.
        detectable: Difference that n pairs detect with 80 % power.
        repeats_needed: Fewest and most pairs that detect a difference of the margin with 80 %
            power, by the uncertainty of the standard deviation; None where unknown.
        repeats_alike: The same for showing, with 80 % power, that there is no difference.
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
    max_unseen_shift: float,
    n_compared: int = 1,
    margin: float = 0.0,
) -> Difference:
    """Estimate the mean of paired differences.

    Args:
        differences: (n,) finite shares; rounded to 12 digits, as smaller values are rounding.
        max_unseen_shift: Largest mean distance from 0 of unseen pairs, such as a pair whose
            network fails to train; at least 0.
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
    low, high, p_adjusted = _ends_and_p(d, std, max_unseen_shift, n_compared)
    each_low, each_high, p = _ends_and_p(d, std, max_unseen_shift, 1)
    probability_low, probability_high = wilson_interval(share, n)
    detectable = partial(
        smallest_detectable, max_unseen_shift=max_unseen_shift, n_compared=n_compared
    )
    needed, alike = pairs_to_resolve(std, n, margin, detectable)
    return Difference(
        n=n,
        mean=mean,
        ci_low=low,
        ci_high=high,
        each_low=each_low,
        each_high=each_high,
        p_value=p,
        p_adjusted=p_adjusted,
        typical=trimmed_mean(d),
        probability_better=share,
        probability_low=probability_low,
        probability_high=probability_high,
        effect_size=mean / std if std else None,
        detectable=detectable(std, n),
        repeats_needed=needed,
        repeats_alike=alike,
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


def _ends_and_p(
    d: NDArray[np.float64], std: float, max_unseen_shift: float, n_compared: int
) -> tuple[float, float, float]:
    """Return both ends of the simultaneous interval of the mean, and the p that fits it."""
    n, mean = len(d), float(d.mean())
    error = standard_error(std, max_unseen_shift, n, n_compared)
    scale = error * math.sqrt(n)  # the standard deviation, with the pseudo-runs in it
    skewness = float(np.mean((d - mean) ** 3)) / scale**3 if scale else 0.0
    low, high = _ends(mean, error, skewness, n, ALPHA / n_compared)
    return low, high, min(1.0, n_compared * _p_value(mean, error, skewness, n))


def _ends(mean: float, error: float, skewness: float, n: int, alpha: float) -> tuple[float, float]:
    """Return both ends of an interval; that on the side of the longer tail lies further out."""
    t = t_quantile(n - 1, alpha)
    far = t + min(abs(skewness) * (2.0 * t * t + 1.0) / (6.0 * math.sqrt(n)), t)
    below, above = (far, t) if skewness < 0.0 else (t, far)
    return mean - below * error, mean + above * error


def _p_value(mean: float, error: float, skewness: float, n: int) -> float:
    """Return twice the tail beyond the t at which an end of the interval touches 0."""
    if mean == 0.0 or error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    t = abs(mean) / error
    if skewness * mean < 0.0:  # the end that touches 0 is the one that lies further out
        c = abs(skewness) / (6.0 * math.sqrt(n))
        root = math.sqrt(max(1.0 - 8.0 * c * (c - t), 0.0))
        t = max(2.0 * (t - c) / (root + 1.0), t / 2.0)
    return float(2.0 * special.stdtr(n - 1, -t))


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
