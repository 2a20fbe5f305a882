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
    study, such as `train-samples`. Scores from elsewhere have the columns of `ScoreRow`.

    Yields:
        The text, some thousand lines at a time.
    """
    if isinstance(results, JudgedResults):
        yield csv_line(column.name for column in fields(ScoreRow))
        yield from (csv_line(vars(row).values()) for row in score_rows(results))
        return
    has_scores = any(cell.transferability is not None for cell in results.cells)
    names = [column.name for column in fields(Run)]
    yield csv_line([*names, *(SCORES if has_scores else ()), *_axis_columns(results)])
    for cell in results.cells:
        axis_values = _axis_values(results, cell)
        for lines in rows_by_repeat(cell, partial(_run_lines, cell, axis_values, has_scores)):
            yield "\n".join(lines) + "\n"


def _run_lines(
    cell: CellResults, axis_values: Sequence[str], has_scores: bool, arm: Arm, repeats: slice
) -> Iterator[str]:
    """Return the line of each run of an arm, without line ends.

    Args:
        cell: The cell.
        axis_values: Values of the cell in the columns of the axes.
        has_scores: Whether there are columns of transferability scores.
        arm: The arm.
        repeats: Slice of the repeats.
    """
    scores = _score_columns(cell, arm, repeats) if has_scores else ()
    return _lines([*cell.columns(arm, repeats).values(), *scores, *axis_values])


def _lines(columns: Iterable[ColumnValues]) -> Iterator[str]:
    """Return the lines of some columns, at least one of them an array, without line ends."""
    return map(",".join, zip(*(column_texts(column, _cell) for column in columns), strict=False))


def _score_columns(cell: CellResults, arm: Arm, repeats: slice) -> Sequence[ColumnValues]:
    """Return a column per transferability score, or None if the arm has no scores."""
    if cell.transferability is None or arm.sources != "fresh" or arm.variant.start != "transfer":
        return [None] * len(SCORES)
    return list(cell.transferability[:, repeats])


def _axis_columns(results: StudyResults | TrainingResults) -> list[str]:
    """Return a column name for each axis but source and target, which every run has."""
    run_columns = {column.name for column in fields(Run)}
    names = [axis.name for axis in results.axes if axis.name not in ROLES]
    # `fixed` is empty for runs of standalone, whatever the value on the axis
    return [f"over_{name}" if name in run_columns else name for name in names]


def _axis_values(results: StudyResults | TrainingResults, cell: CellResults) -> list[str]:
    """Return the values of a cell in the columns of `_axis_columns`."""
    at = zip(results.axes, cell.at, strict=True)
    return [value for axis, value in at if axis.name not in ROLES]


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


def curves_to_csv(results: StudyResults | TrainingResults) -> Iterator[str]:
    """Write one line per epoch of each run, with a header: `epoch`, and the recorded metrics.

    Args:
        results: Results with curves; epoch 0 is the untrained network.

    Yields:
        The text, some thousand lines at a time.
    """
    first = results.cells[0]
    metrics = first.spec.curve_metrics[: len(next(iter(first.curves.values())))]
    yield csv_line([*CURVE_COLUMNS, *_axis_columns(results), "epoch", *metrics])
    for cell in results.cells:
        axis_values = _axis_values(results, cell)
        n_lines = max(curves.shape[-1] for curves in cell.curves.values())
        for lines in rows_by_repeat(cell, partial(_curve_lines, cell, axis_values), n_lines):
            yield "\n".join(lines) + "\n"


def _curve_lines(
    cell: CellResults, axis_values: Sequence[str], arm: Arm, repeats: slice
) -> Iterator[str]:
    """Yield the lines of the curve of each run of an arm, without the last line end.

    Args:
        cell: The cell.
        axis_values: Values of the cell in the columns of the axes.
        arm: The arm.
        repeats: Slice of the repeats.
    """
    columns, curves = cell.columns(arm, repeats), cell.curves[arm][:, repeats]
    keys = _lines([*(columns[name] for name in CURVE_COLUMNS), *axis_values])
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
