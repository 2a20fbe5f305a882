"""CSV and TSV, by the reader of the standard library: what is wrong is named by line and column.

Rows are turned into numbers piece by piece, so that memory holds a few thousand as text. Where a
column turns out to hold words after a while, the table is read once more with it as words.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import TableFileError
from blobtransfer.formats import encoding_of, looks_like
from blobtransfer.specs.checks import printable
from blobtransfer.tasks.raw import MISSING_WORDS, RawColumn, RawTable, check_size, coded

ROWS_AT_ONCE = 4096

MAX_CELL = 100_000
"""Longest cell, in characters."""

TEXTS = ("CSV", "plain text", "JSON", "HTML or XML")
"""What a table of words may look like by its first bytes."""

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


def read(name: str, content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table with a head; see `raw.Reader`."""
    rows = _rows(name, content, "\t" if suffix == ".tsv" else ",")
    _, heads = next(rows)
    columns = [_Column(head in as_words) for head in heads]
    lines: list[int] = []
    while piece := list(islice(rows, ROWS_AT_ONCE)):
        lines += [line for line, _ in piece]
        check_size(name, len(lines), len(heads))
        for column, cells in zip(
            columns, zip(*(row for _, row in piece), strict=True), strict=True
        ):
            column.add(cells)
    if not lines:
        raise TableFileError(name, "a head and no rows; give a table with rows")
    of_words = {head for head, one in zip(heads, columns, strict=True) if one.odd is not None}
    if of_words:
        table = read(name, content, suffix, as_words | of_words)
        for head, one in zip(heads, columns, strict=True):
            if one.is_mostly_numbers:
                table.columns[head] = replace(table.columns[head], odd=one.odd)
        return table
    found = {head: column.whole() for head, column in zip(heads, columns, strict=True)}
    return RawTable(name, None, found, len(lines), np.array(lines, np.int64))


class _Column:
    """A column on its way.

    Attributes:
        odd: The row and the value of the first that is no number, where numbers are wanted.
    """

    def __init__(self, is_words: bool) -> None:
        self._is_words, self._words = is_words, list[str]()
        self._n, self._n_numbers = 0, 0
        self._pieces: list[NDArray[np.float64]] = []
        self.odd: tuple[int, str] | None = None

    @property
    def is_mostly_numbers(self) -> bool:
        """Whether more than half of the values are numbers, and some are not."""
        return self.odd is not None and 2 * self._n_numbers > self._n

    def add(self, cells: Sequence[str]) -> None:
        if self._is_words:
            self._words += cells
            return
        numbers = _numbers(cells)
        if numbers is None:  # one by one, to find which is none
            found = [_numbers([cell]) for cell in cells]
            if self.odd is None:
                i = found.index(None)
                self.odd = (self._n + i, cells[i].strip(" \t"))
            numbers = np.array([np.nan if one is None else one[0] for one in found])
        self._n += len(cells)
        self._n_numbers += int(np.isfinite(numbers).sum())
        self._pieces.append(numbers)

    def whole(self) -> RawColumn:
        if self._is_words:
            return coded(self._words)
        return RawColumn(numbers=np.concatenate(self._pieces))


def _numbers(cells: Sequence[str]) -> NDArray[np.float64] | None:
    """Read numbers as people write them, NaN where one is missing; None if one is none."""
    try:
        numbers = np.array(list(map(float, cells)))
    except ValueError:
        if len(cells) > 1:
            filled = ["nan" if _is_missing(cell) else cell for cell in cells]
            return None if filled == list(cells) else _numbers(filled)
        return np.array([np.nan]) if _is_missing(cells[0]) else None
    # Python reads 1_000, infinity, and digits of all scripts, which no table means.
    is_plain = np.isfinite(numbers).all() or not np.isinf(numbers).any()
    text = "".join(cells)
    if is_plain and text.isascii() and "_" not in text:
        return numbers
    return None


def _is_missing(cell: str) -> bool:
    return cell.strip().lower() in MISSING_WORDS


def _rows(name: str, content: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the head and then each row that is not empty, with the line that it ends on."""
    _check_encoding(name, content)
    csv.field_size_limit(MAX_CELL)
    text = io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    heads: list[str] | None = None
    start = 1
    try:
        for row in reader:
            if not row or row == [""]:
                continue
            if heads is None:
                heads = [cell.strip() for cell in row]
                _check_heads(name, heads, delimiter)
                row = heads
            elif len(row) != len(heads):
                raise TableFileError(
                    name,
                    f"line {reader.line_num} has {len(row):,} values, the head has {len(heads):,} "
                    "columns; mend that line",
                )
            yield reader.line_num, row
            start = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise TableFileError(name, _not_utf8(content)) from error
    except csv.Error as error:
        problem = str(error)
        if "field larger" in problem:
            problem = f"a value of more than {MAX_CELL:,} characters"
        elif "unexpected end" in problem:
            problem = "a quote that is never closed"
        raise TableFileError(name, f"line {start}: {problem}; mend that line") from error
    if heads is None:
        raise TableFileError(name, "the file has no head; give a table with one")


def _check_encoding(name: str, content: bytes) -> None:
    """Refuse what is no text in UTF-8 by its first bytes, or by a null character."""
    encoding = encoding_of(content)
    if encoding not in (None, "utf-8-sig"):
        raise TableFileError(name, f"it is in {encoding.upper()}; save it as UTF-8")
    kind = looks_like(content)
    if kind is not None and kind not in TEXTS:
        raise TableFileError(name, f"it looks like {kind}; save it as CSV in UTF-8")
    null = content.find(b"\0")
    if null >= 0:
        line = content.count(b"\n", 0, null) + 1
        raise TableFileError(name, f"line {line} has a null character; save it as UTF-8 text")


def _not_utf8(content: bytes) -> str:
    """Say where a text is not in UTF-8."""
    try:
        content.decode()
    except UnicodeDecodeError as error:  # of all of it, so the place is known
        line = content.count(b"\n", 0, error.start) + 1
        return f"line {line} is not in UTF-8 ({error.reason}); save it as UTF-8"
    return "it is not in UTF-8; save it as UTF-8"


def _check_heads(name: str, heads: Sequence[str], delimiter: str) -> None:
    check_size(name, 1, len(heads))
    if len(heads) == 1:
        other = next((d for d in DELIMITERS if d != delimiter and d in heads[0]), None)
        if other is not None:
            raise TableFileError(
                name,
                f"its values are apart by {DELIMITERS[other]}, {DELIMITERS[delimiter]} are "
                f"expected; {'call it .tsv' if other == chr(9) else 'save it with commas'}",
            )
    for i, head in enumerate(heads):
        if not head:
            raise TableFileError(name, f"column {i + 1} has no name; give it one in the head")
        if head in heads[:i]:
            raise TableFileError(
                name, f"two columns are called {printable(head)}; give each its own name"
            )
