"""Many pairs of problems: by hand, by second implementations, by simulation."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.tools import add_constant

from blobtransfer.statistics.pooled import (
    MIN_POOLED_PAIRS,
    PooledEffect,
    average_ranks,
    between_pair_variance,
    fit_slope,
    pool_pairs,
    unseen_share,
)


def drawn(seed, n, tau, error, mean=0.0):
    """Draw effects around true ones of a standard deviation tau, with their variances."""
    generator = np.random.default_rng(seed)
    errors = np.broadcast_to(error, n)
    effects = mean + generator.normal(0, tau, n) + errors * generator.normal(size=n)
    return effects, errors**2


def skewed(seed, n):
    """Draw standard errors of pairs, a few of them several times the others'."""
    return 0.01 * np.exp(np.random.default_rng(seed).normal(-0.25, 0.5, n))


def family_of(effects, variance=0.0, **settings):
    return pool_pairs(np.array(effects), np.full(len(effects), variance), **settings)


# ---------------------------------------------------------------- by hand


def test_six_pairs_are_pooled_as_on_paper():
    # -2 -1 0 1 1 7: mean 1, s^2 = (9 + 4 + 1 + 0 + 0 + 36) / 5 = 10, error sqrt(10 / 6);
    # 10 less 1 is 9, so tau is 3; t of 5 degrees 2.570582
    f = family_of([-2.0, -1.0, 0.0, 1.0, 1.0, 7.0], 1.0, margin=4.0)
    t, error = 2.570582, math.sqrt(10 / 6)
    assert (f.n_pairs, f.mean, f.tau) == (6, 1.0, pytest.approx(3.0))
    assert (f.ci_low, f.ci_high) == pytest.approx((1 - t * error, 1 + t * error), rel=1e-6)
    # more than the interval that takes tau for known
    assert f.prediction_high - 1 == pytest.approx(1 - f.prediction_low)
    assert f.prediction_high - 1 > t * math.sqrt(9 + 10 / 6)
    # above 4 and below -4, were tau and the mean known: 1 and 5 / 3 standard deviations away
    assert 0.158655 < f.better_share < 0.3 and 0.047790 < f.worse_share < 0.2
    assert f.beyond_margin_share == pytest.approx(f.better_share + f.worse_share)


def test_all_variants_together_widen_the_interval_and_fit_the_p():
    effects, variances = drawn(1, 12, 0.01, 0.01, mean=0.006)
    alone, three = pool_pairs(effects, variances), pool_pairs(effects, variances, n_compared=3)
    test = stats.ttest_1samp(effects, 0.0)
    assert alone.p_value == alone.p_adjusted == three.p_value == pytest.approx(test.pvalue)
    assert three.p_adjusted == pytest.approx(3 * test.pvalue)
    assert (alone.ci_low, alone.ci_high) == (three.each_low, three.each_high)
    assert (alone.each_low, alone.each_high) == pytest.approx(tuple(test.confidence_interval()))
    expected = test.confidence_interval(1 - 0.05 / 3)
    assert (three.ci_low, three.ci_high) == pytest.approx(tuple(expected))
    assert three.prediction_low == alone.prediction_low


def test_an_interval_clear_of_zero_and_a_small_p_are_the_same():
    is_clear = set()
    for seed in range(60):
        f = pool_pairs(*drawn(seed, 8, 0.01, 0.01, mean=0.012), n_compared=2)
        assert (f.ci_low > 0 or f.ci_high < 0) == (f.p_adjusted < 0.05)
        is_clear.add(f.ci_low > 0)
    assert is_clear == {True, False}


