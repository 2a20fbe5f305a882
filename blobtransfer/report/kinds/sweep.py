"""View of a sweep: one or two settings vary."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from blobtransfer.report import words
from blobtransfer.report.figures.names import setting_name
from blobtransfer.report.kinds.study import (
    StudyView,
    cell_details,
    format_marked_difference,
    notes_on_negligible,
    point_matrix,
)
from blobtransfer.report.kinds.texts import describe_epochs, ranking_cells, ranking_table
from blobtransfer.report.report import Report
from blobtransfer.report.table import Matrix, Table, blank_repeats
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.findings import Summary
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
        "epochs, updates: passes over the training rows, and training steps in total",
        "mean, std: of the {test_metric_plural} of the repeats of a point, in %",
        "difference [95 %]: mean of (variant - standalone) per repeat, in points, with its "
        "95 % interval; the intervals of all points are simultaneous",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the settings that vary, and the source and target of the transfer."""
        names = words.join_and([setting_name(axis.name) for axis in results.study.axes])
        return f"Does the effect depend on {names}? {_describe_transfer(results)}"

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

    def short_sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield at which points each variant is better or worse."""
        question = results.study.questions[0]
        for series, label in results.variant_labels.items():
            verdicts = _verdicts_along_axes(results, question, series)
            yield Sentence(question, f"{label}: {words.join_verdicts(verdicts) or 'not transfer'}")

    def overview(self, results: StudyResults) -> Matrix:
        """Return all points: accuracies above differences, or two axes as rows and columns."""
        question, n_questions = results.study.questions[0], len(results.study.questions)
        layouts = _line_layouts if len(results.study.axes) == 1 else _plane_layouts
        legend = ""
        if len(results.study.axes) == 2:
            legend = f"{words.MARKS_LEGEND}; {_repeats(results)} per point"
        return Matrix(layouts(results, question), legend, n_tables=n_questions)

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the points are compared and analysed."""
        n_points = f"{len(results.study.cells):,}"
        return (
            f"The comparison was repeated at {n_points} points with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} each, with the same test rows "
            "and random numbers; the intervals of all points and variants are simultaneous."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw lines along one axis, or heat maps over two."""
        if len(report.results.study.axes) == 2:
            from blobtransfer.report.figures.heat import draw_heat

            return draw_heat(report, canvas)

        from blobtransfer.report.figures.sweep import draw_sweep

        return draw_sweep(report, canvas)


MIN_RANGE = 3
"""Least number of neighbouring points that a sentence names as a range."""


def _count_range(counts: set[int]) -> str:
    """Return the least and the greatest count."""
    return words.format_count_range(min(counts), max(counts))


def _n_updates(cell: CellResults) -> int:
    """Count the updates of a run of standalone; with early stopping, the most that it can make."""
    return cell.spec.training.n_updates(cell.measured.n_train)


def _repeats(results: StudyResults) -> str:
    """Return the number of repeats of the points."""
    return f"{_count_range({cell.scores.n_repeats for cell in results.cells})} repeats"


def _describe_transfer(results: StudyResults) -> str:
    """Return source and target of the transfer."""
    spec, target = results.cell.spec, results.cell.measured.name
    sources = (cell.spec.source for cell in results.study.cells)
    names = sorted({source.name for source in sources if source is not None}) or [target]
    origin = spec.model_path or (names[0] if len(names) == 1 else f"{len(names)} problems")
    return f"{origin[0].upper()}{origin[1:]} to {target}"


def _verdicts_along_axes(
    results: StudyResults, question: Question, series: int
) -> list[tuple[VerdictKind, str]]:
    """Return at which points a variant has each verdict.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        series: Index of the variant in each cell.
    """
    by_kind: dict[VerdictKind, list[int]] = {}
    for i, cell in enumerate(results.cells):
        verdict = cell.summary_of(question, series).verdict
        if verdict is not None and not cell.spec.is_same_data:
            by_kind.setdefault(verdict.kind, []).append(i)
    n_points = len(results.cells)
    verdicts = []
    for kind in words.VERDICT_CLAUSES:
        if kind not in by_kind:
            continue
        indices = by_kind[kind]
        if len(indices) == n_points > 1:
            where = "everywhere"
        elif len(results.study.axes) == 1:
            where = f"at {words.join_and(_ranges(results, indices))}"
        else:
            where = f"at {len(indices)} of {n_points} points"
        verdicts.append((kind, where))
    return verdicts


def _clause_along_axes(results: StudyResults, question: Question, series: int) -> str:
    """Return at which points a variant has each verdict, and where the verdict changes.

    Args:
        results: Results of the command.
        question: Question whose variants are shown.
        series: Index of the variant in each cell.
    """
    changes = [
        f"it changes from {change.verdicts[0]} to {change.verdicts[1]} between {change.at[0]} and "
        f"{change.at[1]}"
        for change in results.findings.changes
        if (change.question, change.series) == (question, series)
    ]
    same = [" ".join(cell.at) for cell in results.cells if cell.spec.is_same_data]
    if same:
        changes.append(
            f"at {words.join_and(same)} source and target are the same, which is not transfer"
        )
    verdicts = words.verdicts_clause(_verdicts_along_axes(results, question, series))
    return "; ".join(filter(None, [verdicts, *changes]))


def _ranges(results: StudyResults, indices: Sequence[int]) -> list[str]:
    """Return points by their values, three or more in a row as a range.

    Args:
        results: Results of a sweep along one axis.
        indices: Indices of the points, ascending.
    """
    runs: list[list[int]] = []
    for i in indices:
        if runs and runs[-1][-1] == i - 1:
            runs[-1].append(i)
        else:
            runs.append([i])
    values = [" ".join(cell.at) for cell in results.cells]
    texts: list[str] = []
    for run in runs:
        is_range = len(run) >= MIN_RANGE
        texts += (
            [f"{values[run[0]]} to {values[run[-1]]}"] if is_range else [values[i] for i in run]
        )
    return texts


def _line_layouts(results: StudyResults, question: Question) -> tuple[tuple[Table, ...], ...]:
    """Return the layouts of a sweep along one axis, one row per point."""
    (axis,), labels = results.study.axes, results.variant_labels
    series = {0: words.label_of(results.cell.summary[0].arm, results.cell), **labels}
    heads = [label.removeprefix("transfer ") for label in series.values()]
    accuracies = Table(
        title=f"{words.test_metric(results.cell.spec)} in %: mean (std) of {_repeats(results)}",
        columns=(axis.name, *heads),
        rows=tuple(
            (*cell.at, *(_mean_and_std(cell.summary_of(question, i)) for i in series))
            for cell in results.cells
        ),
    )
    differences = Table(
        title=f"difference in points [95 %]: {words.MARKS_LEGEND}",
        columns=(axis.name, *heads[1:]),
        rows=tuple(
            (*cell.at, *(format_marked_difference(cell, question, i, True) for i in labels))
            for cell in results.cells
        ),
    )
    short = point_matrix(results, question)
    return (accuracies, differences), (accuracies, short), (short,)


def _plane_layouts(results: StudyResults, question: Question) -> tuple[tuple[Table, ...], ...]:
    """Return the layouts of a sweep along two axes, the second one across."""
    (down, across), labels = results.study.axes, results.variant_labels
    cells = {cell.at: cell for cell in results.cells}

    def row(value: str, label: str, write: Callable[[CellResults], str]) -> tuple[str, ...]:
        present = [cells.get((value, other)) for other in across.values]
        return value, label, *("" if cell is None else write(cell) for cell in present)

    rows = []
    for value in down.values:
        standalone = partial(_standalone, question=question)
        rows.append(row(value, "standalone in %", standalone))
        for series, label in labels.items():
            difference = partial(format_marked_difference, question=question, series=series)
            rows.append(row(value, label.removeprefix("transfer "), difference))
    matrix = Table(
        title=f"difference to standalone in points; columns: {across.name}",
        columns=(down.name, "variant", *across.values),
        rows=blank_repeats(rows, 1),
        keys=(down.name, "variant"),
    )
    return (matrix,), (point_matrix(results, question),)


def _standalone(cell: CellResults, question: Question) -> str:
    """Return the mean and the std of standalone."""
    return _mean_and_std(cell.summary_of(question, 0))


def _mean_and_std(summary: Summary) -> str:
    """Return the mean accuracy with the standard deviation in brackets."""
    return words.format_mean_and_std(summary.mean, summary.std)


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
    heads = (
        "epochs trained" if "epochs" in names else "epochs",
        "updates",
        "variant",
        "mean",
        "std",
    )
    p_heads = ("difference [95 %]", *(("adjusted p",) if has_p else ()), "verdict")
    return Table(
        title=f"{words.QUESTION_NAMES[question].capitalize()}: "
        f"{words.test_metric(results.cell.spec)} in % on {target.name} by "
        f"{' and '.join(names)}, {_repeats(results)} per point",
        columns=(*names, *heads, *p_heads),
        rows=blank_repeats(rows, len(names) + 2),
        notes=tuple(_sweep_notes(results, question)),
        name="points",
        keys=(*names, "variant"),
        sentence=sentence,
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
    title = (
        "How well do transferability scores rank the source networks? Computed on the training rows"
    )
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
            f"every point is trained for {at_most}{epochs} epochs, which are {updates} updates "
            "(--budget epochs)"
        )
    else:
        yield (
            f"every point is trained for {at_most}about {updates} updates, in {epochs} epochs "
            "(--budget updates)"
        )
    if stops_early:
        yield "early stopping: epochs and updates in the table are means of the runs"
    if lengths := describe_epochs(specs):
        yield lengths
    n_points, n_series = len(results.study.cells), len(results.study.cells[0].spec.variants) - 1
    yield (
        f"the intervals of all {n_points * n_series} differences of the question are simultaneous; "
        "repeats share their random numbers along the axis"
    )
    summaries = (s for cell in results.cells for s in cell.of_question(question))
    yield from notes_on_negligible([summary.verdict for summary in summaries], results)
