"""Results of a study or of one training: what was run, scores, findings and provenance."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.results.findings import Findings, Summary
from blobtransfer.results.provenance import Provenance
from blobtransfer.results.scores import Count, Run, Scores, Share
from blobtransfer.results.study_findings import StudyFindings
from blobtransfer.specs.checks import MAX_COUNT
from blobtransfer.specs.data import Role
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question
from blobtransfer.specs.study import Axis, Study, StudyKind

TrainingCommand = Literal["train-source", "train-target"]
Place = Annotated[float, Interval(ge=-1e36, le=1e36)]
Point = tuple[Place, Place]

Curves = Mapping[Arm, NDArray[np.float64]]
"""Learning curves of each arm, (M, R, E + 1): the first M of `METRICS`, by repeat and epoch.

Epoch 0 is the untrained network. A comparison keeps the test accuracy alone, M = 1.
"""

MAX_DRAWN_CLASSES = 49
"""Most classes that a reader can tell apart: seven colours times seven markers."""


@dataclass(frozen=True)
class DataRecord:
    """A problem as it was used: its size and its best possible test accuracy.

    Args:
        role: What it was for.
        name: What people call it.
        n_train: Training rows.
        n_test: Test rows.
        ceiling: A share; None where it is not known.
        floor: Share of the largest class among the test rows: what chance gives.
        class_counts: Rows of each class, of training and test; empty in older files.
    """

    role: Role
    name: str
    n_train: Annotated[int, Interval(ge=1, le=MAX_COUNT)]
    n_test: Annotated[int, Interval(ge=1, le=MAX_COUNT)]
    ceiling: Share | None
    floor: Share
    class_counts: tuple[Count, ...] = ()

    @property
    def max_unseen_shift(self) -> float:
        """How far an unseen pair may lie from 0: half of what a network can lose."""
        return max(0.0, ((1.0 if self.ceiling is None else self.ceiling) - self.floor) / 2)


@dataclass(frozen=True)
class Regions:
    """Which class a trained network sees where, on a grid over the rows of its problem.

    Args:
        x: First and last place of feature 1.
        y: First and last place of feature 2; equal where there is one feature.
        rows: A row for each place of feature 2, lowest first, run by run: a class and how
            many places of feature 1 in a row have it, the next class and how many, ...
        points: Places of test rows, the first of them where there are very many.
        labels: Their classes.
        centers: True centre of each class; None where there are none.
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
    """What a trained network says of test rows that no plane shows as they are.

    Args:
        points: The rows on two principal components, the first of them where there are many.
        labels: Their classes.
        predicted: The classes that the network gives them.
        axes: What the two components are.
    """

    points: tuple[Point, ...]
    labels: tuple[Count, ...]
    predicted: tuple[Count, ...]
    axes: tuple[str, str]


@dataclass(frozen=True, eq=False)
class StandaloneTraining:
    """Training from scratch, with the same orders, beside the one network of `train-target`.

    Args:
        run: What came out.
        curves: (M, E + 1) in the order of `METRICS`, by epoch.
        regions: Where they can be drawn.
        predictions: Where regions cannot be drawn.
    """

    run: Run
    curves: NDArray[np.float64]
    regions: Regions | None
    predictions: Predictions | None = None


@dataclass(frozen=True, eq=False)
class BlockResult:
    """Results of a block of repeats: the unit that is computed, sent, stored and joined.

    Args:
        scores: Scores of all arms in its R repeats.
        curves: Test accuracy by epoch, (1, R, E + 1) for each arm; empty unless asked for.
        transferability: (5, R) scores of the fresh source networks; None unless asked for.
    """

    scores: Scores
    curves: Curves = field(default_factory=dict)
    transferability: NDArray[np.float64] | None = None

    @classmethod
    def joined(cls, blocks: Sequence["BlockResult"]) -> "BlockResult":
        """Join one or more blocks of the same arms, given in any order."""
        order = np.argsort(np.concatenate([block.scores.repeats for block in blocks]))
        transferability = [
            block.transferability for block in blocks if block.transferability is not None
        ]
        return cls(
            scores=Scores.joined([block.scores for block in blocks]),
            curves={
                arm: np.concatenate([block.curves[arm] for block in blocks], axis=1)[:, order]
                for arm in blocks[0].curves
            },
            transferability=np.concatenate(transferability, axis=1)[:, order]
            if transferability
            else None,
        )

    def at(self, is_selected: NDArray[np.bool_]) -> "BlockResult":
        """Return some of the repeats; `is_selected` has shape (R,)."""
        return BlockResult(
            scores=self.scores.at(is_selected),
            curves={arm: curves[:, is_selected] for arm, curves in self.curves.items()},
            transferability=None
            if self.transferability is None
            else self.transferability[:, is_selected],
        )


