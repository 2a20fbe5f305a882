"""View of a sweep: one or two settings vary."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.report import words
from blobtransfer.report.kinds.study import StudyView, cell_details, notes_on_alike
from blobtransfer.report.kinds.texts import describe_epochs, ranking_cells, ranking_table
from blobtransfer.report.report import Report
from blobtransfer.report.table import Table, blank_repeats
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.statistics.paired import VerdictKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class SweepView(StudyView):
    """Report at which points a variant is better or worse, and where that changes."""

    cell_name = "points"
    column_explanations = (
        "epochs, updates: passes over the training rows of a point, and steps in all",
        "mean, std: of the {test_metric_plural} of the repeats of a point, in %",
        "difference [95 %]: mean of (variant - standalone) per repeat, in points, with its "
        "95 % interval; the intervals of all points are simultaneous",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the settings that vary, and the source and target of the transfer."""
        names = words.join_and([axis.name for axis in results.study.axes])
        return f"What changes with {names}? {_describe_transfer(results)}"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield at which points each variant is better or worse."""
        for series, label in results.variant_labels.items():
            yield f"{label} {_clause_along_axes(results, question, series)}"

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per question, then rankings and details."""
        for question in results.study.questions:
            yield sweep_table(results, question, self.joined_sentence(results, question))
        if any(cell.findings.rankings for cell in results.cells):
            yield point_ranking_table(results)
        yield from cell_details(results, results.cells)

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the points are compared and analysed."""
        n_points = f"{len(results.study.cells):,}"
        return (
            f"The comparison was made at {n_points} points, with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} each, on the same test rows "
            "and with the same draws; the intervals of all points and variants are simultaneous."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw lines along one axis, or heat maps over two."""
        if len(report.results.study.axes) == 2:
            from blobtransfer.report.figures.heat import draw_heat

            return draw_heat(report, canvas)

        from blobtransfer.report.figures.sweep import draw_sweep

        return draw_sweep(report, canvas)


def _count_range(counts: set[int]) -> str:
    """Return the least and the greatest count."""
    return words.format_count_range(min(counts), max(counts))


def _n_updates(cell: CellResults) -> int:
    """Count the updates of a run of standalone; with early stopping, the most that it can make."""
    return cell.spec.training.n_updates(cell.measured.n_train)


def _describe_transfer(results: StudyResults) -> str:
    """Return source and target of the transfer, and the number of repeats."""
    spec, target = results.cell.spec, results.cell.measured.name
    sources = (cell.spec.source for cell in results.study.cells)
    names = sorted({source.name for source in sources if source is not None}) or [target]
    origin = spec.model_path or (names[0] if len(names) == 1 else f"{len(names)} problems")
    repeats = f"{words.pluralise(spec.n_repeats, 'repeats')} a point"
    return f"From {origin} to {target}, {'until decided' if spec.until_decided else repeats}"


def _clause_along_axes(results: StudyResults, question: Question, series: int) -> str:
    """Return at which points a variant has each verdict, and where the verdict changes.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        series: Index of the variant in each cell.
    """
    by_kind: dict[VerdictKind, list[str]] = {}
    for cell in results.cells:
        verdict = cell.summary_of(question, series).verdict
        if verdict is not None and not cell.spec.is_same_data:
            by_kind.setdefault(verdict.kind, []).append(" ".join(cell.at))
    n_points = len(results.cells)
    is_line = len(results.study.axes) == 1
    clauses = []
    for kind, points in by_kind.items():
        if len(points) == n_points:
            where = "everywhere" if n_points > 1 else f"at {points[0]}"
        elif is_line:
            where = f"at {words.join_and(points)}"
        else:
            where = f"in {len(points)} of {n_points} points"
        clauses.append(f"{words.VERDICT_CLAUSES[kind]} {where}")
    changes = [
        f"it turns from {change.verdicts[0]} to {change.verdicts[1]} between {change.at[0]} and "
        f"{change.at[1]}"
        for change in results.findings.changes
        if (change.question, change.series) == (question, series)
    ]
    same = [" ".join(cell.at) for cell in results.cells if cell.spec.is_same_data]
    if same:
        changes.append(f"source and target are one problem at {words.join_and(same)}, not transfer")
    return "; ".join([", ".join(clauses), *changes])


