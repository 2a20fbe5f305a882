"""Rows of a text below its head: their values, their lines, and the comments between them."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from blobtransfer.data.tables.decimals import is_number
from blobtransfer.data.tables.reading import TableProblem, check_size

MAX_ROW_CHARS = 10_000_000
"""Longest row that `csv` splits, in characters; with quoted values a row may have many lines."""

MAX_COMMENTS = 100_000
"""Largest number of comment lines."""

COMMENT_MARKS = "#%"


@contextmanager
def limit_cells() -> Iterator[None]:
    """Allow cells as long as a row while the block runs: `csv` has one limit for the process."""
    limit_before = csv.field_size_limit(MAX_ROW_CHARS)
    try:
        yield
    finally:
        csv.field_size_limit(limit_before)


@dataclass(frozen=True, eq=False)
class TextRows:
    """The rows of a text file, below its head.

    Args:
        content: The file in UTF-8.
        start: Position of the first byte of the rows.
        line: Line of the file that begins there, from 1.
        n_values: Number of values in a row, for a head that has as many names.
        sep: Separator of the values; a blank stands for any run of blanks.
        quote: Quotation mark.
        comments: First characters of comment lines.
        are_comments_values: Whether a line that begins like a comment is a row if it has
            `n_values` values.
    """

    content: bytes
    start: int
    line: int
    n_values: int
    sep: str
    quote: str = '"'
    comments: str = COMMENT_MARKS
    are_comments_values: bool = True

    def split(
        self, comments: list[tuple[int, int]] | None = None
    ) -> Iterator[tuple[int, list[str]]]:
        """Read the rows; blank lines and comments are skipped.

        Args:
            comments: Gets the positions of comment lines, as in `_comments`.

        Yields:
            The line on which a row begins, and its values.

        Raises:
            TableProblem: A row is too long, a quote is never closed, or comments are too many.
        """
        stream = io.BytesIO(self.content)
        stream.seek(self.start)
        text = io.TextIOWrapper(stream, "utf-8", newline="")
        blanks = " \r\n" if self.sep == "\t" else " \t\r\n"
        next_line, first_line, n_chars, position = self.line, 0, 0, self.start
        n_comments = 0

        def lines() -> Iterator[str]:
            """Yield the lines that have rows; the CSV reader takes as many as a row has."""
            nonlocal next_line, first_line, n_chars, position, n_comments
            while line := text.readline(MAX_ROW_CHARS + 1):
                next_line += 1
                start = position
                if comments is not None:
                    position += len(line.encode())
                if not n_chars:
                    first_line = next_line - 1
                    if not line.strip(blanks):
                        continue
                    if self.is_comment(line):
                        n_comments += 1
                        check_n_comments(n_comments)
                        if comments is not None:
                            comments.append((start, position))
                        continue
                n_chars += len(line)
                if n_chars > MAX_ROW_CHARS:
                    raise TableProblem(
                        f"line {first_line}: a row of more than {MAX_ROW_CHARS:,} characters; "
                        "correct that line"
                    )
                yield line if self.sep != " " else line.replace("\t", " ").rstrip() + "\n"
            if n_chars:
                raise TableProblem(
                    f"line {first_line}: a quote that is never closed; correct that line"
                )

        for values in self._reader(lines()):
            n_chars = 0
            yield first_line, values

    def line_of(self, row: int) -> int:
        """Return the line on which a row begins."""
        with limit_cells():
            return next(islice(self.split(), row, None))[0]

    def line_function(self, n_rows: int) -> Callable[[int], int]:
        """Return the function that returns the line of a row, counted from 0.

        Args:
            n_rows: How many rows there are.
        """
        n_lines = count_lines(self.content, self.start, len(self.content))
        n_lines += not self.content.endswith((b"\n", b"\r"))
        if n_lines > n_rows:  # blank lines, comments or quoted line ends are among them
            return self.line_of
        first_line = self.line
        return lambda row: first_line + row

    def without_comments(self) -> tuple[bytes, int]:
        """Return a content that has no comments between its rows, and where its rows start.

        Raises:
            TableProblem: There are too many comment lines.
        """
        pieces, start = list[bytes](), self.start
        for n_comments, (comment_start, comment_end) in enumerate(self._comments(), 1):
            check_n_comments(n_comments)
            pieces.append(self.content[start:comment_start])
            start = comment_end
        return (b"".join([*pieces, self.content[start:]]), 0) if pieces else (self.content, start)

    def _comments(self) -> Iterator[tuple[int, int]]:
        """Yield the positions of the first byte of each comment line and after its last one."""
        marks = self.comments.encode()
        if not any(self.content.find(mark, self.start) >= 0 for mark in marks):
            return  # much faster than the search below
        starts = re.compile(rb"(?:\A|[\r\n]) *[%b][^\r\n]*" % marks)
        if starts.search(self.content, max(self.start - 1, 0)) is None:
            return
        if self.content.find(self.quote.encode(), self.start) >= 0:
            comments: list[tuple[int, int]] = []
            for _ in self.split(comments):
                yield from comments
                comments.clear()
            yield from comments
            return
        for match in starts.finditer(self.content, max(self.start - 1, 0)):
            line = match[0].lstrip(b"\r\n")
            if self.is_comment(line.decode()):
                is_pair = self.content.startswith(b"\r\n", match.end())
                yield match.end() - len(line), match.end() + 1 + is_pair

    def is_comment(self, line: str) -> bool:
        """Return whether a line that is not inside of a quoted value is a comment."""
        if not line.lstrip(" ").startswith(tuple(self.comments)):
            return False
        if not self.are_comments_values:
            return True
        if self.sep != " " and self.quote not in line:
            return line.count(self.sep) != self.n_values - 1
        line = line.rstrip(" \r\n" if self.sep == " " else "\r\n")
        try:
            return len(next(self._reader([line], strict=True), [])) != self.n_values
        except csv.Error:  # a quoted value goes on in the next line
            return False

    def _reader(self, lines: Iterable[str], strict: bool = False) -> Iterator[list[str]]:
        return csv.reader(
            lines, delimiter=self.sep, quotechar=self.quote, skipinitialspace=True, strict=strict
        )


def check_n_comments(n: int) -> None:
    """Raise `TableProblem` if there are too many comment lines."""
    if n > MAX_COMMENTS:
        raise TableProblem(f"more than {MAX_COMMENTS:,} comment lines; leave them out")


def fitting_heads(rows: TextRows, heads: tuple[str, ...], head_line: int | None) -> tuple[str, ...]:
    """Return the names of as many columns as the rows have.

    Args:
        rows: The rows.
        heads: Name of each column in the head.
        head_line: Line of the head; None without one.

    Raises:
        TableProblem: Rows have different numbers of values, or others than the head.
    """
    n_names, min_width = len(heads), n_named(heads)
    n_rows_of, n_rows_of_trimmed = Counter[int](), Counter[int]()
    line_of: dict[int, int] = {}
    row_names, can_be_names = set[str](), True
    for n_rows, (line, values) in enumerate(rows.split(), 1):
        check_size(n_rows, len(values))
        n_rows_of[len(values)] += 1
        if can_be_names:
            name = values[0].strip()
            can_be_names = name not in row_names and (name.isdecimal() or not is_number(name))
            row_names.add(name)
        while len(values) > n_names and not values[-1].strip():
            values.pop()
        width = n_names if min_width <= len(values) <= n_names else len(values)
        n_rows_of_trimmed[width] += 1
        line_of.setdefault(width, line)
    if set(line_of) <= {n_names}:
        return heads + ("",) * (max(n_rows_of, default=n_names) - n_names)
    if head_line is not None and can_be_names and n_rows_of.keys() == {n_names + 1}:
        if n_rows_of[n_names + 1] > 1:
            return ("", *heads)
    width, n_rows = n_rows_of_trimmed.most_common(1)[0]
    if head_line is not None and width != n_names and 1 < n_rows > n_rows_of_trimmed[n_names]:
        raise TableProblem(
            f"line {head_line} has {_count(n_names, 'name')}, but most rows have "
            f"{_count(width, 'value')}; correct that line"
        )
    line, width = min((line, width) for width, line in line_of.items() if width != n_names)
    raise TableProblem(
        f"line {line} has {_count(width, 'value')}, but there are {_count(n_names, 'column')}; "
        "correct that line"
    )


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def n_named(heads: Sequence[str]) -> int:
    """Return the number of columns up to the last one that has a name."""
    return max((i + 1 for i, head in enumerate(heads) if head), default=0)


def count_lines(content: bytes, start: int, end: int) -> int:
    """Return the number of line ends in a part of a text.

    Args:
        content: The text.
        start: Position of the first byte of the part.
        end: Position after its last byte.
    """
    n_returns = content.count(b"\r", start, end)
    n_pairs = content.count(b"\r\n", start, end) if n_returns else 0
    return content.count(b"\n", start, end) + n_returns - n_pairs
