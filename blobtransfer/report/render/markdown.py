"""Render tables and lines as Markdown that shows every text literally.

All text is escaped: names of files, classes and data come from users and may contain links,
pictures, HTML or other markup. This module adds only rows, bold titles and bullets.
"""

import re
from collections.abc import Iterable, Sequence

from blobtransfer.report.table import WORD_COLUMNS, Table
from blobtransfer.specs.checks import escape_control_characters

_HARMLESS = r"\[(?:[-+., %]|[^\W_])+(?: [<>=?])?\](?![(\[])|(?<=[a-z\d])_+(?=[a-z\d])"
"""Brackets that are not a link, as in [-3.4, +4.1], and underscores within a word, as in ci_low.
They are not escaped, so that the source stays readable."""

_MARKUP = re.compile(
    # inline markup, mathematics, templates, and text that GitHub turns into links
    rf"({_HARMLESS})|[\\`*_{{\[\]<&~|$@]|:(?=//)|(?<=www)\.",
    re.IGNORECASE,
)

_BLOCK = re.compile(r"^(?:(?=[-+#>=:[])|(\d+)(?=[.)](?:\s|$)))")
"""Characters that begin a list, a heading, a quotation or a rule at the start of a line."""


def escape_markdown(text: str) -> str:
    """Return a text as Markdown that shows it letter by letter, within a line."""
    return _MARKUP.sub(
        lambda match: match[1] or f"\\{match[0]}", escape_control_characters(text).strip()
    )


def markdown_line(text: str) -> str:
    """Return a text as Markdown that shows it letter by letter, at the start of a line."""
    return _BLOCK.sub(lambda match: f"{match[1] or ''}\\", escape_markdown(text)) + "\n"


def markdown_row(cells: Iterable[str]) -> str:
    """Return one row of a table."""
    return f"| {' | '.join(map(escape_markdown, cells))} |"


def markdown_list(lines: Iterable[str]) -> str:
    """Return lines as a list with bullets."""
    return "".join(f"- {markdown_line(line)}" for line in lines)


def to_markdown(tables: Sequence[Table]) -> str:
    """Write tables as Markdown."""
    return "\n".join(map(_to_markdown, tables))


def _to_markdown(table: Table) -> str:
    """Return one table as Markdown."""
    rule = " | ".join("---" if head in WORD_COLUMNS else "---:" for head in table.columns)
    lines = [markdown_row(table.columns), f"| {rule} |", *map(markdown_row, table.rows)]
    text = "\n".join([f"**{escape_markdown(table.title)}**", "", *lines]) + "\n"
    if table.sentence:
        text += f"\n{markdown_line(table.sentence)}"
    return text + (f"\n{markdown_list(table.notes)}" if table.notes else "")
