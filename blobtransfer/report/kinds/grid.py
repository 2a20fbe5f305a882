"""View of a grid: every problem is source and target in turn."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.report.kinds.study import StudyView, cell_details
from blobtransfer.report.kinds.texts import (
    RANKING_COLUMNS,
    RANKING_NOTES,
    ranking_cells,
    ranking_sentence,
)
from blobtransfer.report.report import Report
from blobtransfer.report.table import Table
from blobtransfer.report.words import (
    HEADLINE_SCORE,
    VERDICT_CLAUSES,
    format_interval,
    format_number,
    format_p,
    format_points,
    format_short_verdict,
    format_signed_points,
    label_of,
    pluralise,
)
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import variant_labels
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
        "a number: mean of variant less standalone in the same repeat, in points",
        "[ ]: the source is another network that was trained on the target problem itself",
        "adj. p: of no difference, by Holm over all cells and variants",
    )

    def question(self, results: StudyResults) -> str:
        """Return the number of problems and repeats."""
        n, repeats = (
            len(results.study.axes[0].values),
            pluralise(results.study.n_repeats, "repeats"),
        )
        return f"Which source helps on which target? {n} problems, {repeats} a cell"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield in how many cells each variant is better or worse."""
        for series, label in variant_labels(results.study):
            yield f"{label} {_clause_over_cells(results, question, series)}"

    def cautions(self, results: StudyResults) -> Iterator[str]:
        """Yield each caution; the test rows of a problem are set in its description."""
        return (text.replace("--test-samples ", "test=") for text in super().cautions(results))

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per variant, then rankings, all cells and details."""
        clauses = self.clauses(results, "fresh")
        for (series, _), clause in zip(variant_labels(results.study), clauses, strict=True):
            yield grid_table(results, series, f"{self.subject('fresh')}: {clause}")
        if results.findings.rankings:
            yield grid_ranking_table(results)
        yield cell_table(results)
        # the grid itself shows self-transfer
        yield from cell_details(results, (one for one in results.cells if one.at[0] != one.at[1]))

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the cells are made and judged."""
        return (
            "Every problem was source and target in turn, with "
            f"{pluralise(results.study.n_repeats, 'repeats')} a cell; all cells and variants are "
            "judged together by Holm's procedure. On the diagonal the source is another network "
            "of the target problem."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw one heat map per variant, with a frame around the diagonal."""
        from blobtransfer.report.figures.heat import draw_heat

        return draw_heat(report, canvas, has_self_transfer=True)


def _clause_over_cells(results: StudyResults, question: Question, series: int) -> str:
    """Return in how many cells, without the diagonal, a variant has each verdict."""
    kinds = [
        verdict.kind
        for cell in results.cells
        if cell.at[0] != cell.at[1]
        and (verdict := cell.summary_of(question, series).verdict) is not None
    ]
    counts = [
        f"{VERDICT_CLAUSES[kind]} in {kinds.count(kind)}"
        for kind in VERDICT_CLAUSES
        if kind in kinds
    ]
    return f"{', '.join(counts)} of {len(kinds)} transfers"


def _marks_note(results: StudyResults) -> str:
    """Explain the letters that stand for verdicts."""
    margin = format_points(results.study.margin)
    return f"> better, < worse, = no practical difference (less than {margin}), ? undecided"


def grid_table(results: StudyResults, series: int, sentence: str) -> Table:
    """Return the table of one variant in every cell: sources down, targets across.

    Args:
        results: Results of a grid.
        series: Index of the variant.
        sentence: The answer about this variant.
    """
    sources, targets = (axis.values for axis in results.study.axes)
    label = next(name for i, name in variant_labels(results.study) if i == series)
    means = {
        (one.axis, one.at): f"{format_signed_points(one.mean)}  "
        for one in results.findings.marginal_means
        if one.series == series
    }
    rows = [
        (
            source,
            *(_cell_text(results, source, target, series) for target in targets),
            means.get(("source", source), ""),
        )
        for source in sources
    ]
    rows.append(("mean", *(means.get(("target", target), "") for target in targets), ""))
    return Table(
        title=f"{label}: difference to standalone in points, sources down, targets across",
        columns=("", *targets, "mean"),
        rows=tuple(rows),
        notes=(
            _marks_note(results),
            "in brackets: self-transfer, the source is another network of the target problem; "
            "means without it, and without an interval",
            f"judged stage by stage (Holm) among the {_n_differences(results)} differences of all "
            "cells and variants",
        ),
        sentence=sentence,
    )


def grid_ranking_table(results: StudyResults) -> Table:
    """Return the table of how well each transferability score ranks the sources."""
    names = dict(variant_labels(results.study))
    rows, last = [], None
    for one in results.findings.rankings:
        label = names[one.series]
        rows.append(("" if label == last else label, *ranking_cells(one.score, one.ranking)))
        last = label
    n_sources = len(results.study.axes[0].values) - 1
    n_repeats = results.findings.rankings[0].ranking.n
    return Table(
        title=f"Which of {pluralise(n_sources, 'sources')} would one pick? Scores on the training "
        "rows of each target",
        columns=("variant", "score", *RANKING_COLUMNS),
        rows=tuple(rows),
        notes=(
            f"means over the targets and {pluralise(n_repeats, 'repeats')}, which alone are "
            "independent; without the diagonal",
            *RANKING_NOTES,
        ),
        sentence=_ranking_sentence(results),
    )


def cell_table(results: StudyResults) -> Table:
    """Return the table of all cells with their intervals."""
    rows = []
    for cell in results.cells:
        for i, one in enumerate(cell.of_question("fresh")):
            rows.append(
                (
                    *(("", "") if i else cell.at),
                    label_of(one.arm, cell),
                    format_number(one.mean),
                    format_number(one.std),
                    format_interval(one.difference),
                    format_p(one.difference.p_adjusted if one.difference else None),
                    format_short_verdict(one.verdict),
                )
            )
    return Table(
        title="Cell by cell: test accuracy in %, differences in points",
        columns=(
            "source", "target", "variant", "mean", "std", "difference [95 %]", "adj. p", "verdict"
        ),
        rows=tuple(rows),
        notes=(
            "an interval is at the level of its stage: it leaves out 0 just where p is below 0.05",
        ),
        is_detail=True,
    )  # fmt: skip


def _cell_text(results: StudyResults, source: str, target: str, series: int) -> str:
    own = next((cell for cell in results.cells if cell.at == (source, target)), None)
    one = None if own is None else own.summary_of("fresh", series)
    if one is None or one.difference is None or one.difference.mean is None:
        return ""
    mark = VERDICT_MARKS[one.verdict.kind] if one.verdict is not None else ""
    number = f"{format_signed_points(one.difference.mean)} {mark}"
    return f"[{number}]" if source == target else f"{number} "


def _n_differences(results: StudyResults) -> int:
    return len(results.cells) * (len(results.study.cells[0].spec.variants) - 1)


def _ranking_sentence(results: StudyResults) -> str | None:
    """Return how well the sources of the first variant are ranked."""
    for found in results.findings.rankings:
        if found.score == HEADLINE_SCORE:
            label = dict(variant_labels(results.study))[found.series]
            return ranking_sentence(found.ranking, " of a target, its sources", label)
    return None
