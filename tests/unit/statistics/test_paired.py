"""Paired differences and verdicts: by hand, by a second implementation, by simulation."""

import math
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from blobtransfer.statistics import paired
from blobtransfer.statistics.paired import (
    NO_DIFFERENCE,
    Difference,
    Verdict,
    VerdictKind,
    holm,
    paired_differences,
    repeats_to_decide,
    tail_share,
    verdict_of,
    wilson_interval,
)


def rng():
    return np.random.default_rng(0)


def adjusted(differences):
    """Fill in Holm's p, as the analysis of a question does."""
    with_p = [d for d in differences if d.p_value is not None]
    by_holm = iter(holm([d.p_value for d in with_p]))
    return [replace(d, p_adjusted=next(by_holm)) if d in with_p else d for d in differences]


def difference_of(values, margin=0.01):
    (found,) = adjusted(paired_differences([np.array(values, np.float64)], margin, rng()))
    return found


# ---------------------------------------------------------------- differences


def test_six_differences_of_one_sign_have_the_p_and_the_effect_that_paper_gives():
    d = difference_of([1, 2, 3, 4, 5, 6])
    assert (d.n, d.mean, d.probability_better) == (6, 3.5, 1.0)
    assert d.p_value == pytest.approx(2 / 2**6)  # all + and all - of 64 flips
    assert d.effect_size == pytest.approx(3.5 / 3.5**0.5)  # squared deviations 17.5 over 5
    assert d.ci_low < 3.5 < d.ci_high


def test_the_exact_p_counts_flips_by_hand():
    # 1, 2, -4: |sum| of the 8 flips is 1, 3, 5, 7 twice each; observed |-1|, so all 8 count.
    assert difference_of([1, 2, -4]).p_value == 1.0
    # 1, 2, 4: the observed 7 is reached by 2 of 8.
    assert difference_of([1, 2, 4]).p_value == pytest.approx(2 / 8)


def test_ties_count_half_for_the_probability_to_be_better():
    assert difference_of([0.01, 0, 0, -0.01, 0.02]).probability_better == pytest.approx(3 / 5)


def test_the_interval_is_scipys_bca_at_the_widened_level():
    values = rng().exponential(1.0, 25) - 0.7
    expected = scipy_stats.bootstrap(
        (values,), np.mean, confidence_level=1 - 2 * tail_share(25), rng=rng()
    ).confidence_interval
    d = difference_of(values)
    assert (d.ci_low, d.ci_high) == pytest.approx((expected.low, expected.high), rel=1e-3)


def test_the_widened_level_is_students_t_and_no_more_for_many_pairs():
    # t of 9 degrees 2.262157 times sqrt(10 / 9) = 2.384526; the normal tail there is 0.00855
    assert tail_share(10) == pytest.approx(0.008551, abs=1e-6)
    assert tail_share(100_000) == pytest.approx(0.025, abs=1e-5)


@pytest.mark.parametrize("n", [1_000, 5_000])
def test_many_pairs_get_the_t_interval_and_t_test(n):
    values = rng().normal(0.001, 0.03, n)
    test = scipy_stats.ttest_1samp(np.round(values, 12), 0.0)
    d = difference_of(values)
    assert d.p_value == pytest.approx(test.pvalue)
    assert (d.ci_low, d.ci_high) == pytest.approx(tuple(test.confidence_interval()))


def test_resampling_and_t_agree_where_one_takes_over_from_the_other():
    values = rng().normal(0.002, 0.03, 1_000)
    few, many = difference_of(values[:-1]), difference_of(values)
    assert few.ci_low == pytest.approx(many.ci_low, abs=1e-4)
    assert few.ci_high == pytest.approx(many.ci_high, abs=1e-4)
    assert few.p_value == pytest.approx(many.p_value, abs=0.02)


def test_a_sets_numbers_do_not_depend_on_the_other_sets():
    sets = [rng().normal(m, 0.03, n) for m, n in [(0.01, 20), (0.0, 20), (-0.01, 15), (0, 1)]]
    together = paired_differences(sets, 0.01, rng())
    for i, one in enumerate(sets):
        (alone,) = paired_differences([one], 0.01, rng())
        assert together[i] == alone


