"""How many pairs it takes: by a second implementation, and by counting."""

import math
from functools import partial

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from blobtransfer.statistics.power import (
    pairs_needed,
    pseudo_runs,
    smallest_detectable,
    standard_error,
)

INPUTS = [
    # std, pairs seen, max_unseen_shift, differences compared, difference to be told, power
    (0.03, 30, 0.25, 1, 0.01, 0.8),
    (0.03, 30, 0.25, 3, 0.01, 0.9),
    (0.01, 100, 0.0, 1, 0.01, 0.8),
    (0.05, 8, 0.1, 7, 0.02, 0.8),
    (0.0, 30, 0.25, 3, 0.01, 0.8),
]


def test_the_pseudo_runs_are_as_on_paper():
    # ln(20) = 2.995732 over 1.959964; of three ln(60) = 4.094345 over 2.393980
    assert pseudo_runs(1) == pytest.approx((2.995732 / 1.959964) ** 2, rel=1e-6)
    assert pseudo_runs(3) == pytest.approx((4.094345 / 2.393980) ** 2, rel=1e-6)


def test_the_error_has_the_pairs_and_the_pseudo_runs_in_it_as_on_paper():
    # 1 / 4 of the pairs and 12 / 4^2 of the pseudo-runs
    max_unseen_shift = (12 / pseudo_runs(3)) ** 0.5
    assert standard_error(1.0, max_unseen_shift, 4, 3) == pytest.approx(1.0)
    assert standard_error(0.3, 0.0, 9, 3) == pytest.approx(0.1)


@pytest.mark.parametrize("n_compared", [1, 3, 10])
@pytest.mark.parametrize("n", [30, 100, 1_000])
def test_n_clean_runs_mislead_no_oftener_than_a_question_may(n, n_compared):
    # the highest share of deaths, each costing the shift, that n runs without one put outside
    error = standard_error(0.0, 0.25, n, n_compared)
    end = error * float(stats.t(n - 1).ppf(1 - 0.05 / (2 * n_compared)))
    assert (1 - end / 0.25) ** n <= 0.05 / n_compared


@pytest.mark.parametrize("n", [6, 10, 30, 500, 100_000])
def test_the_detectable_difference_has_80_percent_power_by_statsmodels(n):
    difference = smallest_detectable(1.0, n, max_unseen_shift=0.0, n_compared=1)
    assert TTestPower().power(difference, n, 0.05) == pytest.approx(0.8, abs=0.01)


@pytest.mark.parametrize("n_compared", [1, 3])
def test_the_detectable_difference_is_detected_four_times_out_of_five(n_compared):
    n, n_experiments = 30, 4_000
    difference = smallest_detectable(1.0, n, 0.0, n_compared)
    d = np.random.default_rng(1).normal(difference, 1.0, (n_experiments, n))
    p = stats.ttest_1samp(d, 0.0, axis=1).pvalue
    assert np.mean(p < 0.05 / n_compared) == pytest.approx(0.8, abs=0.02)


def detectable(max_unseen_shift, n_compared, power):
    return partial(
        smallest_detectable, max_unseen_shift=max_unseen_shift, n_compared=n_compared, power=power
    )


def fewest(std, max_unseen_shift, n_compared, difference, power):
    """Count up to the fewest pairs that detect a difference."""
    n = 2
    while smallest_detectable(std, n, max_unseen_shift, n_compared, power) > difference:
        n += 1
    return n


def ends_of_std(std, n):
    """Give the 95 % interval of the standard deviation of normal numbers."""
    low, high = stats.chi2(n - 1).ppf([0.975, 0.025])
    return std * math.sqrt((n - 1) / low), std * math.sqrt((n - 1) / high)


@pytest.mark.parametrize(
    ("std", "n", "max_unseen_shift", "n_compared", "difference", "power"), INPUTS
)
def test_the_pairs_needed_are_the_fewest_for_either_end_of_the_std(
    std, n, max_unseen_shift, n_compared, difference, power
):
    low, high = pairs_needed(std, n, difference, detectable(max_unseen_shift, n_compared, power))
    rest = (max_unseen_shift, n_compared, difference, power)
    assert (low, high) == tuple(fewest(end, *rest) for end in ends_of_std(std, n))
    assert low <= fewest(std, *rest) <= high


def test_more_spread_takes_more_pairs():
    stds = (0.0, 0.01, 0.02, 0.05, 0.1, 0.3)
    ranges = [pairs_needed(std, 30, 0.01, detectable(0.25, 3, 0.8)) for std in stds]
    assert ranges == sorted(ranges)
    assert len(set(ranges)) == len(stds)


def test_there_are_differences_that_no_number_of_pairs_tells():
    assert pairs_needed(0.03, 30, 1e-9, detectable(0.25, 1, 0.8)) is None
    # of two pairs almost any standard deviation is possible: 0.5 points may be 160
    low, high = pairs_needed(0.005, 2, 0.01, detectable(0.0, 1, 0.8))
    assert high > 100 * low
