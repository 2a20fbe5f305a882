"""The variance of the source: several source networks, and several target repeats of each.

One idea: repeats that share a source are not independent, so what counts as one observation
is a source. Values come as a matrix (S, T), a source a row; NaN marks a repeat that is not done.

Source: intraclass correlation ICC(1), Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class VarianceComponents:
    """How much of the spread of test accuracy comes from which source network was drawn.

    Args:
        n_sources: Source networks with a run.
        between_std: Standard deviation between sources, that within them taken off.
        within_std: Standard deviation within a source.
        icc: Intraclass correlation, the share of the variance that is between sources.
    """

    n_sources: int
    between_std: float | None
    within_std: float | None
    icc: float | None


def means_of_sources(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the mean of each source of (S, T) values that has any."""
    kept = values[~np.isnan(values).all(axis=1)]
    return np.asarray(np.nanmean(kept, axis=1))


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
