"""The answer of a comparison on one screen of 80 x 24: sentences first, then one table.

The whole tables are a `--full` away. Verdicts have colours, and the word is always there.
"""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from blobtransfer.report.cautions import short_caution
from blobtransfer.report.report import Report
from blobtransfer.report.sentences import headline, short_answer
from blobtransfer.report.words import (
    QUESTION_NAMES,
    describe_design,
    format_interval,
    format_number,
    format_points,
    format_short_verdict,
    label_of,
)
from blobtransfer.results.findings import Summary
from blobtransfer.results.results import Results
from blobtransfer.specs.experiment import Question

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

COLOURS = {
    "better": "green",
    "worse": "red",
    "undecided": "yellow",
    "no practical difference": "cyan",
}


SOURCES: dict[Question, str] = {"one": ": one source", "fresh": ": new sources"}
"""What the name of a question says of its sources, where there is room."""

WIDE = 80
"""Columns from which on there is."""

MAX_NOTES = 3

STRIP = 12
"""Letters of the strip that shows a difference and its interval."""


@dataclass(frozen=True)
class Letters:
    """What a strip is drawn with."""

    line: str
    mean: str
    zero: str


UNICODE, ASCII = Letters("─", "●", "│"), Letters("-", "o", "|")

DROPPED = ("strip", "std", "mean", "verdict")
"""Columns that a terminal too narrow for all does without, in this order."""


def print_screen(report: Report, stream: TextIO) -> None:
    """Print the answer of a comparison."""
    from rich.console import Console

    console = Console(file=stream, highlight=False, markup=False, emoji=False)
    results, width = report.results, console.width
    assert isinstance(results, Results)
    console.print(*wrapped(headline(results), width), sep="\n", style="bold")
    for question in results.spec.questions:
        sentence = short_answer(results, question)
        if sentence is not None:
            style = _colour(results.of_question(question))
            console.print(*wrapped(sentence, width), sep="\n", style=style)
    console.print()
    dropped = next(n for n in range(len(DROPPED) + 1) if _fits(results, console, DROPPED[:n]))
    grid = _grid(results, console, DROPPED[:dropped])
    unbounded = console.options.update(width=10_000)
    least = console.measure(grid, options=unbounded).maximum
    # Where even that is too wide, the terminal may wrap; a name or a number is never cut.
    console.width = max(width, least)
    console.print(grid)
    console.width = width
    console.print(*wrapped(_legend(results), width), sep="\n", style="dim")
    for caution in results.findings.cautions[:MAX_NOTES]:
        note = f"note: {short_caution(caution, results)}"
        console.print(*wrapped(note, width), sep="\n", style="dim")
    if not report.is_explained:
        hint = "all columns: --full   what they mean: --explain"
        console.print(*wrapped(hint, width), sep="\n", style="dim")


def _fits(results: Results, console: "Console", dropped: Sequence[str]) -> bool:
    unbounded = console.options.update(width=10_000)
    grid = _grid(results, console, dropped)
    is_last = len(dropped) == len(DROPPED)
    return is_last or console.measure(grid, options=unbounded).maximum <= console.width


def _grid(results: Results, console: "Console", dropped: Sequence[str]) -> "RichTable":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    heads = [
        ("accuracy in %", "left"), ("mean", "right"), ("std", "right"),
        ("difference [95 %]", "right"), ("strip", "left"), ("verdict", "left"),
    ]  # fmt: skip
    kept = [i for i, (head, _) in enumerate(heads) if head not in dropped]
    strip = _Strip.of(results, console.encoding)
    for i in kept:
        head, justify = heads[i]
        text = Text(strip.scale if head == "strip" else head)
        grid.add_column(text, justify="left" if justify == "left" else "right", no_wrap=True)
    for indent, one in _rows(results, console.width >= WIDE):
        if isinstance(one, str):
            grid.add_row(Text(one, style="dim"))
            continue
        verdict = one.verdict.kind if one.verdict else ""
        cells = [
            Text("  " * indent + label_of(one.arm, results)),
            Text(format_number(one.mean, digits=1)),
            Text(format_number(one.std, digits=1)),
            Text(_difference(one)),
            Text(strip.of_one(one)),
            Text(format_short_verdict(one.verdict), style=COLOURS.get(verdict, "")),
        ]
        grid.add_row(*(cells[i] for i in kept))
    return grid


def _rows(results: Results, is_wide: bool) -> Iterator[tuple[int, Summary | str]]:
    """Give what needs no source once, then the arms of each question below its name."""
    for one in results.summary:
        if one.arm.sources == "none":
            yield 0, one
    for question in results.spec.questions:
        own = [one for one in results.summary if one.arm.sources == question]
        if own:
            yield 0, QUESTION_NAMES[question] + (SOURCES[question] if is_wide else "")
        for one in own:
            yield 1, one


@dataclass(frozen=True)
class _Strip:
    """Differences and their intervals on one scale for all rows."""

    low: float
    high: float
    letters: Letters

    @classmethod
    def of(cls, results: Results, encoding: str) -> "_Strip":
        found = [one.difference for one in results.summary if one.difference is not None]
        ends = [end for d in found for end in (d.ci_low, d.ci_high, d.mean) if end is not None]
        try:
            "".join(vars(UNICODE).values()).encode(encoding)
            letters = UNICODE
        except (UnicodeEncodeError, LookupError):
            letters = ASCII
        return cls(min([0.0, *ends]), max([0.0, *ends]), letters)

    @property
    def scale(self) -> str:
        low, high = f"{100 * self.low:+.0f}", f"{100 * self.high:+.0f}"
        return low + high.rjust(STRIP - len(low))

    def of_one(self, one: Summary) -> str:
        d = one.difference
        if d is None or d.mean is None or self.high <= self.low:
            return ""
        row = [" "] * STRIP
        if d.ci_low is not None and d.ci_high is not None:
            first, last = self._place(d.ci_low), self._place(d.ci_high)
            row[first : last + 1] = self.letters.line * (last + 1 - first)
        row[self._place(0.0)] = self.letters.zero
        row[self._place(d.mean)] = self.letters.mean
        return "".join(row)

    def _place(self, difference: float) -> int:
        return round((difference - self.low) / (self.high - self.low) * (STRIP - 1))


def _legend(results: Results) -> str:
    ceiling = results.measured.ceiling
    parts = [] if ceiling is None else [f"best possible {format_number(ceiling, digits=1)}"]
    parts += [f"margin {format_points(results.spec.margin)}"]
    parts += [describe_design(results, results.spec.questions[-1])]
    return "; ".join(parts)


def _colour(shown: Sequence[Summary]) -> str | None:
    """Give the colour of an answer: that of its verdicts where they are all alike."""
    kinds = {one.verdict.kind for one in shown if one.verdict is not None}
    return COLOURS.get(kinds.pop()) if len(kinds) == 1 else None


def _difference(one: Summary) -> str:
    is_empty = one.difference is None or one.difference.mean is None
    return "" if is_empty else format_interval(one.difference, digits=1)


def wrapped(text: str, width: int) -> list[str]:
    """Break a text into lines of a terminal, all but the first indented."""
    return textwrap.wrap(
        text, max(width, 20), subsequent_indent="  ", break_on_hyphens=False, break_long_words=False
    )