# ---------------------------------------------------------------- by other programs


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [6, 20])
def test_with_equal_variances_all_is_as_statsmodels_has_it(seed, n):
    effects, variances = drawn(seed, n, 0.02, 0.01)
    f = pool_pairs(effects, variances)
    expected = combine_effects(effects, variances, method_re="iterated")
    assert f.tau**2 == pytest.approx(expected.tau2, rel=1e-5, abs=1e-12)
    assert f.tau**2 == pytest.approx(max(0.0, effects.var(ddof=1) - 1e-4), rel=1e-6, abs=1e-12)
    half = float(stats.t(n - 1).ppf(0.975)) * expected.sd_eff_w_re_hksj
    assert (f.ci_low, f.ci_high) == pytest.approx((f.mean - half, f.mean + half), abs=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_with_unequal_variances_tau_is_paule_and_mandels_and_the_mean_stays_unweighted(seed):
    effects, variances = drawn([seed, 0], 30, 0.01, skewed([seed, 1], 30))
    f = pool_pairs(effects, variances)
    expected = combine_effects(effects, variances, method_re="iterated")
    assert f.tau**2 == pytest.approx(expected.tau2, rel=1e-5)
    assert f.mean == pytest.approx(effects.mean())
    assert abs(f.mean - expected.mean_effect_re) > 1e-6


def test_equal_numbers_share_their_ranks():
    values = np.array([0.3, 0.1, 0.3, 0.2, 0.3, 0.1])
    np.testing.assert_array_equal(average_ranks(values), stats.rankdata(values))


@pytest.mark.parametrize("seed", range(5))
def test_a_slope_has_the_hc3_error_of_statsmodels(seed):
    generator = np.random.default_rng(seed)
    x = generator.random(12)
    y = 0.02 * x + generator.normal(0, 0.01, 12) * x
    found = fit_slope(x, y)
    expected = OLS(y, add_constant(x)).fit(cov_type="HC3", use_t=True)
    assert found.slope == pytest.approx(expected.params[1], abs=1e-9)
    assert (found.ci_low, found.ci_high) == pytest.approx(tuple(expected.conf_int()[1]), abs=1e-9)
    assert found.p_value == pytest.approx(expected.pvalues[1], rel=1e-6)


def test_a_slope_through_a_single_other_point_has_no_interval():
    x = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 1.0])
    found = fit_slope(x, np.array([0.1, 0.2, 0.1, 0.2, 0.15, 0.4]))
    assert (found.slope, found.ci_low) == (pytest.approx(0.25), None)


# ---------------------------------------------------------------- by simulation


def test_planted_mean_and_spread_are_found_again():
    f = pool_pairs(*drawn(0, 4_000, 0.02, skewed(1, 4_000), mean=0.01))
    assert f.mean == pytest.approx(0.01, abs=0.001)
    assert f.tau == pytest.approx(0.02, rel=0.05)
    assert f.prediction_high - f.mean == pytest.approx(1.96 * 0.02, rel=0.05)
    assert f.better_share == pytest.approx(float(stats.norm.cdf(0.5)), abs=0.02)


def test_without_errors_the_next_pair_has_students_interval():
    # all of them are 6 numbers of a normal distribution, and so is the next
    f = family_of([0.01, -0.02, 0.03, 0.0, 0.005, 0.01])
    half = 2.570582 * f.tau * math.sqrt(1 + 1 / 6)
    assert f.prediction_high - f.mean == pytest.approx(half, rel=0.01)


@pytest.mark.parametrize("n", [6, 20, 60])
@pytest.mark.parametrize("tau", [0.005, 0.01, 0.02])  # half a standard error to twice one
def test_intervals_hold_as_often_as_they_say(n, tau):
    n_families = 60
    families = [pool_pairs(*drawn([n, i], n, tau, skewed([n, i, 1], n))) for i in range(n_families)]
    is_held = [f.ci_low <= 0 <= f.ci_high for f in families]
    assert np.mean(is_held) == pytest.approx(0.95, abs=3 * math.sqrt(0.95 * 0.05 / n_families))
    # the share of all next pairs that the interval covers, which one draw would tell less of
    ends = np.array([(f.prediction_low, f.prediction_high) for f in families]) / tau
    # more than it says where pairs are few and differ little
    assert 0.925 < np.diff(stats.norm.cdf(ends), axis=1).mean() < 0.985


def test_where_variances_are_skewed_the_plain_moments_cover_less():
    n, tau, covered = 30, 0.005, []
    for i in range(150):
        effects, variances = drawn([9, i], n, tau, skewed([9, i, 1], n))
        plain = max(0.0, effects.var(ddof=1) - variances.mean())
        error = effects.var(ddof=1) / n
        halves = 2.045 * np.sqrt([between_pair_variance(effects, variances) + error, plain + error])
        ends = effects.mean() + halves * np.array([[1], [-1]])
        covered.append(-np.diff(stats.norm.cdf(ends / tau), axis=0)[0])
    ours, moments = np.mean(covered, axis=0)
    assert moments < ours


# ---------------------------------------------------------------- edges


@pytest.mark.parametrize("n", range(MIN_POOLED_PAIRS))
def test_too_few_pairs_have_a_mean_and_nothing_else(n):
    expected = PooledEffect(n, (n - 1) / 2, 0.0) if n else PooledEffect(0, None)
    assert family_of(np.arange(float(n))) == expected


