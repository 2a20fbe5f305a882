"""Several sources, several repeats of each: by hand and by simulation."""

import numpy as np
import pytest

from blobtransfer.statistics.descriptive import source_means, variance_components
from blobtransfer.statistics.paired import compare_pairs


def test_two_sources_of_two_runs_split_their_variance_as_on_paper():
    # Means 1 and 5, mean squares: between 2 ((1-3)^2 + (5-3)^2) / 1 = 16, within (2 + 2) / 2 = 2.
    found = variance_components(np.array([[0.0, 2.0], [4.0, 6.0]]))
    assert found.n_sources == 2
    assert found.within_std == pytest.approx(2**0.5)
    assert found.between_std == pytest.approx(((16 - 2) / 2) ** 0.5)
    assert found.icc == pytest.approx(7 / 9)


def test_a_missing_run_makes_the_design_uneven_and_the_estimate_known():
    # Sizes 2 and 1: within 2 / 1 = 2, grand mean (0 + 2 + 4) / 3 = 2,
    # between 2 (1-2)^2 + 1 (4-2)^2 = 6, runs of a source (3 - 5/3) / 1 = 4/3.
    found = variance_components(np.array([[0.0, 2.0], [4.0, np.nan]]))
    assert found.within_std == pytest.approx(2**0.5)
    assert found.between_std == pytest.approx(((6 - 2) / (4 / 3)) ** 0.5)


def test_sources_that_differ_less_than_chance_have_no_variance_between():
    found = variance_components(np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert (found.between_std, found.icc) == (0.0, 0.0)


@pytest.mark.parametrize(
    "scores", [[[0.1, 0.2]], [[0.1], [0.2]], [[np.nan, np.nan], [0.1, 0.2]], [[np.nan], [np.nan]]]
)
def test_too_few_runs_say_nothing_of_the_sources(scores):
    found = variance_components(np.array(scores))
    assert (found.between_std, found.within_std, found.icc) == (None, None, None)


def test_equal_runs_have_no_intraclass_correlation():
    assert variance_components(np.full((3, 2), 0.5)).icc is None


def test_the_mean_of_a_source_is_of_the_runs_it_has_and_one_without_is_left_out():
    d = np.array([[0.1, 0.3], [np.nan, np.nan], [np.nan, 0.5]])
    np.testing.assert_allclose(source_means(d), [0.2, 0.5])


@pytest.mark.slow
@pytest.mark.parametrize(("n_sources", "n_repeats"), [(10, 20), (20, 5)])
def test_the_interval_of_the_means_of_sources_covers_and_that_of_all_runs_does_not(
    n_sources, n_repeats
):
    n_covered = n_naive = 0
    for experiment in range(500):
        generator = np.random.default_rng([5, experiment])
        d = generator.normal(0, 0.03, (n_sources, 1)) + generator.normal(
            0, 0.01, (n_sources, n_repeats)
        )
        one, naive = compare_pairs(source_means(d), 0.0), compare_pairs(d.ravel(), 0.0)
        n_covered += one.ci_low <= 0 <= one.ci_high
        n_naive += naive.ci_low <= 0 <= naive.ci_high
    assert n_covered >= 465
    assert n_naive < 400
