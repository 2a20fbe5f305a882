"""WHAT came out: runs, summaries, comparisons, and all that is needed to trust them."""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.provenance import installed_versions, this_machine
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.variant import label_of
from blobtransfer.statistics.nested import SourceLuck
from blobtransfer.statistics.paired import Difference
from blobtransfer.statistics.spread import Spread

SCHEMA_VERSION = 1

SCORES = ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
"""Figures of a run, in the order of the CSV."""

Tells = Literal[
    "freezing",
    "weights",
    "features",
    "own features",
    "other problem",
    "extra epochs",
    "beyond extra epochs",
]
"""What a comparison with a control tells."""


@dataclass(frozen=True, slots=True)
class Run:
    """One training: a row of the CSV.

    Accuracies are in [0, 1], losses in nats; a figure that is not finite is None.
    """

    sources: str
    variant: str
    fixed: int | None
    repeat: int
    test_accuracy: float | None
    train_accuracy: float | None
    test_loss: float | None
    train_loss: float | None
    classes_predicted: int
    status: Literal["ok", "failed"]

    @property
    def is_ok(self) -> bool:
        """Whether all losses and weights are finite."""
        return self.status == "ok"


@dataclass(frozen=True)
class ArmScores:
    """The runs of one arm that did not fail, in the order of the repeats.

    Args:
        repeats: (n,) which repeats.
        test_accuracy: (n,) their scores.
        n_failed: Runs left out.
        n_collapsed: Runs, of those n, that never predict one of the classes.
    """

    repeats: NDArray[np.int64]
    test_accuracy: NDArray[np.float64]
    n_failed: int
    n_collapsed: int


