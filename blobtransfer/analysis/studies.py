"""Findings of a study: the statistics of each cell, and of all cells together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blobtransfer.analysis.cells import analyse, difference_among
from blobtransfer.analysis.convergence import rises_of, still_improving
from blobtransfer.analysis.rankings import grid_rankings
from blobtransfer.results.findings import Caution, StillImproving, Summary
from blobtransfer.results.provenance import Environment, Provenance, n_mixed_of
from blobtransfer.results.results import BlockResult, CellResults, ExperimentHeader, StudyResults
from blobtransfer.results.study_findings import (
    MarginalMean,
    Moderator,
    PairRow,
    PooledSummary,
    StudyCaution,
    StudyFindings,
    VerdictChange,
)
from blobtransfer.specs.axis_text import changes_standalone
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.study import Cell, Study, variant_labels
from blobtransfer.specs.table import TableSpec
from blobtransfer.statistics.holm import holm_step_down
from blobtransfer.statistics.paired import Difference, Verdict, verdict_of
from blobtransfer.statistics.pooled import MIN_POOLED_PAIRS, fit_slope, pool_pairs


def cell_results(
    cell: Cell,
    header: ExperimentHeader,
    block: BlockResult,
    environments: Sequence[tuple[Environment, int]],
    *,
    interrupted: bool,
    distance: float | None = None,
) -> CellResults:
    """Return the results of a cell, without findings.

    Args:
        cell: The cell.
        header: Data and source training of the cell.
        block: All finished repeats.
        environments: Each environment with the number of its repeats, that of the first repeat
            first; empty if all were computed here and not stored.
        interrupted: Whether some repeats are missing.
        distance: Between source and target data, in standard deviations; None if not needed.
    """
    return CellResults(
        spec=cell.spec,
        tasks=header.tasks,
        source_run=header.source_run,
        scores=block.scores,
        curves=block.curves,
        transferability=block.transferability,
        interrupted=interrupted,
        n_mixed=n_mixed_of(environments, cell.spec.engine),
        at=cell.at,
        distance=distance,
    )


def analyse_study(
    study: Study, cells: Sequence[CellResults], provenance: Provenance
) -> StudyResults:
    """Compute the statistics of each cell, and of all cells together.

    Args:
        study: The study.
        cells: Results of the cells, in order; cells may be missing at the end.
        provenance: Time, command and environment.
    """
    if study.kind == "grid":
        analysed = _step_down(study, cells)
    else:
        analysed = [replace(cell, findings=analyse(cell, study.n_compared)) for cell in cells]
    results = StudyResults(study, tuple(analysed), provenance)
    if study.kind == "compare":  # its findings are those of its cell
        return results
    cautions = sorted(_cautions(results), key=_caution_order)
    findings = StudyFindings(cautions=tuple(cautions))
    if study.kind == "sweep" and len(study.axes) == 1 and study.axes[0].is_ordered:
        findings = replace(findings, changes=tuple(_changes(results)))
    if study.kind == "pairs":
        pooled, rows = _pooled(results)
        findings = replace(findings, pooled=tuple(pooled), pairs=tuple(rows))
    if study.kind == "grid":
        means, rankings = tuple(_marginal_means(results)), tuple(grid_rankings(results))
        findings = replace(findings, marginal_means=means, rankings=rankings)
    return replace(results, findings=findings)


# ---------------------------------------------------------------- sweeps


def _changes(results: StudyResults) -> Iterator[VerdictChange]:
    """Find the points between which the verdict on a variant changes."""
    for question in results.study.questions:
        for index, _ in variant_labels(results.study):
            previous: tuple[str, Summary] | None = None
            for cell in results.cells:
                row = cell.summary_of(question, index)
                if row.verdict is None or row.verdict.kind == "undecided" or cell.spec.is_same_data:
                    continue
                if previous is not None and previous[1].verdict is not None:
                    before = previous[1].verdict.kind
                    if before != row.verdict.kind:
                        at = (previous[0], cell.at[0])
                        yield VerdictChange(question, index, at, (before, row.verdict.kind))
                previous = cell.at[0], row


# ---------------------------------------------------------------- pairs


def _pooled(results: StudyResults) -> tuple[list[PooledSummary], list[PairRow]]:
    """Pool the pairs, with one effect per pair, arm by arm."""
    arms = results.cell.spec.arms
    standalone, n_compared = arms[0], len(arms) - 1
    pooled, rows = [], []
    max_difference = max(cell.measured.max_difference for cell in results.cells)
    halves = np.array([_gap_of_odd_repeats(cell, standalone) for cell in results.cells])
    for arm in arms:
        means = np.array([_mean(cell, arm) for cell in results.cells])
        std = float(means.std(ddof=1)) if len(means) > 1 else None
        if arm == standalone:
            pooled.append(PooledSummary(arm, float(means.mean()), std))
            continue
        paired = [_differences(cell, arm, standalone) for cell in results.cells]
        effects = np.array([float(d.mean()) for d in paired])
        variances = np.array(
            [_squared_error(cell, d) for cell, d in zip(results.cells, paired, strict=True)]
        )
        family = pool_pairs(effects, variances, n_compared, results.study.margin, max_difference)
        of_mean = Difference(family.n_pairs, family.mean, family.ci_low, family.ci_high)
        moderators = [
            Moderator("gap", fit_slope(halves, np.array([float(d[::2].mean()) for d in paired])))
        ]
        distances = [cell.distance for cell in results.cells]
        if None not in distances:
            moderators.append(Moderator("distance", fit_slope(np.array(distances, float), effects)))
        verdict = verdict_of(of_mean, results.study.margin, MIN_POOLED_PAIRS)
        if _mostly_fails(results, arm) and _mostly_fails(results, standalone):
            verdict = Verdict("undecided")  # failed networks are equal
        pooled.append(
            PooledSummary(arm, float(means.mean()), std, family, verdict, tuple(moderators))
        )
        rows += [_pair_row(cell, arm, standalone) for cell in results.cells]
    order = {cell.at[0]: i for i, cell in enumerate(results.cells)}
    rows.sort(key=lambda row: order[row.pair])
    return pooled, rows


def _mostly_fails(results: StudyResults, arm: Arm) -> bool:
    """Return whether most networks of an arm fail or collapse on most pairs."""
    n_failing = sum(
        row.mostly_fails for cell in results.cells for row in cell.summary if row.arm == arm
    )
    return 2 * n_failing > len(results.cells)


def _pair_row(cell: CellResults, arm: Arm, standalone: Arm) -> PairRow:
    row = next(summary for summary in cell.summary if summary.arm == arm)
    d = row.difference
    assert d is not None and d.mean is not None and row.mean is not None
    return PairRow(
        pair=cell.at[0],
        source=cell.tasks[0].name,
        target=cell.measured.name,
        arm=arm,
        n=row.n,
        mean=row.mean,
        difference=d.mean,
        each_low=d.each_low,
        each_high=d.each_high,
        gap=_best(cell) - _mean(cell, standalone),
        distance=cell.distance,
    )


def _gap_of_odd_repeats(cell: CellResults, standalone: Arm) -> float:
    """Return the mean gap of standalone to the best possible accuracy, in every second repeat.

    The effects are computed from the other repeats: in the same repeats a good run of standalone
    reduces both gap and effect, which would cause a spurious slope.
    """
    accuracy = cell.ascending_scores(standalone)
    half = accuracy[1::2] if len(accuracy) > 1 else accuracy
    return _best(cell) - float(half.mean())


def _best(cell: CellResults) -> float:
    best_possible = cell.measured.ceiling
    return 1.0 if best_possible is None else best_possible


def _mean(cell: CellResults, arm: Arm) -> float:
    return float(cell.ascending_scores(arm).mean())


def _differences(cell: CellResults, arm: Arm, standalone: Arm) -> NDArray[np.float64]:
    return cell.ascending_scores(arm) - cell.ascending_scores(standalone)


def _squared_error(cell: CellResults, d: NDArray[np.float64]) -> float:
    """Return the squared standard error of the effect on a pair."""
    if len(d) < 2:
        return 0.0
    data = cell.spec.data
    # correction of Nadeau & Bengio if each repeat resplits the same rows
    share = 1 / len(d) + (data.test_to_train if data.is_resplit else 0.0)
    return float(d.var(ddof=1)) * share


def _rises_of_pairs(results: StudyResults) -> dict[Arm, NDArray[np.float64]]:
    """Return the mean rise of each pair in the last quarter of training, (K,) by arm."""
    rises = [rises_of(cell) for cell in results.cells]
    return {
        arm: np.array([by_arm[arm].mean() for by_arm in rises if len(by_arm[arm])])
        for arm in results.cell.spec.arms
        if not _mostly_fails(results, arm)
    }


# ---------------------------------------------------------------- grids


def _step_down(study: Study, cells: Sequence[CellResults]) -> list[CellResults]:
    """Analyse the cells with intervals and p-values of Holm's step-down procedure."""
    tests = [
        (c, arm)
        for c, cell in enumerate(cells)
        for arm in cell.spec.arms
        if arm.variant.start != "standalone"
    ]

    def p_among(i: int, n: int) -> float | None:
        c, arm = tests[i]
        return difference_among(cells[c], arm, n).p_adjusted

    # Cells that were not run, because of an interrupt, count as well.
    n_missing = study.n_compared - len(tests)
    n_among, p_adjusted = holm_step_down(len(tests), p_among, n_missing)
    n_of: list[dict[Arm, int]] = [{} for _ in cells]
    p_of: list[dict[Arm, float | None]] = [{} for _ in cells]
    for (c, arm), n, p in zip(tests, n_among, p_adjusted, strict=True):
        n_of[c][arm], p_of[c][arm] = n, p
    analysed = []
    for cell, step_down, p_values in zip(cells, n_of, p_of, strict=True):
        findings = analyse(cell, study.n_compared, step_down)
        summary = tuple(
            replace(row, difference=replace(row.difference, p_adjusted=p_values[row.arm]))
            if row.difference is not None
            else row
            for row in findings.summary
        )
        analysed.append(replace(cell, findings=replace(findings, summary=summary)))
    return analysed


