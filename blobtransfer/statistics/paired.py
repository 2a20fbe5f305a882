"""Paired differences: their mean with an interval that knows of deaths not yet seen, and a verdict.

Networks that die make differences skewed, and thirty clean runs do not exclude that one in ten
dies. So the interval of the mean is Student's t with pseudo-runs: as if there had been, besides
the n pairs, a few more, half of them `reach` above and half as far below; and its end on the side
of the longer tail is moved out for the skewness. Interval and p come from one ratio and cannot
contradict one another. `tests/benchmarks/calibration.py` measures what they hold.

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
    POWER,
    POWER_ALIKE,
    pairs_needed,
    smallest_detectable,
    standard_error,
)

FEWEST_PAIRS = 6
"""Below, nothing is decided."""

TRIMMED = 0.2
"""Share of the pairs that the typical difference leaves out at each end."""


@dataclass(frozen=True)
class Interval:
    """A mean and its interval; None where there are too few numbers to say."""

    mean: float | None
    ci_low: float | None
    ci_high: float | None


@dataclass(frozen=True)
class Difference:
    """What is known about the mean of paired differences, such as variant less standalone.

    Args:
        n: Independent pairs; sources, where the design is nested.
        mean: Of the differences; None without pairs.
        ci_low: Lower end of the interval of the mean, at a level that holds for all differences
            of the question together; None for fewer than 2 pairs.
        ci_high: Upper end.
        each_low: Lower end of the 95 % interval of this difference alone.
        each_high: Upper end.
        p_value: Two-sided, of no difference; of this difference alone.
        p_adjusted: The same for all differences of the question together: by their interval, and
            times their number, at most 1.
        typical: 20 % trimmed mean of the differences, with its 95 % interval.
        probability_better: Share of pairs with a difference above 0, ties counted half.
        probability_low: Lower end of its 95 % interval.
        probability_high: Upper end.
        effect_size: Cohen's d_z, mean over sample standard deviation.
        detectable: Difference that n pairs detect with 80 % power.
        repeats_needed: Pairs that detect a difference of the margin with 80 % power, fewest and
            most by the uncertainty of the standard deviation; None where that is not known.
        repeats_alike: Pairs that show with 80 % power that there is no difference, likewise.
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
    """What the interval of a difference shows.

    Args:
        kind: `better` where it is all above 0, `worse` below, `no practical difference` where it
            is all within the margin; `faster` and `slower` are said of epochs.
        beyond_margin: Whether the difference matters in practice, as far as the interval
            tells; None without one.
        repeats_to_decide: Fewest and most pairs that decide four times out of five if the true
            difference is at least the margin, where it is undecided; None where that is unknown.
    """

    kind: VerdictKind
    beyond_margin: Beyond | None = None
    repeats_to_decide: tuple[int, int] | None = None


