"""Read ARFF, as Weka and OpenML write it: columns of numbers and of listed words.

This module reads the header; `csv` reads the rows, like those of CSV. The reader of SciPy
would drop values beyond the last attribute, and is slow and large for long lists of words.
"""

import csv
import io
import re
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data.tables.csv import (
    MAX_ROW_CHARS,
    check_text,
    limit_cell_length,
    read_columns,
    read_rows,
    utf8_problem,
)
from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    RawColumn,
    RawTable,
    TableProblem,
    WordLimit,
    check_size,
    word_column,
)
from blobtransfer.specs.checks import escape_control_characters

DATA = re.compile(rb"^[ \t]*@data\b[^\n]*\n?", re.IGNORECASE | re.MULTILINE)
"""The line between the header and the rows."""

ROW = re.compile(rb"^[ \t]*[^%\s][^\n]*", re.MULTILINE)
"""A line that is neither blank nor a comment."""

ATTRIBUTE = re.compile(
    r"""@attribute\s+('(?:[^'\\]|\\.)+'|"[^"]+"|[^\s'"]\S*)\s+(\S.*)""", re.IGNORECASE
)
"""The line of an attribute: its name and its type."""

NUMERIC = re.compile(r"(numeric|integer|int|real)\b", re.IGNORECASE)

OTHER_TYPE = re.compile(r"(string|date|relational)\b", re.IGNORECASE)
"""Types that are rejected."""

Levels = dict[str, frozenset[str] | None]
"""The listed words of each attribute by its name; None for an attribute of numbers."""


@limit_cell_length()
def read(content: bytes, suffix: str, as_words: frozenset[str]) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        TableProblem: The header or a row is not as in a dense ARFF file of numbers and words.
    """
    check_text(content)
    data = DATA.search(content)
    if data is None:
        raise TableProblem("there is no @data line; give an ARFF file")
    try:
        header = io.BytesIO(content[: data.start()])
        levels = _header(io.TextIOWrapper(header, "utf-8-sig", newline=""))
    except UnicodeDecodeError as error:
        raise TableProblem(utf8_problem(content)) from error
    _check_n_rows(content, data.end(), len(levels))
    body = io.BytesIO(content)
    body.seek(data.end())
    text = io.TextIOWrapper(body, "utf-8", newline="")

    def readline(n_characters: int) -> str:
        line = text.readline(n_characters)
        if line.lstrip().startswith("{"):
            raise TableProblem("its rows are sparse, which is not read; save them dense")
        return "\n" if line.startswith("%") else line

    first_row = ROW.search(content, data.end())
    rows = read_rows(
        content,
        readline,
        n_values=len(levels),
        n_lines=content.count(b"\n", 0, data.end()),
        delimiter="," if first_row is None or b"," in first_row[0] else "\t",
        quotechar=_quote(content, data.end()),
        skipinitialspace=True,
    )
    nominal = {head for head, words in levels.items() if words is not None}
    columns, lines = read_columns(list(levels), rows, nominal)
    if not len(lines):
        raise TableProblem("no rows; give a table with rows")
    limit = WordLimit()
    raw_columns = {}
    for head, column in columns.items():
        if column.odd is not None:
            row, value = column.odd
            raise TableProblem(
                f"line {lines[row]}: {escape_control_characters(value[:40])!r} is not a number, "
                "but attribute "
                f"{head} has numbers; mend that line"
            )
        raw_columns[head] = column.whole()
        _check_listed(head, raw_columns[head], levels[head], lines)
        numbers = raw_columns[head].numbers
        if numbers is not None and head in as_words:
            raw_columns[head] = word_column(numbers, limit)
    return RawTable(raw_columns, len(lines), lines)


def _header(text: TextIO) -> Levels:
    """Read the attributes from the text before the rows."""
    levels: Levels = {}
    limit = WordLimit()
    for number, line in enumerate(iter(lambda: text.readline(MAX_ROW_CHARS + 1), ""), 1):
        if len(line) > MAX_ROW_CHARS:
            problem = f"line {number} has more than {MAX_ROW_CHARS:,} characters; mend that line"
            raise TableProblem(problem)
        line = line.strip()
        if not line.startswith("@") or line[:9].lower() == "@relation":
            continue
        match = ATTRIBUTE.fullmatch(line)
        if match is None:
            line_start = escape_control_characters(line[:40])
            problem = f"line {number}: {line_start!r} is not an attribute; mend that line"
            raise TableProblem(problem)
        head, kind = match[1], match[2]
        head = escape_control_characters(head[1:-1] if head[0] in "'\"" else head)
        if head in levels:
            raise TableProblem(f"two attributes are called {head}; rename one")
        if OTHER_TYPE.match(kind):
            problem = f"attribute {head} is of type {kind.split()[0].lower()}, which is not read"
            raise TableProblem(f"{problem}; leave it out of the file")
        if kind.startswith("{") and kind.endswith("}"):
            words = next(
                csv.reader([kind[1:-1]], quotechar=_quote(kind.encode()), skipinitialspace=True)
            )
            limit.count(len(words))
            levels[head] = frozenset(map(str.strip, words))
        elif NUMERIC.match(kind):
            levels[head] = None
        else:
            kind_text = escape_control_characters(kind[:40])
            problem = f"attribute {head} is of type {kind_text}, which is not known"
            raise TableProblem(f"line {number}: {problem}; use numeric or {{a, b}}")
        check_size(1, len(levels))
    if not levels:
        raise TableProblem("it has no attributes; give an ARFF file")
    return levels


def _quote(text: bytes, start: int = 0) -> str:
    """Return the quotation mark, single or double, that a text has more of."""
    return '"' if text.count(b'"', start) > text.count(b"'", start) else "'"


def _check_n_rows(content: bytes, start: int, n_columns: int) -> None:
    """Reject a table that is too large before its rows are split, which takes long."""
    if (content.count(b"\n", start) + 1) * n_columns > MAX_TABLE_CELLS:
        lines = io.BytesIO(content)
        lines.seek(start)
        n_rows = sum(1 for line in lines if not line.startswith(b"%") and not line.isspace())
        check_size(n_rows, n_columns)


def _check_listed(
    head: str, column: RawColumn, words: frozenset[str] | None, lines: NDArray[np.int64]
) -> None:
    """Reject a word that its attribute does not list."""
    if words is None:
        return
    for code, word in enumerate(column.words):
        if word not in words:
            line = lines[np.flatnonzero(column.codes == code)[0]]
            raise TableProblem(
                f"line {line}: {escape_control_characters(word[:40])!r} is not among the words of "
                "attribute "
                f"{head}; mend that line"
            )