@dataclass(frozen=True, eq=False)
class CellResults:
    """Results of one cell of a study: of one comparison.

    Args:
        spec: What was run.
        tasks: The data, source first.
        source_run: The training of the one source network; None if it was not trained here.
        scores: Scores of every run.
        curves: Learning curves of every run; empty unless recorded.
        transferability: (5, R) scores of the fresh source network of each repeat, in the order
            of `SCORES`; NaN where a network diverged; None unless recorded.
        findings: Statistics of the scores.
        interrupted: Stopped before all repeats were done.
        n_mixed: Repeats of other versions than the first, or of machines that round differently.
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
    def summary(self) -> tuple[Summary, ...]:
        """Summary of each arm."""
        return self.findings.summary

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
        """The data that accuracies are of: the target, or the source where it is alone."""
        return self.tasks[-1]

    def record_of(self, role: Role) -> DataRecord:
        """Return the data of a role."""
        return next(data for data in self.tasks if data.role == role)

    def rows(self) -> Iterator[Run]:
        """Yield the runs by repeat, then arm."""
        return self.scores.rows(
            self.spec.source_repeat,
            self._source_name,
            self.measured.name,
            self.spec.training.learning_rate,
        )

    def _source_name(self, arm: Arm) -> str:
        """Return the data or file of the source network of an arm; empty without one."""
        if arm.sources == "none":
            return ""
        if arm.variant.start == "self-transfer":
            return self.measured.name
        if arm.sources == "one" and self.spec.model_path is not None:
            return self.spec.model_path
        return "" if self.spec.source is None else self.spec.source.name

    def of_question(self, question: Question) -> list[Summary]:
        """Return the summaries of the arms of a question, in the order of their variants."""
        summaries = [summary for summary in self.summary if summary.arm.is_asked_by(question)]
        return sorted(summaries, key=lambda row: self.spec.variants.index(row.arm.variant))

    def summary_of(self, question: Question, variant_index: int) -> Summary:
        """Return the summary of a variant, by its index in the spec, in a question."""
        variant = self.spec.variants[variant_index]
        return next(row for row in self.of_question(question) if row.arm.variant == variant)


@dataclass(frozen=True, eq=False, kw_only=True)
class TrainingResults(CellResults):
    """Results of `train-source` or `train-target`: a cell with one run, and its network's regions.

    Args:
        command: The name of the command.
        provenance: When, where and with which versions.
        regions: Decision regions of the network; None where they cannot be drawn.
        predictions: Predictions of the network, where regions cannot be drawn.
        baseline: A training from scratch to show beside it; None for standalone itself.
    """

    command: TrainingCommand
    provenance: Provenance
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: StandaloneTraining | None = None

    @property
    def run(self) -> Run:
        """The only run."""
        return next(self.rows())

    @property
    def cells(self) -> tuple[CellResults, ...]:
        """The results as the only cell."""
        return (self,)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """No axis."""
        return ()


@dataclass(frozen=True, eq=False)
class StudyResults:
    """Results of a study; `compare` is a study of one cell.

    Args:
        study: What was run.
        cells: Results of each cell, in the order of the study; fewer if it was interrupted.
        provenance: When, where and with which versions.
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
    def axes(self) -> tuple[Axis, ...]:
        """What varies from cell to cell."""
        return self.study.axes

    @property
    def cell(self) -> CellResults:
        """The first cell; that of `compare` is the only one."""
        return self.cells[0]

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