@pytest.mark.parametrize("variance", [0.0, 1e-4])
def test_equal_effects_have_the_interval_of_the_rule_of_three(variance):
    f = family_of([0.02] * 60, variance, n_compared=3, max_difference=0.5)
    half, half_each = 0.5 * (1 - (0.05 / 3) ** (1 / 60)), 0.5 * (1 - 0.05 ** (1 / 60))
    assert (f.mean, f.worst, f.tau, f.prediction_low) == (0.02, 0.02, None, None)
    assert (f.ci_low, f.ci_high) == pytest.approx((0.02 - half, 0.02 + half))
    assert (f.each_low, f.each_high) == pytest.approx((0.02 - half_each, 0.02 + half_each))
    assert f.p_value == pytest.approx(0.96**60)


@pytest.mark.parametrize("n", [6, 60, 1000])
def test_the_share_that_pairs_do_not_exclude_shows_in_none_of_them_once_in_twenty(n):
    assert stats.binom.pmf(0, n, unseen_share(n)) == pytest.approx(0.05)
    assert unseen_share(n) == pytest.approx(3 / n, rel=0.3)


@pytest.mark.parametrize("effect", [-0.5, -0.3, -0.1, 0.0, 0.05, 0.2])
def test_the_p_of_equal_effects_fits_their_interval(effect):
    f = family_of([effect] * 8, n_compared=2, max_difference=0.5)
    assert (f.ci_low > 0 or f.ci_high < 0) == (f.p_adjusted < 0.05)


def test_effects_that_differ_by_rounding_are_equal():
    effects = 0.1 + 1e-14 * np.arange(6)
    assert pool_pairs(effects, np.zeros(6)).tau is None
    assert pool_pairs(effects, np.zeros(6)).mean == 0.1


def test_without_errors_tau_is_the_standard_deviation():
    effects = np.array([0.01, -0.02, 0.03, 0.0, 0.005, 0.01])
    assert pool_pairs(effects, np.zeros(6)).tau == pytest.approx(effects.std(ddof=1))


def test_one_pair_without_error_among_others_makes_no_warning():
    effects, variances = drawn(3, 10, 0.02, 0.01)
    exact, nearly = (pool_pairs(effects, np.r_[least, variances[1:]]) for least in (0.0, 1e-12))
    assert exact.tau == pytest.approx(nearly.tau)


@pytest.mark.parametrize(("spread", "n"), [(0.0, 6), (0.5, 12), (2.0, 60)])
def test_the_shares_are_of_the_distribution_that_the_prediction_interval_is_taken_from(spread, n):
    effects, variances = drawn(5, n, spread * 0.01, 0.01, mean=-0.01)
    low = pool_pairs(effects, variances).prediction_low
    # 2.5 % of it lie below the interval
    assert pool_pairs(effects, variances, margin=-low).worse_share == pytest.approx(0.025, abs=1e-6)


def test_that_pairs_do_not_seem_to_differ_makes_nothing_certain():
    f = family_of([0.018, 0.019, 0.02, 0.02, 0.021, 0.022], 0.0001, margin=0.01)
    assert f.tau == 0.0
    assert 0.9 < f.better_share < 1.0
    assert f.prediction_high > f.each_high


def test_the_shares_turn_with_the_sign():
    effects, variances = drawn(2, 12, 0.02, 0.01, mean=0.01)
    f, turned = (pool_pairs(sign * effects, variances, margin=0.01) for sign in (1, -1))
    assert (f.better_share, f.worse_share) == (turned.worse_share, turned.better_share)


@pytest.mark.parametrize(
    ("effects", "variances", "message"),
    [
        ([0.1, np.nan], [0.0, 0.0], "a difference is not finite"),
        ([0.1, 0.2], [0.0, np.nan], "a variance is not finite"),
        ([0.1, 0.2], [0.0, -1e-9], "or below 0"),
        ([0.1, 0.2], [0.0], "2 effects and 1 variances"),
    ],
)
def test_numbers_that_are_none_are_refused(effects, variances, message):
    with pytest.raises(ValueError, match=message):
        pool_pairs(np.array(effects), np.array(variances))


def test_a_slope_needs_six_points_that_vary():
    x = np.arange(6.0)
    assert fit_slope(x[:5], x[:5]).slope is None
    assert fit_slope(np.full(6, 0.1), x).slope is None
    flat = fit_slope(x, np.full(6, 0.1))
    assert (flat.n, flat.slope, flat.ci_low, flat.p_value) == (6, 0.0, None, None)
    line = fit_slope(x, 2 * x)
    assert (line.slope, line.ci_low, line.ci_high, line.p_value) == (2.0, 2.0, 2.0, 0.0)
    with pytest.raises(ValueError, match="not finite"):
        fit_slope(x, np.full(6, np.nan))
    with pytest.raises(ValueError, match="6 of x and 5 of y"):
        fit_slope(x, x[:5])
