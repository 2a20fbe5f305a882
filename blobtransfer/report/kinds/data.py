"""View of data sets: `plot-data`."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from blobtransfer.data.dataset import Dataset
from blobtransfer.report.report import Report, View
from blobtransfer.report.table import Table
from blobtransfer.report.words import format_percent
from blobtransfer.results.files.csv import csv_line
from blobtransfer.results.files.schema import SCHEMA_VERSION, Sentence, encodable
from blobtransfer.results.provenance import Provenance
from blobtransfer.specs.identity import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas

CSV_COLUMNS = (
    "data", "class", "training_rows", "test_rows", "features", "best_possible", "chance_level",
)  # fmt: skip

MAX_CLASSES_LISTED = 10
"""Greatest number of classes whose rows a table counts; CSV and JSON have all of them."""


@dataclass(frozen=True, eq=False)
class DataResults:
    """Data sets that are described and drawn; nothing is trained.

    Args:
        datasets: The data.
        provenance: Time, command and environment.
    """

    datasets: tuple[Dataset, ...]
    provenance: Provenance
    command = "plot-data"
    cautions = ()
    n_failed = 0
    n_runs = 0


class DataView(View[DataResults]):
    """Report the rows, classes and features of data, and the best possible accuracy."""

    def headline(self, results: DataResults) -> str:
        """Return the names of the data."""
        return f"Rows of {', '.join(dataset.spec.name for dataset in results.datasets)}"

    def tables(self, results: DataResults) -> Iterator[Table]:
        """Yield one row per data set."""
        datasets = results.datasets
        columns = {
            "data": [dataset.spec.name for dataset in datasets],
            "training rows": [f"{len(dataset.y_train):,}" for dataset in datasets],
            "test rows": [f"{len(dataset.y_test):,}" for dataset in datasets],
            "features": [f"{dataset.spec.n_features:,}" for dataset in datasets],
            "best possible": [_percent(dataset.best_possible()) for dataset in datasets],
            "chance level": [_percent(dataset.chance_level()) for dataset in datasets],
        }
        if not any(columns["best possible"]):
            del columns["best possible"]
        notes = [f"{dataset.spec.name}: {_describe_classes(dataset)}" for dataset in datasets]
        if "best possible" in columns:
            notes.append("best possible: Bayes accuracy on the test rows")
        yield Table(
            name="data",
            title="Data",
            columns=tuple(columns),
            rows=tuple(zip(*columns.values(), strict=True)),
            notes=(*notes, "chance level: share of the largest class of the test rows"),
        )

    def method(self, results: DataResults) -> Iterable[str]:
        """Return nothing: no network is trained."""
        return ()

    def caption(self, results: DataResults, sentences: Iterable[Sentence]) -> str:
        """Return the rows, classes and best possible accuracy of the data."""
        return "; ".join(map(_describe, results.datasets))

    def draw(self, report: Report[DataResults], canvas: "Canvas") -> "Figure":
        """Draw one panel per data set."""
        from blobtransfer.report.figures.tasks import draw_datasets

        return draw_datasets(report.results.datasets, canvas)

    def settings(self, results: DataResults) -> Iterator[tuple[str, Any]]:
        """Yield the specification of each data set."""
        yield "data", [plain(dataset.spec) for dataset in results.datasets]

    def to_csv(self, results: DataResults) -> Iterator[str]:
        """Yield one row per class of each data set."""
        yield csv_line(CSV_COLUMNS)
        for dataset in results.datasets:
            numbers = (dataset.spec.n_features, dataset.best_possible(), dataset.chance_level())
            train, test = _class_counts(dataset)
            for row in zip(dataset.spec.class_names, train, test, strict=True):
                yield csv_line((dataset.spec.name, *row, *numbers))

    def to_json(
        self, results: DataResults, sentences: Sequence[Sentence], cautions: Sequence[str]
    ) -> Iterator[str]:
        """Yield one JSON object: what was run, and each data set.

        Args:
            results: The data.
            sentences: Not used.
            cautions: Not written: there are none.
        """
        provenance = results.provenance
        record = {
            "schema_version": SCHEMA_VERSION,
            "command": results.command,
            "argv": provenance.argv,
            "versions": provenance.versions,
            "machine": provenance.machine,
            "started": provenance.started,
            "data": [_record(dataset) for dataset in results.datasets],
        }
        yield f"{json.dumps(encodable(record), indent=1, allow_nan=False)}\n"


def _record(dataset: Dataset) -> dict[str, Any]:
    """Return a data set as a JSON object."""
    train, test = _class_counts(dataset)
    return {
        "name": dataset.spec.name,
        "spec": plain(dataset.spec),
        "n_train": len(dataset.y_train),
        "n_test": len(dataset.y_test),
        "n_features": dataset.spec.n_features,
        "classes": [
            {"name": name, "n_train": n_train, "n_test": n_test}
            for name, n_train, n_test in zip(dataset.spec.class_names, train, test, strict=True)
        ],
        "best_possible": dataset.best_possible(),
        "chance_level": dataset.chance_level(),
    }


def _class_counts(dataset: Dataset) -> tuple[list[int], list[int]]:
    """Return the training rows and the test rows of each class."""
    train = np.bincount(dataset.y_train, minlength=dataset.spec.n_classes)
    return train.tolist(), dataset.test_class_counts.tolist()


def _describe_classes(dataset: Dataset) -> str:
    """Return the number of classes, and the rows of each."""
    counts = [n_train + n_test for n_train, n_test in zip(*_class_counts(dataset), strict=True)]
    pairs = zip(dataset.spec.class_names, counts, strict=True)
    named = [f"{name} ({n:,} rows)" for name, n in pairs]
    if len(named) > MAX_CLASSES_LISTED:
        named[MAX_CLASSES_LISTED:] = [f"{len(named) - MAX_CLASSES_LISTED} more"]
    return f"{dataset.spec.n_classes:,} classes, {', '.join(named)}"


def _describe(dataset: Dataset) -> str:
    """Return rows, classes and best possible accuracy of a data set."""
    n_rows = len(dataset.y_train) + len(dataset.y_test)
    text = f"{dataset.spec.name}: {n_rows} rows in {dataset.spec.n_classes} classes"
    best_possible = dataset.best_possible()
    if best_possible is None:
        return text
    return f"{text}, best possible accuracy {format_percent(best_possible)}"


def _percent(share: float | None) -> str:
    """Return a share in percent; empty if it is not known."""
    return "" if share is None else format_percent(share)
