"""Descriptive statistics of scores: mean, spread, quartiles, worst runs, best of several."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spread:
    """Descriptive statistics of the scores of n runs; None where n is too small.

    `std` divides by n - 1 (sample), `std_population` by n (the convention of the published
    tables); quantiles interpolate linearly. `q05` is the 5 % quantile, `worst_tenth` the mean
    of the lowest tenth of the runs. `best_of_3` and `best_of_5` are the expected score of the best
    of 3 or 5 runs: what one gets by training again when a network fails to train.
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
    weight, total = k / n, 0.0  # of the highest: C(n - 1, k - 1) / C(n, k)
    for i in range(n, k - 1, -1):
        total += weight * float(ordered[i - 1])
        weight *= (i - k) / (i - 1) if i > 1 else 0.0
    return total
