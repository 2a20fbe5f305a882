"""Check whether training converged: whether test accuracy still rose in the last quarter of it."""

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.findings import FewValidationRows, LittlePatience, Rise, StillImproving
from blobtransfer.results.results import CellResults, TrainingResults
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import STANDALONE_ARM, Arm, ExperimentSpec
from blobtransfer.specs.training import n_validation_rows
from blobtransfer.statistics.paired import MIN_PAIRS
from blobtransfer.statistics.power import ALPHA, t_quantile

ENOUGH_VALIDATION_ROWS = 30
"""Validation rows from which early stopping needs no caution."""

ENOUGH_PATIENCE = 10
"""Epochs without improvement from which early stopping needs no caution."""


def rises_of(cell: CellResults) -> dict[Arm, NDArray[np.float64]]:
    """Return how much the test accuracy of each run rose in the last quarter of its epochs.

    Runs that diverged, and runs of older files, whose earlier accuracy is unknown, are left out.

    Returns:
        (n,) rises by arm, shares, one for each source where several runs share it; for a training
        with the standalone training beside it.
    """
    scores = cell.scores
    rises = scores.values[cell.spec.judged] - scores.earlier_accuracy
    is_known = np.isfinite(rises) & ~scores.is_failed
    by_arm = {}
    for a, arm in enumerate(scores.arms):
        values = rises[a][is_known[a]]
        if cell.spec.is_nested(arm):
            sources = np.array([cell.spec.source_repeat(r) for r in scores.repeats[is_known[a]]])
            values = np.array([values[sources == source].mean() for source in np.unique(sources)])
        by_arm[arm] = values
    if isinstance(cell, TrainingResults) and cell.baseline is not None:
        run = cell.baseline.run
        accuracy = cell.accuracy_of(run)
        if accuracy is not None and run.earlier_accuracy is not None:
            by_arm[STANDALONE_ARM] = np.array([accuracy - run.earlier_accuracy])
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


def early_stopping_cautions(spec: ExperimentSpec) -> list[FewValidationRows | LittlePatience]:
    """Return cautions if early stopping can end trainings long before they have converged."""
    patience = spec.training.patience
    if patience is None:
        return []
    rows = [
        FewValidationRows(role, n_validation_rows(data.n_train))
        for role in ROLES
        if (data := getattr(spec, role)) is not None
    ]
    fewest = min(rows, key=lambda caution: caution.n_validation)
    cautions: list[FewValidationRows | LittlePatience] = []
    if fewest.n_validation < ENOUGH_VALIDATION_ROWS:
        cautions.append(fewest)
    if patience < ENOUGH_PATIENCE:
        cautions.append(LittlePatience(patience))
    return cautions


def _rise(arm: Arm, values: NDArray[np.float64]) -> Rise:
    """Return the mean rise of an arm, with Student's t interval if there are enough runs."""
    n, mean = len(values), float(values.mean())
    if n < MIN_PAIRS:
        return Rise(arm, mean)
    half_width = t_quantile(n - 1, ALPHA) * float(values.std(ddof=1)) / math.sqrt(n)
    return Rise(arm, mean, mean - half_width, mean + half_width)
