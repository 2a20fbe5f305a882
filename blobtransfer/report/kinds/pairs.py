"""View of pairs: many pairs of data of one kind."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from blobtransfer.report import words
from blobtransfer.report.kinds.study import StudyView, notes_on_negligible
from blobtransfer.report.kinds.texts import describe_epochs, secondary_note
from blobtransfer.report.report import Report
from blobtransfer.report.table import (
    DIFFERENCE,
    STRIP,
    VERDICT,
    Overview,
    OverviewRow,
    SummaryRows,
    Table,
    blank_repeats,
)
from blobtransfer.results.files.schema import Sentence
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import ModeratorKind, PooledSummary
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.paired import Difference, Interval
from blobtransfer.statistics.pooled import MIN_POOLED_PAIRS, PooledEffect, unseen_share

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


PAIRS_SUMMARY_COLUMNS = (
    "variant", "n_pairs", "mean", "std", "difference", "ci_low", "ci_high", "worst", "tau",
    "prediction_low", "prediction_high", "better_share", "worse_share", "p_adjusted", "verdict",
)  # fmt: skip


class PairsView(StudyView):
    """Report the mean over pairs, and the prediction for a new pair."""

    cell_name = "pairs"
    column_explanations = (
        "mean, std: of the mean {test_metric_plural} of the pairs, in %",
        "difference [95 %]: mean over pairs of (variant - standalone), in points, with its 95 % "
        "interval; the intervals of all variants are simultaneous",
        "new pair [95 %]: prediction interval of the true difference of a new pair of problems",
        "between-pair SD: standard deviation of the true differences between pairs (tau)",
        "beyond margin: probability that a new pair gains / loses more than the margin",
        "worst: lowest difference of a pair",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the kind and the number of the pairs."""
        return f"Does transfer help on {_describe_pairs(results)}"

    def subject(self, question: Question) -> str:
        """Return the subject of an answer."""
        return "New pair"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield the prediction for a new pair and the mean effect of each variant."""
        for summary in results.findings.pooled:
            if summary.family is not None:
                yield _new_pair_clause(summary, summary.family, results)

    def tables(self, results: StudyResults) -> tuple[Table, ...]:
        """Return the variants over all pairs, what the differences depend on, and each pair."""
        over_pairs = pooled_table(results, self.joined_sentence(results, "fresh"))
        return (over_pairs, *moderator_tables(results), pair_table(results))

    def short_sentences(self, results: StudyResults) -> Iterator[Sentence]:
        """Yield the mean effect of each variant, and the prediction for a new pair."""
        for summary in results.findings.pooled:
            if summary.family is not None:
                yield Sentence("fresh", _short_clause(summary, results))

    def overview(self, results: StudyResults) -> Overview:
        """Return all variants over all pairs."""
        n_pairs = words.pluralise(len(results.cells), "pairs")
        return Overview(
            rows=tuple(_overview_row(summary, results) for summary in results.findings.pooled),
            columns=OVERVIEW_COLUMNS,
            priority=OVERVIEW_PRIORITY,
            legend=f"{NEW_PAIR}: prediction interval; margin "
            f"{words.format_points(results.study.margin)}; sample size: {n_pairs}",
            verdicts={},
            n_tables=1,
            scores=f"{words.metric_name(results.cell.spec)} in %",
        )

    def brief_tables(self, results: StudyResults) -> Iterator[Table]:
        """Yield on what the differences depend, one row per variant."""
        for table in moderator_tables(results):
            whats = dict.fromkeys(row[1] for row in table.rows)
            cells = {row[:2]: row[2] for row in table.rows}
            yield replace(
                table,
                title="What the difference depends on: slope [95 %], unadjusted",
                columns=("variant", *whats),
                rows=tuple(
                    (label, *(cells.get((label, what), "") for what in whats))
                    for label in dict.fromkeys(row[0] for row in table.rows)
                ),
                notes=(),
            )

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the pairs are compared and analysed."""
        n_pairs = f"{len(results.study.cells):,}"
        return (
            f"The comparison was repeated on {n_pairs} pairs of problems with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} each. Each pair is one "
            "observation: the mean over pairs has a Student's t interval. Tau is the standard "
            "deviation of the true differences between pairs; the prediction interval of a new "
            "pair accounts for the uncertainty of tau."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw the forest plot."""
        from blobtransfer.report.figures.forest import draw_forest

        return draw_forest(report, canvas)

    def summary(self, results: StudyResults) -> SummaryRows:
        """Return one row per variant over all pairs."""
        rows = [_summary_row(summary, results) for summary in results.findings.pooled]
        return SummaryRows(PAIRS_SUMMARY_COLUMNS, rows)


def describe_data_kind(spec: DataSpec) -> str:
    """Return the kind of data of the pairs."""
    if isinstance(spec, TableSpec):
        return f"halves of the classes of {spec.origin}"
    name = spec.name.replace(f" {spec.seed}", "", 1)
    return "blobs problems" if spec.kind == "blobs" else name


def _describe_pairs(results: StudyResults) -> str:
    """Return the kind and number of the pairs."""
    spec = results.cell.spec
    assert spec.source is not None
    source, target = describe_data_kind(spec.source), describe_data_kind(spec.data)
    kinds = source if source == target else f"{target}, from {source}"
    n_pairs = words.pluralise(len(results.cells), "pairs")
    return f"{kinds}? {n_pairs}, {words.pluralise(spec.n_repeats, 'repeats')} each"


def _new_pair_clause(summary: PooledSummary, family: PooledEffect, results: StudyResults) -> str:
    """Return the prediction for a new pair and the mean effect of a variant.

    Args:
        summary: The variant over all pairs.
        family: Its pooled effect.
        results: Results of pairs.
    """
    label = words.label_of(summary.arm, results.cell)
    pairs = words.pluralise(family.n_pairs, "pairs")
    if family.mean is None or family.ci_low is None or family.ci_high is None:
        mean = "" if family.mean is None else f" by {words.format_signed(family.mean)} on average"
        metric = words.metric_name(results.cell.spec)
        return f"{label}: {metric} changes{mean} over {pairs}, too few for a prediction"
    verdict = summary.verdict
    clause = words.VERDICT_CLAUSES["undecided" if verdict is None else verdict.kind]
    if verdict is not None and verdict.beyond_margin is None:  # not a verdict by the interval
        clause += f" ({words.MOSTLY_FAILS})"
    worst = "" if family.worst is None else f", worst {words.format_signed(family.worst)}"
    interval = words.format_interval(family, digits=1)
    average = f"on average {clause}, {interval} over {pairs}{worst}"
    low, high = family.prediction_low, family.prediction_high
    if low is None or high is None:
        return f"{label}: {average}"
    effect = _predicted_effect(low, high)
    return f"{label} {effect} (95 % prediction interval); {average}"


def _short_clause(summary: PooledSummary, results: StudyResults) -> str:
    """Return the mean effect of a variant and the prediction for a new pair in one line."""
    family, verdict = summary.family, summary.verdict
    assert family is not None
    label = words.label_of(summary.arm, results.cell)
    if family.mean is None or family.ci_low is None:
        return _new_pair_clause(summary, family, results)
    text = f"{label}: {words.format_short_verdict(verdict) or 'undecided'} on average"
    if verdict is not None and verdict.beyond_margin is None:
        text += f" ({words.MOSTLY_FAILS})"
    if family.prediction_low is None or family.prediction_high is None:
        return text
    ends = (family.prediction_low, family.prediction_high)
    return f"{text}; {' to '.join(map(words.format_nonzero, ends))} points on a new pair"


def _predicted_effect(low: float, high: float) -> str:
    """Return a prediction interval of the effect on a new pair in words."""
    ends = [words.format_amount(abs(low)), words.format_amount(abs(high))]
    if low >= 0.0:
        return f"gains {ends[0]} to {ends[1]} points"
    if high <= 0.0:
        return f"loses {ends[1]} to {ends[0]} points"
    return f"may lose {ends[0]} points or gain {ends[1]}"


MODERATORS: dict[ModeratorKind, str] = {"gap": "gap of standalone", "distance": "distance"}
"""Names of the properties that the effect may depend on."""


NEW_PAIR, BETWEEN_SD = "new pair [95 %]", "between-pair SD"
BEYOND_MARGIN, WORST = "beyond margin", "worst"

POOLED_COLUMNS = (
    "mean", "std", DIFFERENCE, WORST, BETWEEN_SD, NEW_PAIR, BEYOND_MARGIN, VERDICT,
)  # fmt: skip

OVERVIEW_COLUMNS = (
    "mean", "std", DIFFERENCE, STRIP, NEW_PAIR, WORST, BETWEEN_SD, BEYOND_MARGIN, VERDICT,
)  # fmt: skip

OVERVIEW_PRIORITY = (
    DIFFERENCE, VERDICT, NEW_PAIR, "mean", "std", STRIP, WORST, BETWEEN_SD, BEYOND_MARGIN,
)  # fmt: skip


def pooled_table(results: StudyResults, sentence: str) -> Table:
    """Return the table of all variants over all pairs, with prediction intervals."""
    margin = words.format_points(results.study.margin)
    return Table(
        name="variants",
        title=f"{words.pluralise(len(results.cells), 'pairs')}: "
        f"{words.test_metric(results.cell.spec)} in %, differences in points",
        columns=("variant", *POOLED_COLUMNS),
        rows=tuple(
            (
                words.label_of(summary.arm, results.cell),
                *(_pooled_cells(summary, digits=2).get(head, "") for head in POOLED_COLUMNS),
            )
            for summary in results.findings.pooled
        ),
        notes=(
            "difference: mean over pairs with simultaneous intervals; std: of the mean accuracies "
            "of the pairs",
            f"{NEW_PAIR}: prediction interval of the true difference of a new pair, per variant",
            f"{BETWEEN_SD}: standard deviation of the true differences between pairs (tau)",
            f"{BEYOND_MARGIN}: probability that a new pair gains / loses more than {margin}",
            *_notes_on_failures(results),
            *filter(None, [describe_epochs(results.study.specs)]),
            *notes_on_negligible([summary.verdict for summary in results.findings.pooled], results),
        ),
        sentence=sentence,
    )


def _pooled_cells(summary: PooledSummary, digits: int) -> dict[str, str]:
    """Return the cells of a variant over all pairs, by the head of their column.

    Args:
        summary: The variant over all pairs.
        digits: After the decimal point, of accuracies.
    """
    family = summary.family
    cells = {
        "mean": words.format_number(summary.mean, digits),
        "std": words.format_number(summary.std, digits),
    }
    if family is not None:
        cells |= {
            DIFFERENCE: words.format_interval(family, digits=1),
            WORST: "" if family.worst is None else words.format_signed(family.worst),
            BETWEEN_SD: words.format_number(family.tau, digits=1),
            NEW_PAIR: words.format_range(family.prediction_low, family.prediction_high),
            BEYOND_MARGIN: _beyond_cell(family),
            VERDICT: words.format_short_verdict(summary.verdict),
        }
    return cells


def _overview_row(summary: PooledSummary, results: StudyResults) -> OverviewRow:
    """Return the row of a variant on one screen."""
    family = summary.family
    return OverviewRow(
        label=words.label_of(summary.arm, results.cell),
        cells=_pooled_cells(summary, digits=1),
        difference=None
        if family is None
        else Difference(family.n_pairs, family.mean, family.ci_low, family.ci_high),
        verdict=None if summary.verdict is None else summary.verdict.kind,
    )


def moderator_tables(results: StudyResults) -> list[Table]:
    """Return the table of properties that the differences depend on; empty if none is known."""
    rows = []
    for summary in results.findings.pooled:
        label = words.label_of(summary.arm, results.cell)
        for moderator in summary.moderators:
            slope = moderator.slope
            interval = Interval(slope.slope, slope.ci_low, slope.ci_high)
            text = words.format_interval(interval, scale=1.0 if moderator.kind == "gap" else 100.0)
            rows.append((label, MODERATORS[moderator.kind], text))
    if all(text in ("", "-") for *_, text in rows):
        return []
    notes = [
        "gap of standalone: best possible (or 100 %) minus standalone, measured in other repeats "
        "than the difference; measurement noise biases its slope towards 0",
        "distance: between the classes of the two problems, in standard deviations",
        secondary_note(results.cell.spec),
    ]
    if not any(what == MODERATORS["distance"] for _, what, _ in rows):
        del notes[1]
    title = (
        "What the difference depends on: points per point of gap, or per standard deviation of "
        "distance [95 % interval, unadjusted]"
    )
    return [
        Table(
            title,
            ("variant", "what", "slope [95 %]"),
            tuple(rows),
            name="moderators",
            keys=("variant", "what"),
            notes=tuple(notes),
        )
    ]


def pair_table(results: StudyResults) -> Table:
    """Return the table of all pairs."""
    rows = []
    for row in results.findings.pairs:
        distance = "" if row.distance is None else words.format_number(row.distance, 1, scale=1.0)
        interval = words.format_interval(Interval(row.difference, row.each_low, row.each_high))
        label = words.label_of(row.arm, results.cell)
        pair = (row.pair, row.source, row.target, words.format_number(row.gap), distance)
        rows.append((*pair, label, words.format_number(row.mean), interval))
    pair_heads = ("pair", "source", "target", "gap to best", "distance")
    return Table(
        name="pairs",
        keys=("pair", "variant"),
        title=f"Pair by pair: {words.test_metric(results.cell.spec)} in %, differences in points "
        "[95 % interval, unadjusted]",
        columns=(*pair_heads, "variant", "mean", "difference [95 %]"),
        rows=blank_repeats(rows, len(pair_heads)),
        is_detail=True,
    )


def _beyond_cell(family: PooledEffect) -> str:
    """Return the shares of pairs beyond the margin on either side."""
    if family.better_share is None or family.worse_share is None:
        return ""
    better = words.format_number(family.better_share, digits=0)
    return f"{better} / {words.format_whole_percent(family.worse_share)}"


def _notes_on_failures(results: StudyResults) -> Iterator[str]:
    """Yield what the pairs cannot exclude, and which variants have equal differences."""
    n_pairs = len(results.cells)
    if n_pairs < MIN_POOLED_PAIRS:
        return
    n_for_one = int(1.0 / unseen_share(n_pairs))
    yield (
        f"{n_pairs} pairs cannot rule out that 1 pair in {n_for_one} fails completely; the "
        "interval of the mean does not cover such failures"
    )
    for summary in results.findings.pooled:
        family = summary.family
        if family is not None and family.ci_low is not None and family.tau is None:
            yield (
                f"{words.label_of(summary.arm, results.cell)}: all {n_pairs} differences are equal;"
                " the interval is that of the rule of three, for pairs that fail completely"
            )


def _summary_row(summary: PooledSummary, results: StudyResults) -> list[Any]:
    """Return the values of a variant in the order of `PAIRS_SUMMARY_COLUMNS`."""
    label, effect = words.label_of(summary.arm, results.cell), summary.family
    values: list[Any] = [None] * 10
    if effect is not None:
        values = [effect.mean, effect.ci_low, effect.ci_high, effect.worst, effect.tau]
        values += [effect.prediction_low, effect.prediction_high]
        values += [effect.better_share, effect.worse_share]
        values += [effect.p_adjusted]
    kind = None if summary.verdict is None else summary.verdict.kind
    return [label, len(results.cells), summary.mean, summary.std, *values, kind]
