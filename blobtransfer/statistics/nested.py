"""Variation between source networks, in designs with several target repeats per source.

Repeats that share a source network are not independent, so one source is one observation. Values
are a matrix (S, T) with one row per source; NaN marks a repeat that failed or was not run.

Source: intraclass correlation ICC(1), Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VarianceComponents:
    """Variance of test accuracy, split into that between and that within source networks.

    Args:
        n_sources: Source networks with at least one run.
        between_std: Standard deviation between sources, corrected for that within them.
        within_std: Standard deviation within a source.
        icc: Intraclass correlation: share of the variance that is between sources, 0 to 1.
    """

    n_sources: int
    between_std: float | None
    within_std: float | None
    icc: float | None


def source_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each source of (S, T) values; sources that are all NaN are left out."""
    return np.asarray(np.nanmean(values[~np.isnan(values).all(axis=1)], axis=1))


def variance_components(scores: NDArray[np.float64]) -> VarianceComponents:
    """Estimate the variance of test accuracies between sources and within them.

    Args:
        scores: (S, T) shares; NaN where a run failed.

    Returns:
        The estimates of a one-way analysis of variance; None with fewer than 2 sources, or with
        one run per source. A negative estimate of the variance between sources is set to 0.
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
    runs_per_source = (n - float(np.sum(sizes**2)) / n) / (n_sources - 1)  # T if none failed
    variance = max(0.0, between - within) / runs_per_source
    total = variance + within
    return VarianceComponents(
        n_sources=n_sources,
        between_std=variance**0.5,
        within_std=within**0.5,
        icc=variance / total if total else None,
    )
