"""Findings of a study -> sentences: where the verdict changes, what the next pair may see.

All words about a study are made here; every number comes from the findings.
"""

from collections.abc import Iterator
from typing import assert_never

from blobtransfer.report.cautions import short_caution
from blobtransfer.report.sentences import picked_words
from blobtransfer.report.words import (
    HEADLINE_SCORE,
    QUESTION_NAMES,
    SCORE_NAMES,
    VERDICT_CLAUSES,
    format_count_range,
    format_points,
    format_short_interval,
    format_signed_points,
    format_spearman,
    format_unsigned_points,
    join_and,
    label_of,
    pluralise,
)
from blobtransfer.results.results import Results
from blobtransfer.results.study import StudyResults
from blobtransfer.results.study_findings import FamilySummary, StudyCaution
from blobtransfer.specs.axis_text import changes_standalone
from blobtransfer.specs.experiment import Question
from blobtransfer.specs.study import StudyKind, series_of
from blobtransfer.specs.table import TableSpec
from blobtransfer.specs.task import DataSpec
from blobtransfer.statistics.paired import VerdictKind
from blobtransfer.statistics.pooled import MIN_POOLED_PAIRS, PooledEffect

CELL_NOUNS: dict[StudyKind, str] = {"sweep": "points", "pairs": "pairs", "grid": "cells"}
"""What the cells of a study are called."""


MARKS: dict[VerdictKind, str] = {
    "better": ">",
    "worse": "<",
    "no practical difference": "=",
    "undecided": "?",
}
"""A verdict in a letter, beside a number."""


BEST_AGAINST_BEST = "; for the best against the best use --tune learning-rate=A,B,..."

# ---------------------------------------------------------------- questions and answers


def study_headline(results: StudyResults) -> str:
    """Ask the question that a study answers; an interrupted one says so first."""
    match results.spec.kind:
        case "sweep":
            names = join_and([axis.name for axis in results.spec.axes])
            asked = f"What changes with {names}? {_from_to(results)}"
        case "pairs":
            asked = f"Does transfer help on problems like these? {_family(results)}"
        case "grid":
            n = len(results.spec.axes[0].values)
            repeats = pluralise(results.spec.n_repeats, "repeats")
            asked = f"Which source helps on which target? {n} problems, {repeats} a cell"
        case other:
            assert_never(other)
    stopped = study_stopped_at(results)
    return asked if stopped is None else f"{stopped}. {asked}"


def study_stopped_at(results: StudyResults) -> str | None:
    """Say how far an interrupted study came; None for one that was finished."""
    if not results.interrupted:
        return None
    n_asked, last = len(results.spec.cells), results.cells[-1]
    parts = CELL_NOUNS[results.spec.kind]
    text = f"Stopped at {len(results.cells):,} of {n_asked:,} {parts}"
    if not last.results.interrupted:
        return text
    n_done, n_repeats = last.results.scores.n_repeats, results.spec.n_repeats
    return f"{text}, the last with {n_done:,} of {n_repeats:,} repeats"


def study_answers(results: StudyResults, question: Question) -> Iterator[str]:
    """Answer one question, a sentence a variant."""
    for clause in study_clauses(results, question):
        yield f"{study_subject(results, question)}: {clause}"


def study_subject(results: StudyResults, question: Question) -> str:
    """Say what an answer is about."""
    if results.spec.kind == "pairs":
        return "The next pair of such problems"
    return QUESTION_NAMES[question].capitalize()


def study_clauses(results: StudyResults, question: Question) -> Iterator[str]:
    """Answer one question, a clause a variant."""
    if results.spec.kind == "pairs":
        for one in results.findings.families:
            if one.family is not None:
                yield _next_pair(one, one.family, results)
        return
    for series, label in series_of(results.spec):
        if results.spec.kind == "grid":
            yield f"{label} {_over_cells(results, question, series)}"
        else:
            yield f"{label} {_along_axis(results, question, series)}"


def study_caution(caution: StudyCaution, results: StudyResults) -> str:
    """Say what makes a study less sure than it looks."""
    parts = CELL_NOUNS[results.spec.kind]
    match caution.kind:
        case "sensitivity":
            axes = [one.name for one in results.spec.axes if changes_standalone(one.name)]
            changes = "changes" if len(axes) == 1 else "change"
            tuned = "" if results.spec.cells[0].spec.tune else BEST_AGAINST_BEST
            return (
                f"{join_and(axes)} {changes} training from scratch too: this shows how much the "
                f"answer hangs on it, not which value is best{tuned}"
            )
        case "few pairs":
            n_pairs = pluralise(caution.n_cells, "pairs")
            return f"{n_pairs}: {MIN_POOLED_PAIRS} or more have an interval"
        case "halves of one table":
            return (
                "all pairs are halves of the classes of one table, so they share rows and are not "
                "independent: they say nothing of other tables, and intervals may be too narrow"
            )
        case "one problem":
            return (
                "the pairs differ in nothing but the rows that are drawn; blobs and classification "
                "are other problems each time"
            )
        case "shared problems":
            return (
                "cells of one row or column share a problem: no interval is taken over them; for "
                "problems like these in general use blobtransfer pairs"
            )
        case "in cells":
            assert caution.first is not None
            first = next(
                cell.results
                for cell in results.cells
                if any(one.kind == caution.first.kind for one in cell.results.findings.cautions)
            )
            where = f"in {caution.n_cells} of {len(results.cells)} {parts}"
            said = short_caution(caution.first, first)
            if results.spec.kind == "grid":  # whose problems have no options of their own
                said = said.replace("--test-samples ", "test=")
            return f"{where}: {said}"
        case other:
            assert_never(other)


