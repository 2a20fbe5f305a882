"""Read text files of separated values, such as CSV and TSV.

`read_head` finds the encoding, the separator, the head and the decimal mark; `text_rows` reads the
rows.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from blobtransfer.data.tables.columns import NUMBER
from blobtransfer.data.tables.decimals import Mark, has_decimal_comma, is_number
from blobtransfer.data.tables.reading import RawTable, ReadOptions, TableProblem, check_size
from blobtransfer.data.tables.text_frame import frame_of
from blobtransfer.data.tables.text_rows import (
    COMMENT_MARKS,
    MAX_COMMENTS,
    MAX_ROW_CHARS,
    TextRows,
    count_lines,
    limit_cells,
)
from blobtransfer.file_signatures import detect_encoding, identify_format
from blobtransfer.specs.checks import escape_control_characters

SAMPLE_BYTES = 1_000_000
SAMPLE_ROWS = 50
"""Size of the start of a file in which the separator is detected."""

SEPARATORS = "\t;|, "
"""Separators that are detected, the first of equally good ones; a blank is any run of blanks."""

LIKELY_SHARE = 0.8
"""Share of rows with equally many values from which on a separator is likely."""

TEXTS = ("CSV", "plain text", "JSON", "HTML or XML")
"""Formats that a table may be identified as by its first bytes."""

SUFFIXES = {
    "a Parquet file": ".parquet",
    "an Arrow file": ".arrow",
    "an Excel file": ".xlsx",
    "NumPy arrays (.npz)": ".npz",
    "a gzip file": ".csv.gz",
}
"""Suffix with which a file of another format is read."""

NOT_A_TABLE = {
    "JSON": re.compile(rb'\s*(\{\s*"|\[\s*[\[{])'),
    "HTML or XML": re.compile(rb"\s*<([!?]|(html|head|body|table|svg)\b)", re.IGNORECASE),
}
"""Beginnings of texts of other formats."""

YEARS = range(1900, 2100)
"""Numbers that may be names of columns."""

MAX_SHARE_OF_NUMBERS = 0.15
"""Largest share of numbers among names of columns that does not look like values."""

BLANKS = re.compile(rb"\s*")

LINE_END = re.compile(rb"[\r\n]")

EXCEL_SEPARATOR = re.compile(rb'"?sep=(.)"?', re.IGNORECASE)
"""First line of a file that Excel writes or reads: the separator."""

SINGLE_QUOTES = re.compile(r"\s*'[^']*'(?:\s*[\t;|, ]\s*'[^']*')+\s*")
"""A head whose names are all in single quotes."""


@dataclass(frozen=True, eq=False)
class TextTable:
    """A text of which the head was read.

    Args:
        rows: The rows below the head.
        heads: Name of each column; their numbers without a head.
        head_line: Line of the head; None without one.
        decimal: Decimal mark of most numbers.
        notes: What the user should know about how the text was read.
    """

    rows: TextRows
    heads: tuple[str, ...]
    head_line: int | None
    decimal: Mark
    notes: tuple[str, ...]


@limit_cells()
def read(content: bytes, suffix: str, options: ReadOptions) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        TableProblem: It is not text, has no head or no rows, or a row does not fit the head.
    """
    text = read_head(content, options)
    frame, heads = frame_of(
        text.rows,
        text.heads,
        text.head_line,
        options,
        decimal=text.decimal,
        are_named=options.has_head,
    )
    notes = text.notes
    if text.head_line is not None:
        notes += notes_about_head(text.heads, text.head_line)
    return RawTable(frame, heads, line_of=text.rows.line_function(len(frame)), notes=notes)


def read_head(content: bytes, options: ReadOptions) -> TextTable:
    """Read the head of a text, and detect how its rows are written.

    Args:
        content: The text.
        options: How it is read.

    Raises:
        TableProblem: It is not text, or has no head or too many columns.
    """
    content, notes = decode(content)
    start, comment, excel_separator = _skip_top(content)
    line = 1 + count_lines(content, 0, start)
    lines = _first_lines(content, start, line)
    quote = "'" if SINGLE_QUOTES.fullmatch(lines[0]) else '"'
    sep = options.sep or excel_separator or _detect_separator(lines, quote, options.has_head)
    sample = _first_rows(lines, sep, quote)
    first_row, n_lines = sample[0]
    names = _names_in_comment(comment, [values for values, _ in sample], sep, quote)
    if not options.has_head:
        n_values = Counter(len(values) for values, _ in sample).most_common(1)[0][0]
        heads, head_line = tuple(str(i + 1) for i in range(n_values)), None
    elif names is not None:
        heads, head_line = names, line - 1
    else:
        heads, head_line = tuple(value.strip() for value in first_row), line
        if len(sample) > 1:
            check_not_title(heads, sample[1][0], line)
        start += sum(len(text.encode()) for text in lines[:n_lines])
        line += n_lines
    check_size(1, len(heads))
    content = _without_empty_end(content, start, sep)
    rows = TextRows(content, start, line, len(heads), sep, quote)
    is_comma = sep != "," and any(has_decimal_comma(values) for values, _ in sample)
    return TextTable(rows, heads, head_line, "," if is_comma else ".", notes)


