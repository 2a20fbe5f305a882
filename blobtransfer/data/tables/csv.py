"""Read CSV and TSV with the standard library; errors name line and column.

Rows are turned into numbers or codes piece by piece, so that memory holds only a few thousand rows
as text. A row that would take much memory is rejected before it is split. If words follow numbers
in a column, the table is read once more with that column as words.
"""

import csv
import io
import math
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.reading import (
    MAX_COLUMNS,
    MISSING_WORDS,
    Coder,
    RawColumn,
    RawTable,
    TableProblem,
    WordLimit,
    check_size,
)
from blobtransfer.file_signatures import detect_encoding, identify_format
from blobtransfer.specs.checks import escape_control_characters

TEXT_ROWS_AT_ONCE = 4096

TEXT_CELLS_AT_ONCE = 1_000_000
"""Largest number of cells that are text at the same time."""

MAX_CELL_CHARS = 100_000
"""Longest cell, in characters."""

MAX_ROW_CHARS = 10_000_000
"""Longest row, in characters; with quoted cells a row may have many lines."""

TEXTS = ("CSV", "plain text", "JSON", "HTML or XML")
"""Formats that a table of words may be identified as by its first bytes."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


@contextmanager
def limit_cell_length() -> Iterator[None]:
    """Limit the length of a cell while the block runs: `csv` has one limit for the process."""
    before = csv.field_size_limit(MAX_CELL_CHARS)
    try:
        yield
    finally:
        csv.field_size_limit(before)


@limit_cell_length()
def read(content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table with a head; see `Reader`.

    Raises:
        TableProblem: It has no head or no rows, or a row does not fit the head.
    """
    delimiter = "\t" if suffix == ".tsv" else ","
    check_text(content)
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    rows = read_rows(content, text.readline, delimiter=delimiter, strict=True)
    _, heads = next(rows, (0, None))
    if heads is None:
        raise TableProblem("the file has no head; give a table with one")
    heads = [head.strip() for head in heads]
    _check_heads(heads, delimiter)
    columns, lines = read_columns(heads, rows, as_words)
    if not len(lines):
        raise TableProblem("a head and no rows; give a table with rows")
    late_words = {head for head, column in columns.items() if column.is_cut}
    if late_words:
        raw_columns = read(content, suffix, as_words | late_words).columns
    else:
        raw_columns = {head: column.whole() for head, column in columns.items()}
    for head, column in columns.items():
        if column.odd is not None and _are_mostly_numbers(raw_columns[head]):
            raw_columns[head] = replace(raw_columns[head], odd=column.odd)
    return RawTable(raw_columns, len(lines), lines)


def check_text(content: bytes) -> None:
    """Reject a file whose first bytes, or a null character, show that it is not text in UTF-8.

    Args:
        content: Its bytes.

    Raises:
        TableProblem: It is not text in UTF-8.
    """
    encoding = detect_encoding(content)
    if encoding not in (None, "utf-8-sig"):
        raise TableProblem(f"it is in {encoding.upper()}; save it as UTF-8")
    kind = identify_format(content)
    if kind is not None and kind not in TEXTS:
        raise TableProblem(f"it looks like {kind}; save it as CSV in UTF-8")
    null = content.find(b"\0")
    if null >= 0:
        line = content.count(b"\n", 0, null) + 1
        raise TableProblem(f"line {line} has a null character; save it as UTF-8 text")


def read_rows(
    content: bytes,
    readline: Callable[[int], str],
    *,
    n_values: int | None = None,
    n_lines: int = 0,
    delimiter: str = ",",
    quotechar: str = '"',
    **dialect: Any,
) -> Iterator[tuple[int, list[str]]]:
    """Read the rows of a text that are not empty.

    Args:
        content: The bytes of the file, in which an error finds the line that is not UTF-8.
        readline: Reads a line of at most a number of characters; returns "" at the end.
        n_values: Number of values in a row; None for the number in the first row.
        n_lines: Number of lines before the rows.
        delimiter: As for `csv.reader`.
        quotechar: As for `csv.reader`.
        dialect: Further arguments of `csv.reader`.

    Yields:
        The line on which a row ends, and its values.

    Raises:
        TableProblem: A row has another number of values, is too long, or cannot be read.
    """
    n_characters = 0  # of the row so far

    def lines() -> Iterator[str]:
        """Yield the lines; the CSV reader takes as many as a row has."""
        nonlocal n_characters
        while line := readline(MAX_ROW_CHARS + 1):
            n_characters += len(line)
            if n_characters > MAX_COLUMNS:  # a shorter row cannot have too many values
                is_whole = n_characters == len(line) and quotechar not in line
                n_delimiters = line.count(delimiter) if is_whole else 0
                _check_row(n_lines + reader.line_num + 1, n_delimiters, n_characters)
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, quotechar=quotechar, **dialect)
    start = n_lines + 1
    try:
        for row in reader:
            n_characters = 0
            if not row or row == [""]:
                continue
            line = n_lines + reader.line_num
            n_values = len(row) if n_values is None else n_values
            if len(row) != n_values:
                raise TableProblem(
                    f"line {line} has {len(row):,} values, the head has {n_values:,} columns; "
                    "mend that line"
                )
            yield line, row
            start = line + 1
    except UnicodeDecodeError as error:
        raise TableProblem(utf8_problem(content)) from error
    except csv.Error as error:
        problem = str(error)
        if "field larger" in problem:
            problem = f"a value of more than {MAX_CELL_CHARS:,} characters"
        elif "unexpected end" in problem:
            problem = "a quote that is never closed"
        raise TableProblem(f"line {start}: {problem}; mend that line") from error


