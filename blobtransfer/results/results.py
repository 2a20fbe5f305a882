"""Everything that a command found out, in plain data, and what is needed to trust it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from blobtransfer.results.findings import Findings, Summary
from blobtransfer.results.provenance import installed_versions, this_machine
from blobtransfer.results.scores import Count, Run, Scores, Share
from blobtransfer.specs.checks import MAX_COUNT
from blobtransfer.specs.experiment import Arm, ExperimentSpec, Question
from blobtransfer.specs.task import Role

Command = Literal["train-source", "train-target", "compare"]
Place = Annotated[float, Interval(ge=-1e36, le=1e36)]
Point = tuple[Place, Place]

Curves = Mapping[Arm, NDArray[np.float64]]
"""Learning curves of each arm, (M, R, E + 1): the first M of `METRICS`, by repeat and epoch.

Epoch 0 is the untrained network. A comparison keeps the test accuracy alone, M = 1.
"""

MAX_DRAWN_CLASSES = 49
"""Most classes that a reader can tell apart: seven colours times seven markers."""


@dataclass(frozen=True)
class TaskRecord:
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
    def reach(self) -> float:
        """How far a pair not yet seen may lie from 0: half of what a network can lose."""
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
        """Give the class of every place, (places of feature 2, places of feature 1)."""
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
class Baseline:
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
class Results:
    """Everything a command found out, in plain data.

    Args:
        command: The command's name.
        spec: What was run.
        started: UTC, ISO 8601.
        seconds: Of the training and all that was needed for it.
        tasks: The problems, source first.
        source_run: The training of the one source network, where this command trained it.
        scores: Of every run.
        curves: Of every run, where asked for.
        transferability: (5, R) scores of the fresh source network of each repeat, in the order
            of `SCORES`, where asked for; NaN where a network has diverged.
        findings: What the statistics say about them.
        regions: Of the one network that was trained, where it can be drawn.
        predictions: Of that network, where regions cannot be drawn.
        baseline: What that network is shown beside, where it is not standalone itself.
        interrupted: Stopped before all repeats, or the baseline, were done.
        n_mixed: Repeats of other versions than the first, or of machines that round differently.
        argv: The command line, without the program.
        versions: Of Python and of the packages that can change a score.
        machine: As far as it can change a score or a time.
    """

    command: Command
    spec: ExperimentSpec
    started: str
    seconds: float
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    scores: Scores
    curves: Curves = field(default_factory=dict)
    transferability: NDArray[np.float64] | None = None
    findings: Findings = field(default_factory=Findings)
    regions: Regions | None = None
    predictions: Predictions | None = None
    baseline: Baseline | None = None
    interrupted: bool = False
    n_mixed: int = 0
    argv: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @property
    def summary(self) -> tuple[Summary, ...]:
        """One an arm."""
        return self.findings.summary

    @property
    def run(self) -> Run:
        """The first run: of `train-source` and `train-target`, the only one."""
        return next(self.rows())

    def rows(self) -> Iterator[Run]:
        """Give the runs one by one, by repeat, then arm."""
        return self.scores.rows(
            self.spec.source_repeat,
            self._source_of,
            self.measured.name,
            self.spec.training.learning_rate,
        )

    def _source_of(self, arm: Arm) -> str:
        """Name what the source network of an arm learnt, or its file; nothing without one."""
        if arm.sources == "none":
            return ""
        if arm.variant.start == "self-transfer":
            return self.measured.name
        if arm.sources == "one" and self.spec.model_path is not None:
            return self.spec.model_path
        return "" if self.spec.source is None else self.spec.source.name

    @property
    def has_curves(self) -> bool:
        """Whether learning curves were kept."""
        return bool(self.curves)

    @property
    def n_sources(self) -> int:
        """How many fresh source networks there are runs of."""
        return len({self.spec.source_repeat(int(repeat)) for repeat in self.scores.repeats})

    @property
    def n_runs(self) -> int:
        """How many trainings there were, the one source network's included."""
        return len(self.scores) + (self.source_run is not None)

    @property
    def n_failed(self) -> int:
        """Runs whose loss is not finite, the one source network's included."""
        source_failed = self.source_run is not None and self.source_run.status == "failed"
        return int(self.scores.is_failed.sum()) + source_failed

    @property
    def measured(self) -> TaskRecord:
        """The problem that accuracies are of: the target, or the source where it is alone."""
        return self.tasks[-1]

    def task(self, role: Role) -> TaskRecord:
        """Give the problem of that role."""
        return next(task for task in self.tasks if task.role == role)

    def of_question(self, question: Question) -> list[Summary]:
        """Give what one question's table shows: its arms, in the order of their variants."""
        shown = [summary for summary in self.summary if summary.arm.is_asked_by(question)]
        return sorted(shown, key=lambda one: self.spec.variants.index(one.arm.variant))
