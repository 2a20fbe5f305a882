"""Write one row per variant as CSV, Markdown or LaTeX, for papers and data frames."""

from collections.abc import Iterator, Sequence
from typing import Any

from blobtransfer.report.render.markdown import markdown_row
from blobtransfer.report.table import SummaryRows
from blobtransfer.report.words import format_nonzero
from blobtransfer.results.files.csv import csv_line
from blobtransfer.specs.checks import escape_control_characters

LATEX_ESCAPES = str.maketrans(
    {letter: f"\\{letter}" for letter in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': "''"}
    # after the end of a row, LaTeX parses * and [ as arguments
    | {letter: f"{{{letter}}}" for letter in "*[]"}
)
"""Characters with a special meaning in LaTeX."""


def summary_text(summary: SummaryRows, suffix: str) -> Iterator[str]:
    """Write one row per variant.

    Args:
        summary: Heads and values; accuracies and differences are shares.
        suffix: One of `writers.SUMMARY_SUFFIXES`; CSV has full precision, the others four digits.

    Yields:
        Lines.
    """
    columns, rows = summary.columns, summary.rows
    if suffix == ".csv":
        yield from map(csv_line, [columns, *rows])
    elif suffix == ".md":
        yield markdown_row(columns) + "\n"
        yield f"|{' --- |' * len(columns)}\n"
        yield from (markdown_row(_rounded(row)) + "\n" for row in rows)
    else:
        cells = [_escaped(_rounded(row)) for row in [columns, *rows]]
        yield from _latex(cells, summary.n_word_columns)


def _rounded(row: Sequence[Any]) -> list[str]:
    """Return values as text, numbers with four digits, or more if they would print as 0."""
    return [
        format_nonzero(v, 4, scale=1.0, has_sign=False)
        if isinstance(v, float)
        else ("" if v is None else str(v))
        for v in row
    ]


def _latex(rows: Sequence[Sequence[str]], n_words: int) -> Iterator[str]:
    """Yield rows as a LaTeX table."""
    head, *body = rows
    yield f"\\begin{{tabular}}{{{'l' * n_words}{'r' * (len(head) - n_words - 1)}l}}\n\\hline\n"
    yield " & ".join(head) + " \\\\\n\\hline\n"
    for row in body:
        yield " & ".join(row) + " \\\\\n"
    yield "\\hline\n\\end{tabular}\n"


def _escaped(row: Sequence[str]) -> list[str]:
    """Return cells that LaTeX shows literally."""
    return [escape_control_characters(cell).translate(LATEX_ESCAPES) for cell in row]
