"""Whether training converged: by hand, and on the cases where it did not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from helpers.specs import spec_of
from scipy import stats

from blobtransfer.analysis.cells import analyse
from blobtransfer.analysis.convergence import early_stopping_cautions, rises_of, still_improving
from blobtransfer.analysis.studies import analyse_study
from blobtransfer.data.tables.resolve import resolve_data_specs
from blobtransfer.results.findings import FewValidationRows, LittlePatience, StillImproving
from blobtransfer.running.run import compare
from blobtransfer.running.single import train_target
from blobtransfer.running.trainer import engine_of
from blobtransfer.specs.data_text import parse_data_spec
from blobtransfer.specs.experiment import STANDALONE_ARM, ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.study import Axis, Cell, Study
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant, transfer_variants


def study_with(rises):
    """Return a sweep whose runs rise by (P, 2, n) shares at its points."""
    cells = []
    for i, rises_at in enumerate(rises):
        cell = cell_with(rises_at)
        cells.append(replace(cell, spec=replace(cell.spec, train_seed=i), at=(str(i),)))
    axis = Axis("train-seed", tuple(at for (at,) in (cell.at for cell in cells)))
    study = Study("sweep", (axis,), tuple(Cell(cell.at, cell.spec) for cell in cells), "epochs")
    return analyse_study(study, cells, compare(cells[0].spec).provenance)


def improving(results):
    """Return the labels of the arms that a comparison reports as still improving."""
    (caution,) = (c for c in results.findings.cautions if isinstance(c, StillImproving))
    return [rise.arm.label for rise in caution.rises]


def cell_with(rises, margin=0.01):
    """Return a cell of standalone and one transfer whose runs rise by (2, n) shares."""
    spec = spec_of(rises.shape[1], fixed=(0,), questions=("fresh",))
    cell = compare(replace(spec, training=TrainingSpec(epochs=2), margin=margin)).cell
    scores = cell.scores
    values = np.full_like(scores.values, 0.8)
    return replace(cell, scores=replace(scores, values=values, earlier_accuracy=values[0] - rises))


def test_the_interval_of_a_rise_is_that_of_a_paired_t_test():
    rises = np.random.default_rng(0).normal([[0.02], [0.03]], 0.01, (2, 12))
    first, second = still_improving(rises_of(cell_with(rises)), 0.01).rises
    for rise, values in ((first, rises[1]), (second, rises[0])):
        expected = stats.ttest_1samp(values, 0.0).confidence_interval()
        assert (rise.ci_low, rise.ci_high) == pytest.approx(tuple(expected))
        assert rise.mean == pytest.approx(values.mean())


def test_rises_that_are_shown_to_be_within_the_margin_need_no_caution():
    rises = np.tile([0.004, 0.006], (2, 6))
    assert still_improving(rises_of(cell_with(rises)), 0.01) is None
    assert still_improving(rises_of(cell_with(rises)), 0.005) is not None
    rises[1, 0] = 0.2  # one run that still learns
    (rise,) = still_improving(rises_of(cell_with(rises)), 0.01).rises
    assert rise.arm.label == "transfer fixed=0"


def test_of_fewer_than_six_runs_the_mean_counts():
    rises = np.array([[0.0, 0.1, -0.1, 0.0, 0.0], [0.02] * 5])
    (rise,) = still_improving(rises_of(cell_with(rises)), 0.01).rises
    assert (rise.arm.label, rise.mean, rise.ci_low) == (
        "transfer fixed=0",
        pytest.approx(0.02),
        None,
    )


def test_diverged_runs_and_those_of_older_files_are_left_out():
    cell = cell_with(np.full((2, 4), 0.05))
    scores = cell.scores
    unknown = np.full_like(scores.earlier_accuracy, np.nan)
    older = replace(cell, scores=replace(scores, earlier_accuracy=unknown))
    assert still_improving(rises_of(older), 0.01) is None
    is_failed = np.array([[True, False, False, False]] * 2)
    some = replace(scores, is_failed=is_failed)
    assert [len(values) for values in rises_of(replace(cell, scores=some)).values()] == [3, 3]


def test_runs_that_share_a_source_are_one_rise():
    cell = cell_with(np.array([[0.02] * 6, [0.01, 0.03, 0.05, 0.05, 0.0, 0.02]]))
    spec = replace(cell.spec, nested=(3, 2))
    standalone, transfer = rises_of(replace(cell, spec=spec)).values()
    assert standalone == pytest.approx([0.02] * 6)
    assert transfer == pytest.approx([0.02, 0.05, 0.01])


@pytest.mark.parametrize(
    ("patience", "n_train", "expected"),
    [
        (None, 40, []),
        (10, 500, []),
        (10, 150, []),
        (10, 149, [FewValidationRows("target", 29)]),
        (9, 500, [LittlePatience(9)]),
        (1, 40, [FewValidationRows("target", 8), LittlePatience(1)]),
    ],
)
def test_early_stopping_that_can_end_too_early_has_a_caution(patience, n_train, expected):
    training = TrainingSpec(patience=patience)
    spec = replace(DEFAULT, training=training, target=BlobsSpec(2, n_train=n_train))
    assert early_stopping_cautions(spec) == expected


def test_arms_whose_runs_mostly_collapse_are_left_out():
    cell = cell_with(np.full((2, 6), 0.05))
    collapsed = replace(cell.scores, classes_predicted=np.array([[3] * 6, [1] * 6]))
    findings = analyse(replace(cell, scores=collapsed), 1)
    kinds = [caution.kind for caution in findings.cautions if caution.is_always_reported]
    assert kinds == ["still improving", "collapsed"]
    assert [rise.arm.label for rise in findings.cautions[0].rises] == ["standalone"]


def test_the_caution_is_the_first_and_is_always_reported():
    findings = analyse(cell_with(np.full((2, 4), 0.05)), 1)
    assert isinstance(findings.cautions[0], StillImproving)
    assert findings.cautions[0].is_always_reported


def test_a_study_reports_the_highest_rise_of_its_cells():
    rises = np.stack([np.full((2, 6), rise) for rise in (0.02, 0.05, 0.0)])
    caution = study_with(rises).findings.cautions[0]
    assert (caution.n_cells, caution.first.rises[0].mean) == (2, pytest.approx(0.05))


FRESH: dict[str, Any] = {"questions": ("fresh",), "n_repeats": 60}
FEW_ROWS = ExperimentSpec(
    variants=(STANDALONE, *transfer_variants([0], 2)),
    source=BlobsSpec(3),
    target=BlobsSpec(2, n_train=40),
    **FRESH,
)
DEFAULT = ExperimentSpec(
    variants=(STANDALONE, *transfer_variants([0, 1, 2], 2)),
    source=BlobsSpec(1),
    target=BlobsSpec(2),
    **FRESH,
)


def test_few_target_rows_and_the_default_comparison_stop_while_they_improve():
    assert "transfer fixed=0" in improving(compare(FEW_ROWS).cell)
    assert "standalone" in improving(compare(DEFAULT).cell)


def test_halves_of_digits_with_momentum_have_stopped_improving():
    texts = {"source": "digits:classes=0-4", "target": "digits:classes=5-9"}
    data = resolve_data_specs(
        {role: parse_data_spec(role, text, 0) for role, text in texts.items()}, 0
    )
    spec = ExperimentSpec(
        network=MLPSpec(64, (16, 16), 5),
        training=TrainingSpec(momentum=0.9),
        variants=(STANDALONE, *map(parse_variant, ["new-head,fixed=0", "new-head,fixed=1"])),
        **data,
        **{**FRESH, "n_repeats": 10},
    )
    cautions = compare(spec).cell.findings.cautions
    assert not any(isinstance(caution, StillImproving) for caution in cautions)


def test_one_training_reports_its_rise_and_that_of_standalone():
    spec = replace(
        FEW_ROWS,
        variants=(parse_variant("self-transfer,fixed=0"),),
        questions=("one",),
        n_repeats=1,
        source=None,
    )
    results = train_target(spec, None, engine_of(spec.engine)).results
    rises = rises_of(results)
    assert set(rises) == {*spec.arms, STANDALONE_ARM}
    run = results.baseline.run
    assert rises[STANDALONE_ARM] == pytest.approx([run.test_accuracy - run.earlier_accuracy])
