"""Write results as CSV in full precision: one line per run, or one line per epoch of a run."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from functools import lru_cache

from blobtransfer.results.results import CellResults, StudyResults, TrainingResults
from blobtransfer.results.scores import Run, finite
from blobtransfer.specs.checks import escape_control_characters, read_number
from blobtransfer.specs.data import ROLES
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.training import METRICS
from blobtransfer.statistics.transferability import SCORES


def to_csv(results: StudyResults | TrainingResults) -> Iterator[str]:
    """Write one line per run, with a header; equal runs give byte-identical text.

    There is a column for each transferability score that was recorded, and for each axis of a
    study, such as `train-samples`.

    Yields:
        The text, line by line.
    """
    names = [column.name for column in fields(Run)]
    scores = list(SCORES) if any(c.transferability is not None for c in results.cells) else []
    yield csv_line([*names, *scores, *_axis_columns(results)])
    for cell in results.cells:
        n_arms, at = len(cell.scores.arms), _axis_values(results, cell)
        for i, run in enumerate(cell.rows()):
            values = [getattr(run, name) for name in names]
            if scores:
                values += _scores_of(cell, i // n_arms, run.sources, cell.scores.arms[i % n_arms])
            yield csv_line([*values, *at])


def _scores_of(cell: CellResults, r: int, sources: str, arm: Arm) -> list[float | None]:
    """Return the transferability scores of the source network of a run; None if it has none."""
    if cell.transferability is None or sources != "fresh" or arm.variant.start != "transfer":
        return [None] * len(SCORES)
    return [finite(value) for value in cell.transferability[:, r].tolist()]


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
        The text, run by run.
    """
    n_metrics = len(next(iter(results.cells[0].curves.values())))
    yield csv_line([*CURVE_COLUMNS, *_axis_columns(results), "epoch", *METRICS[:n_metrics]])
    for cell in results.cells:
        n_arms, at = len(cell.scores.arms), _axis_values(results, cell)
        for i, run in enumerate(cell.rows()):
            r, a = divmod(i, n_arms)
            key = csv_line([*(getattr(run, name) for name in CURVE_COLUMNS), *at]).rstrip("\n")
            by_epoch = cell.curves[cell.scores.arms[a]][:, r].T.tolist()
            yield "".join(
                f"{key},{csv_line([epoch, *map(finite, values)])}"
                for epoch, values in enumerate(by_epoch)
            )


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
