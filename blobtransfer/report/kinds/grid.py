"""View of a grid: all data are source and target in turn."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.report import words
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.study import StudyView, cell_details
from blobtransfer.report.report import Report
from blobtransfer.report.table import Table, blank_repeats
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.statistics.paired import VerdictKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


VERDICT_MARKS: dict[VerdictKind, str] = {
    "better": ">",
    "worse": "<",
    "no practical difference": "=",
    "undecided": "?",
}
"""Verdicts as one character beside a number."""


class GridView(StudyView):
    """Report in how many cells, without the diagonal, a variant is better or worse."""

    cell_name = "cells"
    column_explanations = (
        "a number: mean of (variant - standalone) per repeat, in points",
        "[ ]: the source is another network that was trained on the target problem itself",
        "adj. p: p-value for no difference, by Holm over all cells and variants",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the number of data and repeats."""
        n, repeats = (
            len(results.study.axes[0].values),
            words.pluralise(results.study.n_repeats, "repeats"),
        )
        return f"Which source helps on which target? {n} problems, {repeats} a cell"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield in how many cells each variant is better or worse."""
        for series, label in results.variant_labels.items():
            yield f"{label} {_clause_over_cells(results, question, series)}"

    def cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution; test rows are set in the data specification."""
        return (text.replace("--test-samples ", "test=") for text in super().cautions(results))

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per variant, then rankings, all cells and details."""
        clauses = self.clauses(results, "fresh")
        for (series, _), clause in zip(results.variant_labels.items(), clauses, strict=True):
            yield grid_table(results, series, f"{self.subject('fresh')}: {clause}")
        if results.findings.rankings:
            yield grid_ranking_table(results)
        yield cell_table(results)
        # the grid itself shows self-transfer
        transfers = (cell for cell in results.cells if cell.at[0] != cell.at[1])
        yield from cell_details(results, transfers)

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the cells are compared and analysed."""
        return (
            "Every problem was source and target in turn, with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} a cell; all cells and variants "
            "are judged together by Holm's procedure. On the diagonal the source is another "
            "network of the target problem."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw one heat map per variant, with a frame around the diagonal."""
        from blobtransfer.report.figures.heat import draw_heat

        return draw_heat(report, canvas, has_self_transfer=True)


def _clause_over_cells(results: StudyResults, question: Question, series: int) -> str:
    """Return in how many cells, without the diagonal, a variant has each verdict.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        series: Index of the variant in each cell.
    """
    kinds = [
        verdict.kind
        for cell in results.cells
        if cell.at[0] != cell.at[1]
        and (verdict := cell.summary_of(question, series).verdict) is not None
    ]
    if not kinds:  # interrupted
        return "is not answered: no transfer is complete"
    counts = [
        f"{words.VERDICT_CLAUSES[kind]} in {kinds.count(kind)}"
        for kind in words.VERDICT_CLAUSES
        if kind in kinds
    ]
    return f"{', '.join(counts)} of {len(kinds)} transfers"


def grid_table(results: StudyResults, series: int, sentence: str) -> Table:
    """Return the table of one variant in every cell: sources down, targets across.

    Args:
        results: Results of a grid.
        series: Index of the variant in each cell.
        sentence: The answer about the variant.
    """
    sources, targets = (axis.values for axis in results.study.axes)
    means = {
        (margin.axis, margin.at): f"{words.format_signed(margin.mean)}  "
        for margin in results.findings.marginal_means
        if margin.series == series
    }
    cells = {cell.at: _cell_text(cell, series) for cell in results.cells}
    rows = []
    for source in sources:
        row = (cells.get((source, target), "") for target in targets)
        rows.append((source, *row, means.get(("source", source), "")))
    rows.append(("mean", *(means.get(("target", target), "") for target in targets), ""))
    n_differences = len(results.cells) * (len(results.study.cells[0].spec.variants) - 1)
    margin = words.format_points(results.study.margin)
    return Table(
        title=f"{results.variant_labels[series]}: difference to standalone in "
        f"{words.points_of(results.cell.spec)}, sources down, targets across",
        columns=("", *targets, "mean"),
        rows=tuple(rows),
        notes=(
            f"> better, < worse, = no practical difference (less than {margin}), ? undecided",
            "in brackets: self-transfer, the source is another network of the target problem; "
            "means without it, and without an interval",
            f"judged stage by stage (Holm) among the {n_differences} differences of all cells and "
            "variants",
            *filter(None, [texts.describe_epochs(results.study.specs)]),
        ),
        sentence=sentence,
    )


def grid_ranking_table(results: StudyResults) -> Table:
    """Return the table of the rankings of sources by transferability scores."""
    labels = results.variant_labels
    rankings = [
        (labels[finding.series], finding.score, finding.ranking)
        for finding in results.findings.rankings
    ]
    n_sources = len(results.study.axes[0].values) - 1
    return texts.ranking_table(
        f"Which of {words.pluralise(n_sources, 'sources')} would one pick? Scores on the training "
        "rows of each target",
        ((label, *texts.ranking_cells(score, ranking)) for label, score, ranking in rankings),
        results.cell.spec,
        notes=(
            f"means over the targets and {words.pluralise(rankings[0][-1].n, 'repeats')}, which "
            "alone are independent; without the diagonal",
        ),
        sentence=texts.ranking_sentence(rankings, " of a target, its sources", results.cell.spec),
    )


def cell_table(results: StudyResults) -> Table:
    """Return the table of all cells with their intervals."""
    rows = [
        (
            *(*cell.at, words.label_of(summary.arm, cell)),
            *(words.format_number(summary.mean), words.format_number(summary.std)),
            *(
                words.format_interval(summary.difference),
                words.format_adjusted_p(summary.difference),
            ),
            words.format_short_verdict(summary.verdict),
        )
        for cell in results.cells
        for summary in cell.of_question("fresh")
    ]
    heads = ("variant", "mean", "std", "difference [95 %]", "adj. p", "verdict")
    note = "an interval is at the level of its stage: it leaves out 0 just where p is below 0.05"
    return Table(
        title=f"Cell by cell: {words.test_metric(results.cell.spec)} in %, differences in points",
        columns=("source", "target", *heads),
        rows=blank_repeats(rows, 2),
        notes=(note,),
        is_detail=True,
    )


def _cell_text(cell: CellResults, series: int) -> str:
    """Return the difference of a variant with the mark of its verdict; `[ ]` on the diagonal."""
    summary = cell.summary_of("fresh", series)
    if summary.difference is None or summary.difference.mean is None:
        return ""
    kind = "undecided" if summary.verdict is None else summary.verdict.kind
    mark = "" if summary.verdict is None else VERDICT_MARKS[kind]
    text = f"{words.format_judged_mean(summary.difference.mean, kind)} {mark}"
    return f"[{text}]" if cell.at[0] == cell.at[1] else f"{text} "
