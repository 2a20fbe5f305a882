"""How fast a variant learns: metrics of learning curves, and the time to a threshold.

Terms: Taylor & Stone 2009, JMLR 10:1633. A run that never reaches the threshold is censored
at its last epoch: it would have taken longer, by an unknown time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LAST_EPOCHS = 10


@dataclass(frozen=True)
class TimeToThreshold:
    """When runs reached the threshold.

    Args:
        epochs: (n,) the first epoch at the threshold, or the last epoch there was.
        is_censored: (n,) whether the threshold was never reached.
    """

    epochs: NDArray[np.int64]
    is_censored: NDArray[np.bool_]


def curve_metrics(curves: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """Measure each learning curve.

    Args:
        curves: (n, E + 1) test accuracy by epoch, entry 0 untrained.

    Returns:
        Each (n,): `jumpstart`, the accuracy before training; `area`, the mean height of the
        curve (the area under it by the trapezoidal rule, a share of the epochs); `last`, the
        mean of the last 10 epochs.
    """
    n_epochs = curves.shape[1] - 1
    return {
        "jumpstart": curves[:, 0],
        "area": np.trapezoid(curves, axis=1) / n_epochs,
        "last": curves[:, 1:][:, -LAST_EPOCHS:].mean(axis=1),
    }


def epochs_to_reach(curves: NDArray[np.float64], threshold: float) -> TimeToThreshold:
    """Find the first epoch at which each (n, E + 1) curve is at least at the threshold."""
    is_reached = curves >= threshold
    is_censored = ~is_reached.any(axis=1)
    epochs = np.where(is_censored, curves.shape[1] - 1, is_reached.argmax(axis=1))
    return TimeToThreshold(epochs.astype(np.int64), np.asarray(is_censored))


def median_epochs(reached: TimeToThreshold) -> float | None:
    """Give the epoch by which half of the runs are there, of the Kaplan-Meier curve.

    Returns:
        None where the curve never falls to a half: too many runs were censored.
    """
    if not len(reached.epochs):
        return None
    survival = stats.ecdf(_censored(reached)).sf
    is_half = survival.probabilities <= 0.5 + 1e-9  # it is a product of rounded factors
    return float(survival.quantiles[is_half.argmax()]) if is_half.any() else None


def log_rank_p(reached: TimeToThreshold, baseline: TimeToThreshold) -> float | None:
    """Test whether two sets of runs reach the threshold equally fast (Mantel 1966).

    Returns:
        Two-sided p of the log-rank test, which does not use the pairing; None where no run
        reaches the threshold, or a set is empty.
    """
    if not len(reached.epochs) or not len(baseline.epochs):
        return None
    if reached.is_censored.all() and baseline.is_censored.all():
        return None
    with np.errstate(all="ignore"):
        p = float(stats.logrank(_censored(reached), _censored(baseline)).pvalue)
    return p if np.isfinite(p) else 1.0  # everybody there at the same epoch


def _censored(reached: TimeToThreshold) -> stats.CensoredData:
    return stats.CensoredData(
        uncensored=reached.epochs[~reached.is_censored],
        right=reached.epochs[reached.is_censored],
    )
