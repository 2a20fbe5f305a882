"""How many pairs it takes: by the interval itself, by simulation, and by counting."""

import math

import numpy as np
import pytest
from scipy import stats

from blobtransfer.statistics.paired import compare_pairs
from blobtransfer.statistics.power import (
    PAIRS,
    BootstrapPrecision,
    pairs_to_resolve,
    smallest_detectable,
)
from blobtransfer.statistics.resplit import ResplitPrecision, compare_resplits

MAX_DIFFERENCE = 0.5

PRECISIONS = [
    BootstrapPrecision(0.5, 1),
    BootstrapPrecision(0.5, 3),
    BootstrapPrecision(0.05, 7),
    ResplitPrecision(1e-4, 3),
]


def normal_sample(mean, std, n):
    """Return n normal quantiles with this mean and this sample standard deviation."""
    quantiles = stats.norm.ppf((np.arange(n) + 0.5) / n)
    return mean + quantiles * (std / quantiles.std(ddof=1))


@pytest.mark.parametrize("std", [0.01, 0.07])
@pytest.mark.parametrize("n", [10, 30, 100, 1_000])
@pytest.mark.parametrize("n_compared", [1, 3, 12])
def test_an_interval_of_normal_differences_ends_where_it_is_predicted_to_end(std, n, n_compared):
    precision = BootstrapPrecision(MAX_DIFFERENCE, n_compared)
    d = compare_pairs(normal_sample(0.02, std, n), MAX_DIFFERENCE, n_compared)
    width = d.ci_high - d.ci_low
    assert not precision.excludes(std, n, 0.02, d.ci_high - 0.02 * width)
    assert precision.excludes(std, n, 0.02, d.ci_high + 0.02 * width)


def test_an_interval_over_splits_ends_where_it_is_predicted_to_end():
    d = compare_resplits(normal_sample(0.02, 0.05, 40), 0.5, 3)
    precision = ResplitPrecision(0.5, 3)
    assert not precision.excludes(0.05, 40, 0.02, d.ci_high - 1e-6)
    assert precision.excludes(0.05, 40, 0.02, d.ci_high + 1e-6)


@pytest.mark.parametrize(("std", "n"), [(0.03, 40), (0.07, 200)])
def test_the_detectable_difference_is_detected_four_times_out_of_five(std, n):
    difference = smallest_detectable(std, n, BootstrapPrecision(MAX_DIFFERENCE, 3))
    samples = np.random.default_rng(1).normal(difference, std, (600, n))
    n_detected = sum(compare_pairs(d, MAX_DIFFERENCE, 3).ci_low > 0.0 for d in samples)
    assert n_detected / 600 == pytest.approx(0.8, abs=0.06)


@pytest.mark.parametrize("std", [0.02, 0.05])
def test_the_repeats_that_resolve_the_margin_have_their_power(std):
    precision, margin = BootstrapPrecision(MAX_DIFFERENCE, 3), 0.01
    n = 100_000  # so many that the standard deviation is known
    (needed, _), (alike, _) = pairs_to_resolve(std, n, margin, precision)
    rng = np.random.default_rng(2)
    found = [compare_pairs(rng.normal(margin, std, needed), MAX_DIFFERENCE, 3) for _ in range(300)]
    assert np.mean([d.ci_low > 0.0 for d in found]) == pytest.approx(0.8, abs=0.08)
    found = [compare_pairs(rng.normal(0.0, std, alike), MAX_DIFFERENCE, 3) for _ in range(300)]
    is_within = [-margin < d.ci_low and d.ci_high < margin for d in found]
    assert np.mean(is_within) == pytest.approx(0.8, abs=0.08)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize(("std", "n"), [(0.0, 50), (0.02, 30), (0.1, 300)])
def test_the_pairs_needed_are_the_fewest_that_detect_the_margin(precision, std, n):
    margin = 0.015
    low, high = pairs_to_resolve(std, n, margin, precision)[0]
    quantiles = stats.chi2(n - 1).ppf([0.975, 0.025])
    for std_bound, pairs in zip(std * np.sqrt((n - 1) / quantiles), (low, high), strict=True):
        assert smallest_detectable(std_bound, pairs, precision) < margin * 1.001
        if pairs > PAIRS[0]:
            fewer = PAIRS[PAIRS.index(pairs) - 1]
            assert smallest_detectable(std_bound, fewer, precision) > margin * 0.999
    assert low <= high


def test_more_spread_takes_more_pairs():
    precision = BootstrapPrecision(MAX_DIFFERENCE, 3)
    stds = (0.0, 0.01, 0.02, 0.05, 0.1, 0.3)
    ranges = [pairs_to_resolve(std, 30, 0.01, precision) for std in stds]
    for pairs in zip(*ranges, strict=True):
        assert list(pairs) == sorted(set(pairs))


@pytest.mark.parametrize(("n_compared", "n"), [(1, 150), (3, 210), (12, 280)])
def test_equal_differences_show_equivalence_by_the_rule_of_three(n_compared, n):
    _, alike = pairs_to_resolve(0.0, 30, 0.01, BootstrapPrecision(MAX_DIFFERENCE, n_compared))
    assert alike == (n, n)
    assert math.log(n_compared / 0.05) * MAX_DIFFERENCE / 0.01 == pytest.approx(n, rel=0.03)


def test_there_are_differences_that_no_number_of_pairs_detects():
    assert pairs_to_resolve(0.3, 30, 1e-9, BootstrapPrecision(MAX_DIFFERENCE, 1)) == (None, None)
    assert pairs_to_resolve(0.3, 30, 0.01, ResplitPrecision(0.5, 1)) == (None, None)
    # of two pairs almost any standard deviation is possible
    (low, high), _ = pairs_to_resolve(0.005, 2, 0.01, BootstrapPrecision(0.01, 1))
    assert high > 100 * low
