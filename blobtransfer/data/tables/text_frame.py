"""Read the rows of a text into a `DataFrame`.

pandas does not tell the line of a row, or of an error in a row. `TextRows.split` reads the rows
again with `csv`, which does, only where a line is needed.
"""

import io
import re
import warnings
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from blobtransfer.data.tables.decimals import Mark, convert_numbers
from blobtransfer.data.tables.reading import (
    MAX_TABLE_CELLS,
    MISSING,
    ReadOptions,
    check_size,
    positions_of,
)
from blobtransfer.data.tables.text_rows import (
    TextRows,
    check_n_comments,
    count_lines,
    fitting_heads,
    n_named,
)

if TYPE_CHECKING:
    from pandas import DataFrame, Series

LINE = re.compile(rb"[^\s][^\r\n]*")
"""A line that is not blank."""


def frame_of(
    rows: TextRows,
    heads: tuple[str, ...],
    head_line: int | None,
    options: ReadOptions,
    *,
    decimal: Mark = ".",
    missing_words: Collection[str] = (),
    are_named: bool = True,
) -> tuple["DataFrame", tuple[str, ...]]:
    """Read the rows of a text.

    Args:
        rows: The rows.
        heads: Name of each column.
        head_line: Line of the head; None without one.
        options: How the file is read.
        decimal: Decimal mark of most numbers.
        missing_words: Texts that are missing values even in columns that are read as words.
        are_named: Whether the file has these names.

    Returns:
        The rows, and the names of their columns: after an empty one for the names of rows that R
        writes, and without empty columns that separators at the end of a line make.

    Raises:
        TableProblem: There are too many rows, or one has too few or too many values.
    """
    from pandas.errors import ParserError, ParserWarning

    _check_n_cells(rows)
    content, start = rows.without_comments()

    def parse() -> "DataFrame":
        stream = io.BytesIO(content)
        stream.seek(start)
        return _parse(stream, rows, heads, options, decimal, missing_words)

    try:
        frame = parse()
    except (ParserError, ParserWarning):
        heads = fitting_heads(rows, heads, head_line)
        frame = parse()
    else:
        if _may_have_short_rows(rows, frame, heads):
            fitting_heads(rows, heads, head_line)
    frame, heads = _without_empty(frame, heads, are_named)
    positions = positions_of(heads)
    others = [i for name, i in positions.items() if name not in options.as_words]
    convert_numbers(frame, others, decimal, MISSING | options.missing)
    return frame, heads


def _parse(
    stream: io.BytesIO,
    rows: TextRows,
    heads: Sequence[str],
    options: ReadOptions,
    decimal: Mark,
    missing_words: Collection[str],
) -> "DataFrame":
    """Read the rows of a stream; see `frame_of`.

    Raises:
        ParserError: A row has too many values, or cannot be parsed.
        ParserWarning: The first row has too many values.
    """
    from pandas import __version__, read_csv
    from pandas.errors import ParserWarning

    # Without the option, pandas before 3.1 may return a neighbour of the nearest float.
    is_exact = tuple(map(int, __version__.split(".")[:2])) >= (3, 1)
    exact: Any = {} if is_exact else {"float_precision": "round_trip"}
    words = {i for name, i in positions_of(heads).items() if name in options.as_words}
    missing: Any = {*MISSING, *options.missing, *missing_words}
    if words:
        missing = {i: missing_words if i in words else missing for i in range(len(heads))}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ParserWarning)
        return read_csv(
            stream,
            sep=r"\s+" if rows.sep == " " else rows.sep,
            header=None,
            names=range(len(heads)),
            index_col=False,
            dtype=dict.fromkeys(words, str),
            keep_default_na=False,
            na_values=missing,
            low_memory=False,
            skipinitialspace=True,
            quotechar=rows.quote,
            decimal=decimal,
            **exact,
        )


def _check_n_cells(rows: TextRows) -> None:
    """Reject a table that is too large before its rows are split.

    Raises:
        TableProblem: There are too many values.
    """
    content, start, n_values = rows.content, rows.start, rows.n_values
    n_separators = content.count(rows.sep.encode(), start)
    n_lines = 1 + count_lines(content, start, len(content))
    if max(n_separators + n_lines, n_lines * n_values) <= MAX_TABLE_CELLS:
        return
    if rows.sep == " " or content.find(rows.quote.encode(), start) >= 0:
        for n_rows, (_, values) in enumerate(rows.split(), 1):
            check_size(n_rows, max(n_values, len(values)))
        return
    check_size(n_separators // n_values, n_values)
    n_rows = n_comments = 0
    for line in LINE.finditer(content, start):
        if rows.is_comment(line[0].decode()):
            n_comments += 1
            check_n_comments(n_comments)
        else:
            n_rows += 1
            check_size(n_rows, n_values)


def _may_have_short_rows(rows: TextRows, frame: "DataFrame", heads: Sequence[str]) -> bool:
    """Return whether a row may have too few values, which pandas reads as missing values."""
    last = n_named(heads) - 1
    if len(heads) < 2 or last < 0 or not _is_empty(frame[last]).any():
        return False
    is_quoted = rows.content.find(rows.quote.encode(), rows.start) >= 0
    n_separators = rows.content.count(rows.sep.encode(), rows.start)
    return rows.sep == " " or is_quoted or n_separators != (len(heads) - 1) * len(frame)


def _is_empty(values: "Series[Any]") -> "Series[bool]":
    """Return whether each value is missing, or an empty text."""
    is_missing = values.isna()
    return is_missing if values.dtype.kind in "biuf" else is_missing | (values == "")


def _without_empty(
    frame: "DataFrame", heads: tuple[str, ...], are_named: bool
) -> tuple["DataFrame", tuple[str, ...]]:
    """Leave out unnamed columns that have no value.

    Args:
        frame: The table.
        heads: Name of each column.
        are_named: Whether the file has these names; otherwise columns at the end may go.
    """
    n_filled = len(heads)
    while n_filled and not are_named and _is_empty(frame[n_filled - 1]).all():
        n_filled -= 1
    used = [i for i in range(n_filled) if heads[i] or not _is_empty(frame[i]).all()]
    if len(used) < len(heads):
        frame = frame[used].set_axis(range(len(used)), axis=1)
    return frame, tuple(heads[i] for i in used)
