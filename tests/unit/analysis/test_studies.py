"""What the cells of a study say together, of planned accuracies."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.running import run
from helpers.specs import SMALL
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.analysis.studies import analyse_study
from blobtransfer.results.results import StudyResults
from blobtransfer.specs.generated import MoonsSpec
from blobtransfer.specs.study import Axis
from blobtransfer.specs.training import TEST_ACCURACY
from blobtransfer.statistics.pooled import fit_slope, pool_pairs


def planned(spec, accuracy):
    """Return a study whose accuracies are those planned: (cell, variant) -> (R,)."""
    results = run(spec, engine=PlannedEngine(lambda *_: 0.5, n_at_once=10_000))
    cells = []
    for c, cell in enumerate(results.cells):
        values = cell.scores.values.copy()
        for a, arm in enumerate(cell.scores.arms):
            series = cell.spec.variants.index(arm.variant)
            values[TEST_ACCURACY, a] = accuracy(c, series)
        cells.append(replace(cell, scores=replace(cell.scores, values=values)))
    return again(replace(results, cells=tuple(cells)))


def again(results: StudyResults) -> StudyResults:
    """Analyse a study once more."""
    return analyse_study(results.study, results.cells, results.provenance)


def around(mean, n, spread=0.01):
    """Return n numbers of a mean, none alike."""
    return mean + spread * np.linspace(-1, 1, n)


# ---------------------------------------------------------------- sweeps


def test_a_verdict_changes_between_two_decided_points_alone():
    means = {0: 0.45, 1: 0.5, 2: 0.58}  # worse, undecided, better

    def accuracy(c, series):
        noise = 0.2 if c == 1 else 0.01
        return 0.5 + np.zeros(400) if series == 0 else around(means[c], 400, noise)

    found = planned(sweep_of(n_repeats=400, fixed=(0,)), accuracy)
    (change,) = found.findings.changes
    assert (change.question, change.series) == ("fresh", 1)
    assert (change.at, change.verdicts) == (("10", "40"), ("worse", "better"))


def test_a_verdict_that_stays_changes_nowhere():
    found = planned(
        sweep_of(n_repeats=400, fixed=(0,)),
        lambda c, series: 0.5 + np.zeros(400) if series == 0 else around(0.4, 400),
    )
    assert found.findings.changes == ()


@pytest.mark.parametrize(
    ("name", "is_sensitive"),
    [("learning-rate", True), ("hidden", True), ("fixed", False), ("train-samples", False),
     ("source.std", False), ("target.std", False), ("source-seed", False)],
)  # fmt: skip
def test_a_setting_of_the_training_makes_points_that_do_not_compete(name, is_sensitive):
    found = run(sweep_of(), engine=PlannedEngine(lambda *_: 0.5, n_at_once=8))
    spec = replace(found.study, axes=(Axis(name, found.study.axes[0].values),))
    kinds = [one.kind for one in again(replace(found, study=spec)).findings.cautions]
    assert ("sensitivity" in kinds) == is_sensitive


# ---------------------------------------------------------------- pairs


EFFECTS = (0.02, -0.01, 0.03, 0.00, 0.01, 0.05)


def of_pairs(c, series):
    own = around(0.6 + 0.02 * c, 8, 0.03)
    return own if series == 0 else own + EFFECTS[c] + around(0.0, 8, 0.01)[::-1]


def test_a_family_pools_one_number_a_pair():
    found = planned(pairs_of(fixed=(0,)), of_pairs)
    standalone, transfer = found.findings.pooled
    assert standalone.family is None
    assert standalone.mean == pytest.approx(0.65)
    d = around(0.0, 8, 0.01)
    expected = pool_pairs(np.array(EFFECTS), np.full(6, d.var(ddof=1) / 8), 1, 0.01)
    assert transfer.family is not None
    assert transfer.family.mean == pytest.approx(np.mean(EFFECTS))
    assert transfer.family.ci_low == pytest.approx(expected.ci_low)
    assert transfer.family.tau == pytest.approx(expected.tau)
    assert transfer.std == pytest.approx(
        np.std([0.6 + 0.02 * c + EFFECTS[c] for c in range(6)], ddof=1)
    )


def test_the_verdict_is_that_of_the_mean_over_pairs():
    found = planned(
        pairs_of(fixed=(0,)),
        lambda c, series: around(0.6, 8) + (0.0 if series == 0 else 0.1 + 0.001 * c),
    )
    assert found.findings.pooled[1].verdict is not None
    assert found.findings.pooled[1].verdict.kind == "better"


def test_every_pair_has_a_row_with_what_is_known_of_it():
    found = planned(pairs_of(), of_pairs)
    rows = found.findings.pairs
    assert [row.pair for row in rows] == [str(i) for i in range(1, 7) for _ in range(2)]
    first = rows[0]
    assert (first.source, first.target, first.n) == ("problem 1", "problem 2", 8)
    assert first.difference == pytest.approx(EFFECTS[0])
    assert first.mean == pytest.approx(0.6 + EFFECTS[0])
    assert first.each_low < first.difference < first.each_high
    measured = found.cells[0].measured
    assert first.gap == pytest.approx(measured.ceiling - 0.6)


def test_the_gap_is_of_other_repeats_than_the_effect():
    # Standalone is lucky in the odd repeats of pair 1 alone: that changes its gap, not its effect.
    def accuracy(c, series):
        own = np.full(8, 0.6)
        if series == 0 and c == 0:
            own[1::2] += 0.1
        return own if series == 0 else np.full(8, 0.6)

    found = planned(pairs_of(fixed=(0,)), accuracy)
    gap, distance = found.findings.pooled[1].moderators
    gaps = [cell.measured.ceiling - 0.6 for cell in found.cells]
    gaps[0] -= 0.1
    assert gap.slope == fit_slope(np.array(gaps), np.zeros(6))
    effects = np.array([-0.05, *[0.0] * 5])
    distances = np.array([cell.distance for cell in found.cells])
    assert distance.slope.slope == pytest.approx(fit_slope(distances, effects).slope)


def test_too_few_pairs_are_said_and_pairs_that_differ_in_nothing_but_rows():
    few = planned(pairs_of(3), of_pairs)
    kinds = [(c.kind, c.first and c.first.kind) for c in few.findings.cautions]
    assert kinds == [("in cells", "still improving"), ("few pairs", None)]
    moons = {"source": MoonsSpec(1, **SMALL), "target": MoonsSpec(2, **SMALL)}
    from helpers.specs import spec_of

    assert moons["source"].n_classes == 2
    spec = pairs_of()
    network = replace(spec_of().network, n_classes=2)
    cells = tuple(
        replace(cell, spec=replace(cell.spec, network=network, **moons)) for cell in spec.cells
    )
    found = run(replace(spec, cells=cells), engine=PlannedEngine(lambda *_: 0.5, n_at_once=8))
    assert "one problem" in [one.kind for one in found.findings.cautions]


# ---------------------------------------------------------------- grids


def of_grid(c, series):
    source, target = divmod(c, 3)
    own = around(0.6, 100, 0.02)
    if series == 0:
        return own
    return own + (0.1 if source == 0 and target == 1 else 0.0) + around(0.0, 100, 0.05)[::-1]


def test_the_cells_of_a_grid_are_judged_together_and_p_fits_the_interval():
    found = planned(grid_of(n_repeats=100), of_grid)
    kinds = {}
    for cell in found.cells:
        for one in cell.summary[1:]:
            d = one.difference
            kinds[cell.at, one.label] = one.verdict.kind
            is_clear = d.ci_low > 0.0 or d.ci_high < 0.0
            assert is_clear == (d.p_adjusted < 0.05)
    assert [at for (at, _), kind in kinds.items() if kind == "better"] == [
        ("problem 1", "problem 2")
    ] * 2


def test_rows_and_columns_have_plain_means_without_the_diagonal():
    found = planned(grid_of(n_repeats=100), of_grid)
    means = {(one.series, one.axis, one.at): one.mean for one in found.findings.marginal_means}
    assert len(means) == 2 * 2 * 3
    # one of the two other cells of the row, or column, gains 0.1
    assert means[1, "source", "problem 1"] == pytest.approx(0.05)
    assert means[1, "target", "problem 2"] == pytest.approx(0.05)
    assert means[1, "source", "problem 2"] == pytest.approx(0.0, abs=1e-12)


def test_a_grid_says_that_its_cells_share_problems():
    found = planned(grid_of(n_repeats=100), of_grid)
    assert "shared problems" in [one.kind for one in found.findings.cautions]
