"""Tables as aligned plain text, never cut to a width."""

from collections.abc import Sequence

from blobtransfer.report.table import WORD_COLUMNS, Table


def to_text(tables: Sequence[Table]) -> str:
    """Write tables as aligned plain text, never cut to a width."""
    return "\n".join(map(_to_text, tables))


def _to_text(table: Table) -> str:
    lines = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [table.title, ""]
    for row in lines:
        cells = [
            cell.ljust(width) if head in WORD_COLUMNS else cell.rjust(width)
            for head, cell, width in zip(table.columns, row, widths, strict=True)
        ]
        text.append("  ".join(cells).rstrip())
    sentence = ["", table.sentence] if table.sentence else []
    notes = ["", *table.notes] if table.notes else []
    return "\n".join([*text, *sentence, *notes]) + "\n"
