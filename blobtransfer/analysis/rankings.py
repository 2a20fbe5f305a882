"""How well transferability scores rank source networks: within a cell, and across a grid."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.findings import SourceRanking
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.statistics.transferability import SCORES, rank_sources

ByRepeat = NDArray[np.float64]
"""(R,) a metric of an arm by repeat."""


def rankings_of(
    spec: ExperimentSpec,
    accuracy: Mapping[Arm, ByRepeat],
    repeats: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
) -> Iterator[SourceRanking]:
    """Compute how well each score ranks the fresh source networks, for each arm that uses them.

    Args:
        spec: What was run.
        accuracy: (R,) of each arm.
        repeats: (R,) which.
        scores: (5, R) of the source network of each repeat; None where they were not asked for.

    Yields:
        Arm by arm, in the order of `SCORES`. Repeats that share a source count as one network,
        with the mean of their accuracies.
    """
    if scores is None:
        return
    sources = np.array([spec.source_repeat(int(repeat)) for repeat in repeats])
    _, first, source_of = np.unique(sources, return_index=True, return_inverse=True)
    counts = np.bincount(source_of)
    for arm in spec.arms:
        if arm.sources != "fresh" or arm.variant.start != "transfer":
            continue
        means = np.bincount(source_of, accuracy[arm]) / counts
        for name, own in zip(SCORES, scores, strict=True):
            ranking = rank_sources(own[first], means, not spec.task.is_resplit)
            yield SourceRanking(arm, name, ranking)
