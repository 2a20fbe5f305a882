"""Tables as Markdown."""

from collections.abc import Sequence

from blobtransfer.report.tables import WORD_COLUMNS, Table


def to_markdown(tables: Sequence[Table]) -> str:
    """Write tables as Markdown."""
    return "\n".join(map(_to_markdown, tables))


def _to_markdown(table: Table) -> str:
    rule = tuple("---" if head in WORD_COLUMNS else "---:" for head in table.columns)
    rows = [table.columns, rule, *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    sentence = ["", table.sentence] if table.sentence else []
    notes = ["", *(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n".join([f"**{table.title}**", "", *lines, *sentence, *notes]) + "\n"
