"""Several sources, several repeats of each: by hand, by a second implementation, by simulation."""

from dataclasses import replace

import numpy as np
import pytest

from blobtransfer.statistics import nested, paired
from blobtransfer.statistics.nested import multi_bootstrap, nested_differences, source_variance
from blobtransfer.statistics.paired import paired_differences, verdict_of


def rng():
    return np.random.default_rng(0)


def test_two_sources_of_two_runs_split_their_variance_as_on_paper():
    # Means 1 and 5, mean squares: between 2 ((1-3)^2 + (5-3)^2) / 1 = 16, within (2 + 2) / 2 = 2.
    found = source_variance(np.array([[0.0, 2.0], [4.0, 6.0]]))
    assert found.n_sources == 2
    assert found.within_std == pytest.approx(2**0.5)
    assert found.between_std == pytest.approx(((16 - 2) / 2) ** 0.5)
    assert found.icc == pytest.approx(7 / 9)


def test_a_failed_run_makes_the_design_uneven_and_the_estimate_known():
    # Sizes 2 and 1: within 2 / 1 = 2, grand mean (0 + 2 + 4) / 3 = 2,
    # between 2 (1-2)^2 + 1 (4-2)^2 = 6, runs of a source (3 - 5/3) / 1 = 4/3.
    found = source_variance(np.array([[0.0, 2.0], [4.0, np.nan]]))
    assert found.within_std == pytest.approx(2**0.5)
    assert found.between_std == pytest.approx(((6 - 2) / (4 / 3)) ** 0.5)


def test_sources_that_differ_less_than_chance_have_no_variance_between():
    found = source_variance(np.array([[0.0, 1.0], [0.0, 1.0]]))
    assert (found.between_std, found.icc) == (0.0, 0.0)


@pytest.mark.parametrize(
    "scores",
    [[[0.1, 0.2]], [[0.1], [0.2]], [[np.nan, np.nan], [0.1, 0.2]], [[np.nan], [np.nan]]],
)
def test_too_few_runs_say_nothing_of_the_sources(scores):
    found = source_variance(np.array(scores))
    assert (found.between_std, found.within_std, found.icc) == (None, None, None)


def test_equal_runs_have_no_intraclass_correlation():
    assert source_variance(np.full((3, 2), 0.5)).icc is None


def test_the_multi_bootstrap_resamples_as_two_plain_loops_do(monkeypatch):
    monkeypatch.setattr(nested, "N_RESAMPLES", 4_000)
    scores = rng().normal(0, 1, (6, 1)) + rng().normal(0, 2, (6, 4))
    scores[2, 1:] = np.nan
    scores[4, 0] = np.nan
    by_library = multi_bootstrap([scores], rng())[:, 0]
    generator = np.random.default_rng(1)
    by_loops = []
    for _ in range(4_000):
        means = []
        for source in generator.integers(6, size=6):
            ok = scores[source][~np.isnan(scores[source])]
            means.append(np.mean([ok[i] for i in generator.integers(len(ok), size=len(ok))]))
        by_loops.append(np.mean(means))
    levels = [0.025, 0.25, 0.5, 0.75, 0.975]
    np.testing.assert_allclose(
        np.quantile(by_library, levels), np.quantile(by_loops, levels), atol=0.1
    )
    assert by_library.std() == pytest.approx(np.std(by_loops), rel=0.06)


def test_without_spread_within_it_is_the_bootstrap_of_the_sources():
    scores = np.repeat(rng().normal(0, 1, (8, 1)), 5, axis=1)
    resampled = multi_bootstrap([scores], rng())[:, 0]
    assert resampled.std() == pytest.approx(scores[:, 0].std() / 8**0.5, rel=0.05)


def test_the_p_is_that_of_the_means_of_the_sources():
    d = rng().normal(0.01, 0.02, (7, 5))
    (one,) = nested_differences([d], 0.01, rng())
    (means,) = paired_differences([d.mean(axis=1)], 0.01, rng())
    assert (one.n, one.p_value, one.mean) == (7, means.p_value, pytest.approx(d.mean()))
    assert one.probability_better == pytest.approx(np.mean(d > 0))


def test_a_source_whose_runs_all_failed_is_left_out():
    d = rng().normal(0.01, 0.02, (8, 3))
    d[3] = np.nan
    (one,) = nested_differences([d], 0.01, rng())
    (without,) = nested_differences([np.delete(d, 3, axis=0)], 0.01, rng())
    assert one == without and one.n == 7


@pytest.mark.parametrize("d", [np.full((3, 2), np.nan), np.zeros((2, 2)), np.full((9, 3), 0.02)])
def test_degenerate_designs_have_a_clear_verdict(d):
    (one,) = nested_differences([d], 0.01, rng())
    verdict = verdict_of(replace(one, p_adjusted=one.p_value), 0.01)
    assert verdict.kind in ("undecided", "better")
    assert all(np.isfinite(v) for v in vars(one).values() if isinstance(v, float))


@pytest.mark.slow
@pytest.mark.parametrize(("n_sources", "n_repeats"), [(10, 20), (20, 5)])
def test_the_interval_of_the_nested_design_covers_and_the_naive_one_does_not(
    monkeypatch, n_sources, n_repeats
):
    monkeypatch.setattr(nested, "N_RESAMPLES", 499)
    monkeypatch.setattr(paired, "N_RESAMPLES", 499)
    n_covered = n_naive = 0
    for experiment in range(1_000):
        generator = np.random.default_rng([5, experiment])
        d = generator.normal(0, 0.03, (n_sources, 1)) + generator.normal(
            0, 0.01, (n_sources, n_repeats)
        )
        (one,) = nested_differences([d], 0.01, generator)
        n_covered += one.ci_low <= 0 <= one.ci_high
        # as if all runs were independent
        half = 1.96 * d.std(ddof=1) / d.size**0.5
        n_naive += abs(d.mean()) <= half
    assert 930 <= n_covered <= 970
    assert n_naive < 800
