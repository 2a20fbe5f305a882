"""Results as data frames: runs, learning curves and summaries, in full precision."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.report.table import SummaryRows
from blobtransfer.results.files.csv import RunColumns, curve_metrics
from blobtransfer.results.results import (
    CellResults,
    ColumnValues,
    JudgedResults,
    StudyResults,
    TrainingResults,
)
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.study import Axis

if TYPE_CHECKING:
    from pandas import DataFrame

DTYPES = {
    **dict.fromkeys(
        ("sources", "variant", "status", "label", "source", "target", "verdict"), "str"
    ),
    **dict.fromkeys(
        ("repeat", "classes_predicted", "epochs", "epoch", "n", "failed", "n_pairs"), "int64"
    ),
    **dict.fromkeys(("fixed", "source_repeat"), "Int64"),
}
"""Type of each column, unless it is an axis or `float64`."""


def runs_frame(results: StudyResults | TrainingResults | JudgedResults) -> "DataFrame":
    """Return one row per run; see `Output.runs`."""
    if isinstance(results, JudgedResults):
        return _judged_frame(results)
    columns = RunColumns(results)
    return _frame(_joined(_runs_of_cell(cell, columns.of) for cell in results.cells), columns.axes)


def curves_frame(results: StudyResults | TrainingResults) -> "DataFrame":
    """Return one row per epoch of each run; see `Output.curves`."""
    columns, metrics = RunColumns(results), curve_metrics(results)

    def cells() -> Iterator[dict[str, NDArray[Any]]]:
        for cell in results.cells:
            curves = [cell.curves[arm] for arm in cell.scores.arms]
            lengths = [curve.shape[-1] for curve in curves]
            lengths_of_runs = np.tile(lengths, cell.n_repeats)
            epochs = np.concatenate([np.arange(length) for length in lengths])
            values = np.concatenate(curves, axis=-1)  # (M, R, epochs of all arms)
            yield {
                **{
                    name: np.repeat(column, lengths_of_runs)
                    for name, column in _runs_of_cell(cell, columns.of_curves).items()
                },
                "epoch": np.tile(epochs, cell.n_repeats),
                **{name: metric.ravel() for name, metric in zip(metrics, values, strict=True)},
            }

    return _frame(_joined(cells()), columns.axes)


def summary_frame(summary: SummaryRows, axes: Sequence[Axis]) -> "DataFrame":
    """Return one row per variant and question; see `Result.summary`.

    Args:
        summary: Heads and values.
        axes: Axes of the study, which may be columns.
    """
    columns = zip(summary.columns, zip(*summary.rows, strict=True), strict=True)
    arrays = {name: np.array(values, object) for name, values in columns}
    return _frame(arrays, {axis.name: axis for axis in axes if axis.name in arrays})


def _judged_frame(results: JudgedResults) -> "DataFrame":
    """Return one row per score, by repeat, then variant."""
    columns, n_repeats = results.spec.columns, results.n_repeats
    runs = {
        "sources": np.tile(np.array([column.sources for column in columns], object), n_repeats),
        "variant": np.tile(np.array([column.variant for column in columns], object), n_repeats),
        "repeat": np.repeat(np.array(results.repeats, object), len(columns)),
        "score": results.scores.T.ravel(),
        "status": results.status.T.ravel().astype(object),
    }
    return _frame(runs, {}, {"repeat": "str"})


def _runs_of_cell(
    cell: CellResults, columns_of: Callable[[CellResults, Arm], Mapping[str, ColumnValues]]
) -> dict[str, NDArray[Any]]:
    """Return each column of the runs of a cell, (R * A,), by repeat, then arm.

    Args:
        cell: The cell.
        columns_of: Returns the columns of an arm.
    """
    arms = [columns_of(cell, arm) for arm in cell.scores.arms]
    runs = {}
    for name in arms[0]:
        values = [columns[name] for columns in arms]
        dtype: Any = float
        if any(isinstance(value, str) or np.asarray(value).dtype.kind == "U" for value in values):
            dtype = object
        table = np.empty((cell.n_repeats, len(arms)), dtype)
        for a, value in enumerate(values):
            table[:, a] = value
        runs[name] = table.ravel()
    return runs


def _joined(cells: Iterable[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Return the columns of all cells, one cell below the other."""
    tables = list(cells)
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}


def _frame(
    columns: Mapping[str, NDArray[Any]],
    axes: Mapping[str, Axis],
    dtypes: Mapping[str, str] | None = None,
) -> "DataFrame":
    """Return a data frame with documented types.

    Args:
        columns: Values of each column; None, an empty text or a number that is not finite is
            missing.
        axes: The axis that a column has the values of.
        dtypes: Types in place of `DTYPES`.
    """
    from pandas import DataFrame, Series

    series = {}
    for name, values in columns.items():
        dtype = {**DTYPES, **(dtypes or {})}.get(name, "float64")
        if name in axes:
            numbers = axes[name].numbers
            if numbers is None:
                dtype = "str"
            else:
                by_text = dict(zip(axes[name].values, numbers, strict=True))
                values = np.array([by_text[text] for text in values], float)
                dtype = "int64" if all(map(float.is_integer, numbers)) else "float64"
        if dtype == "str":
            values = values.copy()
            values[values == ""] = None
        elif dtype != "int64":
            values = values.astype(float)
            values[~np.isfinite(values)] = np.nan
        series[name] = Series(values, dtype=dtype)
    return DataFrame(series)
