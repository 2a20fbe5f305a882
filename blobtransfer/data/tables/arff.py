"""Read ARFF, as Weka and OpenML write it: columns of numbers, of listed words and of text.

pandas reads plain rows, like those of CSV. Sparse rows, and rows with escapes or both quotation
marks, are rewritten as plain rows first.
"""

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from blobtransfer.data.tables.columns import unread
from blobtransfer.data.tables.reading import (
    MISSING,
    RawTable,
    ReadOptions,
    TableProblem,
    check_size,
    positions_of,
)
from blobtransfer.data.tables.text import decode
from blobtransfer.data.tables.text_frame import frame_of
from blobtransfer.data.tables.text_rows import MAX_ROW_CHARS, TextRows, count_lines, limit_cells
from blobtransfer.specs.checks import escape_control_characters

if TYPE_CHECKING:
    from pandas import DataFrame

DATA = re.compile(rb"(?:\A|[\r\n])[ \t]*@data\b[^\r\n]*(?:\r\n?|\n|\Z)", re.IGNORECASE)
"""The line between the header and the rows."""

FIRST_ROW = re.compile(rb"(?:\A|[\r\n])[ \t]*([^%\s][^\r\n]*)")

QUOTED = r"""'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\""""

ATTRIBUTE = re.compile(
    rf"@attribute\s+(?!''|\"\")({QUOTED}(?=[\s{{])|[^\s'\"]\S*(?=\s))\s*(\S.*)", re.IGNORECASE
)
"""The line of an attribute: its name and its type."""

NUMERIC = re.compile(r"(numeric|integer|int|real)\b", re.IGNORECASE)

TEXT = re.compile(r"(string|date)\b", re.IGNORECASE)

RELATIONAL = re.compile(r"relational\b", re.IGNORECASE)

VALUE = re.compile(rf"[ \t]*+({QUOTED}|(?!['\"])[^,]*?)[ \t]*(?:,|\Z)", re.DOTALL)
"""A value and the comma that follows."""

VALUE_BEFORE_BLANK = re.compile(rf"[ \t]*+({QUOTED}|(?!['\"])[^,\s]+)(?:[ \t]*,|[ \t]+|\Z)")
"""A value and the blanks or the comma that follow."""

SPARSE_ROW = re.compile(
    rf"\{{((?:{QUOTED}|[^'\"{{}}]++)*+)\}}(?:\s*,\s*\{{[^{{}}]*\}})?", re.DOTALL
)
"""A sparse row, maybe with a weight."""

SPARSE_VALUE = re.compile(rf"\s*(\d+)\s+({QUOTED}|[^,\s]+)\s*(?:,|\Z)")

WEIGHT = re.compile(r"\s*,?\s*\{\s*[-+.\deE]+\s*\}\s*\Z")
"""Weight at the end of a row."""

ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True)
class Attribute:
    """A column of the file.

    Args:
        name: Its name.
        words: The words that it lists; None for other types.
        default: Value in sparse rows that do not have it; `?` if it is missing there.
        is_number: Whether its values are numbers, not text.
        is_relation: Whether its values are tables, which are not read.
    """

    name: str
    words: tuple[str, ...] | None
    default: str
    is_number: bool = False
    is_relation: bool = False


