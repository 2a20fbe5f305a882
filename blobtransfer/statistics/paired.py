"""Paired differences: their mean with interval and p, Holm's adjustment, and the verdict.

scipy does the statistics; this room chooses the method, and has an answer where a method has
none: one repeat, equal differences, no run at all.
"""

import math
import warnings
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blobtransfer.statistics.power import (
    ALPHA,
    FEWEST_PAIRS,
    detectable_effect,
    pairs_needed,
)

CONFIDENCE = 0.95

N_RESAMPLES = 9_999
"""Resamples of the bootstrap and of the permutation test, scipy's default."""

MANY_PAIRS = 1_000
"""From here on the t interval and t test replace resampling: they agree, and cost nothing."""

NUMBERS_AT_ONCE = 2_000_000
"""Resampled differences held at a time; 8 bytes each."""


@dataclass(frozen=True)
class Difference:
    """What is known about the mean of paired differences, such as variant less standalone.

    Args:
        n: Independent pairs; sources, where the design is nested.
        mean: Of the differences; None without pairs.
        ci_low: Lower end of the 95 % interval of the mean; None for fewer than 2 pairs.
        ci_high: Upper end.
        p_value: Two-sided, of no difference.
        p_adjusted: The same after Holm, over what was asked together; None where it only explains.
        probability_better: Share of pairs with a difference above 0, ties counted half.
        probability_low: Lower end of its 95 % interval.
        probability_high: Upper end.
        effect_size: Cohen's d_z, mean over sample standard deviation.
        detectable: Difference that n pairs detect with 80 % power.
        repeats_needed: Pairs that detect the margin with 80 % power; None where none do.
    """

    n: int
    mean: float | None
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    p_adjusted: float | None
    probability_better: float | None
    probability_low: float | None
    probability_high: float | None
    effect_size: float | None
    detectable: float | None
    repeats_needed: int | None


VerdictKind = Literal["better", "worse", "no practical difference", "undecided", "faster", "slower"]
Beyond = Literal["yes", "no", "maybe"]


@dataclass(frozen=True)
class Verdict:
    """What a difference allows to say.

    Args:
        kind: `faster` and `slower` are said of epochs alone.
        beyond_margin: Whether the difference matters in practice, as far as its interval
            tells; None without an interval.
        repeats_to_decide: Fewest and most pairs that are likely to decide, where it is
            undecided; None where that is not known.
    """

    kind: VerdictKind
    beyond_margin: Beyond | None = None
    repeats_to_decide: tuple[int, int] | None = None


NO_DIFFERENCE = Difference(0, *[None] * 11)
"""What is known without any pair."""


def paired_differences(
    differences: Sequence[NDArray[np.float64]], margin: float, rng: np.random.Generator
) -> list[Difference]:
    """Say what is known about the mean of each of some sets of paired differences.

    A set's numbers do not depend on the others. `p_adjusted` is left None: only the caller
    knows what was asked together.

    Args:
        differences: Each (n,), n may differ and be 0; multiples of a row's share, so what
            is below 1e-12 is rounding.
        margin: What `repeats_needed` is to resolve.
        rng: Source of randomness; copied, so every call with it resamples alike.

    Source:
        BCa bootstrap, Efron 1987, doi:10.1080/01621459.1987.10478410, at the level of
        `tail_share`; sign-flip test, Fisher 1935; probability of improvement, Bouthillier et
        al. 2021, arXiv:2103.03098, whose interval here is Wilson's, 1927, doi:10.2307/2276774;
        d_z, Cohen 1988.
    """
    rounded = [np.round(one, 12) for one in differences]
    found = [NO_DIFFERENCE] * len(rounded)
    for n in {len(one) for one in rounded} - {0}:
        places = [i for i, one in enumerate(rounded) if len(one) == n]
        together = _same_sized(np.stack([rounded[i] for i in places]), margin, rng)
        for i, difference in zip(places, together, strict=True):
            found[i] = difference
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for their number, so that the chance of any false finding stays.

    Source:
        Holm 1979, Scandinavian Journal of Statistics 6(2):65.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(one) for one in adjusted]


def verdict_of(difference: Difference, margin: float) -> Verdict:
    """Decide what a difference allows to say.

    Args:
        difference: With its interval and adjusted p.
        margin: Differences up to this do not matter.

    Returns:
        `no practical difference` where the whole interval is within the margin; `better` or
        `worse` where it does not reach 0 and the adjusted p is below 5 %; else `undecided`.
    """
    d = difference
    if d.mean is None or d.ci_low is None or d.ci_high is None or d.p_adjusted is None:
        return Verdict("undecided")
    is_within = -margin < d.ci_low and d.ci_high < margin
    is_beyond = margin < d.ci_low or d.ci_high < -margin
    beyond: Beyond = "yes" if is_beyond else "no" if is_within else "maybe"
    if d.n >= FEWEST_PAIRS:
        if is_within:
            return Verdict("no practical difference", beyond)
        if d.p_adjusted < ALPHA and (d.ci_low > 0.0 or d.ci_high < 0.0):
            return Verdict("better" if d.mean > 0.0 else "worse", beyond)
    n = repeats_to_decide(d)
    return Verdict("undecided", beyond, None if n is None else (n, n))


