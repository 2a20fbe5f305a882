"""Differences over splits of one table: by hand, and by simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from blobtransfer.statistics.paired import Difference, verdict_of
from blobtransfer.statistics.resplit import compare_resplits, rows_needed


def test_the_interval_is_as_on_paper():
    # mean 0.02, var 0.0004 of d = 0, 0.02, 0.04: the error is sqrt(0.0004 (1/3 + 1/2))
    found = compare_resplits(np.array([0.0, 0.02, 0.04]), 0.5)
    half = float(stats.t(2).ppf(0.975)) * math.sqrt(0.0004 * (1 / 3 + 1 / 2))
    assert found.mean == pytest.approx(0.02)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.02 - half, 0.02 + half))
    assert found.p_value == pytest.approx(2 * stats.t(2).sf(0.02 / (half / stats.t(2).ppf(0.975))))


def test_the_intervals_of_several_hold_together_and_p_fits_them():
    d = np.random.default_rng(1).normal(0.02, 0.03, 30)
    alone, together = compare_resplits(d, 1.0), compare_resplits(d, 1.0, n_compared=3)
    assert (together.each_low, together.each_high) == (alone.ci_low, alone.ci_high)
    error = d.std(ddof=1) * math.sqrt(1 / 30 + 1)
    half = float(stats.t(29).ppf(1 - 0.05 / 6)) * error
    assert together.ci_high == pytest.approx(d.mean() + half, abs=1e-9)
    assert together.p_adjusted == pytest.approx(min(1.0, 3 * alone.p_value))


def test_an_interval_does_not_shrink_below_what_the_rows_allow():
    d = np.random.default_rng(1).normal(0.0, 0.03, 100_000)
    found = compare_resplits(d, 0.25)
    assert found.ci_high - found.mean > 1.95 * 0.03 * math.sqrt(0.25)


def test_where_no_number_of_splits_would_tell_none_is_named():
    d = np.random.default_rng(1).normal(0.0, 0.03, 50)
    found = compare_resplits(d, 1.0, margin=0.01)
    assert (found.repeats_needed, found.repeats_alike) == (None, None)
    assert verdict_of(found, 0.01).repeats_to_decide is None
    few = compare_resplits(d / 10, 0.1, margin=0.01)
    assert few.repeats_needed is not None


def test_equal_differences_decide_nothing():
    for value in (0.0, 0.05):
        found = compare_resplits(np.full(30, value), 1.0, margin=0.01)
        assert (found.mean, found.ci_low) == (pytest.approx(value), None)
        assert verdict_of(found, 0.01).kind == "undecided"


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_splits_have_no_interval(n):
    found = compare_resplits(np.full(n, 0.1), 1.0)
    assert (found.n, found.ci_low, found.p_value) == (n, None, None)


def test_a_difference_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        compare_resplits(np.array([0.1, np.nan]), 1.0)


def test_two_equal_learners_are_told_apart_too_often_only_by_the_plain_t_test():
    # The nearest mean, by one feature or by another that is as good: 120 rows, 30 halves each.
    rng = np.random.default_rng(7)
    n_tables, n_rows, n_splits = 200, 120, 30
    plain = corrected = 0
    for _ in range(n_tables):
        y = rng.integers(0, 2, n_rows)
        x = rng.normal(size=(n_rows, 2)) + 0.8 * y[:, None]
        d = []
        for _ in range(n_splits):
            order = rng.permutation(n_rows)
            train, test = order[: n_rows // 2], order[n_rows // 2 :]
            middle = [
                (x[train, k][y[train] == 0].mean() + x[train, k][y[train] == 1].mean()) / 2
                for k in (0, 1)
            ]
            right = [np.mean((x[test, k] > middle[k]) == y[test]) for k in (0, 1)]
            d.append(right[0] - right[1])
        differences = np.array(d)
        plain += stats.ttest_1samp(differences, 0.0).pvalue < 0.05
        corrected += (compare_resplits(differences, 1.0).p_value or 1.0) < 0.05
    assert plain > 0.4 * n_tables
    assert corrected <= 0.07 * n_tables


def test_the_rows_needed_grow_with_the_square_of_what_is_detectable():
    difference = Difference(30, 0.05, detectable=0.1)
    assert rows_needed([difference], 80, 0.01) == 320
    assert rows_needed([replace(difference, mean=-0.05)], 81, 0.01) == 330  # 324, two digits
    assert rows_needed([replace(difference, mean=0.0)], 80, 0.0) is None
    assert rows_needed([Difference(1, 0.05)], 80, 0.01) is None
    assert rows_needed([replace(difference, mean=1e-9)], 80, 0.0) is None


def test_the_rows_needed_settle_all_differences_but_those_within_the_margin():
    differences = [Difference(30, mean, detectable=0.1) for mean in (0.2, 0.05, 0.004)]
    assert rows_needed(differences, 80, 0.01) == 320
    assert rows_needed(differences[::2], 80, 0.01) == 20
    assert rows_needed(differences[2:], 80, 0.01) is None


def test_with_the_rows_needed_a_difference_is_detected_four_times_out_of_five():
    n_splits, test_to_train, mean, n_rows, std = 100, 0.25, 0.02, 80, 0.1
    rng = np.random.default_rng(0)

    def difference(rows):
        # a table shifts all its splits, so that their mean has the corrected variance
        spread = std * math.sqrt(n_rows / rows)
        shift = rng.normal(0.0, spread * math.sqrt(test_to_train))
        return compare_resplits(mean + shift + rng.normal(0.0, spread, n_splits), test_to_train)

    pilot = compare_resplits(
        mean + std * stats.norm.ppf((np.arange(n_splits) + 0.5) / n_splits), test_to_train
    )
    needed = rows_needed([pilot], n_rows, 0.01)
    detected = [difference(needed).ci_low > 0.0 for _ in range(400)]
    assert np.mean(detected) == pytest.approx(0.8, abs=0.06)
