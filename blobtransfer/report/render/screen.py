"""Print a report on a terminal: sentences, tables, cautions and hints.

A comparison fits a screen of 80 x 24; `--full` prints its whole tables. Verdicts have colours,
and the word is always printed.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from blobtransfer.report.render.terminal import can_write, new_grid, print_tables, width_of
from blobtransfer.report.report import Report
from blobtransfer.report.table import Overview, OverviewRow
from blobtransfer.report.units import Unit
from blobtransfer.report.words import SHORT_VERDICTS
from blobtransfer.statistics.paired import MIN_PAIRS, VerdictKind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

VERDICT_COLOURS: dict[VerdictKind | None, str] = {
    "better": "green",
    "worse": "red",
    "undecided": "yellow",
    "no practical difference": "cyan",
}

MAX_CAUTIONS = 3
"""Largest number of cautions below an overview."""

STRIP_WIDTH = 12
"""Letters of the strip that shows a difference and its interval."""


@dataclass(frozen=True)
class StripLetters:
    """Letters of a strip."""

    line: str
    mean: str
    zero: str


UNICODE_STRIP, ASCII_STRIP = StripLetters("─", "●", "│"), StripLetters("-", "o", "|")

OVERVIEW_COLUMNS = ("variant", "mean", "std", "difference [95 %]", "strip", "verdict")
LEFT_COLUMNS = ("variant", "strip", "verdict")

DROPPED_FROM_OVERVIEW = ("strip", "std", "mean", "verdict")
"""Columns that are dropped on a narrow terminal, in this order."""


def print_report(report: Report[Any], console: "Console", full: bool) -> bool:
    """Print a report on a terminal.

    Args:
        report: With the tables that are to be printed.
        console: Console of the terminal.
        full: Print the whole tables of a comparison in place of its overview.

    Returns:
        Whether its cautions were printed.
    """
    tables, overview = report.tables, report.overview
    has_cautions = True
    if report.view.is_condensed:
        _print_condensed(report, console, full)
        tables = ()
    elif overview is not None and not full:
        print_overview(report, overview, console)
        tables = tuple(table for table in tables[overview.n_tables :] if not table.is_detail)
        console.file.write("\n" if tables else "")
    else:
        has_cautions = False
        console.file.write("" if report.stopped is None else f"{report.stopped}\n\n")
    print_tables(tables, console)
    return has_cautions


def _print_condensed(report: Report[Any], console: "Console", full: bool) -> None:
    """Print headline and sentences, then the tables, then cautions and hints.

    Args:
        report: Report to print.
        console: Console of the terminal.
        full: Print all tables.
    """
    console.print(*wrap(report.headline, console.width), sep="\n", style="bold")
    for sentence in report.sentences:
        console.print(*wrap(sentence.text, console.width), sep="\n")
    console.print()
    print_tables([replace(table, sentence=None) for table in report.tables], console)
    for caution in report.cautions:
        console.print(*wrap(f"note: {caution}", console.width), sep="\n", style="dim")
    hints = [] if full else ["all tables: --full"]
    hints += [] if report.is_explained else ["what they mean: --explain"]
    if hints:
        console.print("   ".join(hints), style="dim")


def print_overview(report: Report[Any], overview: Overview, console: "Console") -> None:
    """Print headline and short answers, the overview, then cautions and hints.

    Args:
        report: Report of a comparison.
        overview: Its overview.
        console: Console of the terminal.
    """
    width = console.width
    console.print(*wrap(report.headline, width), sep="\n", style="bold")
    for sentence in report.short_sentences:
        style = VERDICT_COLOURS.get(overview.verdicts[sentence.question])
        console.print(*wrap(sentence.text, width), sep="\n", style=style)
    console.print()
    for n in range(len(DROPPED_FROM_OVERVIEW) + 1):
        grid = _grid(overview, console, DROPPED_FROM_OVERVIEW[:n])
        least = width_of(grid, console)
        if least <= width:
            break
    # If the table is still too wide, the terminal wraps it; names and numbers are not cut.
    console.width = max(width, least)
    console.print(grid)
    console.width = width
    console.print(*wrap(overview.legend, width), sep="\n", style="dim")
    for caution in report.short_cautions[:MAX_CAUTIONS]:
        console.print(*wrap(f"note: {caution}", width), sep="\n", style="dim")
    if not report.is_explained:
        hint = "all columns: --full   what they mean: --explain"
        console.print(*wrap(hint, width), sep="\n", style="dim")


def _grid(overview: Overview, console: "Console", dropped: Sequence[str]) -> "RichTable":
    """Return the overview as a table.

    Args:
        overview: Overview of a comparison.
        console: Console of the terminal.
        dropped: Heads of the columns to leave out.
    """
    from rich.text import Text

    grid = new_grid()
    indices = [i for i, head in enumerate(OVERVIEW_COLUMNS) if head not in dropped]
    strip = _Strip.of(overview, console.encoding)
    heads = {"variant": overview.scores, "strip": strip.scale}
    for column in (OVERVIEW_COLUMNS[i] for i in indices):
        justify: Literal["left", "right"] = "left" if column in LEFT_COLUMNS else "right"
        grid.add_column(heads.get(column, column), justify=justify, no_wrap=True)
    for row in overview.rows:
        if row.is_question:
            grid.add_row(Text(row.label, style="dim"))
            continue
        verdict = "" if row.verdict is None else SHORT_VERDICTS.get(row.verdict, row.verdict)
        texts = ["  " * row.level + row.label, row.mean, row.std, row.interval, strip.draw(row)]
        cells = [*map(Text, texts), Text(verdict, style=VERDICT_COLOURS.get(row.verdict, ""))]
        grid.add_row(*(cells[i] for i in indices))
    return grid


@dataclass(frozen=True)
class _Strip:
    """Differences and their intervals on one scale for all rows."""

    low: float
    high: float
    letters: StripLetters
    unit: Unit

    @classmethod
    def of(cls, overview: Overview, encoding: str) -> "_Strip":
        """Return the strip that holds all differences of an overview and their drawn intervals."""
        differences = [row.difference for row in overview.rows if row.difference is not None]
        numbers = [d.mean for d in differences]
        for d in differences:  # the interval of few repeats would hide all differences
            numbers += [d.ci_low, d.ci_high] if d.n >= MIN_PAIRS else []
        ends = [number for number in numbers if number is not None]
        letters = UNICODE_STRIP if can_write(UNICODE_STRIP, encoding) else ASCII_STRIP
        return cls(min([0.0, *ends]), max([0.0, *ends]), letters, overview.unit)

    @property
    def scale(self) -> str:
        """Both ends of the scale, in whole points unless that is 0."""
        low, high = (self.unit.nonzero(end, digits=0) for end in (self.low, self.high))
        return low + high.rjust(STRIP_WIDTH - len(low))

    def draw(self, row: OverviewRow) -> str:
        """Return the strip of one row; empty if there is no difference."""
        d = row.difference
        if d is None or d.mean is None or self.high <= self.low:
            return ""
        strip = [" "] * STRIP_WIDTH
        if d.ci_low is not None and d.ci_high is not None and d.n >= MIN_PAIRS:
            first, last = self._index(d.ci_low), self._index(d.ci_high)
            strip[first : last + 1] = self.letters.line * (last + 1 - first)
        strip[self._index(0.0)] = self.letters.zero
        strip[self._index(d.mean)] = self.letters.mean
        return "".join(strip)

    def _index(self, difference: float) -> int:
        """Return the position of a difference on the strip."""
        return round((difference - self.low) / (self.high - self.low) * (STRIP_WIDTH - 1))


def wrap(text: str, width: int) -> list[str]:
    """Break a text into lines of a terminal, all but the first indented."""
    return textwrap.wrap(
        text, max(width, 20), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