@limit_cells()
def read(content: bytes, suffix: str, options: ReadOptions) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        TableProblem: The header or a row is not as in an ARFF file.
    """
    content, notes = decode(content)
    data = DATA.search(content)
    if data is None:
        raise TableProblem("no @data line; use an ARFF file")
    attributes = _attributes(content[: data.start()])
    heads = tuple(attribute.name for attribute in attributes)
    start = data.end()
    first = FIRST_ROW.search(content, start - 1)
    sep = "," if first is None or b"," in first[1] or b"{" in first[1] else " "
    quote = "'" if content.find(b"'", start) >= 0 else '"'
    is_plain = quote == '"' or content.find(b'"', start) < 0
    line = 1 + count_lines(content, 0, start)
    rows = TextRows(content, start, line, len(heads), sep, quote, "%", False)
    if is_plain and content.find(b"\\", start) < 0 and content.find(b"{", start) < 0:
        line_of: Callable[[int], int] | None = None
    else:
        rows, lines, has_weights = _plain_rows(rows, attributes)
        line_of = lines.__getitem__
        if has_weights:
            notes += ("weights of rows, such as {2}, are not used",)
    names = positions_of(heads)
    texts = frozenset(name for name, i in names.items() if not attributes[i].is_number)
    options = replace(options, as_words=options.as_words | texts)
    frame, heads = frame_of(rows, heads, None, options, missing_words={"?"})
    if line_of is None:
        line_of = rows.line_function(len(frame))
    for i, attribute in enumerate(attributes):
        kind = "relations" if attribute.is_relation else None
        if attribute.words is not None:
            kind = _unlisted(frame, i, attribute.words, line_of)
        if kind is not None:
            frame[i] = unread(kind, len(frame))
    return RawTable(frame, heads, ReadOptions(texts), line_of=line_of, notes=notes)


def _attributes(header: bytes) -> list[Attribute]:
    """Read the attributes.

    Args:
        header: The text before the rows.

    Raises:
        TableProblem: An attribute cannot be read, or the header has none.
    """
    attributes: list[Attribute] = []
    n_relations = 0
    text = io.TextIOWrapper(io.BytesIO(header), "utf-8")
    for number, line in enumerate(iter(lambda: text.readline(MAX_ROW_CHARS + 1), ""), 1):
        if len(line) > MAX_ROW_CHARS:
            problem = f"line {number} has more than {MAX_ROW_CHARS:,} characters; correct that line"
            raise TableProblem(problem)
        line = line.strip()
        if n_relations and re.match(r"@end\b", line, re.IGNORECASE):
            n_relations -= 1
        if not line.startswith("@") or re.match(r"@(relation|end)\b", line, re.IGNORECASE):
            continue
        match = ATTRIBUTE.fullmatch(line)
        if match is None:
            line_start = escape_control_characters(line[:40])
            problem = f"line {number}: {line_start!r} is not an attribute; correct that line"
            raise TableProblem(problem)
        attribute = _attribute(match[1], match[2], number)
        if not n_relations:
            attributes.append(attribute)
        n_relations += attribute.is_relation
        check_size(1, len(attributes))
    if not attributes:
        raise TableProblem("no attributes are declared; use an ARFF file")
    return attributes


def _attribute(name: str, kind: str, line: int) -> Attribute:
    """Return an attribute.

    Args:
        name: Its name, maybe quoted.
        kind: Its type.
        line: Its line, for the error.

    Raises:
        TableProblem: The type is not known.
    """
    name = _unquoted(name)
    if NUMERIC.match(kind):
        return Attribute(name, None, "0", is_number=True)
    if TEXT.match(kind):
        return Attribute(name, None, "?")
    if RELATIONAL.match(kind):
        return Attribute(name, None, "?", is_relation=True)
    words = re.fullmatch(r"\{(.*)\}\s*(?:%.*)?", kind)
    if words is None:
        text = escape_control_characters(kind[:40])
        problem = f"attribute {escape_control_characters(name)} is of type {text}"
        raise TableProblem(f"line {line}: {problem}, which is not known; use numeric or {{a, b}}")
    listed = tuple(_split(words[1], VALUE, line))
    return Attribute(name, listed, listed[0])


def _split(text: str, value: re.Pattern[str], line: int) -> list[str]:
    """Return the values of a row.

    Args:
        text: The row.
        value: Pattern of a value and what follows.
        line: Its line, for the error.

    Raises:
        TableProblem: A quote is not closed, or is inside of a value.
    """
    values: list[str] = []
    position = 0
    while (match := value.match(text, position)) is not None:
        values.append(_unquoted(match[1]))
        position = match.end()
        if position == len(text) and not match[0].endswith(","):
            return values
    start = escape_control_characters(text[position : position + 40])
    raise TableProblem(f"line {line}: {start!r} cannot be read; correct that line")


def _unquoted(text: str) -> str:
    """Return a value without its quotation marks and escapes."""
    if text[:1] not in ("'", '"'):
        return text.strip()
    return re.sub(r"\\(.)", lambda match: ESCAPES.get(match[1], match[1]), text[1:-1])


def _plain_rows(rows: TextRows, attributes: list[Attribute]) -> tuple[TextRows, list[int], bool]:
    """Rewrite rows as CSV.

    Args:
        rows: The rows.
        attributes: The columns.

    Returns:
        The plain rows; the line of each in the file; and whether a row has a weight.

    Raises:
        TableProblem: A row cannot be read, or there are too many.
    """
    plain, lines, has_weights = io.StringIO(), list[int](), False
    writer = csv.writer(plain, lineterminator="\n")
    value = VALUE if rows.sep == "," else VALUE_BEFORE_BLANK
    stream = io.BytesIO(rows.content)
    stream.seek(rows.start)
    text = io.TextIOWrapper(stream, "utf-8")
    for line, row in enumerate(iter(lambda: text.readline(MAX_ROW_CHARS + 1), ""), rows.line):
        row = row.strip()
        if not row or row.startswith("%"):
            continue
        if len(row) > MAX_ROW_CHARS:
            problem = f"line {line} has more than {MAX_ROW_CHARS:,} characters; correct that line"
            raise TableProblem(problem)
        if row.startswith("{"):
            has_weights |= row.count("{") > 1 and SPARSE_ROW.fullmatch(row) is not None
            values = _dense(row, attributes, line)
        else:
            weight = WEIGHT.search(row) if row.endswith("}") else None
            has_weights |= weight is not None
            values = _split(row[: weight.start()] if weight else row, value, line)
            if len(values) != len(attributes):
                raise TableProblem(
                    f"line {line} has {len(values):,} values, but there are "
                    f"{len(attributes):,} columns; correct that line"
                )
        lines.append(line)
        check_size(len(lines), len(attributes))
        writer.writerow(values)
    content = plain.getvalue().encode()
    rows = TextRows(content, 0, 1, len(attributes), ",", comments="")
    return rows, lines, has_weights


def _dense(row: str, attributes: list[Attribute], line: int) -> list[str]:
    """Return the values of a sparse row.

    Args:
        row: The row, of indices and values in braces.
        attributes: The columns.
        line: Its line, for the error.

    Raises:
        TableProblem: It is not a sparse row, or an index does not belong to a column.
    """
    values = [attribute.default for attribute in attributes]
    match, position = SPARSE_ROW.fullmatch(row), 0
    if match is not None:
        text = match[1].rstrip()
        while position < len(text) and (pair := SPARSE_VALUE.match(text, position)) is not None:
            i = int(pair[1][:9])
            if i >= len(values):
                break
            values[i] = _unquoted(pair[2])
            position = pair.end()
        if position == len(text):
            return values
    problem = f"{escape_control_characters(row[:40])!r} is not a sparse row of these columns"
    raise TableProblem(f"line {line}: {problem}; correct that line")


def _unlisted(
    frame: "DataFrame", column: int, words: tuple[str, ...], line_of: Callable[[int], int]
) -> str | None:
    """Return what a column holds if it has words that its attribute does not list, else None.

    Args:
        frame: The table.
        column: The column.
        words: The words that are listed.
        line_of: Returns the line of a row.
    """
    from pandas import factorize

    codes, distinct = factorize(frame[column])
    listed = {*words, *MISSING}
    for code, word in enumerate(map(str.strip, distinct)):
        if word not in listed:
            line = line_of(int((codes == code).argmax()))
            text = escape_control_characters(word[:40])
            return f"words that its attribute does not list ({text!r} in line {line})"
    return None