def compare_pairs(
    differences: NDArray[np.float64], reach: float, n_compared: int = 1, margin: float = 0.0
) -> Difference:
    """Say what is known about the mean of paired differences.

    Args:
        differences: (n,) finite; multiples of a row's share, so what is below 1e-12 is rounding.
        reach: How far a pair not yet seen may lie from 0 on average, such as one with a network
            that dies.
        n_compared: Differences of the question, whose intervals are to hold together.
        margin: What `repeats_needed` is to resolve; 0 for none.

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
    low, high, p_adjusted = _ends_and_p(d, std, reach, n_compared)
    each_low, each_high, p = _ends_and_p(d, std, reach, 1)
    probability_low, probability_high = wilson_interval(share, n)
    needed = alike = None
    if margin:
        needed, alike = (
            pairs_needed(
                std,
                n,
                margin,
                partial(smallest_detectable, reach=reach, n_compared=n_compared, power=power),
            )
            for power in (POWER, POWER_ALIKE)
        )
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
        detectable=smallest_detectable(std, n, reach, n_compared),
        repeats_needed=needed,
        repeats_alike=alike,
    )


def verdict_of(difference: Difference, margin: float, fewest: int = FEWEST_PAIRS) -> Verdict:
    """Read the verdict off the interval of a difference.

    Args:
        difference: With the interval that holds for its question.
        margin: Differences up to this do not matter.
        fewest: Pairs that decide something.
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
    """Give the mean of the middle three fifths of n numbers, and its 95 % interval.

    Source:
        Tukey & McLaughlin 1963, Sankhya A 25:331, with the Winsorised variance and the share
        that is really left; the same as `scipy.stats.mstats.trimmed_mean_ci` where n is
        divisible by 5.
    """
    n_cut, ordered = int(TRIMMED * len(d)), np.sort(d)
    middle = ordered[n_cut : len(d) - n_cut]
    n = len(middle)
    if n < 2:
        return Interval(float(middle.mean()) if n else None, None, None)
    mean = float(middle.mean())
    winsorised = np.clip(d, middle[0], middle[-1])
    error = float(winsorised.std(ddof=1)) / ((1 - 2 * n_cut / len(d)) * math.sqrt(len(d)))
    half = float(special.stdtrit(n - 1, 1 - ALPHA / 2)) * error
    return Interval(mean, mean - half, mean + half)


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a probability.

    Args:
        share: Of n that count, 0 to 1; ties count halves, which makes it an approximation.
        n: Independent pairs, at least 1.

    Source:
        Wilson 1927, doi:10.2307/2276774.
    """
    z = float(special.ndtri(1 - ALPHA / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def share_difference(own: NDArray[np.bool_], other: NDArray[np.bool_]) -> Interval:
    """Compare how often something happens in the runs of n pairs, own less other.

    Args:
        own: (n,) whether it happens in the one run of each pair, such as that it ends low.
        other: (n,) whether it does in the other.

    Returns:
        Difference of the shares, with its 95 % interval.

    Source:
        Agresti & Min 2005, doi:10.1002/sim.1781: Wald's interval after half a pair is added to
        each of the four cells.
    """
    n = len(own)
    if n == 0:
        return Interval(None, None, None)
    mean = float(np.mean(own) - np.mean(other))
    more, fewer = np.sum(own & ~other) + 0.5, np.sum(other & ~own) + 0.5
    centre = (more - fewer) / (n + 2)
    error = math.sqrt((more + fewer) / (n + 2) - centre**2) / math.sqrt(n + 2)
    half = float(special.ndtri(1 - ALPHA / 2)) * error
    return Interval(mean, max(-1.0, float(centre - half)), min(1.0, float(centre + half)))


def finite_differences(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round away what is below 1e-12; raise `ValueError` if a difference is not finite."""
    if not np.isfinite(differences).all():
        raise ValueError("a difference is not finite; leave such pairs out, or give them a value")
    return np.round(differences, 12)


def _ends_and_p(
    d: NDArray[np.float64], std: float, reach: float, n_compared: int
) -> tuple[float, float, float]:
    """Give the interval of the mean that holds together with others, and the p that fits it."""
    n, mean = len(d), float(d.mean())
    error = standard_error(std, reach, n, n_compared)
    scale = error * math.sqrt(n)  # the standard deviation, with the pseudo-runs in it
    skewness = float(np.mean((d - mean) ** 3)) / scale**3 if scale else 0.0
    low, high = _ends(mean, error, skewness, n, ALPHA / n_compared)
    return low, high, min(1.0, n_compared * _p_value(mean, error, skewness, n))


def _ends(mean: float, error: float, skewness: float, n: int, alpha: float) -> tuple[float, float]:
    """Give the ends of an interval; that on the side of the longer tail lies further out."""
    t = float(special.stdtrit(n - 1, 1.0 - alpha / 2))
    far = t + min(abs(skewness) * (2.0 * t * t + 1.0) / (6.0 * math.sqrt(n)), t)
    below, above = (far, t) if skewness < 0.0 else (t, far)
    return mean - below * error, mean + above * error


def _p_value(mean: float, error: float, skewness: float, n: int) -> float:
    """Give twice the tail beyond the t at which an end of the interval touches 0."""
    if mean == 0.0 or error == 0.0:
        return 1.0 if mean == 0.0 else 0.0
    t = abs(mean) / error
    if skewness * mean < 0.0:  # the end that touches 0 is the one that lies further out
        c = abs(skewness) / (6.0 * math.sqrt(n))
        root = math.sqrt(max(1.0 - 8.0 * c * (c - t), 0.0))
        t = max(2.0 * (t - c) / (root + 1.0), t / 2.0)
    return float(2.0 * special.stdtr(n - 1, -t))


def _to_decide(d: Difference) -> tuple[int, int] | None:
    """Choose the range of pairs that an undecided difference is told to take, above d.n.

    Where there are as many as resolve the margin already, the difference is likely smaller, and
    the pairs that show that are named.
    """
    for pairs in (d.repeats_needed, d.repeats_alike):
        if pairs is not None and pairs[1] > d.n:
            low, high = (_rounded_up(max(n, d.n + 1)) for n in pairs)
            return low, high
    return None if d.repeats_needed is None else (2 * d.n, 4 * d.n)


def _rounded_up(n: int) -> int:
    unit = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // unit) * unit