# ---------------------------------------------------------------- sweeps


def budget_words(results: StudyResults) -> str:
    """Say what all points of a sweep have alike."""
    epochs = _count_range({cell.results.spec.training.epochs for cell in results.cells})
    updates = _count_range({updates_of(cell.results) for cell in results.cells})
    if results.spec.budget == "epochs":
        return f"every point learns {epochs} epochs, which are {updates} updates (--budget epochs)"
    return f"every point makes about {updates} updates, in {epochs} epochs (--budget updates)"


def source_words(results: StudyResults) -> str | None:
    """Say how many epochs source networks learn, where that is not as many as the others."""
    specs = [cell.results.spec for cell in results.cells]
    if all(spec.source_epochs is None for spec in specs):
        return None
    epochs = _count_range({spec.source_training.epochs for spec in specs})
    return f"source networks learn {epochs} epochs"


def _count_range(counts: set[int]) -> str:
    return format_count_range(min(counts), max(counts))


def updates_of(results: Results) -> int:
    """Count the updates of a run of standalone."""
    training, n_train = results.spec.training, results.measured.n_train
    return training.epochs * -(-n_train // training.batch_size)


def _from_to(results: StudyResults) -> str:
    spec = results.cells[0].results.spec
    target = results.cells[0].results.measured.name
    specs = [cell.spec for cell in results.spec.cells]
    names = sorted({one.source.name for one in specs if one.source is not None})
    origin = spec.model_path or (names[0] if len(names) == 1 else f"{len(names)} problems")
    if not names and spec.model_path is None:
        origin = target
    repeats = f"{pluralise(spec.n_repeats, 'repeats')} a point"
    return f"From {origin} to {target}, {'until decided' if spec.until_decided else repeats}"


def _along_axis(results: StudyResults, question: Question, series: int) -> str:
    """Say at which points a variant is what, and between which it changes."""
    by_kind: dict[VerdictKind, list[str]] = {}
    for cell in results.cells:
        verdict = cell.summary(question, series).verdict
        if verdict is not None and not cell.results.spec.is_same_problem:
            by_kind.setdefault(verdict.kind, []).append(" ".join(cell.at))
    n_points = len(results.cells)
    is_line = len(results.spec.axes) == 1
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
    same = [" ".join(cell.at) for cell in results.cells if cell.results.spec.is_same_problem]
    if same:
        changes.append(f"source and target are one problem at {join_and(same)}, not transfer")
    return "; ".join([", ".join(clauses), *changes])


# ---------------------------------------------------------------- pairs


def family_words(spec: DataSpec) -> str:
    """Name the kind of problem that pairs are drawn from."""
    if isinstance(spec, TableSpec):
        return f"halves of the classes of {spec.origin}"
    name = spec.name.replace(f" {spec.seed}", "", 1)
    return "blobs problems" if spec.kind == "blobs" else name


def _family(results: StudyResults) -> str:
    spec = results.cells[0].results.spec
    assert spec.source is not None
    source, target = family_words(spec.source), family_words(spec.task)
    kinds = source if source == target else f"from {source} to {target}"
    n_pairs, repeats = pluralise(len(results.cells), "pairs"), pluralise(spec.n_repeats, "repeats")
    return f"{n_pairs} of {kinds}, {repeats} each"


def _next_pair(one: FamilySummary, family: PooledEffect, results: StudyResults) -> str:
    """Say what a variant may do on the next pair, and what it does on average."""
    label = label_of(one.arm, results.cells[0].results)
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


# ---------------------------------------------------------------- grids


def _over_cells(results: StudyResults, question: Question, series: int) -> str:
    """Say in how many cells, the diagonal left out, a variant is what."""
    kinds = [
        verdict.kind
        for cell in results.cells
        if cell.at[0] != cell.at[1]
        and (verdict := cell.summary(question, series).verdict) is not None
    ]
    counts = [
        f"{VERDICT_CLAUSES[kind]} in {kinds.count(kind)}"
        for kind in VERDICT_CLAUSES
        if kind in kinds
    ]
    return f"{', '.join(counts)} of {len(kinds)} transfers"


def grid_ranking_sentence(results: StudyResults) -> str | None:
    """Say how well the sources of the first variant are ranked by a score."""
    one = next((one for one in results.findings.rankings if one.score == HEADLINE_SCORE), None)
    if one is None or one.ranking.gain is None or one.ranking.regret is None:
        return None
    label = dict(series_of(results.spec))[one.series]
    return (
        f"Ranked by {SCORE_NAMES[one.score]}, on the training rows of a target, its sources agree "
        f"with their accuracy after {label} by Spearman {format_spearman(one.ranking)}; "
        f"{picked_words(one.ranking)}. It says nothing about other targets, nor whether transfer "
        "beats training from scratch"
    )


def mark_words(results: StudyResults) -> str:
    """Explain the letters that stand for verdicts."""
    margin = format_points(results.spec.margin)
    return f"> better, < worse, = no practical difference (less than {margin}), ? undecided"
