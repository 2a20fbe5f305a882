"""WHAT came out: runs, summaries and all that is needed to trust them; CSV and JSON.

The JSON format is described by `results.schema.json` beside this file.
"""

import json
import math
import os
import platform
import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Literal, overload

from blobtransfer.specs import ExperimentSpec

SCHEMA_VERSION = 1

SCORES = ("test_accuracy", "train_accuracy", "test_loss", "train_loss")
"""Figures of a run, in the order of the CSV."""

VERSIONED = ("blobtransfer", "numpy", "scikit-learn", "scipy", "llvmlite", "keras", "tensorflow")
"""Packages that can change a score."""


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


class Runs(Sequence[Run]):
    """A list of runs that takes 45 bytes a run, for comparisons of many repeats."""

    def __init__(self, runs: Iterable[Run] = ()) -> None:
        self._variants: list[tuple[str, str, int | None]] = []
        self._variant, self._repeat = array("H"), array("q")
        self._classes_predicted, self._is_failed = array("q"), array("b")
        self._scores = {name: array("d") for name in SCORES}
        self.extend(runs)

    def extend(self, runs: Iterable[Run]) -> None:
        """Add runs at the end."""
        if isinstance(runs, Runs) and self._variants in ([], runs._variants):
            self._variants = runs._variants
            for own, other in zip(self._columns(), runs._columns(), strict=True):
                own.extend(other)
            return
        for run in runs:
            self.append(run)

    def append(self, run: Run) -> None:
        """Add a run at the end."""
        variant = (run.sources, run.variant, run.fixed)
        if variant not in self._variants:
            self._variants.append(variant)
        self._variant.append(self._variants.index(variant))
        self._repeat.append(run.repeat)
        self._classes_predicted.append(run.classes_predicted)
        self._is_failed.append(not run.is_ok)
        for name, scores in self._scores.items():
            score = getattr(run, name)
            scores.append(math.nan if score is None else score)

    def _columns(self) -> "list[array[Any]]":
        columns = (self._variant, self._repeat, self._classes_predicted, self._is_failed)
        return [*columns, *self._scores.values()]

    def of(self, sources: str, variant: str, fixed: int | None) -> Iterator[Run]:
        """Give the runs of one variant, in the order of the repeats."""
        wanted = (sources, variant, fixed)
        number = self._variants.index(wanted) if wanted in self._variants else -1
        return (self[i] for i, own in enumerate(self._variant) if own == number)

    def __len__(self) -> int:
        return len(self._variant)

    @overload
    def __getitem__(self, at: int) -> Run: ...
    @overload
    def __getitem__(self, at: slice) -> "Runs": ...
    def __getitem__(self, at: int | slice) -> "Run | Runs":
        if isinstance(at, slice):
            return Runs(self[i] for i in range(*at.indices(len(self))))
        sources, variant, fixed = self._variants[self._variant[at]]
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
class Curve:
    """The learning of one run, by epoch; entry 0 is the untrained network."""

    sources: str
    variant: str
    fixed: int | None
    repeat: int
    train_accuracy: tuple[float | None, ...]
    test_accuracy: tuple[float | None, ...]
    train_loss: tuple[float | None, ...]
    test_loss: tuple[float | None, ...]


@dataclass(frozen=True)
class Summary:
    """The test accuracies of one variant over its repeats, failed runs left out.

    Args:
        sources: `none` or `one`.
        variant: The variant's name.
        fixed: Its frozen hidden layers; None for standalone.
        n: Runs that count, which are those that did not fail.
        failed: Runs whose loss is not finite.
        collapsed: Runs, not failed, that never predict one of the classes on the test rows.
        trainable_parameters: Weights that may move.
        gap: Ceiling less mean; negative where chance puts the mean above the ceiling.
        mean: Of test accuracy, as all that follow; None where there are too few runs to say.
        std: Sample standard deviation (ddof 1).
        std_population: Population standard deviation (ddof 0).
        median: Middle.
        q1: Lower quartile.
        q3: Upper quartile.
        min: Lowest.
        max: Highest.
    """

    sources: str
    variant: str
    fixed: int | None
    n: int
    failed: int
    collapsed: int
    trainable_parameters: int
    gap: float | None
    mean: float | None
    std: float | None
    std_population: float | None
    median: float | None
    q1: float | None
    q3: float | None
    min: float | None
    max: float | None

    @property
    def label(self) -> str:
        """The variant as people write it, such as `transfer fixed=1`."""
        return self.variant if self.fixed is None else f"{self.variant} fixed={self.fixed}"


