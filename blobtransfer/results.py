"""WHAT came out: runs, summaries and all that is needed to trust them; CSV and JSON.

The JSON format is described by `results.schema.json` beside this file.
"""

import csv
import io
import json
import math
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import Any, Literal

from blobtransfer.specs import ExperimentSpec

SCHEMA_VERSION = 1

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
    runs: tuple[Run, ...]
    summary: tuple[Summary, ...]
    curves: tuple[Curve, ...] = ()
    interrupted: bool = False
    versions: dict[str, str] = field(default_factory=lambda: installed_versions())
    machine: dict[str, str | int | None] = field(default_factory=lambda: this_machine())

    @property
    def n_failed(self) -> int:
        """Runs whose loss is not finite, the source network's included."""
        runs = self.runs if self.source_run is None else (self.source_run, *self.runs)
        return sum(run.status == "failed" for run in runs)

    def task(self, role: str) -> TaskRecord:
        """Give the problem of that role."""
        return next(task for task in self.tasks if task.role == role)

    def runs_of(self, summary: Summary) -> list[Run]:
        """Give the runs that one summary is about, in the order of the repeats."""
        variant = (summary.sources, summary.variant, summary.fixed)
        return [run for run in self.runs if (run.sources, run.variant, run.fixed) == variant]


def to_csv(results: Results) -> str:
    """Write one line a run, with a header; the same run gives the same bytes."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [column.name for column in fields(Run)]
    writer.writerow(names)
    for run in results.runs:
        writer.writerow([_cell(getattr(run, name)) for name in names])
    return out.getvalue()


def to_json(results: Results) -> str:
    """Write one object that follows `results.schema.json`; what is not finite is null."""
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
        "runs": [asdict(run) for run in results.runs],
        "summary": [asdict(summary) for summary in results.summary],
    }
    if results.curves:
        record["curves"] = [asdict(curve) for curve in results.curves]
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


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
