"""Tables on a terminal: with rich, as wide as it is, and a small box plot in letters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from blobtransfer.report.render.text import to_text
from blobtransfer.report.table import WORD_COLUMNS, Table
from blobtransfer.report.words import format_percent
from blobtransfer.results.findings import Summary

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

DROPPED_FIRST = (
    "best of 1", "best of 3", "5 % quantile", "typical [95 %]", "P(better)", "gap", "adj. p", "of",
    "value", "median", "low", "Wilcoxon p", "updates", "epochs", "beyond margin", "distance",
    "tau", "std",
)  # fmt: skip
DROPPED_LAST = ("mean", "difference [95 %]")
"""Columns that a terminal too narrow for all does without, in this order."""

PLOT_WIDTH = 78
"""Widest plot in letters."""

FEWEST_COLUMNS = 12
"""A plot that is narrower shows nothing."""


@dataclass(frozen=True)
class BoxLetters:
    """Letters of a box plot."""

    low_end: str
    whisker: str
    high_end: str
    box: str
    median: str
    ceiling: str


UNICODE_BOX = BoxLetters("├", "─", "┤", "█", "╋", "┊")
ASCII_BOX = BoxLetters("|", "-", "|", "=", "#", ":")


def print_tables(tables: Sequence[Table], file: TextIO) -> None:
    """Print tables with rich; a narrow terminal drops columns, and never cuts a number."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=file, highlight=False, markup=False, emoji=False)
    for i, table in enumerate(tables):
        dropped = _dropped(table, console)
        if dropped is None:
            bare = replace(_without(table, DROPPED_FIRST), sentence=None, notes=())
            file.write(("\n" if i else "") + to_text([bare]))
            below = [table.sentence, *table.notes] if table.sentence else table.notes
            console.print("", *map(Text, below), sep="\n")
            continue
        grid = _grid(_without(table, dropped))
        console.print(*([""] if i else []), Text(table.title, style="bold"), "", grid, sep="\n")
        width = min(console.width, PLOT_WIDTH)
        plot = box_plot(table.summaries, table.ceiling, width, console.encoding)
        if plot:
            console.print("", *map(Text, plot), sep="\n")
        if table.sentence:
            console.print("", Text(table.sentence, style="bold"), sep="\n")
        notes = list(table.notes)
        if dropped:
            notes.append(f"no room for: {', '.join(dropped)}")
        if notes:
            console.print("", *(Text(note, style="dim") for note in notes), sep="\n")


def _dropped(table: Table, console: "Console") -> list[str] | None:
    """Choose the columns that a terminal has no room for; None where not enough can go."""
    unbounded = console.options.update(width=10_000)

    def fits(without: Sequence[str]) -> bool:
        grid = _grid(_without(table, without))
        return console.measure(grid, options=unbounded).maximum <= console.width

    order = [head for head in (*DROPPED_FIRST, *DROPPED_LAST) if head in table.columns]
    n = next((n for n in range(len(order) + 1) if fits(order[:n])), None)
    if n is None:
        return None
    dropped = order[:n]
    for head in reversed(order[:n][:-1]):  # a narrow one may fit where a wide one went
        without = [one for one in dropped if one != head]
        if fits(without):
            dropped = without
    return dropped


def _without(table: Table, heads: Sequence[str]) -> Table:
    """Leave some columns out."""
    kept = [i for i, head in enumerate(table.columns) if head == "" or head not in heads]
    return replace(
        table,
        columns=tuple(table.columns[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in table.rows),
    )


def _grid(table: Table) -> "RichTable":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    # Narrow gaps, so that a comparison fits into 80 columns.
    gap = 0 if table.is_tight else 1
    grid = RichTable(box=SIMPLE_HEAD, padding=(0, gap, 0, 0), pad_edge=False, show_edge=False)
    for head in table.columns:
        grid.add_column(
            Text(head), justify="left" if head in WORD_COLUMNS else "right", overflow="fold"
        )
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def box_plot(
    summaries: Sequence[Summary], ceiling: float | None, width: int, encoding: str
) -> list[str]:
    """Draw a box a variant: lowest run, quartiles, median and highest run, in one scale.

    Args:
        summaries: One a row; those without a run give an empty row.
        ceiling: Best possible accuracy, drawn through all rows; None where it is not known.
        width: Letters of a line.
        encoding: Of the terminal; plain ASCII where it has no box letters.

    Returns:
        Lines, the scale below; none where there is no room or nothing to draw.
    """
    labels = max((len(one.label) for one in summaries), default=0) + 1
    n_columns = width - labels - 1
    ends = [end for one in summaries for end in (one.min, one.max) if end is not None]
    if n_columns < FEWEST_COLUMNS or not ends:
        return []
    ends += [] if ceiling is None else [ceiling]
    low, high = min(ends), max(ends)
    scale = (n_columns - 1) / (high - low) if high > low else 0.0
    letters = UNICODE_BOX if can_write(UNICODE_BOX, encoding) else ASCII_BOX

    def place(share: float) -> int:
        return round((share - low) * scale)

    lines = []
    for one in summaries:
        row = [" "] * n_columns
        if ceiling is not None:
            row[place(ceiling)] = letters.ceiling
        ends_and_quartiles = (one.min, one.q1, one.median, one.q3, one.max)
        places = [place(share) for share in ends_and_quartiles if share is not None]
        if places:
            _draw(row, places, letters)
        lines.append(one.label.ljust(labels) + "".join(row).rstrip())
    left, right = format_percent(low), format_percent(high)
    gap = max(1, n_columns - len(left) - len(right))
    lines.append(" " * labels + left + " " * gap + right)
    lines.append(
        f"{letters.low_end}{letters.whisker}{letters.box}{letters.median}{letters.box}"
        f"{letters.whisker}{letters.high_end} lowest, quartiles, median, highest"
        + ("" if ceiling is None else f"; {letters.ceiling} ceiling")
    )
    return lines


def _draw(row: list[str], places: Sequence[int], letters: BoxLetters) -> None:
    low, q1, median, q3, high = places
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
