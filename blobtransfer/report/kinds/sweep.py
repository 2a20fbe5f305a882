"""View of a sweep: one or two settings vary."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from blobtransfer.report.kinds.study import StudyView, cell_details, notes_on_alike
from blobtransfer.report.kinds.texts import RANKING_COLUMNS, RANKING_NOTES, ranking_cells
from blobtransfer.report.report import Report
from blobtransfer.report.table import Table
from blobtransfer.report.words import (
    QUESTION_NAMES,
    VERDICT_CLAUSES,
    format_count_range,
    format_number,
    format_p,
    format_short_interval,
    format_short_verdict,
    join_and,
    label_of,
    pluralise,
)
from blobtransfer.results.results import CellResults, StudyResults
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import variant_labels
from blobtransfer.statistics.paired import VerdictKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


class SweepView(StudyView):
    """Report at which points a variant is better or worse, and where that changes."""

    cell_name = "points"
    column_explanations = (
        "epochs, updates: passes over the training rows of a point, and steps in all",
        "mean, std: of the test accuracies of the repeats of a point, in %",
        "difference [95 %]: mean of variant less standalone in the same repeat, in points, and "
        "where it would lie with very many repeats; those of all points hold together",
    )

    def question(self, results: StudyResults) -> str:
        """Return which settings vary, and from what to what the networks are transferred."""
        names = join_and([axis.name for axis in results.study.axes])
        return f"What changes with {names}? {_describe_transfer(results)}"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield at which points each variant is better or worse."""
        for series, label in variant_labels(results.study):
            yield f"{label} {_clause_along_axes(results, question, series)}"

    def tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield one table per question, then rankings and details."""
        for question in results.study.questions:
            yield sweep_table(results, question, self.joined_sentence(results, question))
        if any(cell.findings.rankings for cell in results.cells):
            yield point_ranking_table(results)
        yield from cell_details(results, results.cells)

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the points are made and judged."""
        n_points = f"{len(results.study.cells):,}"
        return (
            f"The comparison was made at {n_points} points, with "
            f"{pluralise(results.study.n_repeats, 'repeats')} each, on the same test rows and with "
            "the same draws; the intervals of all points and variants hold together."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw lines along one axis, or heat maps over two."""
        if len(report.results.study.axes) == 2:
            from blobtransfer.report.figures.heat import draw_heat

            return draw_heat(report, canvas)

        from blobtransfer.report.figures.sweep import draw_sweep

        return draw_sweep(report, canvas)


def _budget_note(results: StudyResults) -> str:
    """Return the budget that all points of a sweep share."""
    epochs = _count_range({cell.spec.training.epochs for cell in results.cells})
    updates = _count_range({_n_updates(cell) for cell in results.cells})
    if results.study.budget == "epochs":
        return f"every point learns {epochs} epochs, which are {updates} updates (--budget epochs)"
    return f"every point makes about {updates} updates, in {epochs} epochs (--budget updates)"


def _source_note(results: StudyResults) -> str | None:
    """Return the epochs of source networks; None if they are trained like all others."""
    specs = [cell.spec for cell in results.cells]
    if all(spec.source_epochs is None for spec in specs):
        return None
    epochs = _count_range({spec.source_training.epochs for spec in specs})
    return f"source networks learn {epochs} epochs"


def _count_range(counts: set[int]) -> str:
    return format_count_range(min(counts), max(counts))


def _n_updates(cell: CellResults) -> int:
    """Count the updates of a run of standalone."""
    training, n_train = cell.spec.training, cell.measured.n_train
    return training.epochs * -(-n_train // training.batch_size)


def _describe_transfer(results: StudyResults) -> str:
    spec = results.cell.spec
    target = results.cell.measured.name
    specs = [cell.spec for cell in results.study.cells]
    names = sorted({one.source.name for one in specs if one.source is not None})
    origin = spec.model_path or (names[0] if len(names) == 1 else f"{len(names)} problems")
    if not names and spec.model_path is None:
        origin = target
    repeats = f"{pluralise(spec.n_repeats, 'repeats')} a point"
    return f"From {origin} to {target}, {'until decided' if spec.until_decided else repeats}"


def _clause_along_axes(results: StudyResults, question: Question, series: int) -> str:
    """Return at which points a variant has each verdict, and where the verdict changes."""
    by_kind: dict[VerdictKind, list[str]] = {}
    for cell in results.cells:
        verdict = cell.summary_of(question, series).verdict
        if verdict is not None and not cell.spec.is_same_problem:
            by_kind.setdefault(verdict.kind, []).append(" ".join(cell.at))
    n_points = len(results.cells)
    is_line = len(results.study.axes) == 1
    clauses = []
    for kind, places in by_kind.items():
        if len(places) == n_points:
            where = "everywhere" if n_points > 1 else f"at {places[0]}"
        elif is_line:
            where = f"at {join_and(places)}"
        else:
            where = f"in {len(places)} of {n_points} points"
        clauses.append(f"{VERDICT_CLAUSES[kind]} {where}")
    changes = [
        f"it turns from {change.verdicts[0]} to {change.verdicts[1]} between {change.at[0]} and "
        f"{change.at[1]}"
        for change in results.findings.changes
        if (change.question, change.series) == (question, series)
    ]
    same = [" ".join(cell.at) for cell in results.cells if cell.spec.is_same_problem]
    if same:
        changes.append(f"source and target are one problem at {join_and(same)}, not transfer")
    return "; ".join([", ".join(clauses), *changes])


def sweep_table(results: StudyResults, question: Question, sentence: str) -> Table:
    """Return the table of all variants at all points.

    Args:
        results: Results of a sweep.
        question: Which source networks runs start from.
        sentence: The answer to the question.
    """
    spec, target = results.study, results.cell.measured
    names = [axis.name for axis in spec.axes]
    has_p = not spec.cells[0].spec.until_decided
    epochs = "epochs made" if "epochs" in names else "epochs"
    heads = [*names, epochs, "updates", "variant", "mean", "std", "difference [95 %]"]
    heads += [*(["adj. p"] if has_p else []), "verdict"]
    rows = []
    for cell in results.cells:
        own = cell
        for i, one in enumerate(own.of_question(question)):
            place = (*cell.at, f"{own.spec.training.epochs:,}", f"{_n_updates(own):,}")
            rows.append(
                (
                    *(("",) * len(place) if i else place),
                    label_of(one.arm, own).removeprefix("transfer "),
                    format_number(one.mean),
                    format_number(one.std),
                    format_short_interval(one.difference),
                    *(
                        [format_p(one.difference.p_adjusted if one.difference else None)]
                        if has_p
                        else []
                    ),
                    format_short_verdict(one.verdict),
                )
            )
    n_repeats = {cell.scores.n_repeats for cell in results.cells}
    repeats = format_count_range(min(n_repeats), max(n_repeats))
    return Table(
        title=f"{QUESTION_NAMES[question].capitalize()}: test accuracy in % on {target.name} by "
        f"{' and '.join(names)}, {repeats} repeats a point",
        columns=tuple(heads),
        rows=tuple(rows),
        notes=tuple(_sweep_notes(results, question)),
        sentence=sentence,
        is_tight=True,
    )


def point_ranking_table(results: StudyResults) -> Table:
    """Return the table of how well each transferability score ranks, point by point."""
    rows = []
    for cell in results.cells:
        last = None
        for i, one in enumerate(cell.findings.rankings):
            label = label_of(one.arm, cell)
            place = ("",) * len(cell.at) if i else cell.at
            cells = ranking_cells(one.score, one.ranking)
            rows.append((*place, "" if label == last else label, *cells))
            last = label
    return Table(
        title="Which of the source networks would one pick? Scores on the training rows",
        columns=(*(axis.name for axis in results.study.axes), "variant", "score", *RANKING_COLUMNS),
        rows=tuple(rows),
        notes=RANKING_NOTES,
        is_detail=True,
    )


def _sweep_notes(results: StudyResults, question: Question) -> Iterator[str]:
    n_points, n_series = len(results.study.cells), len(results.study.cells[0].spec.variants) - 1
    yield _budget_note(results)
    if (sources := _source_note(results)) is not None:
        yield sources
    yield (
        f"the intervals of all {n_points * n_series} differences of the question hold together; "
        "repeats are paired along the axis"
    )
    shown = [one for cell in results.cells for one in cell.of_question(question)]
    yield from notes_on_alike([one.verdict for one in shown], results)
