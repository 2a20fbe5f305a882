"""Results of a study or of one training: specification, scores, findings and provenance."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.results.findings import Caution, Findings, ScoreCaution, Summary
from blobtransfer.results.provenance import Provenance
from blobtransfer.results.scores import Count, Run, Scores, Share, finite
from blobtransfer.results.study_findings import StudyCaution, StudyFindings
from blobtransfer.specs.checks import MAX_COUNT
from blobtransfer.specs.comparison import ComparisonSpec
from blobtransfer.specs.data import Role
from blobtransfer.specs.experiment import Arm, ComparedQuestion, ExperimentSpec
from blobtransfer.specs.scores import ScoresSpec
from blobtransfer.specs.study import Axis, Study, StudyKind, variant_labels
from blobtransfer.specs.training import BALANCED_ACCURACY, METRICS

TrainingCommand = Literal["train-source", "train-target"]
Place = Annotated[float, Interval(ge=-1e36, le=1e36)]
Point = tuple[Place, Place]

Curves = Mapping[Arm, NDArray[np.float64]]
"""Learning curves of each arm, (M, R, E + 1): the first M of the `curve_metrics` of a spec.

Epoch 0 is the untrained network. A comparison records the judged accuracy only, M = 1.
"""

ColumnValues = NDArray[Any] | str | float | None
"""The values of a field in several rows of a file, or the value that all these rows share."""

MAX_DISTANCE = 1e9
"""Largest distance between source and target data, in standard deviations."""

MAX_DRAWN_CLASSES = 49
"""Largest number of classes that a figure distinguishes: seven colours times seven markers."""


@dataclass(frozen=True)
class DataRecord:
    """Description of data: its sizes, and the range of the judged metric.

    Args:
        role: Role of the data.
        name: Name of the data in reports.
        n_train: Number of training rows.
        n_test: Number of test rows.
        ceiling: Best possible test accuracy, or balanced accuracy; a share, None if unknown.
        floor: Chance level: share of the largest class among the test rows; of balanced accuracy
            1 / classes that the test rows have.
        class_counts: Training and test rows of each class; empty in older files.
        test_class_counts: Test rows of each class; empty in older files.
    """

    role: Role
    name: str
    n_train: Annotated[int, Interval(ge=1, le=MAX_COUNT)]
    n_test: Annotated[int, Interval(ge=1, le=MAX_COUNT)]
    ceiling: Share | None
    floor: Share
    class_counts: tuple[Count, ...] = ()
    test_class_counts: tuple[Annotated[int, Interval(ge=0, le=MAX_COUNT)], ...] = ()

    @property
    def accuracy_range(self) -> tuple[float, float]:
        """Chance level and the best possible accuracy, 1 if unknown."""
        best = 1.0 if self.ceiling is None else self.ceiling
        return self.floor, max(self.floor, best)

    @property
    def max_difference(self) -> float:
        """Largest difference of two accuracies in `accuracy_range`."""
        low, high = self.accuracy_range
        return high - low


@dataclass(frozen=True)
class Regions:
    """Decision regions of a trained network: its class at each point of a grid over the data.

    Args:
        x: First and last grid value of feature 1.
        y: First and last grid value of feature 2; equal if there is one feature.
        rows: One row per grid value of feature 2, lowest first, run-length encoded: a class,
            the number of adjacent points of that class, the next class, its number, ...
        points: Coordinates of the first test rows.
        labels: Classes of these rows.
        centers: True centre of each class; None if the data has none.
    """

    x: Point
    y: Point
    rows: tuple[tuple[Count, ...], ...]
    points: tuple[Point, ...] = ()
    labels: tuple[Count, ...] = ()
    centers: tuple[Point, ...] | None = None

    def classes(self) -> NDArray[np.int64]:
        """Return the class of every grid point, (points of feature 2, points of feature 1)."""
        return np.array([np.repeat(row[::2], row[1::2]) for row in self.rows])


@dataclass(frozen=True)
class Predictions:
    """Predictions of a trained network for test rows with more than two features.

    Args:
        points: Coordinates of the first test rows on two principal components.
        labels: Classes of these rows.
        predicted: Classes that the network predicts.
        axes: Labels of the two components.
    """

    points: tuple[Point, ...]
    labels: tuple[Count, ...]
    predicted: tuple[Count, ...]
    axes: tuple[str, str]


@dataclass(frozen=True, eq=False)
class StandaloneTraining:
    """Standalone training with the same batch orders as the network of `train-target`.

    Args:
        run: Scores of the training.
        curves: (M, E + 1) in the order of the `curve_metrics` of the spec, by epoch.
        regions: Decision regions; None if they cannot be drawn.
        predictions: Predictions if regions cannot be drawn; else None.
    """

    run: Run
    curves: NDArray[np.float64]
    regions: Regions | None
    predictions: Predictions | None = None


@dataclass(frozen=True)
class ExperimentHeader:
    """Data and source training of an experiment, without its repeats.

    Args:
        tasks: Records of the data, source first.
        source_run: The training of the one source network; None if it was not trained here.
        distance: Between source and target data, in standard deviations; None if unknown.
    """

    __pydantic_config__: ClassVar[dict[str, bool]] = {"allow_inf_nan": False}

    tasks: tuple[DataRecord, ...]
    source_run: Run | None
    distance: Annotated[float, Interval(ge=0.0, le=MAX_DISTANCE)] | None = None

    def with_names_of(self, spec: ExperimentSpec) -> "ExperimentHeader":
        """Return the header with the names of the data in a spec, whose files may be renamed."""
        data = {"source": spec.source, "target": spec.target}
        records = [
            record if (named := data[record.role]) is None else replace(record, name=named.name)
            for record in self.tasks
        ]
        return replace(self, tasks=tuple(records))


@dataclass(frozen=True, eq=False)
class BlockResult:
    """Results of a block of repeats, the unit of computing, sending and storing.

    Args:
        scores: Scores of all arms in its R repeats.
        curves: Test accuracy by epoch, (1, R, E + 1) for each arm; empty unless recorded.
        transferability: (5, R) scores of the fresh source networks; None unless recorded.
    """

    scores: Scores
    curves: Curves = field(default_factory=dict)
    transferability: NDArray[np.float64] | None = None

    @classmethod
    def join(cls, blocks: Sequence["BlockResult"]) -> "BlockResult":
        """Join one or more blocks of the same arms, given in any order."""
        order = np.argsort(np.concatenate([block.scores.repeats for block in blocks]))
        transferability = [
            block.transferability for block in blocks if block.transferability is not None
        ]
        return cls(
            scores=Scores.join([block.scores for block in blocks]),
            curves={
                arm: np.concatenate([block.curves[arm] for block in blocks], axis=1)[:, order]
                for arm in blocks[0].curves
            },
            transferability=np.concatenate(transferability, axis=1)[:, order]
            if transferability
            else None,
        )

    def at(self, is_selected: NDArray[np.bool_]) -> "BlockResult":
        """Return the selected repeats; `is_selected` has shape (R,)."""
        return BlockResult(
            scores=self.scores.at(is_selected),
            curves={arm: curves[:, is_selected] for arm, curves in self.curves.items()},
            transferability=None
            if self.transferability is None
            else self.transferability[:, is_selected],
        )


class ComparedResults(ABC):
    """Scores of arms and their findings, whoever trained the runs: what reports read.

    Attributes:
        spec: What is compared, and how it is judged.
        findings: Statistics of the scores.
    """

    spec: ComparisonSpec
    findings: Findings

    @property
    @abstractmethod
    def n_repeats(self) -> int:
        """Number of repeats, those that failed included."""

    @abstractmethod
    def ascending_scores(self, arm: Arm) -> NDArray[np.float64]:
        """Return the (R,) scores of an arm, a failed run at chance level; higher is better."""

    @property
    def best_possible(self) -> float | None:
        """Best possible score; None if unknown."""
        return None

    @property
    def scale(self) -> tuple[float, float]:
        """Ends of the scale of the scores: of accuracies, 0 and 1."""
        return 0.0, 1.0

    @property
    def lower_is_better(self) -> bool:
        """Whether lower scores are better."""
        return False

    @property
    def n_sources(self) -> int:
        """Number of fresh source networks that runs start from."""
        return self.n_repeats

    @property
    def summary(self) -> tuple[Summary, ...]:
        """Summary of each arm."""
        return self.findings.summary

    def of_question(self, question: ComparedQuestion) -> list[Summary]:
        """Return the summaries of the arms of a question, in the order of the variants."""
        summaries = [summary for summary in self.summary if summary.arm.belongs_to(question)]
        return sorted(summaries, key=lambda row: self.spec.variants.index(row.arm.variant))

    def summary_of(self, question: ComparedQuestion, variant_index: int) -> Summary:
        """Return the summary of a variant, by its index in the spec, in a question."""
        variant = self.spec.variants[variant_index]
        return next(row for row in self.of_question(question) if row.arm.variant == variant)


@dataclass(frozen=True, eq=False)
class CellResults(ComparedResults):
    """Results of one cell of a study: of one comparison.

    Args:
        spec: The experiment.
        tasks: Records of the data, source first.
        source_run: The training of the one source network; None if it was not trained here.
        scores: Scores of every run.
        curves: Learning curves of every run; empty unless recorded.
        transferability: (5, R) scores of the fresh source network of each repeat, in the order
            of `SCORES`; NaN where a network diverged; None unless recorded.
        findings: Statistics of the scores.
        interrupted: Whether it stopped before all repeats were done.
        n_mixed: Number of repeats that may be rounded differently from the first.
        at: The value of the cell on each axis of its study.
        distance: Between source and target data, in standard deviations; None if not computed.
    """

    spec: ExperimentSpec
    tasks: tuple[DataRecord, ...]
    source_run: Run | None
    scores: Scores
    curves: Curves = field(default_factory=dict)
    transferability: NDArray[np.float64] | None = None
    findings: Findings = field(default_factory=Findings)
    interrupted: bool = False
    n_mixed: int = 0
    at: tuple[str, ...] = ()
    distance: float | None = None

    @property
    def n_repeats(self) -> int:
        """Number of repeats, those that failed included."""
        return self.scores.n_repeats

    def ascending_scores(self, arm: Arm) -> NDArray[np.float64]:
        """Return the (R,) judged test accuracies of an arm, a failed run at chance level."""
        return self.scores.imputed_accuracy(arm, self.measured.floor, self.spec.judged)

    @property
    def best_possible(self) -> float | None:
        """Best possible test accuracy; None if unknown."""
        return self.measured.ceiling

    @property
    def has_curves(self) -> bool:
        """Whether learning curves were recorded."""
        return bool(self.curves)

    @property
    def n_sources(self) -> int:
        """Number of fresh source networks that runs start from."""
        return len({self.spec.source_repeat(int(repeat)) for repeat in self.scores.repeats})

    @property
    def n_runs(self) -> int:
        """Number of trainings, that of the one source network included."""
        return len(self.scores) + (self.source_run is not None)

    @property
    def n_failed(self) -> int:
        """Number of trainings that diverged, that of the one source network included."""
        source_failed = self.source_run is not None and self.source_run.status == "failed"
        return int(self.scores.is_failed.sum()) + source_failed

    @property
    def measured(self) -> DataRecord:
        """Record of the data that accuracies are measured on: the target, or else the source."""
        return self.tasks[-1]

    def accuracy_of(self, run: Run) -> float | None:
        """Return the judged test accuracy of a run; None if it is not finite."""
        accuracy: float | None = getattr(run, METRICS[self.spec.judged])
        return accuracy

    def record_of(self, role: Role) -> DataRecord:
        """Return the record of the data of a role."""
        return next(data for data in self.tasks if data.role == role)

    def columns(self, arm: Arm, repeats: slice = slice(None)) -> dict[str, ColumnValues]:
        """Return the runs of an arm as columns, by the names of the fields of `Run`.

        Args:
            arm: The arm.
            repeats: Slice with R of the repeats; all by default.

        Returns:
            An array (R,) for a field that differs between repeats, else the value that all runs
            share. A number that is not finite is None in `Run`.
        """
        scores, a = self.scores, self.scores.arms.index(arm)
        rate = self.spec.training.learning_rate
        return {
            **arm.columns,
            "repeat": scores.repeats[repeats],
            **dict(zip(METRICS[:BALANCED_ACCURACY], scores.values[:, a, repeats], strict=False)),
            "classes_predicted": scores.classes_predicted[a, repeats],
            "status": np.where(scores.is_failed[a, repeats], "failed", "ok"),
            "label": arm.label,
            "source_repeat": self._source_repeats(arm, scores.repeats[repeats]),
            "source": self._source_name(arm),
            "target": self.measured.name,
            "learning_rate": rate
            if scores.learning_rates is None
            else scores.learning_rates[a, repeats],
            "earlier_accuracy": scores.earlier_accuracy[a, repeats],
            "epochs": self.spec.n_epochs(arm)
            if scores.epochs is None
            else scores.epochs[a, repeats],
            "balanced_accuracy": scores.values[BALANCED_ACCURACY, a, repeats],
        }

    def _source_repeats(self, arm: Arm, repeats: NDArray[np.int64]) -> ColumnValues:
        """Return the repeats whose source networks the runs of an arm start from."""
        if arm.sources != "fresh":
            return 0 if arm.sources == "one" else None
        if not self.spec.is_nested(arm):
            return repeats
        return np.array([self.spec.source_repeat(repeat) for repeat in repeats.tolist()])

    def _source_name(self, arm: Arm) -> str:
        """Return the name of the source data or file of an arm; empty without a source."""
        if arm.sources == "none":
            return ""
        if arm.variant.start == "self-transfer":
            return self.measured.name
        if arm.sources == "one" and self.spec.model_path is not None:
            return self.spec.model_path
        return "" if self.spec.source is None else self.spec.source.name


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingResults(CellResults):
    """Results of `train-source` or `train-target`: a cell with one run, and its network's regions.

    Args:
        command: Name of the command.
        provenance: Time, command and environment.
        regions: Decision regions of the network; None if they cannot be drawn.
        predictions: Predictions of the network if regions cannot be drawn; else None.
        baseline: A standalone training to compare with; None for standalone itself.
    """

    command: TrainingCommand
    provenance: Provenance
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: StandaloneTraining | None = None

    @property
    def run(self) -> Run:
        """Record of the only run."""
        (arm,) = self.scores.arms
        values: dict[str, Any] = {
            name: column.tolist()[0] if isinstance(column, np.ndarray) else column
            for name, column in self.columns(arm).items()
        }
        return Run(
            **values | {name: finite(values[name]) for name in (*METRICS, "earlier_accuracy")}
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Cautions about the training."""
        return self.findings.cautions

    @property
    def cells(self) -> tuple[CellResults, ...]:
        """The results as the only cell."""
        return (self,)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the study: none."""
        return ()


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Results of a study; `compare` is a study of one cell.

    Args:
        study: The study.
        cells: Results of each cell, in the order of the study; fewer if it was interrupted.
        provenance: Time, command and environment.
        findings: Statistics of all cells together.
    """

    study: Study
    cells: tuple[CellResults, ...]
    provenance: Provenance
    findings: StudyFindings = field(default_factory=StudyFindings)

    @property
    def command(self) -> StudyKind:
        """The name of the command."""
        return self.study.kind

    @property
    def cautions(self) -> tuple[Caution | StudyCaution, ...]:
        """Cautions about the comparison, or about the study if it has several cells."""
        return self.cell.findings.cautions if self.command == "compare" else self.findings.cautions

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of the study."""
        return self.study.axes

    @property
    def cell(self) -> CellResults:
        """The first cell, which is the only cell of `compare`."""
        return self.cells[0]

    @property
    def variant_labels(self) -> dict[int, str]:
        """Index and label of each reported variant that is compared with standalone."""
        variants = [summary.arm.variant for summary in self.cell.summary]
        return {
            i: label
            for i, label in variant_labels(self.study)
            if self.cell.spec.variants[i] in variants
        }

    @property
    def interrupted(self) -> bool:
        """Whether it was stopped before all repeats of all cells were done."""
        is_short = len(self.cells) < len(self.study.cells)
        return is_short or any(cell.interrupted for cell in self.cells)

    @property
    def n_runs(self) -> int:
        """Number of trainings, those of single source networks included."""
        return sum(cell.n_runs for cell in self.cells)

    @property
    def n_failed(self) -> int:
        """Number of trainings that diverged."""
        return sum(cell.n_failed for cell in self.cells)

    @property
    def has_curves(self) -> bool:
        """Whether learning curves were recorded."""
        return any(cell.has_curves for cell in self.cells)


@dataclass(frozen=True, eq=False)
class JudgedResults(ComparedResults):
    """Results of `judge`: scores of runs that another program trained.

    Args:
        spec: What is compared, and how it is judged.
        repeats: Name of each of the R repeats.
        scores: (A, R) scores by arm, in the order of `spec.arms`; NaN for a failed run.
        status: (A, R) `ok`, `failed`, or `collapsed` for a run that never predicts a class.
        provenance: Time, command and environment.
        findings: Statistics of the scores.
        cautions: Reasons why the results are less certain than they seem.
    """

    command: ClassVar = "judge"
    axes: ClassVar[tuple[Axis, ...]] = ()
    interrupted: ClassVar = False
    has_curves: ClassVar = False

    spec: ScoresSpec
    repeats: tuple[str, ...]
    scores: NDArray[np.float64]
    status: NDArray[np.str_]
    provenance: Provenance
    findings: Findings = field(default_factory=Findings)
    cautions: tuple[ScoreCaution, ...] = ()

    @property
    def cells(self) -> tuple["JudgedResults", ...]:
        """The results as the only cell."""
        return (self,)

    @property
    def n_repeats(self) -> int:
        """Number of repeats, those that failed included."""
        return len(self.repeats)

    @property
    def n_runs(self) -> int:
        """Number of runs."""
        return self.scores.size

    @property
    def n_failed(self) -> int:
        """Number of runs that failed."""
        return int((self.status == "failed").sum())

    @property
    def scale(self) -> tuple[float, float]:
        """Ends of the scale of the scores: of accuracies, 0 and 1."""
        return self.spec.scale

    @property
    def lower_is_better(self) -> bool:
        """Whether lower scores are better."""
        return self.spec.lower_is_better

    @property
    def best_possible(self) -> float | None:
        """Best possible accuracy of the program's own runs; None if unknown."""
        best = self.spec.score_range[1]
        return best if self.spec.metric is not None and best < 1.0 else None

    def ascending_scores(self, arm: Arm) -> NDArray[np.float64]:
        """Return the (R,) scores of an arm, a failed run at the worst; higher is better.

        Where lower scores are better, they are negated.
        """
        low, high = self.spec.score_range
        scores = self.scores[self.spec.arms.index(arm)]
        sign, worst = (-1.0, high) if self.lower_is_better else (1.0, low)
        return sign * np.where(np.isnan(scores), worst, scores)
