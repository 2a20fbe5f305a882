"""What the statistics say about the runs of a command: plain records, no words for people."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.experiment import Arm, Question
from blobtransfer.statistics.descriptive import Spread, VarianceComponents
from blobtransfer.statistics.paired import Difference, Verdict
from blobtransfer.statistics.transferability import Ranking, ScoreName

ContrastKind = Literal[
    "freezing",
    "weights",
    "features",
    "own features",
    "other problem",
    "extra epochs",
    "beyond extra epochs",
    "against",
]
"""What a comparison of two arms tells: with a control, why; `against`, which is better."""

SpeedMetric = Literal["jumpstart", "area", "last", "reached", "epochs"]

Unit = Literal["repeats", "sources"]
"""What counts as one observation: a repeat, or a source where several repeats share it."""


@dataclass(frozen=True)
class LowAccuracyRuns:
    """How often runs end low, below a line that is fixed beforehand.

    Args:
        share: Of the arm's runs.
        share_standalone: Of standalone's; None for standalone itself.
        ci_low: Lower end of the 95 % interval of the difference of the two.
        ci_high: Upper end.
    """

    share: float
    share_standalone: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class ChosenRate:
    """How many runs of an arm have chosen a learning rate."""

    learning_rate: float
    n: int


@dataclass(frozen=True)
class Summary(Spread):
    """The test accuracies of one arm over its repeats; a failed run counts at chance level.

    Args:
        arm: Which.
        failed: Runs whose loss is not finite.
        mean_finished: Mean of the others; None where there are none.
        collapsed: Runs, not failed, that never predict one of the classes.
        low_runs: How often a run ends low; None without a run.
        trainable_parameters: Weights that may move.
        gap: Ceiling less mean, a share; negative where chance puts the mean above the
            ceiling, None where there is no ceiling.
        difference: To standalone, within the repeats; None for standalone itself.
        verdict: What the difference and the margin allow to say.
        source_variance: Where several repeats share each of several sources.
        chosen_rates: Where runs choose from learning rates, those in ascending order.
        mean_low: Lower end of the 95 % interval of the mean, this one alone.
        mean_high: Upper end.
    """

    arm: Arm
    failed: int
    mean_finished: float | None
    collapsed: int
    low_runs: LowAccuracyRuns | None
    trainable_parameters: int
    gap: float | None
    difference: Difference | None = None
    verdict: Verdict | None = None
    source_variance: VarianceComponents | None = None
    chosen_rates: tuple[ChosenRate, ...] = ()
    mean_low: float | None = None
    mean_high: float | None = None

    @property
    def mostly_fails(self) -> bool:
        """Whether most runs failed or collapsed, which leaves little to compare."""
        return 2 * (self.failed + self.collapsed) > self.n

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
            `last` (mean accuracy of the last 10 epochs), `reached` (whether the threshold was),
            or `epochs` (to reach it, restricted to those there were).
        n: Runs.
        value: Mean over the runs, a share; for `epochs` in epochs. None without a run.
        difference: To standalone, within the repeats; None for standalone itself.
        verdict: What its interval shows; None for standalone and for `reached`.
    """

    arm: Arm
    metric: SpeedMetric
    n: int
    value: float | None
    difference: Difference | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class SourceRanking:
    """How well a transferability score ranks the fresh source networks of an arm.

    Args:
        arm: What starts from them.
        score: Which score.
        ranking: By the test accuracies after transfer.
    """

    arm: Arm
    score: ScoreName
    ranking: Ranking


@dataclass(frozen=True, eq=False)
class Band:
    """Where the learning curves of an arm lie, each (E + 1,) test accuracy by epoch."""

    arm: Arm
    median: NDArray[np.float64]
    q1: NDArray[np.float64]
    q3: NDArray[np.float64]


@dataclass(frozen=True)
class FewPairs:
    """Too few independent pairs to decide anything.

    Args:
        n: Pairs.
        unit: What is counted.
    """

    kind: ClassVar = "few pairs"
    n: int
    unit: Unit


@dataclass(frozen=True)
class OneSource:
    """Nothing was asked about the method: the draw of the one source is in no interval."""

    kind: ClassVar = "one source"


@dataclass(frozen=True)
class SameData:
    """Source and target are the same problem, which is not transfer."""

    kind: ClassVar = "same problem"


@dataclass(frozen=True)
class LookAgain:
    """Some arms are undecided: a second look at more of the same errs more often.

    Args:
        n: Repeats so far; sources, where the design is nested.
    """

    kind: ClassVar = "look again"
    n: int


@dataclass(frozen=True)
class Collapsed:
    """Most runs of some arms fail, or never predict one of the classes."""

    kind: ClassVar = "collapsed"
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class OtherClasses:
    """Some arms keep an output layer whose classes are not those of the target.

    Args:
        arms: Which.
    """

    kind: ClassVar = "other classes"
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class SplitAnew:
    """Each repeat resplits the same rows: more rows would help, more repeats hardly.

    Args:
        n_rows: How many rows there are.
    """

    kind: ClassVar = "split anew"
    n_rows: int


@dataclass(frozen=True)
class FewTestRows:
    """The test rows are too few for a difference of the margin to hold for new rows.

    Args:
        n_test: Test rows.
        standard_error: Of an accuracy on new rows, a share.
        margin: That is to be resolved, a share.
        n_enough: Rows that would do; None where no more can be drawn.
    """

    kind: ClassVar = "few test rows"
    n_test: int
    standard_error: float
    margin: float
    n_enough: int | None


@dataclass(frozen=True)
class Mixed:
    """Some repeats were computed by other versions, or where arithmetic rounds differently.

    Args:
        n_repeats: How many.
    """

    kind: ClassVar = "mixed"
    n_repeats: int


Caution = (
    FewPairs
    | OneSource
    | SameData
    | OtherClasses
    | SplitAnew
    | LookAgain
    | Collapsed
    | FewTestRows
    | Mixed
)
"""What makes results less sure than they look."""


@dataclass(frozen=True)
class Findings:
    """What the statistics say about the runs of a command.

    Args:
        summary: One an arm.
        contrasts: What the controls tell.
        speed: Where the speed of learning was asked for.
        low_line: Test accuracy below which a run ends low; a share.
        threshold: Test accuracy that a run was to reach, for the speed; a share.
        bands: Of the learning curves, for the speed.
        cautions: What makes the results less sure than they look.
        rankings: Where the source networks were scored.
    """

    summary: tuple[Summary, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    speed: tuple[Speed, ...] = ()
    low_line: float | None = None
    threshold: float | None = None
    bands: tuple[Band, ...] = field(default=(), compare=False)
    cautions: tuple[Caution, ...] = ()
    rankings: tuple[SourceRanking, ...] = ()
