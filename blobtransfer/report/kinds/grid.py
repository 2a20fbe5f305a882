"""View of a grid: all data are source and target in turn."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.report import words
from blobtransfer.report.kinds import texts
from blobtransfer.report.kinds.study import StudyView, cell_details, point_matrix
from blobtransfer.report.report import Report
from blobtransfer.report.table import Matrix, Table, blank_repeats
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.data import Role
from blobtransfer.specs.experiment import Question
from blobtransfer.statistics.paired import VerdictKind
from blobtransfer.statistics.transferability import Ranking, ScoreName

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class GridView(StudyView):
    """Report in how many cells, without the diagonal, a variant is better or worse."""

    cell_name = "cells"
    column_explanations = (
        "a number: mean of (variant - standalone) over the repeats, in points",
        "[ ]: self-transfer, the source network was trained on the target problem itself",
        "adjusted p: p-value of no difference, Holm-adjusted over all cells and variants",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the number of data and repeats."""
        n, repeats = (
            len(results.study.axes[0].values),
            words.pluralise(results.study.n_repeats, "repeats"),
        )
        return f"Which source helps on which target? {n} problems, {repeats} per cell"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield in how many cells each variant is better or worse."""
        for series, label in results.variant_labels.items():
            verdicts, n_transfers = _verdicts_over_cells(results, question, series)
            if verdicts:
                yield f"{label} {words.verdicts_clause(verdicts)} of {n_transfers} transfers"
            else:  # interrupted
                yield f"{label} is not answered: no transfer is complete"

    def cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution; test rows are set in the data specification."""
        return map(_with_test_key, super().cautions(results))

    def short_cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution in one line; test rows are set in the data specification."""
        return map(_with_test_key, super().short_cautions(results))

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per variant, then rankings, all cells and details."""
        clauses = self.clauses(results, "fresh")
        for series, clause in zip(results.variant_labels, clauses, strict=True):
            yield grid_table(results, series, f"{self.subject('fresh')}: {clause}")
        if results.findings.rankings:
            yield grid_ranking_table(results)
        yield cell_table(results)
        # the grid itself shows self-transfer
        transfers = (cell for cell in results.cells if cell.at[0] != cell.at[1])
        yield from cell_details(results, transfers)

    def overview(self, results: StudyResults) -> Matrix:
        """Return the differences of all variants in all cells, without intervals."""
        return Matrix(
            layouts=(
                (_variant_matrix(results),),
                _source_tables(results),
                (point_matrix(results, "fresh"),),
            ),
            legend=f"{words.MARKS_LEGEND}, [ ] self-transfer; Holm-adjusted",
            n_tables=len(results.variant_labels),
        )

    def short_sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield one short answer per variant, and one on the transferability scores."""
        for series, label in results.variant_labels.items():
            verdicts, n_transfers = _verdicts_over_cells(results, "fresh", series)
            text = f"{label}: {words.join_verdicts(verdicts)} of {n_transfers} transfers"
            if not verdicts:  # interrupted
                text = f"{label}: not answered, no transfer is complete"
            yield Sentence("fresh", text)
        if ranking := texts.short_ranking_sentence(_rankings(results), results.cell.spec):
            yield Sentence("fresh", ranking)

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the cells are compared and analysed."""
        return (
            "Every problem was source and target in turn, with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} per cell; verdicts are "
            "Holm-adjusted over all cells and variants. On the diagonal, the source network was "
            "trained on the target problem itself (self-transfer)."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw one heat map per variant, with a frame around the diagonal."""
        from blobtransfer.report.figures.heat import draw_heat

        return draw_heat(report, canvas, has_self_transfer=True)


def _with_test_key(text: str) -> str:
    """Return a caution with the key of test rows in a data specification for the option."""
    return re.sub(r"--test-samples (\d+)", r"test=\1 in --problems", text)


def _verdicts_over_cells(
    results: StudyResults, question: Question, series: int
) -> tuple[list[tuple[VerdictKind, str]], int]:
    """Return in how many cells, without the diagonal, a variant has each verdict, and of how many.

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
    verdicts = [
        (kind, f"in {kinds.count(kind)}") for kind in words.VERDICT_CLAUSES if kind in kinds
    ]
    return verdicts, len(kinds)


def grid_table(results: StudyResults, series: int, sentence: str) -> Table:
    """Return the table of one variant in every cell: sources down, targets across.

    Args:
        results: Results of a grid.
        series: Index of the variant in each cell.
        sentence: The answer about the variant.
    """
    targets, means = results.study.axes[1].values, _means(results, series, "target")
    rows = [(*row[:-1], _padded(row[-1])) for row in _source_rows(results, series)]
    rows.append(("mean", *(_padded(means.get(target, "")) for target in targets), ""))
    n_differences = len(results.cells) * (len(results.study.cells[0].spec.variants) - 1)
    margin = words.format_points(results.study.margin)
    return Table(
        name="grid",
        title=f"{results.variant_labels[series]}: difference to standalone in "
        f"{words.points_of(results.cell.spec)} (rows: sources, columns: targets)",
        columns=("", *targets, "mean"),
        rows=tuple(rows),
        notes=(
            f"> better, < worse, = negligible (less than {margin}), ? undecided",
            "[ ]: self-transfer, the source network was trained on the target problem itself; "
            "means leave it out",
            f"Holm-adjusted over the {n_differences} differences of all cells and variants",
            *filter(None, [texts.describe_epochs(results.study.specs)]),
        ),
        sentence=sentence,
    )


def _variant_matrix(results: StudyResults) -> Table:
    """Return all variants in all cells: variants and sources down, targets across."""
    targets = results.study.axes[1].values
    cells = {cell.at[1]: cell for cell in results.cells}
    by_target = [_standalone_text(cells[target]) if target in cells else "" for target in targets]
    rows = [("standalone in %", "", *by_target, "")]
    for series, label in results.variant_labels.items():
        rows += [(label.removeprefix("transfer "), *row) for row in _source_rows(results, series)]
    return Table(
        title="",
        columns=("variant", "source", *targets, "mean"),
        rows=blank_repeats(rows, 1),
        keys=("variant", "source"),
    )


def _source_tables(results: StudyResults) -> tuple[Table, ...]:
    """Return one table per variant: sources down, targets across."""
    targets = results.study.axes[1].values
    return tuple(
        Table(label, ("source", *targets, "mean"), tuple(_source_rows(results, series)))
        for series, label in results.variant_labels.items()
    )


def _source_rows(results: StudyResults, series: int) -> Iterator[tuple[str, ...]]:
    """Yield the differences of a variant for each source, and their mean over the targets."""
    sources, targets = (axis.values for axis in results.study.axes)
    means = _means(results, series, "source")
    cells = {cell.at: _cell_text(cell, series) for cell in results.cells}
    for source in sources:
        row = (cells.get((source, target), "") for target in targets)
        yield source, *row, means.get(source, "")


def _means(results: StudyResults, series: int, axis: Role) -> dict[str, str]:
    """Return the mean differences of a variant over the sources, or the targets, by the other.

    Args:
        results: Results of a grid.
        series: Index of the variant in each cell.
        axis: The role of the keys.
    """
    return {
        margin.at: words.format_signed(margin.mean)
        for margin in results.findings.marginal_means
        if margin.axis == axis and margin.series == series
    }


def _padded(mean: str) -> str:
    """Return a mean, aligned with the numbers of cells, which have marks."""
    return mean and f"{mean}  "


def _rankings(results: StudyResults) -> list[tuple[str, ScoreName, Ranking]]:
    """Return variant, score and ranking of the sources of a target."""
    labels = results.variant_labels
    return [
        (labels[finding.series], finding.score, finding.ranking)
        for finding in results.findings.rankings
    ]


def _standalone_text(cell: CellResults) -> str:
    """Return the mean and the standard deviation of standalone."""
    summary = cell.summary_of("fresh", 0)
    return words.format_mean_and_std(summary.mean, summary.std)


def grid_ranking_table(results: StudyResults) -> Table:
    """Return the table of the rankings of sources by transferability scores."""
    rankings = _rankings(results)
    n_sources = len(results.study.axes[0].values) - 1
    return texts.ranking_table(
        f"How well do transferability scores rank the {words.pluralise(n_sources, 'sources')} of a "
        "target? Computed on the training rows of each target",
        ((label, *texts.ranking_cells(score, ranking)) for label, score, ranking in rankings),
        results.cell.spec,
        notes=(
            f"means over the targets and {words.pluralise(rankings[0][-1].n, 'repeats')}, without "
            "the diagonal; intervals treat only the repeats as independent",
        ),
        sentence=texts.ranking_sentence(rankings, "the sources of a target", results.cell.spec),
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
    heads = ("variant", "mean", "std", "difference [95 %]", "adjusted p", "verdict")
    note = "intervals are Holm-adjusted: they exclude 0 if and only if p is below 0.05"
    return Table(
        name="cells",
        keys=("source", "target", "variant"),
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
    mark = "" if summary.verdict is None else words.VERDICT_MARKS[kind]
    text = f"{words.format_judged_mean(summary.difference.mean, kind)} {mark}"
    return f"[{text}]" if cell.at[0] == cell.at[1] else f"{text} "
