"""Print a report on a terminal: the answer on one screen, or all tables with `--full`.

The screen of each command fits 80 x 24: question, short answers, one table, the most important
cautions. A wide terminal shows more columns, a narrow one fewer. Verdicts have colours, and the
word or mark is always printed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

from blobtransfer.report.render.terminal import (
    can_write,
    fits,
    new_grid,
    print_tables,
    renderables_of,
    width_of,
    wrap,
)
from blobtransfer.report.report import Report
from blobtransfer.report.table import (
    DIFFERENCE,
    STRIP,
    VERDICT,
    Matrix,
    Overview,
    OverviewRow,
    Table,
)
from blobtransfer.report.units import Unit
from blobtransfer.report.words import QUESTION_NAMES, SHORT_VERDICTS, pluralise
from blobtransfer.specs.experiment import ComparedQuestion
from blobtransfer.statistics.paired import MIN_PAIRS, VerdictKind

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

VERDICT_COLOURS: dict[VerdictKind | None, str] = {
    "better": "green",
    "worse": "red",
    "no practical difference": "cyan",
}
"""Colours that are readable on light and dark terminals; other verdicts have that of the text."""

SCREEN_SIZE = (80, 23)
"""Columns and lines of one screen of 80 x 24, without the prompt."""

MAX_CAUTIONS = 3
"""Largest number of cautions on one screen."""

STRIP_WIDTH = 12
"""Letters of the strip that shows a difference and its interval."""


@dataclass(frozen=True)
class StripLetters:
    """Letters of a strip."""

    line: str
    mean: str
    zero: str


UNICODE_STRIP, ASCII_STRIP = StripLetters("─", "●", "│"), StripLetters("-", "o", "|")

NAMED_IF_DROPPED = ("mean", "std", "new pair [95 %]")
"""Columns that a narrow terminal names if it has no room for them."""


def print_report(report: Report[Any], console: "Console", full: bool) -> None:
    """Print a report on a terminal, with its cautions.

    Args:
        report: With the tables that are to be printed.
        console: Console of the terminal.
        full: Print all tables in place of one screen.
    """
    if full or report.overview is None:
        columns = _print_full(report, console)
    else:
        columns = _print_screen(report, report.overview, console)
    if report.is_explained and report.explanations:
        console.print()
        for line in _explanations_of(report, columns):
            console.print(*wrap(line, console.width), sep="\n")


def _print_full(report: Report[Any], console: "Console") -> set[str]:
    """Print headline and answers, all tables, then cautions; return the heads of the columns."""
    width, tables = console.width, report.tables
    if report.overview is not None:
        console.print(*wrap(report.headline, width), sep="\n", style="bold")
        for sentence in report.sentences:
            console.print(*wrap(sentence.text, width), sep="\n")
        console.print()
        n_answered = report.overview.n_tables
        answered = (replace(table, sentence=None) for table in tables[:n_answered])
        tables = (*answered, *tables[n_answered:])
    elif report.stopped is not None:
        console.print(*wrap(report.stopped, width), "", sep="\n")
    print_tables(tables, console)
    if report.cautions:
        console.print()
    for line in _caution_lines(report, report.cautions, width):
        console.print(line)
    return {head for table in tables for head in table.columns}


def _explanations_of(report: Report[Any], columns: set[str]) -> Iterator[str]:
    """Yield the explanations of printed columns, and those of rows and verdicts.

    Args:
        report: The report.
        columns: Heads of the printed columns.
    """
    known = {head for table in report.view.tables(report.results) for head in table.columns}
    for line in report.explanations:
        names, _, text = line.partition(": ")
        heads = [name for name in names.split(", ") if name not in known or name in columns]
        if heads:
            yield f"{', '.join(heads)}: {text}"


def _print_screen(report: Report[Any], overview: Overview | Matrix, console: "Console") -> set[str]:
    """Print one screen; return the heads of its columns.

    If it would have more than 24 lines, it has fewer cautions, or only the primary question, or
    fewer tables.

    Args:
        report: Report with an overview.
        overview: The overview.
        console: Console of the terminal.
    """
    width, height = SCREEN_SIZE
    questions = list(dict.fromkeys(sentence.question for sentence in report.sentences))
    n_tables = len(report.brief_tables)
    choices = [(questions if isinstance(overview, Overview) else questions[:1], n_tables)]
    choices += [(questions[:1], n) for n in range(n_tables, -1, -1)]
    for (shown, n), n_cautions in product(choices, range(MAX_CAUTIONS, 0, -1)):
        tables = report.brief_tables[:n]
        lines, columns = _screen_lines(report, overview, console, shown, tables, n_cautions)
        if console.width < width or sum(map(partial(_height, console), lines)) <= height:
            break
    for line in lines:
        width = console.width
        # If a table is still too wide, the terminal wraps it; names and numbers are not cut.
        console.width = max(width, width_of(line, console))
        console.print(line)
        console.width = width
    return columns


def _height(console: "Console", line: Any) -> int:
    """Return how many lines of a terminal a text or a table has."""
    return len(console.render_lines(line, pad=False))


def _screen_lines(
    report: Report[Any],
    overview: Overview | Matrix,
    console: "Console",
    questions: Sequence[ComparedQuestion],
    brief_tables: Sequence[Table],
    n_cautions: int,
) -> tuple[list[Any], set[str]]:
    """Return the lines and tables of one screen, and the heads of its columns.

    Args:
        report: Report with an overview.
        overview: The overview.
        console: Console of the terminal.
        questions: Questions that are shown.
        brief_tables: Further tables that are shown.
        n_cautions: Greatest number of cautions.
    """
    width = console.width
    lines: list[Any] = list(_styled(report.headline, width, "bold"))
    for sentence in report.short_sentences:
        if sentence.question in questions:
            verdicts = overview.verdicts if isinstance(overview, Overview) else {}
            style = VERDICT_COLOURS.get(verdicts.get(sentence.question), "")
            lines += _styled(sentence.text, width, style)
    lines += _styled("", width)
    hidden: list[str] = []
    if isinstance(overview, Overview):
        grid, columns = _overview_grid(overview, console, questions)
        lines += grid
        hidden += [head for head in NAMED_IF_DROPPED if head in {*overview.columns} - columns]
    else:
        columns = _add_matrix(overview, console, lines)
    lines += _styled(overview.legend, width, "dim") if overview.legend else ()
    for table in brief_tables:
        lines += [*_styled("", width), *_styled(table.title, width, "bold")]
        lines += renderables_of(table, console)
        columns |= {*table.columns}
    cautions = report.short_cautions or report.cautions
    lines += _caution_lines(report, cautions[:n_cautions], width)
    others = dict.fromkeys(sentence.question for sentence in report.sentences)
    hidden += [QUESTION_NAMES.get(other, other) for other in others if other not in questions]
    hidden += [table.name for table in report.brief_tables[len(brief_tables) :]]
    if len(cautions) > n_cautions:
        hidden.append(pluralise(len(cautions) - n_cautions, "more notes"))
    hint = f"all columns{''.join(f', {name}' for name in hidden)}: --full"
    if not report.is_explained:
        hint += "   what they mean: --explain"
    return [*lines, *_styled(hint, width, "dim")], columns


def _styled(text: str, width: int, style: str = "") -> "Iterator[Text]":
    """Yield the lines of a text in a style; an empty text is one line."""
    from rich.text import Text

    for line in wrap(text, width) or [""]:
        yield Text(line, style=style)


def _caution_lines(report: Report[Any], cautions: Sequence[str], width: int) -> "Iterator[Text]":
    """Yield cautions: warnings, which may change the answer, then notes.

    Args:
        report: The report.
        cautions: Texts of its cautions, in order.
        width: Width of the terminal.
    """
    n_warnings = len(report.always_reported)
    for i, caution in enumerate(cautions):
        is_warning = i < n_warnings
        word, style = ("warning", "") if is_warning else ("note", "dim")
        yield from _styled(f"{word}: {caution}", width, style)


def _add_matrix(matrix: Matrix, console: "Console", lines: list[Any]) -> set[str]:
    """Add the first layout that fits the terminal; return the heads of its columns.

    Args:
        matrix: Matrix of a study.
        console: Console of the terminal.
        lines: Lines of the screen, to which it is added.
    """
    tables = next(
        (tables for tables in matrix.layouts if all(fits(table, console) for table in tables)),
        matrix.layouts[-1],
    )
    for i, table in enumerate(tables):
        lines += _styled("", console.width) if i else ()
        lines += _styled(table.title, console.width) if table.title else ()
        lines += renderables_of(table, console)
    return {head for table in tables for head in table.columns}


def _overview_grid(
    overview: Overview, console: "Console", questions: Sequence[ComparedQuestion]
) -> tuple[list[Any], set[str]]:
    """Return the overview as a table with the columns that fit, or as lines; and their heads.

    Args:
        overview: Overview of variants.
        console: Console of the terminal.
        questions: Questions that are shown.
    """
    rows = [row for row in overview.rows if row.question is None or row.question in questions]
    strip = _Strip.of(overview, console.encoding)
    shown = {DIFFERENCE, VERDICT}
    for head in overview.priority:
        if width_of(_grid(overview, rows, {*shown, head}, strip), console) <= console.width:
            shown.add(head)
    grid = _grid(overview, rows, shown, strip)
    if width_of(grid, console) > console.width:
        return _narrow_lines(overview, rows, console), shown
    return [grid], shown


def _grid(
    overview: Overview, rows: Sequence[OverviewRow], shown: set[str], strip: "_Strip"
) -> "RichTable":
    """Return rows of an overview as a table.

    Args:
        overview: Overview of variants.
        rows: Its rows that are shown.
        shown: Heads of the columns that are shown.
        strip: Strip of the differences.
    """
    from rich.text import Text

    grid = new_grid()
    grid.add_column(overview.scores, no_wrap=True)
    heads = [head for head in overview.columns if head in shown]
    for head in heads:
        justify: Literal["left", "right"] = "left" if head in (STRIP, VERDICT) else "right"
        grid.add_column(strip.scale if head == STRIP else head, justify=justify, no_wrap=True)
    for row in rows:
        if row.is_question:
            grid.add_row(Text(row.label, style="dim"))
            continue
        texts = {**row.cells, STRIP: strip.draw(row)}
        cells = [Text(texts.get(head, "")) for head in heads if head != VERDICT]
        grid.add_row(Text("  " * row.level + row.label), *cells, _verdict_text(row))
    return grid


def _narrow_lines(
    overview: Overview, rows: Sequence[OverviewRow], console: "Console"
) -> list["Text"]:
    """Return rows of an overview with the difference and the verdict below each name."""
    from rich.text import Text

    width = max(len(row.interval) for row in overview.rows) + 2
    verdicts = [_verdict_text(row) for row in rows if row.difference is not None]
    total = width + 2 + max([len(VERDICT), *map(len, verdicts)])
    has_room = total <= console.width
    between = "  " if has_room else "\n  "
    line = "─" if can_write(UNICODE_STRIP, console.encoding) else "-"
    lines = [
        Text(f"{DIFFERENCE.ljust(width * has_room)}{between}{VERDICT}", style="bold"),
        Text(line * min(total, console.width)),
    ]
    for row in rows:
        scores = f"{row.mean} ({row.std})" if row.difference is None and row.mean else ""
        label = f"{row.label} {scores}".rstrip()
        lines += _styled(label, console.width, "dim" * row.is_question)
        if row.difference is not None:
            interval = row.interval.rjust(width)
            lines.append(Text.assemble(f"{interval}{between}", _verdict_text(row)))
    return lines


def _verdict_text(row: OverviewRow) -> "Text":
    """Return the verdict of a row in its colour."""
    from rich.text import Text

    verdict = "" if row.verdict is None else SHORT_VERDICTS.get(row.verdict, row.verdict)
    return Text(verdict, style=VERDICT_COLOURS.get(row.verdict, ""))


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
        """Return the strip of one row; empty for a row without a difference."""
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
