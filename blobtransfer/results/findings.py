"""What the statistics say about the runs of a command: plain records, no words for people."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.experiment import Arm, Question
from blobtransfer.statistics.nested import VarianceComponents
from blobtransfer.statistics.paired import Difference, Verdict
from blobtransfer.statistics.spread import Spread

ContrastKind = Literal[
    "freezing",
    "weights",
    "features",
    "own features",
    "other problem",
    "extra epochs",
    "beyond extra epochs",
]
"""What a comparison with a control tells."""

Unit = Literal["repeats", "sources"]
"""What counts as one observation: a repeat, or a source where several repeats share it."""


@dataclass(frozen=True)
class Summary(Spread):
    """The test accuracies of one arm over its repeats, failed runs left out.

    Args:
        arm: Which.
        failed: Runs whose loss is not finite.
        collapsed: Runs, not failed, that never predict one of the classes.
        low_runs: The few lowest runs that make most of the spread; 0 where none do.
        trainable_parameters: Weights that may move.
        gap: Ceiling less mean, a share; negative where chance puts the mean above the
            ceiling, None where there is no ceiling.
        difference: To standalone, within the repeats; None for standalone itself.
        verdict: What the difference and the margin allow to say.
        source_variance: Where several repeats share each of several sources.
    """

    arm: Arm
    failed: int
    collapsed: int
    low_runs: int
    trainable_parameters: int
    gap: float | None
    difference: Difference | None = None
    verdict: Verdict | None = None
    source_variance: VarianceComponents | None = None

    @property
    def label(self) -> str:
        """The variant as people write it."""
        return self.arm.label


@dataclass(frozen=True)
class Contrast:
    """A difference between two arms that tells why a variant wins or loses.

    Args:
        question: In which.
        kind: What it tells.
        arm: The one.
        baseline: The other.
        difference: Arm less baseline; its p is not adjusted.
    """

    question: Question
    kind: ContrastKind
    arm: Arm
    baseline: Arm
    difference: Difference


@dataclass(frozen=True)
class Speed:
    """One metric of how fast an arm learns, over its repeats.

    Args:
        arm: Which.
        metric: `jumpstart` (accuracy before training), `area` (mean accuracy of the curve),
            `last` (mean accuracy of the last 10 epochs), or `epochs` (to reach the threshold).
        n: Runs.
        value: Mean over the runs; for `epochs` the median of the survival curve, None where
            more than half of the runs never reached the threshold.
        n_censored: Runs that never reached the threshold; None for the other metrics.
        difference: To standalone; None for standalone and for `epochs`.
        p_value: Log-rank test of `epochs` against standalone; None for the other metrics.
        p_adjusted: The same after Holm.
        verdict: What these allow to say.
    """

    arm: Arm
    metric: Literal["jumpstart", "area", "last", "epochs"]
    n: int
    value: float | None
    n_censored: int | None = None
    difference: Difference | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, eq=False)
class Band:
    """Where the learning curves of an arm lie, each (E + 1,) test accuracy by epoch."""

    arm: Arm
    mean: NDArray[np.float64]
    q1: NDArray[np.float64]
    q3: NDArray[np.float64]


@dataclass(frozen=True)
class FewPairs:
    """Too few independent pairs for what was asked.

    Args:
        n: Pairs.
        unit: What is counted.
        n_variants: That are compared together.
        can_decide: Whether so few can be better or worse at all.
        has_failures: Whether runs that failed are the reason.
    """

    kind: ClassVar = "few pairs"
    n: int
    unit: Unit
    n_variants: int
    can_decide: bool
    has_failures: bool


@dataclass(frozen=True)
class OneSource:
    """Nothing was asked about the method: the draw of the one source is in no interval."""

    kind: ClassVar = "one source"


@dataclass(frozen=True)
class LowRuns:
    """A few low runs make most of the spread of some arms."""

    kind: ClassVar = "low runs"
    arms: tuple[Arm, ...]
    n_repeats: int


@dataclass(frozen=True)
class Collapsed:
    """Most runs of some arms never predict one of the classes."""

    kind: ClassVar = "collapsed"
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class FewTestRows:
    """The test rows are too few for a difference of the margin to hold for new rows.

    Args:
        n_test: Test rows.
        standard_error: Of an accuracy on new rows, a share.
        margin: That is to be resolved, a share.
        n_enough: Rows that would do.
    """

    kind: ClassVar = "few test rows"
    n_test: int
    standard_error: float
    margin: float
    n_enough: int


Caution = FewPairs | OneSource | LowRuns | Collapsed | FewTestRows
"""What makes results less sure than they look."""


@dataclass(frozen=True)
class Findings:
    """What the statistics say about the runs of a command.

    Args:
        summary: One an arm.
        contrasts: What the controls tell.
        speed: Where the speed of learning was asked for.
        threshold: Test accuracy that a run was to reach, for the speed; a share.
        bands: Of the learning curves, for the speed.
        cautions: What makes the results less sure than they look.
    """

    summary: tuple[Summary, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    speed: tuple[Speed, ...] = ()
    threshold: float | None = None
    bands: tuple[Band, ...] = field(default=(), compare=False)
    cautions: tuple[Caution, ...] = ()
