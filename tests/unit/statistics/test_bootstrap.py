"""The Bayesian bootstrap of a mean: by random weights, by integration, by hand, by exact counts."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy import integrate, stats

from blobtransfer.statistics.bootstrap import BootstrapMean, range_end
from blobtransfer.statistics.paired import compare_pairs, estimate_mean

MAX_DIFFERENCE = 0.5
"""Of accuracies: the best possible minus chance, about that of the default problem."""

SAMPLES = {
    "normal": lambda rng, n: rng.normal(0.01, 0.03, n),
    "skewed": lambda rng, n: rng.exponential(0.03, n) - 0.02,
    "one in ten fails": lambda rng, n: rng.normal(0, 0.01, n) - 0.4 * (rng.random(n) < 0.1),
    "equal": lambda rng, n: np.full(n, 0.02),
    "ties": lambda rng, n: rng.integers(-3, 3, n) / 500,
}


def sample_of(name, n):
    return SAMPLES[name](np.random.default_rng(n), n)


def bootstrap_of(sample, max_difference=MAX_DIFFERENCE):
    end = range_end(max_difference, len(sample))
    return BootstrapMean.of_sample(sample, -end, end)


def tail_by_integration(values, mean):
    """Compute P(sum (value - mean) E > 0) by the inversion integral, to the right of 0."""
    deviations = np.asarray(values) - mean
    shift = 0.5 / deviations.max()

    def integrand(y):
        s = complex(shift, y)
        return (np.exp(-np.log(1 - s * deviations).sum()) / s).real

    scale = 1 / np.abs(deviations).max()
    pieces = [0, *(scale * 10.0 ** np.arange(-3, 5))]
    return (
        sum(integrate.quad(integrand, low, high, limit=200)[0] for low, high in pairwise(pieces))
        / math.pi
    )


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("n", [6, 30, 200])
@pytest.mark.parametrize("alpha", [0.05, 0.05 / 12])
def test_beyond_each_end_is_the_tail_that_integration_gives(name, n, alpha):
    sample = sample_of(name, n)
    end = range_end(MAX_DIFFERENCE, n)
    low, high = bootstrap_of(sample).interval(alpha)
    values = np.append(sample, (-end, end))
    assert tail_by_integration(values, high) == pytest.approx(alpha / 2, rel=0.05)
    assert tail_by_integration(-values, -low) == pytest.approx(alpha / 2, rel=0.05)


@pytest.mark.parametrize("name", SAMPLES)
def test_random_weights_give_the_same_interval(name):
    sample = sample_of(name, 20)
    end = range_end(MAX_DIFFERENCE, 20)
    weights = np.random.default_rng(0).dirichlet(np.ones(22), 200_000)
    means = weights @ np.append(sample, (-end, end))
    low, high = bootstrap_of(sample).interval(0.05)
    assert np.mean(means < low) == pytest.approx(0.025, abs=0.0015)
    assert np.mean(means > high) == pytest.approx(0.025, abs=0.0015)
    for mean in (low, 0.0, 0.01, high):
        share = np.mean(means > mean)
        tail = bootstrap_of(sample).smaller_tail(mean)
        assert tail == pytest.approx(min(share, 1 - share), rel=0.06)


@pytest.mark.parametrize("n", [2, 10, 30, 100, 1_000, 100_000])
@pytest.mark.parametrize("n_compared", [1, 3, 12])
def test_equal_differences_have_the_half_width_of_the_rule_of_three(n, n_compared):
    d = compare_pairs(np.zeros(n), MAX_DIFFERENCE, n_compared)
    # Two exponential weights at the ends: their difference has a Laplace distribution.
    exact = range_end(MAX_DIFFERENCE, n) * (1 - (0.05 / n_compared) ** (1 / (n + 1)))
    assert d.ci_high == pytest.approx(exact, rel=0.01)
    assert -d.ci_low == pytest.approx(d.ci_high)
    assert d.ci_high >= MAX_DIFFERENCE * (1 - (0.05 / n_compared) ** (1 / n)) * 0.999


@pytest.mark.parametrize("name", SAMPLES)
def test_the_distribution_of_negated_differences_is_the_mirror_image(name):
    sample = sample_of(name, 40)
    low, high = bootstrap_of(sample).interval(0.01)
    assert bootstrap_of(-sample).interval(0.01) == pytest.approx((-high, -low))
    assert bootstrap_of(-sample).smaller_tail(-0.005) == pytest.approx(
        bootstrap_of(sample).smaller_tail(0.005)
    )


@pytest.mark.parametrize("name", SAMPLES)
def test_more_repeats_like_these_and_a_smaller_range_narrow_the_interval(name):
    sample = sample_of(name, 12)
    samples = [np.tile(sample, times) for times in (1, 2, 5, 50)]
    widths = [np.diff(bootstrap_of(larger).interval(0.05)) for larger in samples]
    assert widths == sorted(widths, reverse=True)
    ends = [
        bootstrap_of(sample, max_difference).interval(0.05)[1]
        for max_difference in (0.45, 0.6, 1.0)
    ]
    assert ends == sorted(ends)


def test_the_tail_rises_to_the_centre_and_falls_beyond_it_without_a_jump():
    bootstrap = bootstrap_of(sample_of("skewed", 25))
    tails = np.array([bootstrap.smaller_tail(mean) for mean in np.linspace(-0.3, 0.3, 4_001)])
    steps, highest = np.diff(tails), int(tails.argmax())
    assert tails[highest] == pytest.approx(0.5, abs=0.01)
    assert (steps[: highest - 2] > 0).all() and (steps[highest + 2 :] < 0).all()
    assert np.abs(steps).max() < 0.01


@pytest.mark.parametrize("n_compared", [1, 3, 12])
@pytest.mark.parametrize("n", [6, 10, 30, 100, 300])
def test_failures_at_full_cost_mislead_in_6_percent_of_tables_at_most(n, n_compared):
    """Count exactly, for all failure rates up to a half, how often an interval is wrong."""
    d = [np.repeat([-MAX_DIFFERENCE, 0.0], [n_failed, n - n_failed]) for n_failed in range(n + 1)]
    differences = [compare_pairs(values, MAX_DIFFERENCE, n_compared) for values in d]
    low, high = np.array([(each.ci_low, each.ci_high) for each in differences]).T
    rates = np.linspace(0, 0.5, 2_000)[1:, None]
    is_wrong = (-MAX_DIFFERENCE * rates < low) | (-MAX_DIFFERENCE * rates > high)
    wrong = (is_wrong * stats.binom.pmf(np.arange(n + 1), n, rates)).sum(axis=1)
    any_wrong = 1 - (1 - wrong) ** n_compared
    assert any_wrong.max() <= 0.061
    assert any_wrong[rates[:, 0] <= 0.1].max() <= 0.058


def test_an_interval_of_accuracies_stays_between_chance_and_the_best_possible():
    accuracies = np.full(50, 0.8)
    mean, low, high = vars(estimate_mean(accuracies, 0.34, 0.84)).values()
    assert 0.34 < low < mean == pytest.approx(0.8) and mean < high < 0.84
    beyond = estimate_mean(np.append(accuracies, 0.1), 0.34, 0.84)
    assert beyond.ci_low < low
    assert vars(estimate_mean(np.full(5, 0.5), 0.5, 0.5)) == dict.fromkeys(
        ("mean", "ci_low", "ci_high"), 0.5
    )
