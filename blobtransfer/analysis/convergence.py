"""Check whether training converged: whether test accuracy still rose in the last quarter of it."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.findings import Rise, StillImproving
from blobtransfer.results.results import CellResults, TrainingResults
from blobtransfer.specs.experiment import STANDALONE_ARM, Arm
from blobtransfer.specs.training import TEST_ACCURACY
from blobtransfer.statistics.paired import MIN_PAIRS
from blobtransfer.statistics.power import ALPHA, t_quantile


def rises_of(cell: CellResults) -> dict[Arm, NDArray[np.float64]]:
    """Return how much the test accuracy of each run rose in the last quarter of its epochs.

    Runs that diverged, and runs of older files, whose earlier accuracy is unknown, are left out.

    Returns:
        (n,) rises by arm, shares; for a training with the standalone training beside it.
    """
    scores = cell.scores
    rises = scores.values[TEST_ACCURACY] - scores.earlier_accuracy
    is_known = np.isfinite(rises) & ~scores.is_failed
    by_arm = {arm: rises[a][is_known[a]] for a, arm in enumerate(scores.arms)}
    if isinstance(cell, TrainingResults) and cell.baseline is not None:
        run = cell.baseline.run
        if run.test_accuracy is not None and run.earlier_accuracy is not None:
            by_arm[STANDALONE_ARM] = np.array([run.test_accuracy - run.earlier_accuracy])
    return by_arm


def still_improving(
    rises: Mapping[Arm, NDArray[np.float64]], margin: float
) -> StillImproving | None:
    """Return a caution unless the interval of every mean rise ends below the margin.

    Fewer than 6 runs have no interval; their mean is compared with the margin.

    Args:
        rises: Independent rises of test accuracy by arm, shares; an arm may have none.
        margin: Largest negligible rise.
    """
    estimates = [_rise(arm, values) for arm, values in rises.items() if len(values)]
    improving = [rise for rise in estimates if rise.highest > margin]
    if not improving:
        return None
    return StillImproving(tuple(sorted(improving, key=lambda rise: -rise.highest)))


def _rise(arm: Arm, values: NDArray[np.float64]) -> Rise:
    """Return the mean rise of an arm, with Student's t interval if there are enough runs."""
    n, mean = len(values), float(values.mean())
    if n < MIN_PAIRS:
        return Rise(arm, mean)
    half_width = t_quantile(n - 1, ALPHA) * float(values.std(ddof=1)) / math.sqrt(n)
    return Rise(arm, mean, mean - half_width, mean + half_width)
