"""Write results as CSV in full precision: one line per run, or one line per epoch of a run."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from blobtransfer.results.files.columns import column_texts, rows_by_repeat
from blobtransfer.results.files.schema import ScoreRow, score_rows
from blobtransfer.results.results import (
    CellResults,
    ColumnValues,
    JudgedResults,
    StudyResults,
    TrainingResults,
)
from blobtransfer.results.scores import Run
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import Arm
from blobtransfer.statistics.transferability import SCORES


def to_csv(results: StudyResults | TrainingResults | JudgedResults) -> Iterator[str]:
    """Write one line per run, with a header; equal runs give byte-identical text.

    There is a column for each transferability score that was recorded, and for each axis of a
    study, such as `train-samples`. Scores of another program have the columns of `ScoreRow`.

    Yields:
        The text, some thousand lines at a time.
    """
    if isinstance(results, JudgedResults):
        yield csv_line(column.name for column in fields(ScoreRow))
        yield from (csv_line(vars(row).values()) for row in score_rows(results))
        return
    columns = RunColumns(results)
    first = results.cells[0]
    yield csv_line(columns.of(first, first.scores.arms[0]))
    for cell in results.cells:
        for lines in rows_by_repeat(cell, partial(_run_lines, columns, cell)):
            yield "\n".join(lines) + "\n"


class RunColumns:
    """The columns of runs in CSV and in data frames, by name.

    Args:
        results: Results of a study or a training.

    Attributes:
        axes: The axes of the study that are columns, by name of the column.
    """

    def __init__(self, results: StudyResults | TrainingResults) -> None:
        run_columns = {column.name for column in fields(Run)}
        # `fixed` is empty for runs of standalone, whatever the value on the axis
        self.axes = {
            f"over_{axis.name}" if axis.name in run_columns else axis.name: axis
            for axis in results.axes
            if axis.name not in ROLES  # which every run has
        }
        self._indices = [results.axes.index(axis) for axis in self.axes.values()]
        self._has_scores = any(cell.transferability is not None for cell in results.cells)

    def of(
        self, cell: CellResults, arm: Arm, repeats: slice = slice(None)
    ) -> dict[str, ColumnValues]:
        """Return the columns of `Run`, transferability scores if recorded, and the axes.

        A column is an array (R,), or the value that all runs share.

        Args:
            cell: The cell.
            arm: The arm.
            repeats: Slice of the repeats.
        """
        scores = _score_columns(cell, arm, repeats) if self._has_scores else ()
        return {
            **cell.columns(arm, repeats),
            **dict(zip(SCORES, scores, strict=False)),
            **{name: cell.at[i] for name, i in zip(self.axes, self._indices, strict=True)},
        }

    def of_curves(
        self, cell: CellResults, arm: Arm, repeats: slice = slice(None)
    ) -> dict[str, ColumnValues]:
        """Return the columns of learning curves that name the run, each (R,) or one value.

        Args:
            cell: The cell.
            arm: The arm.
            repeats: Slice of the repeats.
        """
        columns = self.of(cell, arm, repeats)
        return {name: columns[name] for name in (*CURVE_COLUMNS, *self.axes)}


def _run_lines(columns: RunColumns, cell: CellResults, arm: Arm, repeats: slice) -> Iterator[str]:
    """Return the line of each run of an arm, without line ends.

    Args:
        columns: Columns of the lines.
        cell: The cell.
        arm: The arm.
        repeats: Slice of the repeats.
    """
    return _lines(columns.of(cell, arm, repeats).values())


def _lines(columns: Iterable[ColumnValues]) -> Iterator[str]:
    """Return the lines of some columns, at least one of them an array, without line ends."""
    return map(",".join, zip(*(column_texts(column, _cell) for column in columns), strict=False))


def _score_columns(cell: CellResults, arm: Arm, repeats: slice) -> Sequence[ColumnValues]:
    """Return a column per transferability score, or None if the arm has no scores."""
    if cell.transferability is None or arm.sources != "fresh" or arm.variant.start != "transfer":
        return [None] * len(SCORES)
    return list(cell.transferability[:, repeats])


CURVE_COLUMNS = (
    "sources",
    "variant",
    "fixed",
    "repeat",
    "label",
    "source_repeat",
    "source",
    "target",
)
"""Columns that name the run of a line of the curves; the CSV of the runs has them too."""


def curve_metrics(results: StudyResults | TrainingResults) -> tuple[str, ...]:
    """Return the names of the metrics in the learning curves of results that have some."""
    first = results.cells[0]
    return first.spec.curve_metrics[: len(next(iter(first.curves.values())))]


def curves_to_csv(results: StudyResults | TrainingResults) -> Iterator[str]:
    """Write one line per epoch of each run, with a header: `epoch`, and the recorded metrics.

    Args:
        results: Results with curves; epoch 0 is the untrained network.

    Yields:
        The text, some thousand lines at a time.
    """
    columns = RunColumns(results)
    yield csv_line([*CURVE_COLUMNS, *columns.axes, "epoch", *curve_metrics(results)])
    for cell in results.cells:
        n_lines = max(curves.shape[-1] for curves in cell.curves.values())
        for lines in rows_by_repeat(cell, partial(_curve_lines, columns, cell), n_lines):
            yield "\n".join(lines) + "\n"


def _curve_lines(columns: RunColumns, cell: CellResults, arm: Arm, repeats: slice) -> Iterator[str]:
    """Yield the lines of the curve of each run of an arm, without the last line end.

    Args:
        columns: Columns of the lines.
        cell: The cell.
        arm: The arm.
        repeats: Slice of the repeats.
    """
    curves = cell.curves[arm][:, repeats]
    keys = _lines(columns.of_curves(cell, arm, repeats).values())
    n_epochs = curves.shape[-1]
    by_epoch = _lines(
        [np.tile(np.arange(n_epochs), curves.shape[1]), *(metric.ravel() for metric in curves)]
    )
    for key in keys:
        yield "\n".join(f"{key},{line}" for line in islice(by_epoch, n_epochs))


_FORMULA = re.compile(r"(^|;)(?=\s*[-=+@\uff0d\uff1d\uff0b\uff20])")
"""Start of a formula in a spreadsheet that splits lines at commas or at semicolons.

Full-width signs begin one in East Asian locales.
"""


def csv_line(values: Iterable[object]) -> str:
    """Return one line of CSV: numbers in full precision, texts safe from formula injection."""
    return ",".join(map(_cell, values)) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, str):
        return _text_cell(value)
    return "" if value is None else str(value)


@lru_cache(10_000)
def _text_cell(text: str) -> str:
    # After an apostrophe a spreadsheet shows the text unchanged. Negative numbers need none.
    escaped = text if read_number(text) is not None else _FORMULA.sub(r"\1'", text)
    escaped = escape_control_characters(escaped)
    return '"' + escaped.replace('"', '""') + '"' if set(escaped) & set(',;"') else escaped