def decode(content: bytes) -> tuple[bytes, tuple[str, ...]]:
    """Return a text in UTF-8, and a note if its encoding is a guess.

    Args:
        content: The bytes of the file.

    Raises:
        TableProblem: It is not text, or has null characters.
    """
    encoding = detect_encoding(content)
    if encoding in ("utf-16", "utf-32"):
        try:
            content = content.decode(encoding).encode()
        except UnicodeError as error:
            raise TableProblem(f"it is damaged {encoding.upper()}; save it as UTF-8") from error
    kind = identify_format(content) if encoding is None else None
    if kind is not None and kind not in TEXTS:
        suffix = SUFFIXES.get(kind)
        advice = f"call it {suffix}" if suffix else "save it as CSV in UTF-8"
        raise TableProblem(f"it looks like {kind}; {advice}")
    content = content.removeprefix(b"\xef\xbb\xbf")
    for kind, beginning in NOT_A_TABLE.items():
        if beginning.match(content):
            raise TableProblem(f"it looks like {kind}; save it as CSV")
    null = content.find(b"\0")
    if null >= 0:
        line = 1 + count_lines(content, 0, null)
        raise TableProblem(f"line {line} has a null character; save it as UTF-8 text")
    position = _first_not_utf8(content)
    if position is None:
        return content, ()
    line = 1 + count_lines(content, 0, position)
    try:
        content = content.decode("cp1252").encode()
    except UnicodeDecodeError as error:
        problem = f"line {line} is neither in UTF-8 nor in cp1252; save it as UTF-8"
        raise TableProblem(problem) from error
    return content, (f"line {line} is not in UTF-8, so the file was read in cp1252 (Windows)",)


def _first_not_utf8(content: bytes) -> int | None:
    """Return the position of the first byte that is not UTF-8; None if all are."""
    start = 0 if not content.isascii() else len(content)
    while start < len(content):
        end = start + SAMPLE_BYTES
        while content[end : end + 1] and content[end] & 0xC0 == 0x80 and end % SAMPLE_BYTES < 4:
            end += 1  # characters stay whole
        try:
            content[start:end].decode()
        except UnicodeDecodeError as error:
            return start + error.start
        start = end
    return None


def _skip_top(content: bytes) -> tuple[int, str, str | None]:
    """Skip blank lines, comments and Excel's line of the separator.

    Returns:
        Position of the first other line; the comment right above it, empty without one; and the
        separator, None without that line.

    Raises:
        TableProblem: The file has only blank lines and comments, or too many comments.
    """
    position, comment, separator = 0, "", None
    for _ in range(MAX_COMMENTS):
        blank = BLANKS.match(content, position)
        assert blank is not None
        if blank.end() == len(content):
            break
        last_end = max(content.rfind(mark, position, blank.end()) for mark in (b"\n", b"\r"))
        if count_lines(content, position, last_end + 1) > 1:
            comment = ""
        position = max(position, last_end + 1)
        end = _line_end(content, position)
        line = content[position : min(end, position + SAMPLE_BYTES)]
        excel = EXCEL_SEPARATOR.fullmatch(line) if separator is None and not comment else None
        if excel is not None:
            separator = excel[1].decode("utf-8", "replace")
        elif line.lstrip(b" ").startswith(tuple(mark.encode() for mark in COMMENT_MARKS)):
            comment = line.decode("utf-8", "replace")
        else:
            return position, comment, separator
        position = end
    else:
        raise TableProblem(f"more than {MAX_COMMENTS:,} comment lines; leave them out")
    raise TableProblem("the file has no line of column names; add one")


def _line_end(content: bytes, start: int) -> int:
    """Return the position of the first line end from a position on, or of the end of the text."""
    match = LINE_END.search(content, start)
    return len(content) if match is None else match.start()


def _first_lines(content: bytes, start: int, line: int) -> list[str]:
    """Return the first lines from a position on, whole.

    Args:
        content: The text.
        start: The position.
        line: The number of the first line, for the error.

    Raises:
        TableProblem: The first line is too long.
    """
    sample = content[start : start + SAMPLE_BYTES]
    if len(sample) == SAMPLE_BYTES:
        end = max(sample.rfind(mark) for mark in (b"\n", b"\r")) + 1
        end = end or _line_end(content, start) + 1 - start
        if end > MAX_ROW_CHARS:
            problem = f"line {line}: a row of more than {MAX_ROW_CHARS:,} characters"
            raise TableProblem(f"{problem}; correct that line")
        sample = content[start : start + end]
    return list(io.StringIO(sample.decode("utf-8", "replace"), newline=""))


