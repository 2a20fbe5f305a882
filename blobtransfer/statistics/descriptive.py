"""Descriptive statistics: of predictions, scores, learning curves and source networks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_LAST_EPOCHS = 10
"""Epochs whose mean accuracy is the metric `last`."""


def balanced_accuracy(
    n_correct: NDArray[np.integer[Any]], n_rows: NDArray[np.integer[Any]], axis: int = 0
) -> NDArray[np.float64]:
    """Return the balanced accuracy: the mean of the recalls of the classes that have rows.

    Args:
        n_correct: Correctly predicted rows of each of K classes; K along `axis`.
        n_rows: (K, ...) rows of each class; the last axes of `n_correct`.
        axis: Axis of the classes in `n_correct`.

    Source:
        Brodersen, Ong, Stephan & Buhmann 2010, doi:10.1109/ICPR.2010.764.
    """
    recalls = (n_correct / np.maximum(n_rows, 1)).sum(axis)
    return np.asarray(recalls / np.count_nonzero(n_rows, axis=0))


@dataclass(frozen=True)
class Spread:
    """Descriptive statistics of the scores of n runs; None where n is too small.

    Accuracies are shares.

    Args:
        n: Number of runs.
        mean: Mean score.
        std: Sample standard deviation, which divides by n - 1.
        std_population: Standard deviation that divides by n, as in the published tables.
        median: Median score; all quantiles interpolate linearly.
        q1: First quartile.
        q3: Third quartile.
        min: Lowest score.
        max: Highest score.
        q05: 5 % quantile of the scores.
        worst_tenth: Mean of the lowest tenth of the runs.
        best_of_3: Expected score of the best of 3 runs, as by training again after a failure.
        best_of_5: Expected score of the best of 5 runs.
    """

    n: int
    mean: float | None
    std: float | None
    std_population: float | None
    median: float | None
    q1: float | None
    q3: float | None
    min: float | None
    max: float | None
    q05: float | None
    worst_tenth: float | None
    best_of_3: float | None
    best_of_5: float | None


@dataclass(frozen=True)
class VarianceComponents:
    """Variance of test accuracy, split into that between and that within source networks.

    Args:
        n_sources: Source networks with at least one run.
        between_std: Standard deviation between source networks, a share, corrected for that within
            them.
        within_std: Standard deviation within a source network, a share.
        icc: Intraclass correlation: share of the variance that is between sources, 0 to 1.
    """

    n_sources: int
    between_std: float | None
    within_std: float | None
    icc: float | None


def describe(scores: NDArray[np.float64]) -> Spread:
    """Compute the descriptive statistics of the scores of one variant.

    Args:
        scores: (n,) finite scores; n may be 0.

    Returns:
        All statistics; all None without scores, `std` also for one score.

    Raises:
        ValueError: A score is not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError("a score is not finite; leave such runs out, or give them a value")
    n = len(scores)
    if n == 0:
        return Spread(0, *[None] * 12)
    low, q05, q1, median, q3, high = (
        float(q) for q in np.quantile(scores, [0, 0.05, 0.25, 0.5, 0.75, 1])
    )
    ordered = np.sort(scores)
    return Spread(
        n=n,
        mean=float(np.mean(scores)),
        std=float(np.std(scores, ddof=1)) if n > 1 else None,
        std_population=float(np.std(scores)),
        median=median,
        q1=q1,
        q3=q3,
        min=low,
        max=high,
        q05=q05,
        worst_tenth=float(ordered[: max(1, n // 10)].mean()),
        best_of_3=expected_best(ordered, 3),
        best_of_5=expected_best(ordered, 5),
    )


def expected_best(ordered: NDArray[np.float64], k: int) -> float | None:
    """Estimate the expected best score among k runs: the mean over all choices of k of n runs.

    Args:
        ordered: (n,) scores, ascending.
        k: Runs that are chosen, at least 1.

    Returns:
        An unbiased estimate (a U-statistic); None for fewer than k runs.

    Source:
        The i-th lowest of n is the best of k with probability C(i - 1, k - 1) / C(n, k); the
        estimator of Dodge et al. 2019, arXiv:1909.03004, without its bias.
    """
    n = len(ordered)
    if n < k:
        return None
    i = np.arange(n, k, -1)
    # The highest has C(n - 1, k - 1) / C(n, k) = k / n, the next (n - k) / (n - 1) of that, ...
    weights = np.cumprod(np.append(k / n, (i - k) / (i - 1)))
    return float(np.cumsum(weights * ordered[::-1][: len(weights)])[-1])


def curve_metrics(curves: NDArray[np.float64], threshold: float) -> dict[str, NDArray[np.float64]]:
    """Compute the metrics of each learning curve.

    A network that fails to train never reaches the threshold, so its time is restricted to the
    number of epochs; the share of runs that reach it is reported beside the restricted mean.

    Args:
        curves: (n, E + 1) finite test accuracy by epoch, 0 to 1; entry 0 is untrained.
        threshold: Accuracy to be reached, 0 to 1.

    Returns:
        Metric name -> (n,) values: `jumpstart`, the accuracy before training; `area`, the mean
        accuracy of the curve (area by the trapezoidal rule, divided by E); `last`, the mean of the
        last 10 epochs; `reached`, 1 if the threshold is reached and 0 if not; `epochs`, the first
        epoch at the threshold, E if it is never reached.

    Source:
        Terms: Taylor & Stone 2009, JMLR 10:1633. Restricted mean: Royston & Parmar 2013,
        doi:10.1186/1471-2288-13-152.
    """
    n_epochs = curves.shape[1] - 1
    is_reached = curves >= threshold
    reached = is_reached.any(axis=1)
    return {
        "jumpstart": curves[:, 0],
        "area": np.trapezoid(curves, axis=1) / n_epochs,
        "last": curves[:, 1:][:, -N_LAST_EPOCHS:].mean(axis=1),
        "reached": reached.astype(np.float64),
        "epochs": np.where(reached, is_reached.argmax(axis=1), n_epochs).astype(np.float64),
    }


def source_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each source of (S, T) values; sources that are all NaN are left out."""
    return np.asarray(np.nanmean(values[~np.isnan(values).all(axis=1)], axis=1))


def variance_components(scores: NDArray[np.float64]) -> VarianceComponents:
    """Estimate the variance of test accuracies between sources and within them.

    Repeats that share a source network are not independent, so one source is one observation.

    Args:
        scores: (S, T) shares, one row per source; NaN where a run failed or was not run.

    Returns:
        The estimates of a one-way analysis of variance; None with fewer than 2 sources, or with
        one run per source. A negative estimate of the variance between sources is set to 0.

    Source:
        Intraclass correlation ICC(1), Shrout & Fleiss 1979, doi:10.1037/0033-2909.86.2.420.
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
