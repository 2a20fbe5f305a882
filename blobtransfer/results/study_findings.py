"""What the statistics say about a study as a whole: plain records, no words for people."""

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
"""`in cells`: what makes single comparisons less sure than they look; `sensitivity`: the setting
that varies changes standalone too, so that points do not compete; `few pairs`: too few for an
interval; `halves of one table`: pairs that share classes are not independent; `one problem`: pairs
differ in nothing but the rows that are drawn; `shared problems`: cells of a grid share problems,
so that nothing is pooled over them."""

ModeratorKind = Literal["gap", "distance"]
"""What the effect on a pair may hang on: how far standalone stays below the ceiling (below 1
where there is none), or how far the two problems are apart, in standard deviations."""


@dataclass(frozen=True)
class VerdictChange:
    """Where the verdict on a variant changes along the axis: between two decided points.

    Args:
        question: In which.
        series: Place of the variant in each cell.
        at: The last point with the one verdict, and the first with the other; those between
            are undecided.
        verdicts: The two.
    """

    question: Question
    series: int
    at: tuple[str, str]
    verdicts: tuple[VerdictKind, VerdictKind]


@dataclass(frozen=True)
class Moderator:
    """How the effect on a pair hangs on something.

    Args:
        kind: On what.
        slope: Of the effect, a share, by it: for the gap a share, for the distance a standard
            deviation.
    """

    kind: ModeratorKind
    slope: Slope


@dataclass(frozen=True)
class PooledSummary:
    """One variant over all pairs of problems.

    Args:
        arm: Which.
        mean: Of its mean test accuracies on the pairs, a share.
        std: Of these means, between pairs.
        family: What is known about its differences to standalone; None for standalone itself.
        verdict: On their mean.
        moderators: What they hang on.
    """

    arm: Arm
    mean: float
    std: float | None
    family: PooledEffect | None = None
    verdict: Verdict | None = None
    moderators: tuple[Moderator, ...] = ()


@dataclass(frozen=True)
class PairRow:
    """One variant on one pair of problems.

    Args:
        pair: Which pair.
        source: Its source problem.
        target: Its target problem.
        arm: The variant.
        n: Repeats.
        mean: Test accuracy, a share.
        difference: To standalone.
        each_low: Lower end of its 95 % interval, this one alone.
        each_high: Upper end.
        gap: From standalone's mean to the ceiling, or to 1.
        distance: Of the two problems, in standard deviations; None if not known.
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
    """The plain mean of the differences in a row or a column of a grid, its diagonal left out.

    Args:
        series: Place of the variant in each cell.
        axis: `source` for a row, `target` for a column.
        at: Which.
        mean: A share; it has no interval, as the cells share problems.
    """

    series: int
    axis: Literal["source", "target"]
    at: str
    mean: float


@dataclass(frozen=True)
class GridRanking:
    """How well a transferability score ranks the sources of a grid, target by target.

    Args:
        series: Place of the variant in each cell.
        score: Which score.
        ranking: Means over targets and repeats; `n` counts the repeats.
    """

    series: int
    score: ScoreName
    ranking: Ranking


@dataclass(frozen=True)
class StudyCaution:
    """What makes the results of a study less sure than they look.

    Args:
        kind: What it is about.
        n_cells: Cells that it is about.
        first: That of the first of these cells, where it is one of a comparison.
    """

    kind: StudyCautionKind
    n_cells: int
    first: Caution | None = None


@dataclass(frozen=True)
class StudyFindings:
    """What the statistics say about a study as a whole.

    Args:
        changes: Of a sweep along one axis.
        pooled: Of pairs, one per arm.
        pairs: Of pairs, one per pair and arm that is compared.
        marginal_means: Of a grid, by row and by column.
        rankings: Of a grid, where the source networks were scored.
        cautions: What makes the results less sure than they look.
    """

    changes: tuple[VerdictChange, ...] = ()
    pooled: tuple[PooledSummary, ...] = ()
    pairs: tuple[PairRow, ...] = ()
    marginal_means: tuple[MarginalMean, ...] = ()
    rankings: tuple[GridRanking, ...] = ()
    cautions: tuple[StudyCaution, ...] = ()