def _marginal_means(results: StudyResults) -> Iterator[MarginalMean]:
    """Compute the means of the cells of every row and column, without the diagonal."""
    for index, _ in variant_labels(results.study):
        for axis_index, axis in enumerate(results.study.axes):
            for at in axis.values:
                differences = [
                    row.difference.mean
                    for cell in results.cells
                    if cell.at[axis_index] == at and cell.at[0] != cell.at[1]
                    and (row := cell.summary_of("fresh", index)).difference is not None
                    and row.difference.mean is not None
                ]  # fmt: skip
                if differences:
                    yield MarginalMean(
                        index,
                        "target" if axis_index else "source",
                        at,
                        sum(differences) / len(differences),
                    )


# ---------------------------------------------------------------- cautions


def _cautions(results: StudyResults) -> Iterator[StudyCaution]:
    study, n_cells = results.study, len(results.cells)
    first = results.cell.spec
    if study.kind == "sweep" and any(changes_standalone(axis.name) for axis in study.axes):
        yield StudyCaution("sensitivity", n_cells)
    if study.kind == "pairs":
        if n_cells < MIN_POOLED_PAIRS:
            yield StudyCaution("few pairs", n_cells)
        if isinstance(first.data, TableSpec):
            yield StudyCaution("halves of one table", n_cells)
        if all(
            getattr(data, "seed_draws_rows_only", False) for data in (first.source, first.target)
        ):
            yield StudyCaution("one problem", n_cells)
    if study.kind == "grid":
        yield StudyCaution("shared problems", n_cells)
    by_kind: dict[str, list[Caution]] = {}
    for cell in results.cells:
        for caution in cell.findings.cautions:
            by_kind.setdefault(caution.kind, []).append(caution)
    if study.kind == "pairs":  # each pair is one observation
        by_kind.pop(StillImproving.kind, None)
        if improving := still_improving(_rises_of_pairs(results), study.margin):
            yield StudyCaution("in cells", n_cells, improving)
    for kind, cautions in by_kind.items():
        # No verdict is given on a single pair, so its number of repeats needs no caution.
        applies_to_pairs = cautions[0].is_always_reported or kind in ("other classes", "mixed")
        if study.kind != "pairs" or applies_to_pairs:
            yield StudyCaution("in cells", len(cautions), max(cautions, key=_highest_rise))


def _caution_order(caution: StudyCaution) -> tuple[bool, bool]:
    """Return the sort key of a caution: about improving networks, always reported, others."""
    return not isinstance(caution.first, StillImproving), not caution.is_always_reported


def _highest_rise(caution: Caution) -> float:
    """Return how much accuracy may still rise; 0 for a caution about something else."""
    return caution.rises[0].highest if isinstance(caution, StillImproving) else 0.0
