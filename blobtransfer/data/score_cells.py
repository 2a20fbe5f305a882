"""Read the cells of a table of scores from a CSV file or a `DataFrame`.

Text is read by the reader of tables, `data.tables.text`, but all cells remain texts: names such as
`007` and `NA` are not numbers or missing values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import ReadOptions, TableProblem, check_file, read_bytes
from blobtransfer.data.tables.text import read_head
from blobtransfer.data.tables.text_rows import fitting_heads, limit_cells
from blobtransfer.errors import SettingError, TableFileError
from blobtransfer.file_signatures import identify_format
from blobtransfer.specs.checks import escape_control_characters, read_number

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_BYTES = 50_000_000
"""Largest file of scores, in bytes."""

UNNAMED = "the data frame"
"""Name of scores in memory in reports."""

OTHER_TEXTS = ("JSON", "HTML or XML")
"""Formats of text other than CSV."""

RowWord = Literal["line", "row"]
"""What the numbers of rows count: lines of a file, or rows of a `DataFrame`."""


@dataclass(frozen=True, eq=False)
class ScoreCells:
    """The cells of a table of scores.

    Args:
        name: Name of the file or table.
        heads: Name of each of the C columns.
        values: (N, C) texts, or values of a `DataFrame`; None for a missing value.
        row_numbers: (N,) number of each row: of lines from 1, of a data frame from 0.
        row_word: What these numbers count.
        has_decimal_comma: Whether a comma may stand before the decimals.
        n_levels: Number of first columns that are the index of a `DataFrame`.
        notes: What the user should know about how the file was read.
    """

    name: str
    heads: tuple[str, ...]
    values: NDArray[np.object_]
    row_numbers: NDArray[np.int64]
    row_word: RowWord
    has_decimal_comma: bool = False
    n_levels: int = 0
    notes: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    def error(self, problem: str) -> TableFileError:
        """Return the error that the table cannot be used, with the problem and what to do."""
        return TableFileError(self.name, problem)

    def location(self, row: int, head: str | None = None) -> str:
        """Return the words for the position of a row, by its index, and of one of its columns."""
        where = f"{self.row_word} {self.row_numbers[row]}"
        return where if head is None else f"{where}, column {head}"

    def text(self, row: int, column: int) -> str:
        """Return a cell as printable text; empty if it is missing."""
        return _text(self.values[row, column])

    def column_texts(self, column: int) -> list[str]:
        """Return the cells of a column as printable texts."""
        return [_text(cell) for cell in self.values[:, column]]

    def number(self, row: int, column: int) -> float | None:
        """Return a cell as a finite number; None if it is not one."""
        cell = self.values[row, column]
        if isinstance(cell, bool | np.bool_):
            return None
        if isinstance(cell, int | float | np.integer | np.floating):
            return float(cell) if np.isfinite(cell) else None
        text = _text(cell)
        if self.has_decimal_comma and text.count(",") == 1 and "." not in text:
            text = text.replace(",", ".")
        number = read_number(text)
        return None if number is None else float(number)


def read_cells(source: "str | Path | bytes | DataFrame", name: str) -> ScoreCells:
    """Read the cells of a table, without empty rows.

    Args:
        source: Path of a file, its content, or a data frame (pandas, Polars, Arrow, or a dict of
            columns).
        name: Name of the table in reports; empty: the name of the file, or `UNNAMED`.

    Raises:
        TableFileError: The file cannot be read, or is not a table with rows and different heads.
        SettingError: The source has another type.
    """
    if isinstance(source, str | Path):
        check_file(source)
        name, source = name or str(source), read_bytes(source, MAX_BYTES)
    name = escape_control_characters(name or UNNAMED)
    if isinstance(source, bytes):
        return _without_blanks(_cells_of_text(source, name))
    if hasattr(source, "columns") or isinstance(source, Mapping):
        from blobtransfer.data.tables.memory import pandas_frame

        try:
            return _without_blanks(_cells_of_frame(pandas_frame(source), name))
        except TableProblem as error:
            raise TableFileError(name, str(error)) from error
    value = escape_control_characters(type(source).__name__)
    raise SettingError("scores", value, "use a DataFrame, or the path of a CSV file")


def _cells_of_text(content: bytes, name: str) -> ScoreCells:
    """Split CSV text into cells.

    Raises:
        TableFileError: The text is too long or not CSV, or a row does not fit the head.
    """
    if len(content) > MAX_BYTES:
        raise TableFileError(name, f"more than {MAX_BYTES:,} bytes; use fewer scores")
    kind = identify_format(content)
    if kind in OTHER_TEXTS:
        raise TableFileError(name, f"it looks like {kind}; save the scores as CSV")
    try:
        with limit_cells():
            table = read_head(content, ReadOptions())
            heads = fitting_heads(table.rows, table.heads, table.head_line)
            rows = list(table.rows.split())
    except TableProblem as error:
        raise TableFileError(name, str(error)) from error
    values = np.full((len(rows), len(heads)), "", object)
    for i, (_, texts) in enumerate(rows):
        values[i, : len(texts)] = texts
    return ScoreCells(
        name,
        heads=tuple(map(_text, heads)),
        values=values,
        row_numbers=np.array([line for line, _ in rows], np.int64),
        row_word="line",
        has_decimal_comma=table.rows.sep != ",",
        notes=table.notes,
    )


def _cells_of_frame(frame: "DataFrame", name: str) -> ScoreCells:
    """Return the cells of a `DataFrame`; the levels of its index that have a name are columns."""
    levels = [name for name in frame.index.names if name is not None and name not in frame.columns]
    if levels:
        frame = frame.reset_index(levels)
    values = frame.astype(object).where(frame.notna(), None).to_numpy(object)
    heads = tuple(map(_text, frame.columns))
    row_numbers = np.arange(len(values))
    return ScoreCells(name, heads, values, row_numbers, "row", n_levels=len(levels))


def _without_blanks(cells: ScoreCells) -> ScoreCells:
    """Return cells without empty rows, and without empty last columns that have no name.

    Raises:
        TableFileError: No row is left, or two columns have the same name.
    """
    is_filled = np.array([[_text(cell) != "" for cell in row] for row in cells.values], bool)
    is_filled = is_filled.reshape(cells.values.shape)
    has_value = is_filled.any(axis=1)
    n_columns = len(cells.heads)
    while n_columns and not (cells.heads[n_columns - 1] or is_filled[:, n_columns - 1].any()):
        n_columns -= 1
    heads = cells.heads[:n_columns]
    for i, head in enumerate(heads):
        if head in heads[:i]:
            name = head or "''"
            raise cells.error(f"two columns are called {name}; rename one")
    if not has_value.any():
        raise cells.error("only column names and no rows; add rows of scores")
    return replace(
        cells,
        heads=heads,
        values=cells.values[has_value, :n_columns],
        row_numbers=cells.row_numbers[has_value],
    )


def _text(cell: Any) -> str:
    """Return a cell as printable text: empty if it is missing, whole numbers without a point."""
    if cell is None:
        return ""
    if isinstance(cell, float | np.floating) and float(cell).is_integer():
        cell = int(cell)
    return escape_control_characters(str(cell).strip())
