"""Read the first sheet of an Excel file with openpyxl, from `blobtransfer[excel]`.

Formulas are not computed: their values are those that Excel saved; a column of formulas without
saved values is not read. Blank rows, and columns without
a name and a value, are left out.
"""

import io
from typing import Any

from blobtransfer.data.tables.archives import open_archive
from blobtransfer.data.tables.columns import unread
from blobtransfer.data.tables.reading import (
    MAX_FILE_BYTES,
    RawTable,
    ReadOptions,
    TableProblem,
    check_size,
)
from blobtransfer.data.tables.text import check_not_title, notes_about_head
from blobtransfer.specs.checks import escape_control_characters

MAX_LINES = 1_048_576
"""Number of rows of a sheet in Excel, blank ones too."""


def read(content: bytes, suffix: str, options: ReadOptions) -> RawTable:
    """Read a table; see `Reader`.

    Raises:
        ImportError: openpyxl is not installed.
        TableProblem: The file is too large when it is unpacked, or none of its sheets has rows.
    """
    from openpyxl import load_workbook
    from pandas import DataFrame, Series

    with open_archive(content) as archive:
        n_bytes = sum(member.file_size for member in archive.infolist())
    if n_bytes > MAX_FILE_BYTES:
        raise TableProblem(f"{n_bytes:,} bytes unpacked; use fewer rows or columns")
    book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    if not book.worksheets:
        raise TableProblem("no sheet has rows; use a file with a table on its first sheet")
    sheet = book.worksheets[0]
    sheet.reset_dimensions()  # which may be wrong
    rows, lines, width = list[tuple[Any, ...]](), list[int](), 0
    for line, row in enumerate(sheet.iter_rows(values_only=True), 1):
        if line > MAX_LINES:
            raise TableProblem(f"a row beyond row {MAX_LINES:,}, the last one of Excel; correct it")
        if any(value not in (None, "") for value in row):
            width = max(width, len(row))
            rows.append(row)
            lines.append(line)
            check_size(len(rows), width)
    notes: tuple[str, ...] = ()
    if len(book.worksheets) > 1:
        title = escape_control_characters(sheet.title)
        notes = (f"the first of {len(book.worksheets)} sheets was read: {title}",)
    heads = [str(i + 1) for i in range(width)]
    if options.has_head and rows:
        heads = ["" if value is None else str(value).strip() for value in rows.pop(0)]
        heads += [""] * (width - len(heads))
        if rows:
            check_not_title(heads, rows[0], lines[0])
        notes += notes_about_head(heads, lines.pop(0))
    columns = [[row[i] if i < len(row) else None for row in rows] for i in range(width)]
    used = [i for i in range(width) if heads[i] or any(v not in (None, "") for v in columns[i])]
    empty = [i for i in used if not any(v not in (None, "") for v in columns[i])]
    formulas = _formulas(content, lines[0]) if empty and lines else {}
    kind = "formulas without saved values (save the file in Excel, or as CSV)"
    frame = DataFrame(
        {
            k: unread(kind, len(rows)) if i in empty and formulas.get(i) else Series(columns[i])
            for k, i in enumerate(used)
        }
    )
    return RawTable(frame, tuple(heads[i] for i in used), line_of=lines.__getitem__, notes=notes)


def _formulas(content: bytes, line: int) -> dict[int, bool]:
    """Return whether the cell of each column in a line of the first sheet has a formula."""
    from openpyxl import load_workbook

    sheet = load_workbook(io.BytesIO(content), read_only=True).worksheets[0]
    sheet.reset_dimensions()
    cells = next(iter(sheet.iter_rows(line, line, values_only=True)), ())
    return {i: str(value).startswith("=") for i, value in enumerate(cells)}