def repeats_to_decide(d: Difference) -> int | None:
    """Give the pairs with which an undecided difference is likely decided; None: unknown.

    Returns:
        What resolves the margin, rounded up to two digits; always more than there were.

    Source:
        A rule of our own: enough for the margin and still undecided, the mean lies between 0
        and the margin, at most half the margin from the nearer; the pairs needed go with the
        square of the distance, so four times as many resolve that.
    """
    if d.repeats_needed is None:
        return None
    n = next((n for n in (d.repeats_needed, 4 * d.repeats_needed) if n > d.n), 2 * d.n)
    unit = int(10 ** max(0, len(str(n)) - 2))
    return -(-n // unit) * unit


def tail_share(n: int) -> float:
    """Give the share of resampled means to leave out on each side, for n observations.

    Resampled means are too narrow for few observations: they spread like the population
    standard deviation, and know nothing of Student's t. So the level is widened by as much.

    Source:
        Hesterberg 2015, arXiv:1411.5279, section 4.1, the expanded percentile interval.
    """
    quantile = stats.t.ppf(1 - ALPHA / 2, n - 1) * math.sqrt(n / (n - 1))
    return float(stats.norm.sf(quantile))


def wilson_interval(share: float, n: int) -> tuple[float, float]:
    """Give the 95 % interval of a probability.

    Args:
        share: Of n that count, 0 to 1; ties count halves, which makes it an approximation.
        n: Independent pairs, at least 1.

    Source:
        Wilson 1927, doi:10.2307/2276774.
    """
    z = float(stats.norm.ppf(1 - ALPHA / 2))
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _same_sized(
    differences: NDArray[np.float64], margin: float, rng: np.random.Generator
) -> list[Difference]:
    """Do `paired_differences` for sets (V, n) of one size n of at least 1."""
    n = differences.shape[1]
    lows, highs, p_values = _interval_and_p(differences, rng)
    found = []
    for d, low, high, p in zip(differences, lows, highs, p_values, strict=True):
        mean = float(d.mean())
        std = float(d.std(ddof=1)) if n > 1 and np.ptp(d) else 0.0
        share = float(np.mean(d > 0) + 0.5 * np.mean(d == 0))
        probability_low, probability_high = wilson_interval(share, n)
        found.append(
            Difference(
                n=n,
                mean=mean,
                ci_low=float(low) if n > 1 else None,
                ci_high=float(high) if n > 1 else None,
                p_value=float(p) if n > 1 else None,
                p_adjusted=None,
                probability_better=share,
                probability_low=probability_low if n > 1 else None,
                probability_high=probability_high if n > 1 else None,
                effect_size=mean / std if std else None,
                detectable=detectable_effect(n) * std if n > 1 else None,
                repeats_needed=None
                if n == 1 or not margin
                else pairs_needed(margin / std)
                if std
                else FEWEST_PAIRS,
            )
        )
    return found


def _interval_and_p(
    d: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Give the ends of the intervals of the means of sets (V, n), and p, each (V,)."""
    n = d.shape[1]
    mean = d.mean(axis=1)
    low, high = mean.copy(), mean.copy()
    # Equal differences have no spread to resample; of 2^n flips, two are as far from 0.
    p = np.where(mean == 0.0, 1.0, 2.0 ** (1 - n))
    varied = np.ptp(d, axis=1) > 0.0
    if n < 2 or not varied.any():
        return low, high, p
    if n >= MANY_PAIRS:
        test = stats.ttest_1samp(d[varied], 0.0, axis=1)
        interval = test.confidence_interval(CONFIDENCE)
        low[varied], high[varied], p[varied] = interval.low, interval.high, test.pvalue
        return low, high, p
    for i in np.flatnonzero(varied):
        # One by one: sums of rows depend, in their last digit, on how many rows there are.
        low[i], high[i] = _bootstrap_interval(d[i], rng)
    p[varied] = stats.permutation_test(
        (d[varied],),
        np.mean,
        axis=-1,
        permutation_type="samples",
        vectorized=True,
        n_resamples=N_RESAMPLES,
        batch=max(1, NUMBERS_AT_ONCE // d[varied].size),
        rng=deepcopy(rng),
    ).pvalue
    return low, high, p


def _bootstrap_interval(d: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """Give the BCa interval of the mean of (n,) differences that are not all equal."""
    for method in ("BCa", "percentile"):  # BCa has no answer for some samples of two or three
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            low, high = stats.bootstrap(
                (d,),
                np.mean,
                confidence_level=1 - 2 * tail_share(len(d)),
                n_resamples=N_RESAMPLES,
                batch=max(1, NUMBERS_AT_ONCE // len(d)),
                method=method,
                rng=deepcopy(rng),
            ).confidence_interval
        if low < d.mean() < high:
            break
    return float(low), float(high)