def test_resampling_leaves_the_generator_as_it_was():
    generator = rng()
    paired_differences([np.arange(20.0)], 0.01, generator)
    assert generator.random() == rng().random()


def test_nothing_depends_on_global_random_state():
    values = rng().normal(0, 1, 20)
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002
        found.append(difference_of(values))
    assert found[0] == found[1]


# ---------------------------------------------------------------- degenerate input


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
def test_no_number_is_ever_nan_and_intervals_hold_the_mean(values):
    d = difference_of(values)
    assert all(math.isfinite(number) for number in numbers(d))
    if len(values) > 1:
        assert d.ci_low <= d.mean <= d.ci_high
        assert 0 <= d.p_value <= d.p_adjusted <= 1
    assert verdict_of(d, 0.01).kind in get_args(VerdictKind)


def test_equal_differences_have_no_spread_to_doubt():
    d = difference_of([0.02] * 30)
    assert d.ci_low == d.mean == d.ci_high == pytest.approx(0.02)
    assert (d.effect_size, d.repeats_needed, d.detectable) == (None, 6, 0.0)
    assert verdict_of(d, 0.01) == Verdict("better", "yes")
    assert verdict_of(difference_of([0.0] * 30), 0.01).kind == "no practical difference"
    assert difference_of([0.0] * 30).p_value == 1.0


def test_differences_that_are_equal_but_for_rounding_are_equal():
    values = [(k + 10) / 500 - k / 500 for k in range(30)]
    assert len(set(values)) > 1
    assert difference_of(values).effect_size is None


@pytest.mark.parametrize("values", [[], [0.5]])
def test_one_pair_or_none_decides_nothing(values):
    assert verdict_of(difference_of(values), 0.01) == Verdict("undecided")


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_five_pairs_or_fewer_never_give_a_verdict(n):
    for values in ([0.1] * n, [0.1 + 0.01 * i for i in range(n)], [-0.5] * n, [0.0] * n):
        assert verdict_of(difference_of(values), 0.01).kind == "undecided"
    assert difference_of([0.1 + 0.01 * i for i in range(n)]).p_value >= 2 / 2**n


# ---------------------------------------------------------------- adjusted p, probabilities


@pytest.mark.parametrize("seed", range(20))
def test_holm_is_that_of_statsmodels(seed):
    p = np.random.default_rng(seed).random(1 + seed % 8) ** 3
    assert holm(p) == pytest.approx(list(multipletests(p, method="holm")[1]))


def test_holm_by_hand():
    # sorted .01 .02 .04 times 3 2 1 is .03 .04 .04
    assert holm([0.02, 0.04, 0.01]) == pytest.approx([0.04, 0.04, 0.03])
    assert holm([]) == []


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (55, 80)])
def test_the_interval_of_a_probability_is_statsmodels_wilson(k, n):
    expected = proportion_confint(k, n, method="wilson")
    assert wilson_interval(k / n, n) == pytest.approx(expected)


# ---------------------------------------------------------------- verdicts


def found(n=30, mean=0.0, low=-0.1, high=0.1, p=1.0, needed=100):
    return Difference(n, mean, low, high, p, p, 0.5, 0.4, 0.6, 0.0, 0.01, needed)


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [
        (found(mean=0.03, low=0.02, high=0.04, p=0.001), Verdict("better", "yes")),
        (found(mean=-0.03, low=-0.04, high=-0.02, p=0.001), Verdict("worse", "yes")),
        # better than nothing, though perhaps by less than matters
        (found(mean=0.03, low=0.005, high=0.04, p=0.001), Verdict("better", "maybe")),
        (
            found(mean=0.004, low=0.001, high=0.009, p=0.001),
            Verdict("no practical difference", "no"),
        ),
        (found(mean=0.0, low=-0.009, high=0.009), Verdict("no practical difference", "no")),
        # the interval reaches the margin
        (found(mean=0.0, low=-0.009, high=0.01), Verdict("undecided", "maybe", (100, 100))),
        # p is not small after Holm
        (found(mean=0.03, low=0.02, high=0.04, p=0.06), Verdict("undecided", "yes", (100, 100))),
        # the interval holds 0
        (found(mean=0.03, low=-0.01, high=0.07, p=0.04), Verdict("undecided", "maybe", (100, 100))),
        # five pairs never decide
        (
            found(5, mean=0.03, low=0.02, high=0.04, p=0.001),
            Verdict("undecided", "yes", (100, 100)),
        ),
        (found(5, low=-0.009, high=0.009), Verdict("undecided", "no", (100, 100))),
        # no number of repeats is known to decide
        (found(needed=None), Verdict("undecided", "maybe")),
        # nothing is known
        (NO_DIFFERENCE, Verdict("undecided")),
        (found(low=None, high=None), Verdict("undecided")),
        (replace(found(), p_adjusted=None), Verdict("undecided")),
    ],
)
def test_the_verdict_follows_from_interval_p_and_margin(difference, verdict):
    assert verdict_of(difference, margin=0.01) == verdict


