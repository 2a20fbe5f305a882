"""Base of the views of studies: sentences by variant, cautions, cells and details."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from blobtransfer.report.cautions import short_study_caution, study_caution_text
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.comparison import SUMMARY_COLUMNS, summary_row
from blobtransfer.report.kinds.details import detail_tables
from blobtransfer.report.report import View
from blobtransfer.report.table import SummaryRows, Table, blank_repeats
from blobtransfer.report.words import (
    MARKS_LEGEND,
    QUESTION_NAMES,
    SHORT_VERDICTS,
    format_interval,
    format_judged_mean,
    format_mark,
    format_points,
    test_metric_plural,
)
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.identity import plain
from blobtransfer.statistics.paired import Verdict


class StudyView(View[StudyResults]):
    """Base of the views of studies.

    Attributes:
        cell_name: Name of the cells of this kind, in the plural.
        column_explanations: Meaning of the columns of this kind; `{test_metric_plural}` stands for
            the judged metric.
    """

    is_condensed = True
    cell_name: ClassVar[str]
    column_explanations: ClassVar[tuple[str, ...]]

    @abstractmethod
    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield the answer to a question, one clause per variant."""

    @abstractmethod
    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the cells of this kind are compared and analysed."""

    def subject(self, question: Question) -> str:
        """Return the subject of an answer."""
        return QUESTION_NAMES[question].capitalize()

    def stopped_at(self, results: StudyResults) -> str | None:
        """Return how many cells and repeats an interrupted study has."""
        if not results.interrupted:
            return None
        n_cells, last = len(results.study.cells), results.cells[-1]
        text = f"Stopped at {len(results.cells):,} of {n_cells:,} {self.cell_name}"
        if not last.interrupted:
            return text
        n_repeats = results.study.n_repeats
        return f"{text}, the last with {last.scores.n_repeats:,} of {n_repeats:,} repeats"

    def sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield one sentence per question and variant."""
        for question in results.study.questions:
            for clause in self.clauses(results, question):
                yield Sentence(question, f"{self.subject(question)}: {clause}")

    def joined_sentence(self, results: StudyResults, question: Question) -> str:
        """Return the answer to a question in one sentence."""
        return f"{self.subject(question)}: {'; '.join(self.clauses(results, question))}"

    def cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution with its reason."""
        for caution in results.findings.cautions:
            yield study_caution_text(caution, results, self.cell_name)

    def short_cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution in one line."""
        for caution in results.findings.cautions:
            yield short_study_caution(caution, results, self.cell_name)

    def explanations(self, results: StudyResults) -> Iterator[str]:
        """Yield the meaning of each row and column, with the numbers of these results."""
        yield from texts.EXPLAINED_VARIANTS
        yield texts.EXPLAINED_FRESH
        accuracies = test_metric_plural(results.cell.spec)
        for text in self.column_explanations:
            yield text.format(test_metric_plural=accuracies)
        yield from texts.explain_metric(results.cell.spec)
        yield "better, worse: the whole interval is above, below 0"
        margin = format_points(results.study.margin)
        yield f"negligible: no practical difference, the whole interval is within {margin} of 0"
        yield "undecided: none of these"

    def method(self, results: StudyResults) -> Iterator[str]:
        """Yield how networks are trained, compared and judged."""
        spec = results.cell.spec
        yield texts.training_paragraph(results.study.specs)
        yield texts.design_paragraph(spec)
        yield self.study_paragraph(results)
        yield texts.verdict_paragraph(format_points(spec.margin), notes=texts.explain_metric(spec))

    def summary(self, results: StudyResults) -> SummaryRows:
        """Return one row per cell and variant, with the position of the cell first."""
        names = tuple(axis.name for axis in results.study.axes)
        rows = [
            [*cell.at, *summary_row(summary, cell)]
            for cell in results.cells
            for summary in cell.summary
        ]
        return SummaryRows((*names, *SUMMARY_COLUMNS), rows)

    def settings(self, results: StudyResults) -> Iterator[tuple[str, Any]]:
        """Yield the axes, the budget, and each setting of the first cell."""
        for axis in results.study.axes:
            yield axis.name, axis.values
        yield "budget", str(results.study.budget)
        yield from plain(results.study.cells[0].spec).items()


def cell_details(results: StudyResults, cells: Iterable[CellResults]) -> Iterator[Table]:
    """Yield the detail tables of some cells, each with the position of its cell in the title."""
    for cell in cells:
        pairs = zip(results.study.axes, cell.at, strict=True)
        position = " ".join(f"{axis.name} {value}" for axis, value in pairs)
        for table in detail_tables(cell):
            yield replace(table, title=f"{position}: {table.title}", is_detail=True)


def point_matrix(results: StudyResults, question: Question) -> Table:
    """Return the differences of all variants without intervals, one row per cell.

    Args:
        results: Results of a study.
        question: Question whose variants are shown.
    """
    names = tuple(axis.name for axis in results.study.axes)
    labels = [label.removeprefix("transfer ") for label in results.variant_labels.values()]
    rows = [
        (*cell.at, *(format_marked_difference(cell, question, i) for i in results.variant_labels))
        for cell in results.cells
    ]
    return Table(
        title=f"difference in points: {MARKS_LEGEND}",
        columns=(*names, *labels),
        rows=blank_repeats(rows, *([1] * (len(names) - 1))),
        keys=names,
    )


def format_marked_difference(
    cell: CellResults, question: Question, series: int, has_interval: bool = False
) -> str:
    """Return the difference of a variant in points, with the mark of its verdict.

    Args:
        cell: Cell of a study.
        question: Question whose variants are shown.
        series: Index of the variant in the cell.
        has_interval: Whether the interval follows the difference.
    """
    summary = cell.summary_of(question, series)
    d, mark = summary.difference, format_mark(summary.verdict)
    if d is None or d.mean is None:
        return ""
    kind = "undecided" if summary.verdict is None else summary.verdict.kind
    text = format_interval(d, digits=1) if has_interval else format_judged_mean(d.mean, kind)
    text = f"{text} {mark}".rstrip()
    is_self_transfer = len(cell.at) == 2 and cell.at[0] == cell.at[1]
    return f"[{text}]" if is_self_transfer else text


def notes_on_negligible(verdicts: Sequence[Verdict | None], results: StudyResults) -> Iterator[str]:
    """Return a note on the short word for no practical difference, if it is used."""
    if any(verdict is not None and verdict.kind in SHORT_VERDICTS for verdict in verdicts):
        margin = format_points(results.study.margin)
        yield f"negligible: no practical difference (less than {margin})"
