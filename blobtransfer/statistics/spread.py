"""Where scores lie: mean, spread, quartiles, and the few low ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Spread:
    """Where the scores of n runs lie; None where n is too small to say.

    `std` divides by n - 1 (sample), `std_population` by n (the published tables'
    convention); quartiles interpolate linearly.
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


def describe(scores: NDArray[np.float64]) -> Spread:
    """Describe the scores of one variant.

    Args:
        scores: (n,) finite scores; n may be 0.

    Returns:
        Their mean, spread and quartiles; all None for no score, `std` also for one.
    """
    n = len(scores)
    if n == 0:
        return Spread(0, None, None, None, None, None, None, None, None)
    low, q1, median, q3, high = (float(q) for q in np.quantile(scores, [0, 0.25, 0.5, 0.75, 1]))
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
    )


def count_low_runs(scores: NDArray[np.float64]) -> int:
    """Count the few lowest scores that make most of the spread.

    Returns:
        The least number of scores, up to a tenth of them, without which the sum of squared
        deviations is less than a quarter (so the std is halved); 0 where there is none.

    Source:
        A rule of our own.
    """
    ordered = np.sort(scores)
    if not len(ordered) or ordered[0] == ordered[-1]:
        return 0
    total = np.sum((ordered - ordered.mean()) ** 2)
    for n_low in range(1, min(len(ordered) // 10, 1000) + 1):
        rest = ordered[n_low:]
        if np.sum((rest - rest.mean()) ** 2) < total / 4:
            return n_low
    return 0