@dataclass(frozen=True)
class TaskRecord:
    """A problem as it was used: its size and its best possible test accuracy."""

    role: Literal["source", "target"]
    seed: int
    n_train: int
    n_test: int
    ceiling: float


@dataclass(frozen=True)
class Results:
    """Everything a command found out, in plain data.

    Args:
        command: The command's name.
        argv: Its command line, without the program.
        spec: What was run.
        started: UTC, ISO 8601.
        seconds: From reading the input to the last score.
        tasks: The problems, source first.
        source_run: The training of the source network, where this command trained it.
        runs: One a training, by repeat, then variant.
        summary: One a variant.
        curves: One a run, where asked for.
        interrupted: Stopped before all repeats were done.
    """

    command: str
    argv: tuple[str, ...]
    spec: ExperimentSpec
    started: str
    seconds: float
    tasks: tuple[TaskRecord, ...]
    source_run: Run | None
    runs: Runs
    summary: tuple[Summary, ...]
    curves: tuple[Curve, ...] = ()
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @property
    def n_failed(self) -> int:
        """Runs whose loss is not finite, the source network's included."""
        n_failed = sum(summary.failed for summary in self.summary)
        return n_failed + (self.source_run is not None and not self.source_run.is_ok)

    def task(self, role: str) -> TaskRecord:
        """Give the problem of that role."""
        return next(task for task in self.tasks if task.role == role)

    def test_accuracies(self, summary: Summary) -> list[float]:
        """Give the test accuracies that one summary describes, in the order of the repeats."""
        runs = self.runs.of(summary.sources, summary.variant, summary.fixed)
        return [run.test_accuracy for run in runs if run.test_accuracy is not None and run.is_ok]


def to_csv(results: Results) -> Iterator[str]:
    """Write one line a run, with a header; the same runs give the same bytes.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    yield ",".join(names) + "\n"
    for run in results.runs:
        yield ",".join(_cell(getattr(run, name)) for name in names) + "\n"


def to_json(results: Results) -> Iterator[str]:
    """Write one object that follows `results.schema.json`; what is not finite is null.

    Yields:
        The text, piece by piece; a run, a curve and a summary take a line each.
    """
    record: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "command": results.command,
        "argv": results.argv,
        "spec": asdict(results.spec),
        "versions": results.versions,
        "machine": results.machine,
        "started": results.started,
        "seconds": results.seconds,
        "interrupted": results.interrupted,
        "tasks": [asdict(task) for task in results.tasks],
        "source_run": None if results.source_run is None else asdict(results.source_run),
    }
    lists: dict[str, Iterable[Any]] = {"summary": results.summary, "runs": results.runs}
    if results.curves:
        lists["curves"] = results.curves
    yield json.dumps(record, indent=1, allow_nan=False).removesuffix("\n}")
    for name, rows in lists.items():
        yield f',\n "{name}": ['
        for i, row in enumerate(rows):
            # asdict copies deeply, which takes most of the time where there are many runs
            plain = {column.name: getattr(row, column.name) for column in fields(row)}
            yield ("," if i else "") + "\n  " + json.dumps(plain, allow_nan=False)
        yield "\n ]"
    yield "\n}\n"


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) that every JSON result follows."""
    text = files("blobtransfer").joinpath("results.schema.json").read_text("utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def finite(value: float) -> float | None:
    """Give the value, or None where it is NaN or infinite."""
    return float(value) if math.isfinite(value) else None


def installed_versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that can change a score."""
    return {"python": platform.python_version(), **dict(_package_versions(VERSIONED))}


def this_machine() -> dict[str, str | int | None]:
    """Describe the machine as far as it can change a score or a time."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "byteorder": sys.byteorder,
    }


def _package_versions(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            continue


def _cell(value: object) -> str:
    return "" if value is None else str(value)
