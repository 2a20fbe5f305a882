"""Studies as data: cells that belong together, budgets, and what is compared in all of them."""

from dataclasses import replace

import pytest
from helpers.studies import grid_of, pairs_of, sweep_of

from blobtransfer.errors import SettingError
from blobtransfer.specs.study import Axis, Cell, Study, variant_labels
from blobtransfer.specs.variant import STANDALONE, transfer_variants


def test_an_axis_has_different_values_and_their_numbers_where_all_are_numbers():
    assert Axis("hidden", ("5", "10")).numbers == (5.0, 10.0)
    assert Axis("optimizer", ("sgd", "adam")).numbers is None
    with pytest.raises(SettingError, match="repeated"):
        Axis("hidden", ("5", "5"))
    with pytest.raises(SettingError, match="no value"):
        Axis("hidden", ())


def test_cells_have_places_of_their_own_on_the_axes():
    spec = sweep_of()
    first, second, third = spec.cells
    with pytest.raises(SettingError, match="order of the axes"):
        replace(spec, cells=(first, second, second))
    with pytest.raises(SettingError, match="order of the axes"):
        replace(spec, cells=(first, second, Cell(("99",), third.spec)))
    with pytest.raises(SettingError, match="2 cells at 3 places"):
        replace(spec, cells=(first, second))
    with pytest.raises(SettingError, match="one or two"):
        replace(spec, axes=())
    with pytest.raises(SettingError, match="twice"):
        Study("sweep", spec.axes * 2, (Cell(("10", "10"), spec.cells[0].spec),))


@pytest.mark.parametrize(
    ("make", "changes", "problem"),
    [
        (pairs_of, {"kind": "sweep", "budget": "epochs"}, "axes of sweep"),
        (pairs_of, {"budget": "epochs"}, "a sweep has a budget"),
        (sweep_of, {"budget": None}, "a sweep has a budget"),
        (sweep_of, {"kind": "pairs", "budget": None}, "axes of pairs"),
        (grid_of, {"kind": "sweep", "budget": "epochs"}, "axes of sweep"),
    ],
)
def test_each_kind_has_axes_and_a_budget_of_its_own(make, changes, problem):
    with pytest.raises(SettingError, match=problem):
        replace(make(), **changes)


def test_cells_answer_the_same_questions():
    spec = sweep_of()
    other = Cell(("20",), replace(spec.cells[1].spec, n_repeats=9))
    with pytest.raises(SettingError, match="those of the other cells"):
        replace(spec, cells=(spec.cells[0], other, spec.cells[2]))


def test_the_trainings_of_all_cells_together_are_limited():
    spec = sweep_of()
    cells = tuple(
        replace(cell, spec=replace(cell.spec, n_repeats=1_200_000)) for cell in spec.cells
    )
    with pytest.raises(SettingError, match="10,800,000 trainings in 3 cells"):
        replace(spec, cells=cells)


def test_series_are_named_by_what_they_have_in_common():
    assert list(variant_labels(sweep_of())) == [(1, "transfer fixed=0"), (2, "transfer fixed=2")]
    assert list(variant_labels(grid_of())) == list(variant_labels(pairs_of()))
    spec = sweep_of()
    cells = tuple(
        replace(cell, spec=replace(cell.spec, variants=(STANDALONE, *transfer_variants([n], 2))))
        for n, cell in enumerate(spec.cells)
    )
    assert list(variant_labels(replace(spec, cells=cells))) == [(1, "transfer")]


def test_intervals_hold_together_over_all_points():
    assert sweep_of().n_compared == 6
    assert pairs_of().n_compared == 2
