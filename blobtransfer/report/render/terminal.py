"""Render tables as aligned text or with rich, and a box plot in letters."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TextIO

from blobtransfer.report.table import WORD_COLUMNS, Table
from blobtransfer.report.units import PERCENT, Unit
from blobtransfer.results.findings import Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

PLOT_WIDTH = 78
"""Widest plot in letters."""

FEWEST_COLUMNS = 12
"""Smallest width of a plot in letters."""


@dataclass(frozen=True)
class BoxLetters:
    """Letters of a box plot."""

    low_end: str
    whisker: str
    high_end: str
    box: str
    median: str
    best_possible: str


UNICODE_BOX = BoxLetters("├", "─", "┤", "█", "╋", "┊")
ASCII_BOX = BoxLetters("|", "-", "|", "=", "#", ":")


def to_text(tables: Sequence[Table]) -> str:
    """Write tables as aligned plain text, never cut to a width."""
    return "\n".join(map(_to_text, tables))


def _to_text(table: Table) -> str:
    """Return one table as aligned plain text."""
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


def print_tables(tables: Sequence[Table], console: "Console") -> None:
    """Print tables with rich; one that is too wide continues below, and no number is cut."""
    from rich.text import Text

    for i, table in enumerate(tables):
        if i:
            console.print()
        if table.title:
            console.print(*wrap(table.title, console.width), "", sep="\n", style="bold")
        for item in renderables_of(table, console):
            console.print(item)
        width = min(console.width, PLOT_WIDTH)
        plot = box_plot(table.summaries, table.best_possible, width, console.encoding, table.unit)
        if plot:
            console.print("", *map(Text, plot), sep="\n")
        if table.sentence:
            console.print("", *wrap(table.sentence, console.width), sep="\n", style="bold")
        if table.notes:
            console.print()
        for note in table.notes:
            console.print(*wrap(note, console.width), sep="\n", style="dim")


def renderables_of(table: Table, console: "Console") -> list[Any]:
    """Return what a terminal prints of the cells: the table, parts with the keys, or lines."""
    from rich.text import Text

    parts = _parts(table, console) or _parts(_grouped(table), console)
    if parts:
        return [item for part in parts for item in (Text(""), rich_table(part))][1:]
    lines: list[str] = []
    for row in table.rows:
        for head, cell in zip(table.columns, row, strict=True):
            line = f"{head}: {cell}"
            if cell and len(line) <= console.width:
                lines.append(line)
            elif cell:
                lines += [f"{head}:", *wrap(f"  {cell}", console.width)]
    return [Text(line) for line in lines]


def fits(table: Table, console: "Console") -> bool:
    """Return whether a terminal has the width of a table."""
    return width_of(rich_table(table), console) <= console.width


def _parts(table: Table, console: "Console") -> list[Table]:
    """Split a table into parts that fit the width, each with the keys; empty if none fits."""
    keys = table.keys or table.columns[:1]
    parts: list[Table] = []
    heads: list[str] = []
    for head in table.columns:
        if fits(_with_columns(table, [*heads, head]), console):
            heads.append(head)
            continue
        if heads:
            parts.append(_with_columns(table, heads))
        heads = [*(key for key in keys if key != head), head]
        if not fits(_with_columns(table, heads), console):
            return []
    return [*parts, _with_columns(table, heads)]


def _grouped(table: Table) -> Table:
    """Return a table whose other keys than the last are rows of their own above it."""
    *outer, last = table.keys or table.columns[:1]
    indices = {head: i for i, head in enumerate(table.columns)}
    others = [head for head in table.columns if head not in table.keys]
    rows: list[tuple[str, ...]] = []
    for row in table.rows:
        for level, head in enumerate(outer):
            if cell := row[indices[head]]:
                rows.append((f"{'  ' * level}{head} {cell}", *("",) * len(others)))
        label = f"{'  ' * len(outer)}{row[indices[last]]}"
        rows.append((label, *(row[indices[head]] for head in others)))
    return replace(table, columns=(last, *others), rows=tuple(rows), keys=(last,))


def _with_columns(table: Table, heads: Sequence[str]) -> Table:
    """Return a table with some of its columns."""
    indices = [i for i, head in enumerate(table.columns) if head in heads]
    columns = tuple(table.columns[i] for i in indices)
    rows = tuple(tuple(row[i] for i in indices) for row in table.rows)
    return replace(table, columns=columns, rows=rows)


def rich_table(table: Table) -> "RichTable":
    """Return the cells of a table as a table of rich."""
    from rich.text import Text

    grid = new_grid()
    for head in table.columns:
        justify: Literal["left", "right"] = "left" if head in WORD_COLUMNS else "right"
        grid.add_column(Text(head), justify=justify, no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of a terminal, all but the first indented."""
    return textwrap.wrap(
        text, max(width, 20), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )


