"""Findings of a study as a whole as plain records; `report` puts them into words."""

from dataclasses import dataclass
from typing import Literal

from blobtransfer.results.findings import Caution
from blobtransfer.specs.experiment import Arm, Question
from blobtransfer.statistics.paired import Verdict, VerdictKind
from blobtransfer.statistics.pooled import PooledEffect, Slope
from blobtransfer.statistics.transferability import Ranking, ScoreName

StudyCautionKind = Literal[
    "in cells", "sensitivity", "few pairs", "halves of one table", "one problem", "shared problems"
]
"""`in cells`: caution about single comparisons; `sensitivity`: the swept setting also changes
standalone, so that the points are not alternatives; `few pairs`: too few for an interval; `halves
of one table`: pairs that share classes are not independent; `one problem`: pairs differ only in the
generated rows; `shared problems`: cells of a grid share data, so that they are not pooled."""

ModeratorKind = Literal["gap", "distance"]
"""Property of a pair that the effect may depend on: the gap of standalone to the best possible
accuracy (to 1 if that is not known), or the distance between source and target data, in standard
deviations."""


@dataclass(frozen=True)
class VerdictChange:
    """Change of the verdict on a variant along the axis, between two decided points.

    Args:
        question: `fresh` or `one`: the source networks.
        series: Index of the variant in each cell.
        at: Last point with the first verdict, and first point with the second; points between
            them are undecided.
        verdicts: The first and the second verdict.
    """

    question: Question
    series: int
    at: tuple[str, str]
    verdicts: tuple[VerdictKind, VerdictKind]


@dataclass(frozen=True)
class Moderator:
    """Dependence of the effect on a pair on one of its properties.

    Args:
        kind: `gap` of standalone, or `distance` between source and target data.
        slope: Slope of the effect (a share) per unit of the property: a share for the gap, a
            standard deviation for the distance.
    """

    kind: ModeratorKind
    slope: Slope


@dataclass(frozen=True)
class PooledSummary:
    """One variant over all pairs of data.

    Args:
        arm: The arm.
        mean: Mean over the pairs of the mean test accuracy of each, a share.
        std: Standard deviation of the mean test accuracies between pairs, a share.
        family: Pooled difference from standalone; None for standalone itself.
        verdict: Verdict on the pooled difference.
        moderators: Dependence of the differences on properties of the pairs.
    """

    arm: Arm
    mean: float
    std: float | None
    family: PooledEffect | None = None
    verdict: Verdict | None = None
    moderators: tuple[Moderator, ...] = ()


@dataclass(frozen=True)
class PairRow:
    """One variant on one pair of data.

    Args:
        pair: Name of the pair.
        source: Name of the source data.
        target: Name of the target data.
        arm: The arm.
        n: Number of repeats.
        mean: Mean test accuracy, a share.
        difference: Mean difference from standalone, a share.
        each_low: Lower end of the unadjusted 95 % interval of the difference.
        each_high: Upper end of the unadjusted 95 % interval of the difference.
        gap: Best possible accuracy, or 1 if unknown, minus the mean of standalone; a share.
        distance: Distance between the classes of source and target data, in standard deviations;
            None if unknown.
    """

    pair: str
    source: str
    target: str
    arm: Arm
    n: int
    mean: float
    difference: float
    each_low: float | None
    each_high: float | None
    gap: float
    distance: float | None


@dataclass(frozen=True)
class MarginalMean:
    """Unweighted mean of the differences in a row or a column of a grid, without the diagonal.

    Args:
        series: Index of the variant in each cell.
        axis: `source` for a row, `target` for a column.
        at: Value on the axis.
        mean: Mean difference, a share; without an interval, as the cells share data.
    """

    series: int
    axis: Literal["source", "target"]
    at: str
    mean: float


@dataclass(frozen=True)
class GridRanking:
    """Quality of the ranking of the sources of each target of a grid by a transferability score.

    Args:
        series: Index of the variant in each cell.
        score: Name of the transferability score.
        ranking: Quality of the ranking: means over targets and repeats; `n` counts the repeats.
    """

    series: int
    score: ScoreName
    ranking: Ranking


@dataclass(frozen=True)
class StudyCaution:
    """Reason why the results of a study are less certain than they seem.

    Args:
        kind: Kind of the caution.
        n_cells: Number of cells that it concerns.
        first: The caution of one of these cells, if the kind is `in cells`: that with the highest
            rise of accuracy, or the first.
    """

    kind: StudyCautionKind
    n_cells: int
    first: Caution | None = None

    @property
    def is_always_reported(self) -> bool:
        """Whether the caution about its cells is always reported; see `BaseCaution`."""
        return self.first is not None and self.first.is_always_reported


@dataclass(frozen=True)
class StudyFindings:
    """Statistics of a study as a whole.

    Args:
        changes: Changes of verdicts in a sweep along one axis.
        pooled: Pooled effects of pairs, one per arm.
        pairs: Effects of pairs, one per pair and compared arm.
        marginal_means: Means of a grid, by row and by column.
        rankings: Rankings of a grid, if the source networks were scored.
        cautions: Reasons why the results are less certain than they seem.
    """

    changes: tuple[VerdictChange, ...] = ()
    pooled: tuple[PooledSummary, ...] = ()
    pairs: tuple[PairRow, ...] = ()
    marginal_means: tuple[MarginalMean, ...] = ()
    rankings: tuple[GridRanking, ...] = ()
    cautions: tuple[StudyCaution, ...] = ()
