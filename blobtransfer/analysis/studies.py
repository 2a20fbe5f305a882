"""Results of the cells -> what they say together: every number that a study shows."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blobtransfer.analysis.cells import analyse, difference_among
from blobtransfer.results.files.schema import MAX_SECONDS
from blobtransfer.results.findings import Caution, Summary
from blobtransfer.results.results import Results
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.results.study_findings import (
    Change,
    FamilySummary,
    GridRanking,
    Margin,
    Moderator,
    PairRow,
    StudyCaution,
    StudyFindings,
)
from blobtransfer.specs.axis_text import changes_standalone
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.study import StudySpec, series_of
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.holm import holm_step_down
from blobtransfer.statistics.paired import Difference, Verdict, verdict_of
from blobtransfer.statistics.pooled import MIN_POOLED_PAIRS, fit_slope, pool_pairs
from blobtransfer.statistics.transferability import SCORES, rank_by_repeat

FEWEST_PROBLEMS = 3
"""Of a grid in which sources are ranked: each target then has two or more."""

ONE_PROBLEM = ("moons", "circles", "quantiles")
"""Kinds of problems whose seed draws other rows of one and the same problem."""


def analyse_study(results: StudyResults) -> StudyResults:
    """Compute all statistics of a study.

    Args:
        results: What came out, each cell analysed; cells may be missing.

    Returns:
        The same with its findings; of a grid the cells are judged stage by stage.
    """
    kind = results.spec.kind
    if kind == "grid":
        results = replace(results, cells=_judged_together(results))
    found = StudyFindings(cautions=tuple(_cautions(results)))
    if kind == "sweep" and len(results.spec.axes) == 1 and results.spec.axes[0].is_ordered:
        found = replace(found, changes=tuple(_changes(results)))
    if kind == "pairs":
        families, rows = _families(results)
        found = replace(found, families=tuple(families), pairs=tuple(rows))
    if kind == "grid":
        rankings = tuple(_rankings(results))
        found = replace(found, margins=tuple(_margins(results)), rankings=rankings)
    return replace(results, findings=found)


def joined_cells(spec: StudySpec, cells: Sequence[CellResults], interrupted: bool) -> StudyResults:
    """Join the results of cells, one or more, to those of a study, without its findings.

    Args:
        spec: The study.
        cells: The results of the cells that are done, in their order.
        interrupted: Whether some are not.
    """
    first = cells[0].results
    seconds = sum(cell.results.seconds for cell in cells)
    return StudyResults(
        spec=spec,
        cells=tuple(cells),
        started=min(cell.results.started for cell in cells),
        seconds=round(min(seconds, MAX_SECONDS), 3),
        interrupted=interrupted,
        versions=first.versions,
        machine=first.machine,
    )


# ---------------------------------------------------------------- sweeps


def _changes(results: StudyResults) -> Iterator[Change]:
    """Find the points between which the verdict on a variant changes."""
    for question in results.spec.questions:
        for series, _ in series_of(results.spec):
            last: tuple[str, Summary] | None = None
            for cell in results.cells:
                one = cell.summary(question, series)
                if (
                    one.verdict is None
                    or one.verdict.kind == "undecided"
                    or cell.results.spec.is_same_problem
                ):
                    continue
                if last is not None and last[1].verdict is not None:
                    before = last[1].verdict.kind
                    if before != one.verdict.kind:
                        at = (last[0], cell.at[0])
                        yield Change(question, series, at, (before, one.verdict.kind))
                last = cell.at[0], one


# ---------------------------------------------------------------- pairs


def _families(results: StudyResults) -> tuple[list[FamilySummary], list[PairRow]]:
    """Pool the pairs, one number each, arm by arm."""
    arms = results.cells[0].results.spec.arms
    standalone, n_compared = arms[0], len(arms) - 1
    families, rows = [], []
    halves = np.array([_gap_of_odd_repeats(cell.results, standalone) for cell in results.cells])
    for arm in arms:
        means = np.array([_mean(cell.results, arm) for cell in results.cells])
        std = float(means.std(ddof=1)) if len(means) > 1 else None
        if arm == standalone:
            families.append(FamilySummary(arm, float(means.mean()), std))
            continue
        paired = [_differences(cell.results, arm, standalone) for cell in results.cells]
        effects = np.array([float(d.mean()) for d in paired])
        variances = np.array(
            [_squared_error(cell.results, d) for cell, d in zip(results.cells, paired, strict=True)]
        )
        family = pool_pairs(effects, variances, n_compared, results.spec.margin)
        of_mean = Difference(family.n_pairs, family.mean, family.ci_low, family.ci_high)
        moderators = [
            Moderator("gap", fit_slope(halves, np.array([float(d[::2].mean()) for d in paired])))
        ]
        distances = [cell.distance for cell in results.cells]
        if None not in distances:
            moderators.append(Moderator("distance", fit_slope(np.array(distances, float), effects)))
        verdict = verdict_of(of_mean, results.spec.margin, MIN_POOLED_PAIRS)
        if _is_mostly_dead(results, arm) and _is_mostly_dead(results, standalone):
            verdict = Verdict("undecided")  # dead networks are alike, and tell nothing of others
        families.append(
            FamilySummary(arm, float(means.mean()), std, family, verdict, tuple(moderators))
        )
        rows += [_pair_row(cell, arm, standalone) for cell in results.cells]
    order = {cell.at[0]: i for i, cell in enumerate(results.cells)}
    rows.sort(key=lambda row: order[row.pair])
    return families, rows


def _is_mostly_dead(results: StudyResults, arm: Arm) -> bool:
    """Say whether most networks of an arm fail or collapse on most pairs."""
    n_dead = sum(
        one.is_mostly_dead
        for cell in results.cells
        for one in cell.results.summary
        if one.arm == arm
    )
    return 2 * n_dead > len(results.cells)


def _pair_row(cell: CellResults, arm: Arm, standalone: Arm) -> PairRow:
    own = cell.results
    one = next(summary for summary in own.summary if summary.arm == arm)
    d = one.difference
    assert d is not None and d.mean is not None and one.mean is not None
    return PairRow(
        pair=cell.at[0],
        source=own.tasks[0].name,
        target=own.measured.name,
        arm=arm,
        n=one.n,
        mean=one.mean,
        difference=d.mean,
        each_low=d.each_low,
        each_high=d.each_high,
        gap=_best(own) - _mean(own, standalone),
        distance=cell.distance,
    )


def _gap_of_odd_repeats(results: Results, standalone: Arm) -> float:
    """Give how far standalone stays below the ceiling, in every second repeat.

    The effects beside it are of the other repeats: in the same ones a lucky run of standalone
    would make the gap and the effect smaller at once, and a slope out of nothing.
    """
    accuracy = results.scores.counted(standalone, results.measured.floor)
    half = accuracy[1::2] if len(accuracy) > 1 else accuracy
    return _best(results) - float(half.mean())


def _best(results: Results) -> float:
    ceiling = results.measured.ceiling
    return 1.0 if ceiling is None else ceiling


def _mean(results: Results, arm: Arm) -> float:
    return float(results.scores.counted(arm, results.measured.floor).mean())


def _differences(results: Results, arm: Arm, standalone: Arm) -> NDArray[np.float64]:
    floor = results.measured.floor
    return results.scores.counted(arm, floor) - results.scores.counted(standalone, floor)


def _squared_error(results: Results, d: NDArray[np.float64]) -> float:
    """Give the squared standard error of the effect on a pair."""
    if len(d) < 2:
        return 0.0
    task = results.spec.task
    # Nadeau & Bengio's where each repeat splits the same rows anew
    share = 1 / len(d) + (task.test_to_train if task.is_resplit else 0.0)
    return float(d.var(ddof=1)) * share


# ---------------------------------------------------------------- grids


def _judged_together(results: StudyResults) -> tuple[CellResults, ...]:
    """Judge the differences of all cells stage by stage."""
    tests = [
        (c, arm)
        for c, cell in enumerate(results.cells)
        for arm in cell.results.spec.arms
        if arm.variant.start != "standalone"
    ]

    def p_among(i: int, n: int) -> float | None:
        c, arm = tests[i]
        own = results.cells[c].results
        return difference_among(own.spec, own.scores, own.measured, arm, n).p_adjusted

    # Cells that were not run, because of an interrupt, count as well.
    n_all = len(results.spec.cells) * (len(results.spec.cells[0].spec.variants) - 1)
    among, adjusted = holm_step_down(len(tests), p_among, n_all - len(tests))
    judged_of: list[dict[Arm, tuple[int, float | None]]] = [{} for _ in results.cells]
    for (c, arm), n, p in zip(tests, among, adjusted, strict=True):
        judged_of[c][arm] = n, p
    cells = []
    for cell, own in zip(results.cells, judged_of, strict=True):
        judged = cell.results
        findings = analyse(
            judged.spec,
            judged.scores,
            judged.measured,
            judged.curves,
            judged.transferability,
            judged.n_mixed,
            n_compared={arm: n for arm, (n, _) in own.items()},
        )
        summary = tuple(
            replace(one, difference=replace(one.difference, p_adjusted=own[one.arm][1]))
            if one.difference is not None
            else one
            for one in findings.summary
        )
        findings = replace(findings, summary=summary)
        cells.append(replace(cell, results=replace(judged, findings=findings)))
    return tuple(cells)


def _margins(results: StudyResults) -> Iterator[Margin]:
    """Average the cells of every row and column, without the diagonal."""
    for series, _ in series_of(results.spec):
        for place, axis in enumerate(results.spec.axes):
            for at in axis.values:
                found = [
                    one.difference.mean
                    for cell in results.cells
                    if cell.at[place] == at and cell.at[0] != cell.at[1]
                    and (one := cell.summary("fresh", series)).difference is not None
                    and one.difference.mean is not None
                ]  # fmt: skip
                if found:
                    yield Margin(
                        series, "target" if place else "source", at, sum(found) / len(found)
                    )


def _rankings(results: StudyResults) -> Iterator[GridRanking]:
    """Say how well each score ranks the sources of a repeat, for every target.

    Only targets that all other problems were tried on count, in the repeats that all have.
    """
    names = results.spec.axes[0].values
    by_place = {
        cell.at: cell.results
        for cell in results.cells
        if cell.at[0] != cell.at[1] and cell.results.transferability is not None
    }
    columns = [[by_place.get((source, at)) for source in names if source != at] for at in names]
    whole = [[own for own in column if own is not None] for column in columns if all(column)]
    if len(names) < FEWEST_PROBLEMS or not whole:
        return
    n = min(own.scores.n_repeats for column in whole for own in column)
    scores = np.array([[_scores(own)[:, :n] for own in column] for column in whole])
    for series, _ in series_of(results.spec):
        if whole[0][0].spec.variants[series].start != "transfer":
            continue
        accuracy = np.array([[_accuracy(own, series)[:n] for own in column] for column in whole])
        for place, name in enumerate(SCORES):
            of_score = np.moveaxis(scores[:, :, place], 2, 0)
            ranking = rank_by_repeat(of_score, np.moveaxis(accuracy, 2, 0))
            if ranking.n:
                yield GridRanking(series, name, ranking)


def _scores(results: Results) -> NDArray[np.float64]:
    assert results.transferability is not None
    return results.transferability


def _accuracy(results: Results, series: int) -> NDArray[np.float64]:
    """Give the accuracies, by repeat, of the variant at a place of the spec."""
    variant = results.spec.variants[series]
    arm = next(arm for arm in results.spec.arms if arm.variant == variant)
    return results.scores.counted(arm, results.measured.floor)


# ---------------------------------------------------------------- cautions


def _cautions(results: StudyResults) -> Iterator[StudyCaution]:
    spec, n_cells = results.spec, len(results.cells)
    first = results.cells[0].results.spec
    if spec.kind == "sweep" and any(changes_standalone(axis.name) for axis in spec.axes):
        yield StudyCaution("sensitivity", n_cells)
    if spec.kind == "pairs":
        if n_cells < MIN_POOLED_PAIRS:
            yield StudyCaution("few pairs", n_cells)
        if isinstance(first.task, TableSpec):
            yield StudyCaution("halves of one table", n_cells)
        if all(one is not None and one.kind in ONE_PROBLEM for one in (first.source, first.target)):
            yield StudyCaution("one problem", n_cells)
    if spec.kind == "grid":
        yield StudyCaution("shared problems", n_cells)
    by_kind: dict[str, list[Caution]] = {}
    for cell in results.cells:
        for caution in cell.results.findings.cautions:
            by_kind.setdefault(caution.kind, []).append(caution)
    for kind, cautions in by_kind.items():
        # Of a pair nothing is decided by itself, and more pairs tell more than repeats.
        if spec.kind != "pairs" or kind in ("collapsed", "other classes", "mixed"):
            yield StudyCaution("in cells", len(cautions), cautions[0])
