"""View of pairs: many pairs of data of one kind."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from blobtransfer.report import words
from blobtransfer.report.kinds.study import StudyView, notes_on_alike
from blobtransfer.report.kinds.texts import describe_epochs, secondary_note
from blobtransfer.report.report import Report
from blobtransfer.report.table import SummaryRows, Table, blank_repeats
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import ModeratorKind, PooledSummary
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.paired import Interval
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
        "mean, std: of the mean {test_metric_plural} on the pairs, in %, and between pairs",
        "difference [95 %]: mean over the pairs of variant less standalone, in points, and where "
        "it would lie with very many pairs; those of all variants are simultaneous",
        "tau: standard deviation of the true differences between pairs",
        "next pair: 95 % prediction interval of the true difference of a further pair of such "
        "problems",
        "beyond the margin: share of such pairs that gain more, that lose more than the margin",
        "worst: the lowest difference of a pair",
    )

    def headline(self, results: StudyResults) -> str:
        """Return the kind and the number of the pairs."""
        return f"Does transfer help on problems like these? {_describe_pairs(results)}"

    def subject(self, question: Question) -> str:
        """Return the subject of an answer."""
        return "The next pair of such problems"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield the prediction for a new pair and the mean effect of each variant."""
        for summary in results.findings.pooled:
            if summary.family is not None:
                yield _new_pair_clause(summary, summary.family, results)

    def tables(self, results: StudyResults) -> tuple[Table, ...]:
        """Return the variants over all pairs, what the differences depend on, and each pair."""
        over_pairs = pooled_table(results, self.joined_sentence(results, "fresh"))
        return (over_pairs, *moderator_tables(results), pair_table(results))

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the pairs are compared and analysed."""
        n_pairs = f"{len(results.study.cells):,}"
        return (
            f"The comparison was made on {n_pairs} pairs of problems, with "
            f"{words.pluralise(results.study.n_repeats, 'repeats')} each. A pair is one "
            "observation: the mean over pairs has Student's t interval, tau is the spread of the "
            "true differences between pairs, and the interval of the next pair does not take tau "
            "for known."
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
    """Return the number and kind of the pairs."""
    spec = results.cell.spec
    assert spec.source is not None
    source, target = describe_data_kind(spec.source), describe_data_kind(spec.data)
    kinds = source if source == target else f"from {source} to {target}"
    n_pairs, repeats = (
        words.pluralise(len(results.cells), "pairs"),
        words.pluralise(spec.n_repeats, "repeats"),
    )
    return f"{n_pairs} of {kinds}, {repeats} each"


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
        return f"{label} changes {metric}{mean} over {pairs}, too few for a new pair"
    verdict = summary.verdict
    clause = words.VERDICT_CLAUSES["undecided" if verdict is None else verdict.kind]
    if verdict is not None and verdict.beyond_margin is None:  # not a verdict by the interval
        clause += f" ({words.MOSTLY_FAILS})"
    worst = "" if family.worst is None else f" (worst {words.format_signed(family.worst)})"
    interval = words.format_interval(family, digits=1)
    average = f"on average it {clause}, {interval}, over {pairs}{worst}"
    low, high = family.prediction_low, family.prediction_high
    if low is None or high is None:
        return f"{label}: {average}"
    ends = [words.format_amount(abs(low)), words.format_amount(abs(high))]
    if low >= 0.0:
        effect = f"gains {ends[0]} to {ends[1]} points"
    elif high <= 0.0:
        effect = f"costs {ends[1]} to {ends[0]} points"
    else:
        effect = f"may cost {ends[0]} points or gain {ends[1]}"
    return f"{label} {effect} (95 % prediction); {average}"


MODERATORS: dict[ModeratorKind, str] = {"gap": "standalone's gap", "distance": "distance"}
"""Names of the properties that the effect may depend on."""


BEYOND_MARGIN, WORST = "beyond margin", "worst"


def pooled_table(results: StudyResults, sentence: str) -> Table:
    """Return the table of all variants over all pairs, with prediction intervals."""
    rows = []
    for summary in results.findings.pooled:
        cells, family = [words.label_of(summary.arm, results.cell)], summary.family
        cells += [words.format_number(summary.mean), words.format_number(summary.std)]
        if family is None:
            cells += [""] * 6
        else:
            worst = "" if family.worst is None else words.format_signed(family.worst)
            cells += [
                words.format_interval(family, digits=1),
                worst,
                words.format_number(family.tau, digits=1),
            ]
            cells += [words.format_range(family.prediction_low, family.prediction_high)]
            cells += [_beyond_cell(family)]
            cells += [words.format_short_verdict(summary.verdict)]
        rows.append(tuple(cells))
    n_pairs, margin = len(results.cells), words.format_points(results.study.margin)
    heads = ("difference [95 %]", WORST, "tau", "next pair", BEYOND_MARGIN, "verdict")
    return Table(
        title=f"{words.pluralise(n_pairs, 'pairs')}: {words.test_metric(results.cell.spec)} in %, "
        "differences in points",
        columns=("variant", "mean", "std", *heads),
        rows=tuple(rows),
        notes=(
            f"difference: mean over pairs, whose number, {n_pairs}, is the sample size; std: of "
            "the mean accuracies between pairs",
            "tau: std of the true differences between pairs; next pair: 95 % prediction interval "
            "of the true difference of a further pair, per variant; difference: simultaneous "
            "intervals",
            f"{BEYOND_MARGIN}: of {margin}, chance that the next pair gains more / loses more",
            *_notes_on_failures(results),
            *filter(None, [describe_epochs(results.study.specs)]),
            *notes_on_alike([summary.verdict for summary in results.findings.pooled], results),
        ),
        sentence=sentence,
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
        "gap: how far standalone stays below the best possible, or below 100 % where that is not "
        "known, in other repeats than the difference; its slope is flattened, as the gap is "
        "measured with noise",
        "distance: of the classes of the two problems, in standard deviations",
        secondary_note(results.cell.spec),
    ]
    if not any(what == MODERATORS["distance"] for _, what, _ in rows):
        del notes[1]
    title = (
        "What it hangs on: points of difference per point, or per standard deviation [95 % "
        "interval, each alone]"
    )
    return [Table(title, ("variant", "what", "slope [95 %]"), tuple(rows), tuple(notes))]


def pair_table(results: StudyResults) -> Table:
    """Return the table of all pairs."""
    rows = []
    for row in results.findings.pairs:
        distance = "" if row.distance is None else words.format_number(row.distance, 1, scale=1.0)
        interval = words.format_interval(Interval(row.difference, row.each_low, row.each_high))
        label = words.label_of(row.arm, results.cell)
        pair = (row.pair, row.source, row.target, words.format_number(row.gap), distance)
        rows.append((*pair, label, words.format_number(row.mean), interval))
    pair_heads = ("pair", "source", "target", "gap", "distance")
    return Table(
        title=f"Pair by pair: {words.test_metric(results.cell.spec)} in %, differences in points "
        "[95 % interval, each alone]",
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
        f"{n_pairs} pairs do not exclude that one pair in {n_for_one} fails as a whole; the "
        "interval of the mean does not cover that"
    )
    for summary in results.findings.pooled:
        family = summary.family
        if family is not None and family.ci_low is not None and family.tau is None:
            yield (
                f"{words.label_of(summary.arm, results.cell)}: all {n_pairs} differences are equal;"
                " the interval is that of the rule of three for a pair that fails as a whole"
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
