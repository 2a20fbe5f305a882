"""Paired differences and verdicts: by hand, by a second implementation, by simulation."""

import math
from typing import get_args

import numpy as np
import pytest
from scipy import stats as scipy_stats
from scipy.stats import mstats
from statsmodels.stats.proportion import proportion_confint

from blobtransfer.statistics.bootstrap import BootstrapMean, range_end
from blobtransfer.statistics.paired import (
    Difference,
    Verdict,
    VerdictKind,
    compare_pairs,
    share_difference,
    trimmed_mean,
    verdict_of,
    wilson_interval,
)

MAX_DIFFERENCE = 0.5
"""The best possible accuracy of the default problem minus chance, about."""


def rng():
    return np.random.default_rng(0)


def difference_of(values, max_difference=MAX_DIFFERENCE, n_compared=1, margin=0.01):
    return compare_pairs(np.array(values, np.float64), max_difference, n_compared, margin)


def ends(d):
    return d.ci_low, d.ci_high


# ---------------------------------------------------------------- the interval


@pytest.mark.parametrize("n_compared", [1, 3, 7])
def test_the_intervals_of_a_question_have_the_level_of_bonferroni_and_each_alone_has_not(
    n_compared,
):
    values = rng().normal(0.02, 0.03, 40)
    end = range_end(MAX_DIFFERENCE, 40)
    bootstrap = BootstrapMean.of_sample(np.round(values, 12), -end, end)
    d = difference_of(values, n_compared=n_compared)
    assert ends(d) == pytest.approx(bootstrap.interval(0.05 / n_compared))
    assert (d.each_low, d.each_high) == pytest.approx(bootstrap.interval(0.05))
    assert d.p_value == pytest.approx(2 * bootstrap.smaller_tail(0.0))


def test_a_difference_beyond_the_range_widens_it():
    values = [0.0] * 19 + [-0.9]
    assert ends(difference_of(values, 0.5)) == ends(difference_of(values, 0.9))


@pytest.mark.parametrize("n", [200, 2_000])
def test_with_many_pairs_the_interval_is_about_that_of_students_t(n):
    values = rng().normal(0.01, 0.05, n)
    low, high = scipy_stats.ttest_1samp(values, 0.0).confidence_interval()
    wider = 2 * MAX_DIFFERENCE * math.log(20) / n
    d = difference_of(values)
    assert low - wider < d.ci_low < low and high < d.ci_high < high + wider


@pytest.mark.parametrize("n_compared", [2, 3, 7])
def test_a_difference_alone_knows_nothing_of_the_others(n_compared):
    values = rng().normal(0.02, 0.03, 40)
    alone, together = difference_of(values), difference_of(values, n_compared=n_compared)
    assert (together.each_low, together.each_high, together.p_value) == (
        *ends(alone),
        alone.p_adjusted,
    )
    assert together.p_adjusted == min(1.0, n_compared * alone.p_value)


def samples(seed, n_samples=300):
    """Draw samples: normal, skewed either way, with rare deaths; a range and n_compared."""
    generator = np.random.default_rng(seed)
    for _ in range(n_samples):
        n = int(generator.integers(2, 60))
        values = [
            generator.normal(0, 0.02, n),
            generator.exponential(0.02, n),
            -generator.exponential(0.02, n),
            generator.normal(0, 0.01, n) - 0.3 * (generator.random(n) < 0.1),
        ][generator.integers(4)]
        max_difference = [0.0, 0.01, 0.25, 0.5][generator.integers(4)]
        yield values + generator.normal(0, 0.02), max_difference, int(generator.integers(1, 30))


@pytest.mark.parametrize("seed", range(3))
def test_p_is_below_5_percent_exactly_where_the_interval_excludes_0(seed):
    n_excluded = 0
    for values, max_difference, n_compared in samples(seed):
        d = difference_of(values, max_difference, n_compared)
        is_excluded = d.ci_low > 0 or d.ci_high < 0
        assert is_excluded == (d.p_adjusted < 0.05)
        assert (d.each_low > 0 or d.each_high < 0) == (d.p_value < 0.05)
        n_excluded += is_excluded
    assert 20 < n_excluded < 280


def test_the_interval_holds_the_mean_and_a_larger_range_and_more_variants_widen_it():
    for values, max_difference, n_compared in samples(9, 100):
        d = difference_of(values, max_difference, n_compared)
        further = difference_of(values, max_difference + 0.1, n_compared)
        more = difference_of(values, max_difference, n_compared + 1)
        assert d.ci_low <= d.each_low < d.mean < d.each_high <= d.ci_high
        assert more.ci_low < d.ci_low and d.ci_high < more.ci_high
        assert further.ci_high - further.ci_low >= d.ci_high - d.ci_low


# ---------------------------------------------------------------- few pairs, equal pairs


@pytest.mark.parametrize("value", [0.0, 0.02, -0.02])
def test_six_equal_differences_are_undecided(value):
    assert verdict_of(difference_of([value] * 6), 0.01).kind == "undecided"