def _first_rows(lines: Sequence[str], sep: str, quote: str) -> list[tuple[list[str], int]]:
    """Return the values of the first rows, and the number of lines up to the end of each.

    Args:
        lines: The first lines; comments below the first one are skipped.
        sep: Separator of the values.
        quote: Quotation mark.
    """
    texts = (
        line.replace("\t", " ").rstrip() + "\n" if sep == " " else line
        for i, line in enumerate(lines)
        if i == 0 or not line.startswith(tuple(COMMENT_MARKS))
    )
    reader = csv.reader(texts, delimiter=sep, quotechar=quote, skipinitialspace=True)
    rows = ((values, reader.line_num) for values in reader if any(values))
    return list(islice(rows, SAMPLE_ROWS)) or [([lines[0].strip()], 1)]


def _detect_separator(lines: Sequence[str], quote: str, has_head: bool) -> str:
    """Return the separator for which the first rows agree on more than one value."""

    def fit(sep: str) -> tuple[bool, bool, float]:
        widths = [len(values) for values, _ in _first_rows(lines, sep, quote)]
        width, count = Counter(widths).most_common(1)[0]
        share = count / len(widths) if width > 1 else 0.0
        # A head may have one name less, without the names of rows, or one more, at its end.
        is_head_likely = not has_head or (widths[0] > 1 and abs(widths[0] - width) <= 1)
        # Blanks are in many texts, so that any other mark that most rows have comes first.
        is_mark = sep != " " and share > 0.5 and is_head_likely
        return is_mark, share >= LIKELY_SHARE and is_head_likely, share

    fits = {sep: fit(sep) for sep in SEPARATORS}
    best = max(SEPARATORS, key=lambda sep: fits[sep])
    if fits[best][2]:
        return best
    return next((sep for sep in SEPARATORS.strip() if sep in lines[0]), ",")


def _names_in_comment(
    comment: str, rows: Sequence[Sequence[str]], sep: str, quote: str
) -> tuple[str, ...] | None:
    """Return the names in a comment above rows without a head, as `numpy.savetxt` writes.

    The first row is not a head if it has a number, or a word that is in the same column again.

    Args:
        comment: The line right above the rows; empty without one.
        rows: Values of the first rows.
        sep: Separator of the values.
        quote: Quotation mark.

    Returns:
        As many names as the row has values; None if the comment has others.
    """
    text, first_row = comment.strip().lstrip(COMMENT_MARKS).strip(), rows[0]
    pairs = ((a, b) for row in rows[1:] for a, b in zip(first_row, row, strict=False))
    if not text or not (any(map(is_number, first_row)) or any(a == b != "" for a, b in pairs)):
        return None
    names = tuple(value.strip() for value in _first_rows([comment.strip(" ")], sep, quote)[0][0])
    if names[0] not in tuple(COMMENT_MARKS) or len(names) != len(first_row):
        names = tuple(value.strip() for value in _first_rows([text], sep, quote)[0][0])
    return names if len(names) == len(first_row) > 1 and not any(map(is_number, names)) else None


def _without_empty_end(content: bytes, start: int, sep: str) -> bytes:
    """Return a text without the rows at its end that have separators only, as Excel writes them.

    Args:
        content: The text.
        start: Position where the rows start.
        sep: Separator of the values.
    """
    end = max(start, _line_end(content, len(content.rstrip(sep.encode() + b" \r\n"))))
    return content[:end] if sep.encode() in content[end:] else content


def check_not_title(heads: Sequence[str], next_row: Sequence[Any], line: int) -> None:
    """Reject a head with one value, above a row with three or more and no empty one, as a title.

    Args:
        heads: Values of the first row.
        next_row: Values of the row below.
        line: Line of the first row.

    Raises:
        TableProblem: It is a title.
    """
    n_values = sum(value not in (None, "") for value in next_row)
    if heads[0] and not any(heads[1:]) and n_values == len(heads) > 2:
        raise TableProblem(
            f"line {line} has 1 name, but the next row has {n_values:,} values; "
            f"if line {line} is a title, delete it"
        )


def notes_about_head(heads: Sequence[str], line: int) -> tuple[str, ...]:
    """Return a note if the names of columns are numbers, other than years and counts.

    Args:
        heads: Names of the columns.
        line: Line of the head.
    """
    numbers = [float(head) for head in heads if NUMBER.fullmatch(head)]
    is_ascending = all(a < b for a, b in pairwise(numbers))
    is_count = numbers in (list(range(len(numbers))), list(range(1, len(numbers) + 1)))
    are_years = all(number.is_integer() and number in YEARS for number in numbers)
    if (
        len(numbers) <= MAX_SHARE_OF_NUMBERS * len(heads)
        or is_count
        or (is_ascending and (are_years or len(numbers) > 2))
    ):
        return ()
    values = escape_control_characters(", ".join(filter(None, heads))[:40])
    return (
        f"line {line} looks like values ({values} ...) and was read as the column names; "
        "for a file without names add head=none",
    )
