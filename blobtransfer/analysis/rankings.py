"""Rank source networks by transferability scores: within a cell, and across a grid."""

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.findings import SourceRanking
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.results.study_findings import GridRanking
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.study import variant_labels
from blobtransfer.statistics.transferability import SCORES, rank_by_repeat, rank_sources

ByRepeat = NDArray[np.float64]
"""Metric of an arm by repeat, (R,)."""

MIN_GRID_DATA = 3
"""Fewest data of a grid in which sources are ranked: each target then has two or more sources."""


def rankings_of(
    spec: ExperimentSpec,
    accuracy: Mapping[Arm, ByRepeat],
    repeats: NDArray[np.int64],
    scores: NDArray[np.float64] | None,
) -> Iterator[SourceRanking]:
    """Compute how well each score ranks the fresh source networks, for each arm that uses them.

    Args:
        spec: The experiment.
        accuracy: (R,) test accuracies of each arm.
        repeats: (R,) numbers of the repeats.
        scores: (5, R) of the source network of each repeat; None if they were not computed.

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
        for name, score_values in zip(SCORES, scores, strict=True):
            ranking = rank_sources(score_values[first], means, not spec.data.is_resplit)
            yield SourceRanking(arm, name, ranking)


def grid_rankings(results: StudyResults) -> Iterator[GridRanking]:
    """Compute how well each transferability score ranks the sources of each target.

    Only targets with a cell for every source are used, and only the repeats of all their cells.

    Yields:
        Variant by variant, in the order of `SCORES`.
    """
    names = results.axes[0].values
    by_place = {
        cell.at: cell
        for cell in results.cells
        if cell.at[0] != cell.at[1] and cell.transferability is not None
    }
    columns = [[by_place.get((source, at)) for source in names if source != at] for at in names]
    complete = [[cell for cell in column if cell is not None] for column in columns if all(column)]
    if len(names) < MIN_GRID_DATA or not complete:
        return
    n = min(cell.scores.n_repeats for column in complete for cell in column)
    scores = np.array([[_scores(cell)[:, :n] for cell in column] for column in complete])
    for index, _ in variant_labels(results.study):
        if complete[0][0].spec.variants[index].start != "transfer":
            continue
        accuracy = np.array(
            [[_accuracy(cell, index)[:n] for cell in column] for column in complete]
        )
        for index_of_score, name in enumerate(SCORES):
            of_score = np.moveaxis(scores[:, :, index_of_score], 2, 0)
            ranking = rank_by_repeat(of_score, np.moveaxis(accuracy, 2, 0))
            if ranking.n:
                yield GridRanking(index, name, ranking)


def _scores(cell: CellResults) -> NDArray[np.float64]:
    assert cell.transferability is not None
    return cell.transferability


def _accuracy(cell: CellResults, variant_index: int) -> NDArray[np.float64]:
    """Return the (R,) test accuracies of a variant, by its index in the spec."""
    variant = cell.spec.variants[variant_index]
    arm = next(arm for arm in cell.spec.arms if arm.variant == variant)
    return cell.ascending_scores(arm)