@pytest.mark.parametrize(("n_compared", "n"), [(1, 150), (3, 204)])
def test_equal_pairs_make_no_practical_difference_from_a_number_on(n_compared, n):
    kinds = [
        verdict_of(difference_of([0.0] * pairs, n_compared=n_compared), 0.01).kind
        for pairs in (10, n - 1, n)
    ]
    assert kinds == ["undecided", "undecided", "no practical difference"]


def test_no_sample_of_fewer_than_100_pairs_makes_no_practical_difference():
    for values, _, n_compared in samples(3):
        d = difference_of(values * 0.01, n_compared=n_compared)
        assert verdict_of(d, 0.01).kind != "no practical difference"


@pytest.mark.parametrize("n", [2, 3, 4, 5])
@pytest.mark.parametrize("max_difference", [0.0, MAX_DIFFERENCE])
def test_five_pairs_or_fewer_never_give_a_verdict(n, max_difference):
    for values in ([0.1] * n, [0.1 + 0.01 * i for i in range(n)], [-0.5] * n, [0.0] * n):
        assert verdict_of(difference_of(values, max_difference), 0.01).kind == "undecided"


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_pair_or_none_decides_nothing_and_has_no_interval(values):
    d = difference_of(values)
    assert (d.n, d.ci_low, d.p_value) == (len(values), None, None)
    assert verdict_of(d, 0.01) == Verdict("undecided")


def numbers(d):
    return [value for value in vars(d).values() if isinstance(value, float)]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [0.1],
        [0.0] * 30,
        [0.02] * 30,
        [-0.02] * 5,
        [0.1, 0.2],
        [0.1, -0.1],
        [0.1, 0.1, 0.2],
        [0.0] * 29 + [0.5],
        [0.3] * 2_000,
        [0.0] * 2_000,
        [1e-15, 2e-15, 0.0],
    ],
)
@pytest.mark.parametrize("max_difference", [0.0, MAX_DIFFERENCE])
def test_no_number_is_ever_nan_and_intervals_hold_the_mean(values, max_difference):
    d = difference_of(values, max_difference)
    assert all(math.isfinite(number) for number in numbers(d))
    if len(values) > 1:
        assert d.ci_low <= d.mean <= d.ci_high
        assert 0 <= d.p_value <= d.p_adjusted <= 1
    assert verdict_of(d, 0.01).kind in get_args(VerdictKind)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_difference_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="a difference is not finite"):
        difference_of([0.1, bad, 0.2])


def test_differences_that_are_equal_but_for_rounding_are_equal():
    values = [(k + 10) / 500 - k / 500 for k in range(30)]
    assert len(set(values)) > 1
    assert difference_of(values).effect_size is None


def test_ties_count_half_for_the_probability_to_be_better():
    assert difference_of([0.01, 0, 0, -0.01, 0.02]).probability_better == pytest.approx(3 / 5)


def test_without_a_margin_no_number_of_repeats_resolves_it():
    d = difference_of([0.01, 0.02, 0.0], margin=0.0)
    assert (d.repeats_needed, d.repeats_alike) == (None, None)


# ---------------------------------------------------------------- typical, and shares


@pytest.mark.parametrize("n", [5, 10, 25, 100])
def test_the_trimmed_mean_has_scipys_interval(n):
    values = rng().exponential(1.0, n)
    found = trimmed_mean(values)
    low, high = mstats.trimmed_mean_ci(values, (0.2, 0.2))
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high))
    assert found.mean == pytest.approx(scipy_stats.trim_mean(values, 0.2))


@pytest.mark.parametrize("n", [3, 6, 9, 23, 99])
def test_where_a_fifth_is_no_whole_number_its_error_is_of_the_share_that_is_cut(n):
    # scipy divides the error by 3/5 whatever is cut; so do we, by what is left
    values = rng().normal(0.0, 1.0, n)
    found = trimmed_mean(values)
    low, high = mstats.trimmed_mean_ci(values, (0.2, 0.2))
    half = (high - low) / 2 * 0.6 / (1 - 2 * (n // 5) / n)
    assert found.mean == pytest.approx(scipy_stats.trim_mean(values, 0.2))
    assert (found.ci_low, found.ci_high) == pytest.approx((found.mean - half, found.mean + half))


def test_the_dead_do_not_change_what_is_typical():
    alive = [0.01] * 9
    assert trimmed_mean(np.array([*alive, -0.4])).mean == pytest.approx(0.01)
    assert trimmed_mean(np.array([])).mean is None
    one = trimmed_mean(np.array([0.3]))
    assert (one.mean, one.ci_low, one.ci_high) == (0.3, None, None)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (55, 80)])
def test_the_interval_of_a_probability_is_statsmodels_wilson(k, n):
    expected = proportion_confint(k, n, method="wilson")
    assert wilson_interval(k / n, n) == pytest.approx(expected)


