"""The variance of the source: several source networks, and several target repeats of each.

One idea: repeats that share a source are not independent, so what counts as one observation
is a source. Scores come as a matrix (S, T), a source a row; NaN marks a failed run.

Source: Multi-Bootstrap, Sellam et al. 2022, arXiv:2106.16163; intraclass correlation ICC(1),
Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from blobtransfer.statistics.paired import (
    MANY_PAIRS,
    N_RESAMPLES,
    NUMBERS_AT_ONCE,
    Difference,
    paired_differences,
    tail_share,
)

DRAWS_AT_MOST = 200_000_000
"""Scores that are drawn for one interval, about; fewer resamples where there are many scores."""

FEWEST_RESAMPLES = 999


@dataclass(frozen=True)
class VarianceComponents:
    """How much of the spread of test accuracy comes from which source network was drawn.

    Args:
        n_sources: Source networks with a run that did not fail.
        between_std: Standard deviation between sources, that within them taken off.
        within_std: Standard deviation within a source.
        icc: Intraclass correlation, the share of the variance that is between sources.
    """

    n_sources: int
    between_std: float | None
    within_std: float | None
    icc: float | None


def source_variance(scores: NDArray[np.float64]) -> VarianceComponents:
    """Split the variance of test accuracies into that between sources and that within them.

    Args:
        scores: (S, T), NaN where a run failed.

    Returns:
        The estimates of a one-way analysis of variance; None where there are too few runs.
        A variance between sources that is estimated below 0 is 0.
    """
    rows = [row[~np.isnan(row)] for row in scores]
    rows = [row for row in rows if len(row)]
    n_sources, sizes = len(rows), np.array([len(row) for row in rows])
    n = int(sizes.sum())
    if n_sources < 2 or n == n_sources:
        return VarianceComponents(n_sources, None, None, None)
    means = np.array([row.mean() for row in rows])
    within = sum(float(np.sum((row - row.mean()) ** 2)) for row in rows) / (n - n_sources)
    grand_mean = float(np.sum(sizes * means)) / n
    between = float(np.sum(sizes * (means - grand_mean) ** 2)) / (n_sources - 1)
    runs_of_a_source = (n - float(np.sum(sizes**2)) / n) / (n_sources - 1)  # T, if none failed
    variance = max(0.0, between - within) / runs_of_a_source
    total = variance + within
    return VarianceComponents(
        n_sources=n_sources,
        between_std=variance**0.5,
        within_std=within**0.5,
        icc=variance / total if total else None,
    )


def nested_differences(
    differences: Sequence[NDArray[np.float64]], margin: float, rng: np.random.Generator
) -> list[Difference]:
    """Say what is known about the mean difference of each of some nested designs.

    Args:
        differences: Each (S, T), NaN where a run of the pair failed.
        margin: What `repeats_needed`, here sources, is to resolve.
        rng: Source of randomness; copied.

    Returns:
        As `paired.paired_differences` of the mean of each source; the intervals are those of
        the Multi-Bootstrap, which resamples sources first and repeats inside them.
    """
    kept = [one[~np.isnan(one).all(axis=1)] for one in differences]
    found = paired_differences([np.nanmean(one, axis=1) for one in kept], margin, rng)
    return [_with_intervals(d, one, rng) for d, one in zip(found, kept, strict=True)]


def multi_bootstrap(
    scores: Sequence[NDArray[np.float64]], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Resample sources, and runs inside each drawn source; give the mean of every resample.

    Args:
        scores: Some metrics of the same runs, each (S, T), NaN where a run failed, a run at
            least in each row.
        rng: Source of randomness; copied.

    Returns:
        (resamples, metrics) means over the drawn sources of the mean of their drawn runs.
    """
    rng = deepcopy(rng)
    is_ok = ~np.isnan(scores[0])
    sizes = is_ok.sum(axis=1)
    # Runs that did not fail come first in each row.
    packed = np.take_along_axis(np.stack(scores), np.argsort(~is_ok, axis=1)[None], axis=2)
    n_sources, n_runs = is_ok.shape
    n_left = min(N_RESAMPLES, max(FEWEST_RESAMPLES, DRAWS_AT_MOST // is_ok.size))
    at_once = max(1, NUMBERS_AT_ONCE // is_ok.size)
    means = []
    while n_left > 0:
        shape = (min(at_once, n_left), n_sources, n_runs)
        sources = rng.integers(n_sources, size=shape[:2])
        n_of_each = sizes[sources][..., None]
        runs = (rng.random(shape) * n_of_each).astype(np.intp)
        drawn = packed[:, sources[..., None], runs]
        counts = np.arange(n_runs) < n_of_each  # as many draws as the source has runs
        sums = np.where(counts, drawn, 0.0).sum(axis=-1)
        means.append((sums / n_of_each[..., 0]).mean(axis=-1).T)
        n_left -= at_once
    return np.concatenate(means)


def _with_intervals(
    d: Difference, differences: NDArray[np.float64], rng: np.random.Generator
) -> Difference:
    """Put the intervals of the nested design in place of those of the sources' means."""
    if d.n < 2:
        return d
    is_ok = ~np.isnan(differences)
    better = np.where(is_ok, (differences > 0) + 0.5 * (differences == 0), np.nan)
    shares = np.nanmean(better, axis=1)
    share = float(shares.mean())
    if d.n >= MANY_PAIRS:
        low, high = stats.ttest_1samp(shares, 0.5).confidence_interval()
        return replace(
            d,
            probability_better=share,
            probability_low=max(0.0, float(low)) if np.ptp(shares) else share,
            probability_high=min(1.0, float(high)) if np.ptp(shares) else share,
        )
    resampled = multi_bootstrap([differences, better], rng)
    tail = tail_share(d.n)
    (low, share_low), (high, share_high) = np.quantile(resampled, [tail, 1 - tail], axis=0)
    return replace(
        d,
        ci_low=float(low),
        ci_high=float(high),
        probability_better=share,
        probability_low=float(share_low),
        probability_high=float(share_high),
    )
