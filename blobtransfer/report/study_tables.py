"""Results of a study -> tables: percent signs, digits and words; nothing is computed here."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import assert_never

from blobtransfer.report.study_sentences import (
    MARKS,
    budget_words,
    grid_ranking_sentence,
    mark_words,
    source_words,
    study_clauses,
    study_subject,
    updates_of,
)
from blobtransfer.report.table import Table
from blobtransfer.report.tables import (
    RANKING_COLUMNS,
    RANKING_NOTES,
    SECONDARY,
    further_tables,
    ranking_cells,
)
from blobtransfer.report.words import (
    QUESTION_NAMES,
    SHORT_VERDICTS,
    format_count_range,
    format_interval,
    format_number,
    format_p,
    format_points,
    format_range,
    format_short_interval,
    format_short_verdict,
    format_signed_points,
    format_whole_percent,
    label_of,
    pluralise,
)
from blobtransfer.results.study import StudyResults
from blobtransfer.results.study_findings import ModeratorKind
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import series_of
from blobtransfer.statistics.paired import Interval, Verdict
from blobtransfer.statistics.pooled import PooledEffect

MODERATORS: dict[ModeratorKind, str] = {"gap": "standalone's gap", "distance": "distance"}
"""What the effect on a pair may hang on."""

BEYOND = "beyond margin"


def tables_of_study(results: StudyResults) -> tuple[Table, ...]:
    """Lay out everything that a study found."""
    match results.spec.kind:
        case "sweep":
            tables = [sweep_table(results, question) for question in results.spec.questions]
            if any(cell.results.findings.rankings for cell in results.cells):
                tables.append(point_ranking_table(results))
            return (*tables, *cell_details(results))
        case "pairs":
            return (family_table(results), *moderator_tables(results), pair_table(results))
        case "grid":
            series = [i for i, _ in series_of(results.spec)]
            tables = [grid_table(results, i) for i in series]
            if results.findings.rankings:
                tables.append(grid_ranking_table(results))
            return (*tables, cell_table(results), *cell_details(results))
        case other:
            assert_never(other)


def sweep_table(results: StudyResults, question: Question) -> Table:
    """Lay out every variant at every point of a sweep, and the answer to a question."""
    spec, target = results.spec, results.cells[0].results.measured
    names = [axis.name for axis in spec.axes]
    has_p = not spec.cells[0].spec.until_decided
    epochs = "epochs made" if "epochs" in names else "epochs"
    heads = [*names, epochs, "updates", "variant", "mean", "std", "difference [95 %]"]
    heads += [*(["adj. p"] if has_p else []), "verdict"]
    rows = []
    for cell in results.cells:
        own = cell.results
        for i, one in enumerate(own.of_question(question)):
            place = (*cell.at, f"{own.spec.training.epochs:,}", f"{updates_of(own):,}")
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
    n_repeats = {cell.results.scores.n_repeats for cell in results.cells}
    repeats = format_count_range(min(n_repeats), max(n_repeats))
    return Table(
        title=f"{QUESTION_NAMES[question].capitalize()}: test accuracy in % on {target.name} by "
        f"{' and '.join(names)}, {repeats} repeats a point",
        columns=tuple(heads),
        rows=tuple(rows),
        notes=tuple(_sweep_notes(results, question)),
        sentence=one_sentence(results, question),
        is_tight=True,
    )


def family_table(results: StudyResults) -> Table:
    """Lay out every variant over all pairs, and what the next pair may see."""
    rows = []
    for one in results.findings.families:
        family = one.family
        rows.append(
            (
                label_of(one.arm, results.cells[0].results),
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
    margin = format_points(results.spec.margin)
    return Table(
        title=f"{pluralise(n_pairs, 'pairs')}: test accuracy in %, differences in points",
        columns=(
            "variant", "mean", "std", "difference [95 %]", "tau", "next pair [95 %]",
            BEYOND, "Wilcoxon p", "verdict",
        ),
        rows=tuple(rows),
        notes=(
            f"difference: mean over pairs, whose number, {n_pairs}, is the sample size; std: of "
            "the mean accuracies between pairs",
            "tau: std of the true differences between pairs; next pair: where the true difference "
            "of a further pair lies, each variant alone; difference: the variants together",
            f"{BEYOND}: of {margin}, chance that the next pair gains more / loses more",
            *alike_notes([one.verdict for one in results.findings.families], results),
        ),
        sentence=one_sentence(results, "fresh"),
    )  # fmt: skip


def moderator_tables(results: StudyResults) -> list[Table]:
    """Lay out what the differences hang on, as far as that is known."""
    rows = []
    for one in results.findings.families:
        label = label_of(one.arm, results.cells[0].results)
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
    """Lay out every pair."""
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
                label_of(one.arm, results.cells[0].results),
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


def grid_table(results: StudyResults, series: int) -> Table:
    """Lay out one variant in every cell: sources down, targets across."""
    sources, targets = (axis.values for axis in results.spec.axes)
    label = next(name for i, name in series_of(results.spec) if i == series)
    means = {
        (one.axis, one.at): f"{format_signed_points(one.mean)}  "
        for one in results.findings.margins
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
            mark_words(results),
            "in brackets: self-transfer, the source is another network of the target problem; "
            "means without it, and without an interval",
            f"judged stage by stage (Holm) among the {_n_differences(results)} differences of all "
            "cells and variants",
        ),
        sentence=next(
            f"{study_subject(results, 'fresh')}: {clause}"
            for (i, _), clause in zip(
                series_of(results.spec), study_clauses(results, "fresh"), strict=True
            )
            if i == series
        ),
    )


def grid_ranking_table(results: StudyResults) -> Table:
    """Lay out how well each transferability score ranks the sources of a grid."""
    names = dict(series_of(results.spec))
    rows, last = [], None
    for one in results.findings.rankings:
        label = names[one.series]
        rows.append(("" if label == last else label, *ranking_cells(one.score, one.ranking)))
        last = label
    n_sources = len(results.spec.axes[0].values) - 1
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
        sentence=grid_ranking_sentence(results),
    )


def point_ranking_table(results: StudyResults) -> Table:
    """Lay out how well each transferability score ranks the source networks at every point."""
    rows = []
    for cell in results.cells:
        last = None
        for i, one in enumerate(cell.results.findings.rankings):
            label = label_of(one.arm, cell.results)
            place = ("",) * len(cell.at) if i else cell.at
            cells = ranking_cells(one.score, one.ranking)
            rows.append((*place, "" if label == last else label, *cells))
            last = label
    return Table(
        title="Which of the source networks would one pick? Scores on the training rows",
        columns=(*(axis.name for axis in results.spec.axes), "variant", "score", *RANKING_COLUMNS),
        rows=tuple(rows),
        notes=RANKING_NOTES,
        is_detail=True,
    )


def cell_details(results: StudyResults) -> list[Table]:
    """Lay out what was asked of every cell besides: controls, speed, chosen rates, luck."""
    details = []
    for cell in results.cells:
        if results.spec.kind == "grid" and cell.at[0] == cell.at[1]:
            continue  # what its self-transfer tells stands in the grid already
        where = " ".join(
            f"{axis.name} {value}" for axis, value in zip(results.spec.axes, cell.at, strict=True)
        )
        details += [
            replace(table, title=f"{where}: {table.title}", is_detail=True)
            for table in further_tables(cell.results)
        ]
    return details


def cell_table(results: StudyResults) -> Table:
    """Lay out every cell with its intervals."""
    rows = []
    for cell in results.cells:
        for i, one in enumerate(cell.results.of_question("fresh")):
            rows.append(
                (
                    *(("", "") if i else cell.at),
                    label_of(one.arm, cell.results),
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
    one = None if own is None else own.summary("fresh", series)
    if one is None or one.difference is None or one.difference.mean is None:
        return ""
    mark = MARKS[one.verdict.kind] if one.verdict is not None else ""
    number = f"{format_signed_points(one.difference.mean)} {mark}"
    return f"[{number}]" if source == target else f"{number} "


def _n_differences(results: StudyResults) -> int:
    return len(results.cells) * (len(results.spec.cells[0].spec.variants) - 1)


def _beyond_cell(family: PooledEffect) -> str:
    if family.better_share is None or family.worse_share is None:
        return ""
    better = format_number(family.better_share, digits=0)
    return f"{better} / {format_whole_percent(family.worse_share)}"


def one_sentence(results: StudyResults, question: Question) -> str:
    """Answer one question in a sentence."""
    clauses = "; ".join(study_clauses(results, question))
    return f"{study_subject(results, question)}: {clauses}"


def _sweep_notes(results: StudyResults, question: Question) -> Iterator[str]:
    n_points, n_series = len(results.spec.cells), len(results.spec.cells[0].spec.variants) - 1
    yield budget_words(results)
    if (sources := source_words(results)) is not None:
        yield sources
    yield (
        f"the intervals of all {n_points * n_series} differences of the question hold together; "
        "repeats are paired along the axis"
    )
    shown = [one for cell in results.cells for one in cell.results.of_question(question)]
    yield from alike_notes([one.verdict for one in shown], results)


def alike_notes(verdicts: Sequence[Verdict | None], results: StudyResults) -> Iterator[str]:
    """Explain the short word for no practical difference, where it is used."""
    if any(one is not None and one.kind in SHORT_VERDICTS for one in verdicts):
        margin = format_points(results.spec.margin)
        yield f"alike: no practical difference, which is less than {margin}"