def _check_row(line: int, n_delimiters: int, n_characters: int) -> None:
    """Reject a row that has too many values or characters."""
    if n_delimiters >= MAX_COLUMNS:
        problem = f"more than {MAX_COLUMNS:,} values; use at most {MAX_COLUMNS:,} columns"
        raise TableProblem(f"line {line}: {problem}")
    if n_characters > MAX_ROW_CHARS:
        problem = f"a row of more than {MAX_ROW_CHARS:,} characters; mend that line"
        raise TableProblem(f"line {line}: {problem}")


def read_columns(
    heads: Sequence[str], rows: Iterator[tuple[int, list[str]]], as_words: Collection[str]
) -> tuple[dict[str, "ColumnReader"], NDArray[np.int64]]:
    """Read all rows into columns.

    Args:
        heads: Names of the columns.
        rows: The line and the values of each.
        as_words: Columns that hold words.

    Returns:
        The columns by name, and the line of each row, (n_rows,).

    Raises:
        TableProblem: There are too many rows or words.
    """
    limit = WordLimit()
    columns = {head: ColumnReader(limit, head in as_words) for head in heads}
    n_at_once = min(TEXT_ROWS_AT_ONCE, max(1, TEXT_CELLS_AT_ONCE // len(heads)))
    lines = [np.empty(0, np.int64)]
    n_rows = 0
    while piece := list(islice(rows, n_at_once)):
        n_rows += len(piece)
        check_size(n_rows, len(heads))
        lines.append(np.array([line for line, _ in piece], np.int64))
        cells_of = zip(*(row for _, row in piece), strict=True)
        for column, cells in zip(columns.values(), cells_of, strict=True):
            column.add(cells)
    return columns, np.concatenate(lines)


class ColumnReader:
    """A column that is read piece by piece.

    Args:
        limit: Of the words of the table.
        is_words: Whether all values are words. Otherwise the column holds numbers, unless a value
            of the first piece is not one.

    Attributes:
        odd: Row and text of the first value that is not a number; None if there is none, or if
            `is_words`.
    """

    def __init__(self, limit: WordLimit, is_words: bool) -> None:
        self._limit = limit
        self._coder = Coder(limit) if is_words else None
        self._codes: list[NDArray[np.int32]] = []
        self._numbers: list[NDArray[np.float64]] = []
        self.odd: tuple[int, str] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether words follow numbers, so that the column has to be read again as words."""
        return self.odd is not None and self._coder is None

    def add(self, cells: Sequence[str]) -> None:
        """Add the values of the next rows."""
        if self._coder is None and self.odd is None:
            numbers = _numbers(cells)
            if numbers is not None:
                self._numbers.append(numbers)
                return
            n_rows = sum(map(len, self._numbers))
            i = next(i for i, cell in enumerate(cells) if _number(cell) is None)
            self.odd = (n_rows + i, cells[i].strip(" \t"))
            self._coder = None if self._numbers else Coder(self._limit)
        if self._coder is not None:
            self._codes.append(self._coder.codes(cells))

    def whole(self) -> RawColumn:
        """Return the column once all rows are read."""
        if self._coder is not None:
            return self._coder.column(np.concatenate(self._codes))
        return RawColumn(numbers=np.concatenate(self._numbers))


def _are_mostly_numbers(column: RawColumn) -> bool:
    """Return whether more than half of the values of a column of words are numbers."""
    n_rows_of = np.bincount(column.word_codes + 1, minlength=len(column.words) + 1)[1:]
    is_number = np.array([_number(word) is not None for word in column.words], bool)
    return bool(2 * n_rows_of[is_number].sum() > len(column.word_codes))


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Parse numbers, NaN for a missing value; None if a cell is a word."""
    try:
        numbers = np.array(list(map(float, cells)))
    except ValueError:
        values = list(map(_number, cells))
        return None if None in values else np.array(values, np.float64)
    text = "".join(cells)
    is_plain = not np.isinf(numbers).any() and text.isascii() and "_" not in text
    return numbers if is_plain else None


def _number(cell: str) -> float | None:
    """Return a cell as a number, NaN if it is missing; None if it is not a number."""
    try:
        number = float(cell)
    except ValueError:
        return math.nan if cell.strip().lower() in MISSING_WORDS else None
    # Python also reads 1_000, infinity, and digits of all scripts, which are words in a table.
    return number if not math.isinf(number) and cell.isascii() and "_" not in cell else None


def utf8_problem(content: bytes) -> str:
    """Return the problem with a text that is not in UTF-8: its line, and what to do."""
    try:
        content.decode()
    except UnicodeDecodeError as error:  # of the whole content, so the position is exact
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} is not in UTF-8 ({error.reason}); save it as UTF-8"
    return "it is not in UTF-8; save it as UTF-8"


def _check_heads(heads: Sequence[str], delimiter: str) -> None:
    check_size(1, len(heads))
    if len(heads) == 1:
        other = next((d for d in DELIMITERS if d != delimiter and d in heads[0]), None)
        if other is not None:
            raise TableProblem(
                f"its values are apart by {DELIMITERS[other]}, {DELIMITERS[delimiter]} are "
                f"expected; {'call it .tsv' if other == chr(9) else 'save it with commas'}"
            )
    seen = set[str]()
    for i, head in enumerate(heads):
        if not head:
            raise TableProblem(f"column {i + 1} has no name; give it one in the head")
        if head in seen:
            raise TableProblem(
                f"two columns are called {escape_control_characters(head)}; give each its own name"
            )
        seen.add(head)
