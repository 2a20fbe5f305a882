"""The grid of scores, and rows to a grid and back."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.engines import PlannedEngine
from helpers.results import runs_of
from helpers.running import compare_cell
from helpers.specs import VARIANTS, spec_of, varied

from blobtransfer.results.results import CellResults, DataRecord
from blobtransfer.results.scores import Run, Scores, finite
from blobtransfer.specs.experiment import Arm
from blobtransfer.specs.training import METRICS
from blobtransfer.specs.variant import STANDALONE, Variant

ARMS = (Arm(STANDALONE, "none"), Arm(Variant("transfer", 1), "one"))


def grid(n_repeats=3):
    """Return a grid in which each number says its place, and repeat 1 of transfer failed."""
    places = np.indices((len(METRICS), 2, n_repeats))
    values = places[0] / 10 + places[1] / 100 + places[2] / 1000
    is_failed = np.zeros((2, n_repeats), bool)
    is_failed[1, 1] = True
    values[0, 1, 1] = np.nan
    values[2, 1, 1] = np.inf
    classes = np.array([[3] * n_repeats, [2] * n_repeats])
    return Scores(ARMS, np.arange(n_repeats), values, classes, is_failed, values[1] / 2)


def rows_of_grid():
    target = DataRecord("target", "problem 2", 40, 20, 0.8, 0.5)
    return runs_of(CellResults(spec_of(), (target,), None, grid()))


def assert_same(a, b):
    assert a.arms == b.arms
    for name in ("repeats", "values", "classes_predicted", "is_failed", "earlier_accuracy"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_rows_in_any_order_give_the_grid_again():
    results = compare_cell(spec_of(8, variants=VARIANTS), None, PlannedEngine(varied))
    rows = runs_of(results)
    shuffled = [rows[i] for i in np.random.default_rng(0).permutation(len(rows))]
    assert_same(Scores.from_rows(shuffled, results.spec.arms), results.scores)


def test_repeats_may_be_missing_where_all_their_runs_are():
    rows = [row for row in rows_of_grid() if row.repeat != 1]
    assert Scores.from_rows(rows, ARMS).repeats.tolist() == [0, 2]


def test_no_row_gives_an_empty_grid():
    assert len(Scores.from_rows([], ARMS)) == 0


@pytest.mark.parametrize(
    ("place", "changes", "problem"),
    [
        (0, {"variant": "magic"}, "runs.0: the spec has no variant none magic"),
        (1, {"sources": "fresh"}, "runs.1: the spec has no variant"),
        (2, {"repeat": 0}, "runs.2: repeat 0 is repeated"),
        (4, {"repeat": 7}, "runs: repeat 2 has no run of standalone"),
        (0, {"test_loss": None}, "runs.0: a score is missing"),
    ],
)
def test_rows_that_do_not_fill_a_grid_are_refused(place, changes, problem):
    rows = rows_of_grid()
    rows[place] = replace(rows[place], **changes)
    with pytest.raises(ValueError, match=f"^{problem}"):
        Scores.from_rows(rows, ARMS)


def test_parts_are_joined_by_repeat_in_whatever_order_they_come():
    whole = grid(5)

    def part(repeats):
        return Scores(
            ARMS, np.array(repeats), whole.values[:, :, repeats],
            whole.classes_predicted[:, repeats], whole.is_failed[:, repeats],
            whole.earlier_accuracy[:, repeats],
        )  # fmt: skip

    assert_same(Scores.join([part([3, 4]), part([0]), part([1, 2])]), whole)
    assert_same(Scores.join([whole]), whole)


def test_an_arm_has_its_accuracies_and_counts():
    scores = grid()
    np.testing.assert_allclose(scores.test_accuracy(ARMS[1]), [0.010, np.nan, 0.012])
    assert [scores.n_failed(arm) for arm in ARMS] == [0, 1]
    # transfer predicts 2 classes of 3 in each run, of which one failed
    assert [scores.n_collapsed(arm, 3) for arm in ARMS] == [0, 2]
    assert (len(scores), scores.n_repeats) == (6, 3)


def test_the_accuracy_of_a_failed_run_does_not_count_though_it_be_finite():
    scores = grid()
    scores.is_failed[0, 2] = True
    assert np.isnan(scores.test_accuracy(ARMS[0])[2])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, 0.5), (np.float64(2), 2.0), (np.nan, None), (-np.inf, None), (None, None)],
)
def test_a_number_that_is_not_finite_is_none(value, expected):
    assert finite(value) == expected


def test_the_columns_of_a_row_are_those_of_the_contract():
    assert list(Run.__annotations__) == [
        "sources", "variant", "fixed", "repeat", *METRICS[:4], "classes_predicted", "status",
        "label", "source_repeat", "source", "target", "learning_rate", "earlier_accuracy", "epochs",
        "balanced_accuracy",
    ]  # fmt: skip