def new_console(stream: TextIO, width: int | None = None) -> "Console":
    """Return a console that prints texts unchanged.

    Args:
        stream: A terminal.
        width: Width of a text that is not for this terminal: it has no colours. None: those of the
            terminal.
    """
    from rich.console import Console

    # In a notebook rich would display the text in place of writing it.
    plain: dict[str, Any] = {"force_jupyter": False, "highlight": False, "markup": False}
    if width is not None:
        plain |= {"width": width, "color_system": None, "force_terminal": False}
    return Console(file=stream, emoji=False, **plain)


def new_grid() -> "RichTable":
    """Return an empty table with narrow gaps, so that a comparison fits into 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable

    return RichTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)


def width_of(grid: "RichTable | Text", console: "Console") -> int:
    """Return the width of a table on an infinitely wide terminal."""
    return console.measure(grid, options=console.options.update(width=10_000)).maximum


def box_plot(
    summaries: Sequence[Summary],
    best_possible: float | None,
    width: int,
    encoding: str,
    unit: Unit = PERCENT,
) -> list[str]:
    """Draw one box per variant on one scale: lowest run, quartiles, median and highest run.

    Args:
        summaries: One per row; those without a run give an empty row.
        best_possible: Best possible accuracy, drawn through all rows; None if not known.
        width: Characters of a line.
        encoding: Encoding of the terminal; without box characters plain ASCII is used.
        unit: Unit of the scores.

    Returns:
        Lines, the scale below; empty if nothing is drawn, or if it does not fit.
    """
    labels_width = max((len(summary.label) for summary in summaries), default=0) + 1
    n_columns = width - labels_width - 1
    ends = [end for s in summaries for end in (s.min, s.max) if end is not None]
    if n_columns < FEWEST_COLUMNS or not ends:
        return []
    ends += [] if best_possible is None else [best_possible]
    low, high = min(ends), max(ends)
    scale = (n_columns - 1) / (high - low) if high > low else 0.0
    letters = UNICODE_BOX if can_write(UNICODE_BOX, encoding) else ASCII_BOX
    lines = []
    for summary in summaries:
        row = [" "] * n_columns
        if best_possible is not None:
            row[round((best_possible - low) * scale)] = letters.best_possible
        shares = (summary.min, summary.q1, summary.median, summary.q3, summary.max)
        indices = [round((share - low) * scale) for share in shares if share is not None]
        if indices:
            _draw(row, indices, letters)
        lines.append(summary.label.ljust(labels_width) + "".join(row).rstrip())
    left, right = unit.score(low), unit.score(high)
    gap = max(1, n_columns - len(left) - len(right))
    lines.append(" " * labels_width + left + " " * gap + right)
    whisker, box = letters.whisker, letters.box
    legend = (
        f"{letters.low_end}{whisker}{box}{letters.median}{box}{whisker}{letters.high_end} lowest,"
    )
    legend += " quartiles, median, highest"
    if best_possible is not None:
        legend += f"; {letters.best_possible} best possible"
    return [*lines, legend]


def _draw(row: list[str], indices: Sequence[int], letters: BoxLetters) -> None:
    """Draw one box into a row, from the indices of its five quantiles.

    Args:
        row: Characters of the row, changed in place.
        indices: Positions of the five quantiles.
        letters: Characters of the box.
    """
    low, q1, median, q3, high = indices
    row[low : high + 1] = letters.whisker * (high + 1 - low)
    row[low], row[high] = letters.low_end, letters.high_end
    row[q1 : q3 + 1] = letters.box * (q3 + 1 - q1)
    row[median] = letters.median


def can_write(letters: object, encoding: str) -> bool:
    """Return whether an encoding has all letters that an object has as attributes."""
    try:
        "".join(vars(letters).values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