def sweep_table(results: StudyResults, question: Question, sentence: str) -> Table:
    """Return the table of all variants at all points.

    Args:
        results: Results of a sweep.
        question: Question whose variants are shown.
        sentence: The answer to it.
    """
    spec, target = results.study, results.cell.measured
    names = [axis.name for axis in spec.axes]
    has_p = not spec.cells[0].spec.until_decided
    rows: list[tuple[str, ...]] = []
    for cell in results.cells:
        epochs, updates = cell.spec.training.epochs, _n_updates(cell)
        for summary in cell.of_question(question):
            label = words.label_of(summary.arm, cell).removeprefix("transfer ")
            numbers = (words.format_number(summary.mean), words.format_number(summary.std))
            share = 1.0 if summary.mean_epochs is None else summary.mean_epochs / epochs
            made = (f"{share * epochs:,.0f}", f"{share * updates:,.0f}")
            row = (*cell.at, *made, label, *numbers)
            p = (words.format_adjusted_p(summary.difference),) if has_p else ()
            verdict = words.format_short_verdict(summary.verdict)
            rows.append((*row, words.format_interval(summary.difference, digits=1), *p, verdict))
    heads = ("epochs made" if "epochs" in names else "epochs", "updates", "variant", "mean", "std")
    p_heads = ("difference [95 %]", *(("adj. p",) if has_p else ()), "verdict")
    repeats = _count_range({cell.scores.n_repeats for cell in results.cells})
    return Table(
        title=f"{words.QUESTION_NAMES[question].capitalize()}: "
        f"{words.test_metric(results.cell.spec)} in % on {target.name} by "
        f"{' and '.join(names)}, {repeats} repeats a point",
        columns=(*names, *heads, *p_heads),
        rows=blank_repeats(rows, len(names) + 2),
        notes=tuple(_sweep_notes(results, question)),
        sentence=sentence,
        is_tight=True,
    )


def point_ranking_table(results: StudyResults) -> Table:
    """Return the table of the rankings by transferability scores, point by point."""
    rows = (
        (
            *(*cell.at, words.label_of(finding.arm, cell)),
            *ranking_cells(finding.score, finding.ranking),
        )
        for cell in results.cells
        for finding in cell.findings.rankings
    )
    title = "Which of the source networks would one pick? Scores on the training rows"
    return ranking_table(
        title, rows, results.cell.spec, axis_names=tuple(axis.name for axis in results.study.axes)
    )


def _sweep_notes(results: StudyResults, question: Question) -> Iterator[str]:
    """Yield notes on the epochs and updates of the points, and on their intervals."""
    specs = [cell.spec for cell in results.cells]
    epochs = _count_range({spec.training.epochs for spec in specs})
    updates = _count_range({_n_updates(cell) for cell in results.cells})
    stops_early = any(spec.training.patience is not None for spec in specs)
    at_most = "at most " if stops_early else ""
    if results.study.budget == "epochs":
        yield (
            f"every point learns {at_most}{epochs} epochs, which are {updates} updates "
            "(--budget epochs)"
        )
    else:
        yield (
            f"every point makes {at_most}about {updates} updates, in {epochs} epochs "
            "(--budget updates)"
        )
    if stops_early:
        yield "early stopping: epochs and updates in the table are means of the runs"
    if lengths := describe_epochs(specs):
        yield lengths
    n_points, n_series = len(results.study.cells), len(results.study.cells[0].spec.variants) - 1
    yield (
        f"the intervals of all {n_points * n_series} differences of the question are simultaneous; "
        "repeats are paired along the axis"
    )
    summaries = (s for cell in results.cells for s in cell.of_question(question))
    yield from notes_on_alike([summary.verdict for summary in summaries], results)
