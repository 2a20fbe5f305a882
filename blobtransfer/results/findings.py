"""Findings of a command as plain records; `report` puts them into words."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.specs.data import Role
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
    "extra updates",
    "beyond extra updates",
    "against",
]
"""Purpose of a comparison of two arms: controls explain an effect, `against` ranks two variants."""

SpeedMetric = Literal["jumpstart", "area", "last", "reached", "epochs"]

Unit = Literal["repeats", "sources"]
"""One observation: a repeat, or a source network if several repeats share it."""


@dataclass(frozen=True)
class LowAccuracyRuns:
    """Share of runs with an accuracy below a line that is fixed beforehand.

    Args:
        share: Share of the runs of the variant.
        share_standalone: Share of the runs of standalone; None for standalone itself.
        ci_low: Lower end of the 95 % interval of the difference of the two shares.
        ci_high: Upper end of the interval of the difference of the two shares.
    """

    share: float
    share_standalone: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None


@dataclass(frozen=True)
class ChosenRate:
    """Number of runs of an arm that chose a learning rate.

    Args:
        learning_rate: The learning rate.
        n: Number of runs.
    """

    learning_rate: float
    n: int


@dataclass(frozen=True)
class Summary(Spread):
    """The test accuracies of one arm over its repeats; a failed run counts at chance level.

    Args:
        arm: The arm.
        failed: Number of runs whose loss is not finite.
        mean_finished: Mean of the runs that did not fail; None if all failed.
        collapsed: Number of runs that did not fail but never predict one of the classes.
        low_runs: Share of low-accuracy runs; None without a run.
        trainable_parameters: Number of trainable weights; None for runs of another program.
        gap: Best possible score minus mean, a share; negative if the mean is above it by chance,
            None if it is unknown.
        difference: Paired difference from standalone; None for standalone itself.
        verdict: Verdict by the difference and the margin.
        source_variance: Variance components if several repeats share each source; else None.
        chosen_rates: Chosen learning rates in ascending order; empty unless runs choose.
        mean_epochs: Mean number of epochs until runs stopped; None without early stopping.
        mean_low: Lower end of the unadjusted 95 % interval of the mean.
        mean_high: Upper end of the unadjusted 95 % interval of the mean.
    """

    arm: Arm
    failed: int
    mean_finished: float | None
    collapsed: int
    low_runs: LowAccuracyRuns | None
    trainable_parameters: int | None
    gap: float | None
    difference: Difference | None = None
    verdict: Verdict | None = None
    source_variance: VarianceComponents | None = None
    chosen_rates: tuple[ChosenRate, ...] = ()
    mean_epochs: float | None = None
    mean_low: float | None = None
    mean_high: float | None = None

    @property
    def mostly_fails(self) -> bool:
        """Whether most runs failed or collapsed, so that a comparison means little."""
        return 2 * (self.failed + self.collapsed) > self.n

    @property
    def label(self) -> str:
        """The variant as the user writes it."""
        return self.arm.label


@dataclass(frozen=True)
class Contrast:
    """A difference between two arms that explains why a variant is better or worse.

    Args:
        question: Question that both arms belong to.
        kind: Purpose of the comparison: what the difference shows, or `against`.
        arm: The arm that is compared.
        baseline: The variant that it is compared with.
        difference: Variant minus baseline; its p-value is unadjusted.
    """

    question: Question
    kind: ContrastKind
    arm: Arm
    baseline: Arm
    difference: Difference


@dataclass(frozen=True)
class Speed:
    """One metric of the training speed of an arm, over its repeats.

    Args:
        arm: The arm.
        metric: `jumpstart` (accuracy before training), `area` (mean accuracy of the curve),
            `last` (mean accuracy of the last 10 epochs), `reached` (whether the threshold was
            reached), or `epochs` (epochs to reach it, at most the epochs trained).
        n: Number of runs.
        value: Mean over the runs, a share; for `epochs` in epochs. None without a run.
        difference: Paired difference from standalone; None for standalone itself.
        verdict: Verdict by the interval; None for standalone and for `reached`.
    """

    arm: Arm
    metric: SpeedMetric
    n: int
    value: float | None
    difference: Difference | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class SourceRanking:
    """Quality of the ranking of the fresh source networks of an arm by a transferability score.

    Args:
        arm: Arm that starts from the source networks.
        score: Name of the score.
        ranking: Agreement with the ranking by test accuracy after transfer.
    """

    arm: Arm
    score: ScoreName
    ranking: Ranking


@dataclass(frozen=True, eq=False)
class Band:
    """Quantiles of the learning curves of an arm, each (E + 1,) test accuracy by epoch."""

    arm: Arm
    median: NDArray[np.float64]
    q1: NDArray[np.float64]
    q3: NDArray[np.float64]


class BaseCaution:
    """Base of the cautions.

    Attributes:
        is_always_reported: Whether a caution comes before all others and is printed with `-q` too.
    """

    is_always_reported: ClassVar[bool] = False


@dataclass(frozen=True)
class Rise:
    """Mean rise of an arm's judged test accuracy in the last quarter of its epochs.

    Args:
        arm: The arm.
        mean: Mean rise over the runs, a share; negative if the accuracy falls.
        ci_low: Lower end of the 95 % interval of the rise (Student's t); None for fewer than 6
            runs.
        ci_high: Upper end of that interval.
    """

    arm: Arm
    mean: float
    ci_low: float | None = None
    ci_high: float | None = None

    @property
    def highest(self) -> float:
        """The upper end of the interval; the mean without an interval."""
        return self.mean if self.ci_high is None else self.ci_high


@dataclass(frozen=True)
class StillImproving(BaseCaution):
    """Some arms may still have improved at the end: more epochs may change the answer.

    Args:
        rises: Rises that may exceed the margin, the highest first.
    """

    kind: ClassVar = "still improving"
    is_always_reported: ClassVar = True
    rises: tuple[Rise, ...]


@dataclass(frozen=True)
class FewValidationRows(BaseCaution):
    """Early stopping by so few validation rows stops many trainings too early.

    Args:
        role: The data with the fewer training rows.
        n_validation: Number of validation rows of that data.
    """

    kind: ClassVar = "few validation rows"
    is_always_reported: ClassVar = True
    role: Role
    n_validation: int


@dataclass(frozen=True)
class LittlePatience(BaseCaution):
    """Early stopping after so few epochs can end trainings long before they have converged.

    Args:
        patience: Epochs without a lower validation loss.
    """

    kind: ClassVar = "little patience"
    is_always_reported: ClassVar = True
    patience: int


@dataclass(frozen=True)
class FewPairs(BaseCaution):
    """Too few independent pairs to decide anything.

    Args:
        n: Number of pairs.
        unit: Unit of observation.
    """

    kind: ClassVar = "few pairs"
    n: int
    unit: Unit


@dataclass(frozen=True)
class OneSource(BaseCaution):
    """Only one source network was used: intervals ignore the variation between source networks."""

    kind: ClassVar = "one source"


@dataclass(frozen=True)
class SameData(BaseCaution):
    """Source and target are the same data, which is not transfer."""

    kind: ClassVar = "same problem"


@dataclass(frozen=True)
class LookAgain(BaseCaution):
    """Some arms are undecided: adding repeats after looking has a higher error rate.

    Args:
        n: Repeats so far, or sources in a nested design.
    """

    kind: ClassVar = "look again"
    n: int


@dataclass(frozen=True)
class Collapsed(BaseCaution):
    """Most runs of some arms failed, or never predict one of the classes.

    Args:
        arms: The variants that it concerns.
    """

    kind: ClassVar = "collapsed"
    is_always_reported: ClassVar = True
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class OtherClasses(BaseCaution):
    """Some arms keep an output layer whose classes are not those of the target.

    Args:
        arms: The variants that it concerns.
    """

    kind: ClassVar = "other classes"
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class SplitAnew(BaseCaution):
    """Each repeat resplits the same rows: more rows help, more repeats hardly do.

    Args:
        n_rows: Number of rows.
        n_rows_needed: Rows that should settle undecided differences of the observed size; None if
            all are decided, or within the margin.
        n_train_narrower: Number of training rows, 80 % of all rows, with which intervals are
            narrower; None if it cannot be set, or would hardly narrow them.
    """

    kind: ClassVar = "split anew"
    n_rows: int
    n_rows_needed: int | None = None
    n_train_narrower: int | None = None


@dataclass(frozen=True)
class FewTestRows(BaseCaution):
    """The test rows are too few for differences as small as the margin to generalise to new rows.

    Args:
        n_test: Number of test rows.
        standard_error: Standard error of an accuracy on new rows, a share.
        margin: The margin, a share.
        n_enough: Sufficient number of test rows; None if no more can be generated.
    """

    kind: ClassVar = "few test rows"
    n_test: int
    standard_error: float
    margin: float
    n_enough: int | None


@dataclass(frozen=True)
class LargeClass(BaseCaution):
    """Accuracy is judged, and one class holds most test rows: the others hardly count.

    Args:
        share: Share of the test rows in the largest class.
    """

    kind: ClassVar = "large class"
    is_always_reported: ClassVar = True
    share: float


@dataclass(frozen=True)
class Mixed(BaseCaution):
    """Some repeats were computed with other versions, or on machines that round differently.

    Args:
        n_repeats: Number of repeats from other versions or machines.
    """

    kind: ClassVar = "mixed"
    n_repeats: int


Caution = (
    StillImproving
    | FewValidationRows
    | LittlePatience
    | FewPairs
    | OneSource
    | SameData
    | OtherClasses
    | SplitAnew
    | LookAgain
    | Collapsed
    | FewTestRows
    | LargeClass
    | Mixed
)
"""Reason why results are less certain than they seem."""


@dataclass(frozen=True)
class NotChecked(BaseCaution):
    """Scores do not show how runs were trained, paired and selected."""

    kind: ClassVar = "not checked"


@dataclass(frozen=True)
class ConstantScores(BaseCaution):
    """Some arms have the same score in every repeat.

    Args:
        arms: The variants that it concerns.
    """

    kind: ClassVar = "constant scores"
    is_always_reported: ClassVar = True
    arms: tuple[Arm, ...]


@dataclass(frozen=True)
class EqualScores(BaseCaution):
    """Some arms have equal scores in every repeat.

    Args:
        arms: The variants that it concerns, two or more.
    """

    kind: ClassVar = "equal scores"
    is_always_reported: ClassVar = True
    arms: tuple[Arm, ...]


ScoreCaution = (
    FewPairs
    | Collapsed
    | ConstantScores
    | EqualScores
    | OneSource
    | SplitAnew
    | LookAgain
    | NotChecked
)
"""Reason why a judgement of scores is less certain than it seems."""


@dataclass(frozen=True)
class Findings:
    """Statistics of the runs of a comparison or a training.

    Args:
        summary: One summary per arm.
        contrasts: Comparisons with the controls.
        speed: Training speed, if requested.
        low_line: Test accuracy below which a run counts as low accuracy; a share.
        threshold: Test accuracy that measures the speed; a share.
        bands: Quantiles of the learning curves, with the speed.
        cautions: Reasons why the results are less certain than they seem.
        rankings: Rankings by transferability scores, if the source networks were scored.
    """

    summary: tuple[Summary, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    speed: tuple[Speed, ...] = ()
    low_line: float | None = None
    threshold: float | None = None
    bands: tuple[Band, ...] = field(default=(), compare=False)
    cautions: tuple[Caution, ...] = ()
    rankings: tuple[SourceRanking, ...] = ()
