"""Tables of a report: cells as text, with a title, an answer and notes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any

from blobtransfer.report.units import PERCENT, Unit
from blobtransfer.results.findings import Summary
from blobtransfer.specs.experiment import ComparedQuestion
from blobtransfer.statistics.paired import Difference, VerdictKind

WORD_COLUMNS = (
    "variant", "question", "metric", "what", "of", "verdict", "pair", "source", "score", "data",
    "",
)  # fmt: skip
"""Columns of words, aligned left; all others are numbers, aligned right."""


@dataclass(frozen=True)
class Table:
    """A table of text cells.

    Args:
        title: What the table shows.
        columns: Column heads.
        rows: One tuple of cells per row.
        notes: Lines below the table.
        sentence: The answer, below the table.
        summaries: Summaries that a small box plot shows on a terminal.
        best_possible: Best possible accuracy in that plot; None if it is not known.
        unit: Unit of the scores in that plot.
        is_detail: Whether it is left out if the answer must fit one screen.
        printed_notes: Notes in place of `notes` on standard output, which name the time; files
            do not, so that the same command writes byte-identical ones. None: the same notes.
        name: Name of the table in `show --table`; tables of the same kind share one.
        keys: Heads of the columns that a terminal repeats in each part of a table that is too
            wide for it; empty: the first column.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    sentence: str | None = None
    summaries: tuple[Summary, ...] = ()
    best_possible: float | None = None
    unit: Unit = PERCENT
    is_detail: bool = False
    printed_notes: tuple[str, ...] | None = None
    name: str = ""
    keys: tuple[str, ...] = ()

    def with_text(self, change: Callable[[str], str]) -> "Table":
        """Return the table with `change` applied to every text."""
        return replace(
            self,
            title=change(self.title),
            columns=tuple(map(change, self.columns)),
            rows=tuple(tuple(map(change, row)) for row in self.rows),
            notes=tuple(map(change, self.notes)),
            sentence=self.sentence and change(self.sentence),
            printed_notes=self.printed_notes and tuple(map(change, self.printed_notes)),
        )


DIFFERENCE, STRIP, VERDICT = "difference [95 %]", "strip", "verdict"
"""Columns of an overview that a screen draws in its own way."""


@dataclass(frozen=True)
class OverviewRow:
    """One row of an overview: a variant, or the name of a question.

    Args:
        label: Name of the row.
        question: Question that the row answers; None for standalone, which is part of all.
        cells: Text of each column, by its head.
        difference: Difference to standalone as numbers; None for standalone and for a question.
        verdict: Verdict on the difference.
        level: 1 below the name of a question, else 0.
        is_question: Whether it names a question and has no numbers.
    """

    label: str
    question: ComparedQuestion | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    difference: Difference | None = None
    verdict: VerdictKind | None = None
    level: int = 0
    is_question: bool = False

    @property
    def mean(self) -> str:
        """Cell with the mean."""
        return self.cells.get("mean", "")

    @property
    def std(self) -> str:
        """Cell with the standard deviation."""
        return self.cells.get("std", "")

    @property
    def interval(self) -> str:
        """Cell with the difference to standalone and its interval."""
        return self.cells.get(DIFFERENCE, "")


@dataclass(frozen=True)
class Overview:
    """All variants on one screen, one row each.

    Args:
        rows: Rows in the order in which they are printed.
        columns: Column heads in the order in which they are printed.
        priority: The same heads, the most important first: a narrow terminal drops the last.
        legend: Line below the rows.
        verdicts: The verdict that all variants of a question share; None if they differ.
        n_tables: Number of tables of the report that it replaces, from the first.
        scores: Head of the column of variants: what means and differences are about.
        unit: Unit of the differences.
    """

    rows: tuple[OverviewRow, ...]
    columns: tuple[str, ...]
    priority: tuple[str, ...]
    legend: str
    verdicts: Mapping[ComparedQuestion, VerdictKind | None]
    n_tables: int
    scores: str = "accuracy in %"
    unit: Unit = PERCENT

    def with_text(self, change: Callable[[str], str]) -> "Overview":
        """Return the overview with `change` applied to every text."""
        rows = tuple(replace(row, label=change(row.label)) for row in self.rows)
        return replace(self, rows=rows, legend=change(self.legend))


@dataclass(frozen=True)
class Matrix:
    """Cells of a study on one screen: variants across or down, a mark in place of each verdict.

    Args:
        layouts: Tables with the most detail first; the first that fits the terminal is printed.
        legend: Line below them.
        n_tables: Number of tables of the report that it replaces, from the first.
    """

    layouts: tuple[tuple[Table, ...], ...]
    legend: str
    n_tables: int

    def with_text(self, change: Callable[[str], str]) -> "Matrix":
        """Return the matrix with `change` applied to every text."""
        layouts = tuple(
            tuple(table.with_text(change) for table in tables) for tables in self.layouts
        )
        return replace(self, layouts=layouts, legend=change(self.legend))


@dataclass(frozen=True)
class SummaryRows:
    """One row of values per variant; accuracies and differences are shares.

    Args:
        columns: Column heads.
        rows: Values; None for a missing value.
        unit: Unit in which scores and differences are printed.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    unit: Unit = PERCENT


def blank_repeats(
    rows: Iterable[tuple[str, ...]], *group_sizes: int
) -> tuple[tuple[str, ...], ...]:
    """Blank the leading cells of each row that equal those of the row above.

    Args:
        rows: Rows of a table.
        *group_sizes: Number of cells in each group; a group is blank only if all groups before
            it are.
    """
    blanked: list[tuple[str, ...]] = []
    above: tuple[str, ...] | None = None
    for row in rows:
        n = 0
        for end in accumulate(group_sizes):
            n = end if above is not None and row[:end] == above[:end] else n
        blanked.append((*("",) * n, *row[n:]))
        above = row
    return tuple(blanked)
