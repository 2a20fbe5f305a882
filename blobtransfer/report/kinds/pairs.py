"""View of pairs: many pairs of problems of one kind."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from blobtransfer.report.kinds.study import StudyView, notes_on_alike
from blobtransfer.report.kinds.texts import SECONDARY
from blobtransfer.report.report import Report
from blobtransfer.report.table import SummaryRows, Table
from blobtransfer.report.words import (
    VERDICT_CLAUSES,
    format_interval,
    format_number,
    format_p,
    format_points,
    format_range,
    format_short_interval,
    format_short_verdict,
    format_signed_points,
    format_unsigned_points,
    format_whole_percent,
    label_of,
    pluralise,
)
from blobtransfer.results.results import StudyResults
from blobtransfer.results.study_findings import ModeratorKind, PooledSummary
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.paired import Interval
from blobtransfer.statistics.pooled import PooledEffect

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from blobtransfer.report.figures.canvas import Canvas


PAIRS_SUMMARY_COLUMNS = (
    "variant", "n_pairs", "mean", "std", "difference", "ci_low", "ci_high", "tau",
    "prediction_low", "prediction_high", "better_share", "worse_share", "p_adjusted", "verdict",
)  # fmt: skip


class PairsView(StudyView):
    """Report the mean over pairs, and what a new pair may gain or lose."""

    cell_name = "pairs"
    column_explanations = (
        "mean, std: of the mean test accuracies on the pairs, in %, and between pairs",
        "difference [95 %]: mean over the pairs of variant less standalone, in points, and where "
        "it would lie with very many pairs; those of all variants hold together",
        "tau: standard deviation of the true differences between pairs",
        "next pair [95 %]: where the true difference of a further pair of such problems lies",
        "beyond the margin: share of such pairs that gain more, that lose more than the margin",
        "Wilcoxon p: of the signed-rank test over the pairs, times the variants; a check",
    )

    def question(self, results: StudyResults) -> str:
        """Return from what kind of problem the pairs are drawn, and how many there are."""
        return f"Does transfer help on problems like these? {_describe_pairs(results)}"

    def subject(self, question: Question) -> str:
        """Return the subject of an answer."""
        return "The next pair of such problems"

    def clauses(self, results: StudyResults, question: Question) -> Iterator[str]:
        """Yield what each variant may do on a new pair, and does on average."""
        for summary in results.findings.pooled:
            if summary.family is not None:
                yield _new_pair_clause(summary, summary.family, results)

    def tables(self, results: StudyResults) -> tuple[Table, ...]:
        """Return the variants over all pairs, what the differences depend on, and each pair."""
        over_pairs = pooled_table(results, self.joined_sentence(results, "fresh"))
        return (over_pairs, *moderator_tables(results), pair_table(results))

    def study_paragraph(self, results: StudyResults) -> str:
        """Return how the pairs are made and judged."""
        n_pairs = f"{len(results.study.cells):,}"
        return (
            f"The comparison was made on {n_pairs} pairs of problems, with "
            f"{pluralise(results.study.n_repeats, 'repeats')} each. A pair is one observation: the "
            "mean over pairs has Student's t interval, tau is the spread of the true differences "
            "between pairs, and the interval of the next pair does not take tau for known."
        )

    def draw(self, report: Report[StudyResults], canvas: "Canvas") -> "Figure":
        """Draw the forest plot."""
        from blobtransfer.report.figures.forest import draw_forest

        return draw_forest(report, canvas)

    def summary(self, results: StudyResults) -> SummaryRows:
        """Return one row per variant over all pairs."""
        rows = [_summary_row(summary, results) for summary in results.findings.pooled]
        return SummaryRows(PAIRS_SUMMARY_COLUMNS, rows, n_word_columns=1)


def describe_problem_kind(spec: DataSpec) -> str:
    """Name the kind of problem that pairs are drawn from."""
    if isinstance(spec, TableSpec):
        return f"halves of the classes of {spec.origin}"
    name = spec.name.replace(f" {spec.seed}", "", 1)
    return "blobs problems" if spec.kind == "blobs" else name


def _describe_pairs(results: StudyResults) -> str:
    spec = results.cell.spec
    assert spec.source is not None
    source, target = describe_problem_kind(spec.source), describe_problem_kind(spec.data)
    kinds = source if source == target else f"from {source} to {target}"
    n_pairs, repeats = pluralise(len(results.cells), "pairs"), pluralise(spec.n_repeats, "repeats")
    return f"{n_pairs} of {kinds}, {repeats} each"


def _new_pair_clause(one: PooledSummary, family: PooledEffect, results: StudyResults) -> str:
    """Return what a variant may gain or lose on a new pair, and does on average."""
    label = label_of(one.arm, results.cell)
    pairs = pluralise(family.n_pairs, "pairs")
    if family.mean is None or family.ci_low is None or family.ci_high is None:
        mean = "" if family.mean is None else f" by {format_signed_points(family.mean)} on average"
        return f"{label} changes accuracy{mean} over {pairs}, which say nothing of the next"
    kind = "undecided" if one.verdict is None else one.verdict.kind
    average = (
        f"on average it {VERDICT_CLAUSES[kind]}, {format_short_interval(family)}, over {pairs}"
    )
    low, high = family.prediction_low, family.prediction_high
    if low is None or high is None:
        return f"{label}: {average}"
    if low >= 0.0:
        may = f"gains {format_unsigned_points(low)} to {format_unsigned_points(high)} points"
    elif high <= 0.0:
        may = f"costs {format_unsigned_points(high)} to {format_unsigned_points(low)} points"
    else:
        may = (
            f"may cost {format_unsigned_points(low)} points or gain {format_unsigned_points(high)}"
        )
    return f"{label} {may} (95 % prediction); {average}"


MODERATORS: dict[ModeratorKind, str] = {"gap": "standalone's gap", "distance": "distance"}
"""What the effect on a pair may hang on."""


BEYOND_MARGIN = "beyond margin"


def pooled_table(results: StudyResults, sentence: str) -> Table:
    """Return the table of all variants over all pairs, with prediction intervals."""
    rows = []
    for one in results.findings.pooled:
        family = one.family
        rows.append(
            (
                label_of(one.arm, results.cell),
                format_number(one.mean),
                format_number(one.std),
                *(
                    [""] * 6
                    if family is None
                    else [
                        format_short_interval(family),
                        format_number(family.tau, digits=1),
                        format_range(family.prediction_low, family.prediction_high),
                        _beyond_cell(family),
                        format_p(family.wilcoxon_p),
                        format_short_verdict(one.verdict),
                    ]
                ),
            )
        )
    n_pairs = len(results.cells)
    margin = format_points(results.study.margin)
    return Table(
        title=f"{pluralise(n_pairs, 'pairs')}: test accuracy in %, differences in points",
        columns=(
            "variant", "mean", "std", "difference [95 %]", "tau", "next pair [95 %]",
            BEYOND_MARGIN, "Wilcoxon p", "verdict",
        ),
        rows=tuple(rows),
        notes=(
            f"difference: mean over pairs, whose number, {n_pairs}, is the sample size; std: of "
            "the mean accuracies between pairs",
            "tau: std of the true differences between pairs; next pair: where the true difference "
            "of a further pair lies, each variant alone; difference: the variants together",
            f"{BEYOND_MARGIN}: of {margin}, chance that the next pair gains more / loses more",
            *notes_on_alike([one.verdict for one in results.findings.pooled], results),
        ),
        sentence=sentence,
    )  # fmt: skip


def moderator_tables(results: StudyResults) -> list[Table]:
    """Return the table of what the differences depend on; empty if nothing is known."""
    rows = []
    for one in results.findings.pooled:
        label = label_of(one.arm, results.cell)
        for moderator in one.moderators:
            slope = moderator.slope
            scale = 1.0 if moderator.kind == "gap" else 100.0
            found = Interval(slope.slope, slope.ci_low, slope.ci_high)
            rows.append((label, MODERATORS[moderator.kind], format_interval(found, scale=scale)))
    if not any(cells[-1] not in ("", "-") for cells in rows):
        return []
    has_distance = any(cells[1] == MODERATORS["distance"] for cells in rows)
    return [
        Table(
            title="What it hangs on: points of difference per point, or per standard deviation "
            "[95 % interval, each alone]",
            columns=("variant", "what", "slope [95 %]"),
            rows=tuple(rows),
            notes=(
                "gap: how far standalone stays below the best possible, or below 100 % where that "
                "is not known, in other repeats than the difference",
                *(
                    ["distance: of the classes of the two problems, in standard deviations"]
                    if has_distance
                    else []
                ),
                SECONDARY,
            ),
        )
    ]


def pair_table(results: StudyResults) -> Table:
    """Return the table of all pairs."""
    rows, last = [], ""
    for one in results.findings.pairs:
        is_first = one.pair != last
        last = one.pair
        distance = "" if one.distance is None else format_number(one.distance, 1, scale=1.0)
        rows.append(
            (
                *(
                    (one.pair, one.source, one.target, format_number(one.gap), distance)
                    if is_first
                    else ("",) * 5
                ),
                label_of(one.arm, results.cell),
                format_number(one.mean),
                format_interval(Interval(one.difference, one.each_low, one.each_high)),
            )
        )
    return Table(
        title="Pair by pair: test accuracy in %, differences in points [95 % interval, each alone]",
        columns=(
            "pair", "source", "target", "gap", "distance", "variant", "mean", "difference [95 %]"
        ),
        rows=tuple(rows),
        is_detail=True,
    )  # fmt: skip


def _beyond_cell(family: PooledEffect) -> str:
    if family.better_share is None or family.worse_share is None:
        return ""
    better = format_number(family.better_share, digits=0)
    return f"{better} / {format_whole_percent(family.worse_share)}"


def _summary_row(summary: PooledSummary, results: StudyResults) -> list[Any]:
    """Return the values of a variant in the order of `PAIRS_SUMMARY_COLUMNS`."""
    family = summary.family
    return [
        label_of(summary.arm, results.cell),
        len(results.cells),
        summary.mean,
        summary.std,
        *(
            (None,) * 9
            if family is None
            else (
                family.mean, family.ci_low, family.ci_high, family.tau, family.prediction_low,
                family.prediction_high, family.better_share, family.worse_share, family.p_adjusted,
            )
        ),
        None if summary.verdict is None else summary.verdict.kind,
    ]  # fmt: skip