def test_two_shares_of_the_same_pairs_differ_as_agresti_and_min_say_on_paper():
    # ten pairs: in three the own run alone is low, in one the other; 3.5 and 1.5 of 12:
    # centre 2 / 12, variance (5 / 12 - 1 / 36) / 12 = 14 / 432
    own = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0], bool)
    other = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 0], bool)
    found = share_difference(own, other)
    half = 1.959964 * (14 / 432) ** 0.5
    assert found.mean == pytest.approx(0.2)
    assert (found.ci_low, found.ci_high) == pytest.approx((1 / 6 - half, 1 / 6 + half))


def test_shares_that_never_differ_are_not_known_to_be_equal():
    never = np.zeros(30, bool)
    found = share_difference(never, never)
    assert found.mean == 0.0 and found.ci_low < 0.0 < found.ci_high
    assert found.ci_low == pytest.approx(-found.ci_high)
    assert share_difference(never[:0], never[:0]).mean is None


@pytest.mark.parametrize(("p_own", "p_other", "n"), [(0.05, 0.05, 30), (0.1, 0.02, 100)])
def test_the_interval_of_two_shares_covers(p_own, p_other, n):
    generator, n_covered = rng(), 0
    for _ in range(1_000):
        found = share_difference(generator.random(n) < p_own, generator.random(n) < p_other)
        n_covered += found.ci_low <= p_own - p_other <= found.ci_high
    assert n_covered >= 950 - 3 * 6.9  # standard error of a thousand at 95 %


# ---------------------------------------------------------------- verdicts


def found(n=30, low: float | None = -0.1, high: float | None = 0.1, needed=(90, 120), alike=None):
    return Difference(n, 0.0, low, high, repeats_needed=needed, repeats_alike=alike)


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (found(low=0.02, high=0.04), Verdict("better", "yes")),
        (found(low=-0.04, high=-0.02), Verdict("worse", "yes")),
        # better than nothing, though perhaps by less than matters
        (found(low=0.005, high=0.04), Verdict("better", "maybe")),
        # all within the margin: whether it holds 0 or not
        (found(low=0.001, high=0.009), Verdict("no practical difference", "no")),
        (found(low=-0.009, high=0.009), Verdict("no practical difference", "no")),
        # the interval reaches the margin, and holds 0
        (found(low=-0.009, high=0.01), Verdict("undecided", "maybe", (90, 120))),
        (found(low=0.0, high=0.07), Verdict("undecided", "maybe", (90, 120))),
        # five pairs never decide
        (found(5, low=0.02, high=0.04), Verdict("undecided", "yes")),
        (found(5, low=-0.009, high=0.009), Verdict("undecided", "no")),
        # no number of repeats is known to decide
        (found(needed=None), Verdict("undecided", "maybe")),
        # nothing is known
        (Difference(0, None), Verdict("undecided")),
        (found(low=None, high=None), Verdict("undecided")),
    ],
)
def test_the_verdict_follows_from_the_interval_and_the_margin(difference, verdict):
    assert verdict_of(difference, margin=0.01) == verdict


@pytest.mark.parametrize(
    ("difference", "pairs"),
    [
        (found(needed=(90, 120)), (90, 120)),
        # of the range, what there has been is left out
        (found(n=100, needed=(90, 120)), (110, 120)),
        # as many have not told a difference of the margin; it is likely smaller
        (found(n=120, needed=(90, 120), alike=(130, 170)), (130, 170)),
        (found(n=200, needed=(90, 120), alike=(130, 170)), (400, 800)),
        # two digits are as much as is known
        (found(needed=(1234, 5678)), (1300, 5700)),
        (found(needed=(6, 7)), (60, 120)),
        (found(needed=None), None),
    ],
)
def test_the_repeats_that_decide_are_a_range_above_those_there_were(difference, pairs):
    assert verdict_of(difference, 0.01).repeats_to_decide == pairs


@pytest.mark.parametrize("n", [6, 30, 100, 101, 399, 400, 5_000])
@pytest.mark.parametrize("needed", [(1, 2), (30, 90), (350, 450), (4_999, 5_001)])
def test_the_repeats_that_decide_are_always_more_than_there_were(n, needed):
    low, high = verdict_of(found(n, needed=needed, alike=needed), 0.01).repeats_to_decide
    assert n < low <= high


# ---------------------------------------------------------------- simulation


N_EXPERIMENTS = 300


def share_covered(draw, truth=0.0, max_difference=0.0):
    n_covered = 0
    for experiment in range(N_EXPERIMENTS):
        d = compare_pairs(draw(np.random.default_rng([2026, experiment])), max_difference)
        n_covered += d.ci_low <= truth <= d.ci_high
    return n_covered / N_EXPERIMENTS


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 30])
def test_the_interval_of_fresh_sources_covers_and_that_of_one_source_does_not(n):
    between, within = 0.03, 0.01

    def fresh_sources(generator):
        return generator.normal(0, between, n) + generator.normal(0, within, n)

    def one_source(generator):
        return generator.normal(0, between) + generator.normal(0, within, n)

    assert 0.93 <= share_covered(fresh_sources)
    # Within is a third of between: such an interval holds the truth one time in three or less.
    assert share_covered(one_source) < 0.35