class Runs(Sequence[Run]):
    """A list of runs that takes 45 bytes a run, for comparisons of many repeats."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._arms: list[tuple[str, str, int | None]] = []
        self._arm, self._repeat = array("H"), array("q")
        self._classes_predicted, self._is_failed = array("q"), array("b")
        self._scores = {name: array("d") for name in SCORES}
        self.extend(runs)

    def extend(self, runs: Iterable[Run]) -> None:
        """Add runs at the end."""
        if isinstance(runs, Runs) and self._arms in ([], runs._arms):
            self._arms = runs._arms
            for own, other in zip(self._columns(), runs._columns(), strict=True):
                own.extend(other)
            return
        for run in runs:
            self.append(run)

    def append(self, run: Run) -> None:
        """Add a run at the end."""
        arm = (run.sources, run.variant, run.fixed)
        if arm not in self._arms:
            self._arms.append(arm)
        self._arm.append(self._arms.index(arm))
        self._repeat.append(run.repeat)
        self._classes_predicted.append(run.classes_predicted)
        self._is_failed.append(not run.is_ok)
        for name, scores in self._scores.items():
            score = getattr(run, name)
            scores.append(math.nan if score is None else score)

    def of(self, arm: Arm, n_classes: int) -> ArmScores:
        """Give the scores of one arm.

        Args:
            arm: Which.
            n_classes: Classes that a network should predict.
        """
        wanted = tuple(arm.label_fields.values())
        number = self._arms.index(wanted) if wanted in self._arms else -1
        own = np.frombuffer(self._arm, np.uint16) == number
        ok = own & (np.frombuffer(self._is_failed, np.int8) == 0)
        order = np.argsort(np.frombuffer(self._repeat, np.int64)[ok], kind="stable")
        return ArmScores(
            repeats=np.frombuffer(self._repeat, np.int64)[ok][order],
            test_accuracy=np.frombuffer(self._scores["test_accuracy"])[ok][order],
            n_failed=int(own.sum() - ok.sum()),
            n_collapsed=int(
                (np.frombuffer(self._classes_predicted, np.int64)[ok] < n_classes).sum()
            ),
        )

    @property
    def repeats(self) -> list[int]:
        """Which repeats there are runs of."""
        return [int(repeat) for repeat in np.unique(np.frombuffer(self._repeat, np.int64))]

    @property
    def n_repeats(self) -> int:
        """How many repeats there are runs of."""
        return len(self.repeats)

    def _columns(self) -> "list[array[Any]]":
        columns = (self._arm, self._repeat, self._classes_predicted, self._is_failed)
        return [*columns, *self._scores.values()]

    def __len__(self) -> int:
        return len(self._arm)

    @overload
    def __getitem__(self, at: int) -> Run: ...
    @overload
    def __getitem__(self, at: slice) -> "Runs": ...
    def __getitem__(self, at: int | slice) -> "Run | Runs":
        if isinstance(at, slice):
            return Runs(self[i] for i in range(*at.indices(len(self))))
        sources, variant, fixed = self._arms[self._arm[at]]
        test_accuracy, train_accuracy, test_loss, train_loss = [
            finite(scores[at]) for scores in self._scores.values()
        ]
        return Run(
            sources=sources,
            variant=variant,
            fixed=fixed,
            repeat=self._repeat[at],
            test_accuracy=test_accuracy,
            train_accuracy=train_accuracy,
            test_loss=test_loss,
            train_loss=train_loss,
            classes_predicted=self._classes_predicted[at],
            status="failed" if self._is_failed[at] else "ok",
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class ArmLabel:
    """Which arm a record is about.

    Args:
        sources: `none`, `one` or `fresh`.
        variant: All but the frozen layers, such as `transfer`.
        fixed: Frozen hidden layers; None where freezing is no question.
    """

    sources: str
    variant: str
    fixed: int | None

    @property
    def label(self) -> str:
        """The variant as people write it, such as `transfer fixed=1`."""
        return label_of(self.variant, self.fixed)

    def is_arm(self, arm: Arm) -> bool:
        """Say whether this is about that arm."""
        return (self.sources, self.variant, self.fixed) == tuple(arm.label_fields.values())


@dataclass(frozen=True, eq=False)
class Curve(ArmLabel):
    """The learning of one run, each (E + 1,) by epoch; entry 0 is the untrained network.

    A comparison keeps the test accuracy alone. What is not finite is NaN.
    """

    repeat: int
    test_accuracy: NDArray[np.float64]
    train_accuracy: NDArray[np.float64] | None = None
    test_loss: NDArray[np.float64] | None = None
    train_loss: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Summary(Spread, ArmLabel):
    """The test accuracies of one arm over its repeats, failed runs left out.

    Args:
        failed: Runs whose loss is not finite.
        collapsed: Runs, not failed, that never predict one of the classes on the test rows.
        low_runs: The few lowest runs that make most of the spread; 0 where none do.
        trainable_parameters: Weights that may move.
        gap: Ceiling less mean; negative where chance puts the mean above the ceiling.
        difference: To standalone, within the repeats; None for standalone itself.
        verdict: In words, told by the difference and the margin.
        source_luck: Where several repeats share each of several sources.
    """

    failed: int
    collapsed: int
    low_runs: int
    trainable_parameters: int
    gap: float | None
    difference: Difference | None = None
    verdict: str | None = None
    source_luck: SourceLuck | None = None


@dataclass(frozen=True)
class Contrast:
    """A difference between two arms that tells why a variant wins or loses.

    Args:
        question: `one` or `fresh`.
        tells: What it tells, such as `features`.
        variant: The label of the one.
        baseline: The label of the other.
        difference: Variant less baseline; its p is not adjusted.
    """

    question: str
    tells: Tells
    variant: str
    baseline: str
    difference: Difference


@dataclass(frozen=True)
class Speed(ArmLabel):
    """One figure of how fast an arm learns, over its repeats.

    Args:
        figure: `jumpstart` (accuracy before training), `area` (mean height of the curve),
            `last` (mean of the last 10 epochs), or `epochs` (to reach the threshold).
        n: Runs.
        value: Mean over the runs; for `epochs` the median of the survival curve, None where
            more than half of the runs never got there.
        n_censored: Runs that never reached the threshold; None for the other figures.
        difference: To standalone; None for standalone and for `epochs`.
        p_value: Log-rank test of `epochs` against standalone; None for the other figures.
        p_adjusted: The same after Holm.
        verdict: In words.
    """

    figure: Literal["jumpstart", "area", "last", "epochs"]
    n: int
    value: float | None
    n_censored: int | None = None
    difference: Difference | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    verdict: str | None = None


@dataclass(frozen=True, eq=False)
class Band(ArmLabel):
    """Where the learning curves of an arm lie, each (E + 1,) test accuracy by epoch."""

    mean: NDArray[np.float64]
    q1: NDArray[np.float64]
    q3: NDArray[np.float64]


@dataclass(frozen=True)
class Regions:
    """Which class a trained network sees where, on a grid over its problem.

    Args:
        x: First and last place of feature 1.
        y: First and last place of feature 2; of no meaning where there is one feature.
        runs: A row for each place of feature 2, lowest first: a class and how many places of
            feature 1 in a row have it, the next class and how many, ...
    """

    x: tuple[float, float]
    y: tuple[float, float]
    runs: tuple[tuple[int, ...], ...]

    def classes(self) -> NDArray[np.int64]:
        """Give the class of every place, (places of feature 2, places of feature 1)."""
        return np.array([np.repeat(row[::2], row[1::2]) for row in self.runs])


@dataclass(frozen=True)
class TaskRecord:
    """A problem as it was used: its size and its best possible test accuracy."""

    role: Literal["source", "target"]
    seed: int
    n_train: int
    n_test: int
    ceiling: float


@dataclass(frozen=True)
class Findings:
    """What the statistics say about the runs of a command.

    Args:
        summary: One an arm.
        contrasts: What the controls tell.
        speed: Where the speed of learning was asked for.
        threshold: Test accuracy that a run was to reach, for the speed.
        bands: Of the learning curves, for the speed.
    """

    summary: tuple[Summary, ...]
    contrasts: tuple[Contrast, ...] = ()
    speed: tuple[Speed, ...] = ()
    threshold: float | None = None
    bands: tuple[Band, ...] = field(default=(), compare=False)


@dataclass(frozen=True, eq=False)
class Results:
    """Everything a command found out, in plain data.

    Args:
        command: The command's name.
        argv: Its command line, without the program.
        spec: What was run.
        started: UTC, ISO 8601.
        seconds: From reading the input to the last score.
        tasks: The problems, source first.
        source_run: The training of the one source network, where this command trained it.
        runs: One a training, by repeat, then arm.
        findings: What the statistics say about them.
        curves: One a run, where asked for.
        regions: Of the one network that was trained, where it can be drawn.
        interrupted: Stopped before all repeats were done.
    """

    command: Literal["train-source", "train-target", "compare"]
    argv: tuple[str, ...]
    spec: ExperimentSpec
    started: str
    seconds: float
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    runs: Runs
    findings: Findings
    curves: tuple[Curve, ...] = ()
    regions: Regions | None = None
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @property
    def summary(self) -> tuple[Summary, ...]:
        """One an arm."""
        return self.findings.summary

    @property
    def n_sources(self) -> int:
        """How many fresh source networks there are runs of."""
        return len({self.spec.source_repeat(repeat) for repeat in self.runs.repeats})

    @property
    def n_failed(self) -> int:
        """Runs whose loss is not finite, the source network's included."""
        n_failed = sum(summary.failed for summary in self.summary)
        return n_failed + (self.source_run is not None and not self.source_run.is_ok)

    def task(self, role: str) -> TaskRecord:
        """Give the problem of that role."""
        return next(task for task in self.tasks if task.role == role)

    def of_question(self, question: str) -> list[Summary]:
        """Give what one question's table shows: its arms, after those without any source."""
        return [summary for summary in self.summary if summary.sources in ("none", question)]

    def test_accuracies(self, arm: ArmLabel) -> NDArray[np.float64]:
        """Give the (n,) test accuracies of an arm, in the order of the repeats."""
        return self.arm_scores(arm).test_accuracy

    def arm_scores(self, label: ArmLabel) -> ArmScores:
        """Give the scores of an arm."""
        arm = next(arm for arm in self.spec.arms if label.is_arm(arm))
        return self.runs.of(arm, self.spec.network.n_classes)


def finite(value: float | None) -> float | None:
    """Give the value, or None where it is NaN or infinite."""
    return float(value) if value is not None and math.isfinite(value) else None