@pytest.mark.parametrize(
    ("difference", "n"),
    [
        (found(needed=100), 100),
        # 100 pairs resolve the margin and have not, so half the margin is what counts
        (found(n=200, needed=100), 400),
        # so have 400
        (found(n=700, needed=100), 1400),
        # two digits are as much as is known
        (found(needed=1234), 1300),
        (found(needed=6), 60),
        (found(needed=None), None),
    ],
)
def test_the_repeats_that_decide_are_those_that_resolve_the_margin_or_half_of_it(difference, n):
    assert repeats_to_decide(difference) == n


@pytest.mark.parametrize("n", [6, 30, 100, 101, 399, 400, 5_000])
def test_the_repeats_that_decide_are_always_more_than_there_were(n):
    assert repeats_to_decide(found(n=n)) > n


# ---------------------------------------------------------------- simulation


N_EXPERIMENTS = 1_000


@pytest.fixture
def quick(monkeypatch):
    """Take fewer resamples, so that a thousand experiments take seconds."""
    monkeypatch.setattr(paired, "N_RESAMPLES", 999)


def share_covered(draw, truth=0.0):
    n_covered = 0
    for experiment in range(N_EXPERIMENTS):
        generator = np.random.default_rng([2026, experiment])
        (d,) = paired_differences([draw(generator)], 0.01, generator)
        n_covered += d.ci_low <= truth <= d.ci_high
    return n_covered / N_EXPERIMENTS


@pytest.mark.slow
@pytest.mark.parametrize("n", [10, 30])
def test_the_interval_of_fresh_sources_covers_and_that_of_one_source_does_not(quick, n):
    between, within = 0.03, 0.01

    def fresh_sources(generator):
        return generator.normal(0, between, n) + generator.normal(0, within, n)

    def one_source(generator):
        return generator.normal(0, between) + generator.normal(0, within, n)

    assert 0.93 <= share_covered(fresh_sources) <= 0.97
    # Within is a third of between: such an interval holds the truth about one time in six or less.
    assert share_covered(one_source) < 0.25


@pytest.mark.slow
def test_differences_as_skewed_as_dead_networks_make_them_are_covered_nearly_as_often(quick):
    # One network in twenty ends 30 points lower: the mean of the differences is 0.015.
    def skewed(generator):
        dead = 0.3 * (generator.random(30) < 0.05)
        return generator.normal(0, 0.01, 30) + dead

    # No interval from 30 such differences can know of the dead that none of them is: with
    # probability 0.95^30 = 0.21 there is none. The docs say so; this keeps them honest.
    assert 0.70 <= share_covered(skewed, truth=0.015) < 0.90


@pytest.mark.slow
def test_no_effect_is_found_in_at_most_5_percent_after_holm(quick):
    n_false = 0
    for experiment in range(N_EXPERIMENTS):
        generator = np.random.default_rng([4, experiment])
        shared = generator.normal(0, 0.02, 20)  # differences share their standalone
        sets = [shared + generator.normal(0, 0.02, 20) for _ in range(7)]
        found = adjusted(paired_differences(sets, 0.01, generator))
        n_false += any(verdict_of(d, 0.0).kind in ("better", "worse") for d in found)
    # 5 % and three standard errors of a thousand experiments, 0.0069 each
    assert n_false / N_EXPERIMENTS <= 0.05
