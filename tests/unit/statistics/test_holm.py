"""Holm's procedure: which differences it finds, and p and level that fit each other."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from blobtransfer.statistics.holm import holm_step_down


def bonferroni(p_values):
    return lambda i, n: min(1.0, n * p_values[i])


def test_a_stage_is_judged_among_those_that_are_left():
    # 0.012 < 0.05 / 4; then 0.016 < 0.05 / 3 but 0.03 > 0.05 / 2
    found, adjusted = holm_step_down(4, bonferroni([0.012, 0.016, 0.03, 0.5]))
    assert found == [4, 3, 2, 2]
    assert adjusted == pytest.approx([0.048, 0.048, 0.06, 1.0])


def test_nothing_is_found_where_nothing_holds_among_all():
    assert holm_step_down(3, bonferroni([0.02, 0.5, 0.6])) == ([3, 3, 3], [0.06, 1.0, 1.0])


def test_a_difference_without_a_p_is_never_found():
    found, adjusted = holm_step_down(2, lambda i, n: None if i else 0.001)
    assert (found, adjusted) == ([2, 1], [0.001, None])
    assert holm_step_down(0, bonferroni([])) == ([], [])


@pytest.mark.parametrize("seed", range(20))
def test_it_finds_what_holm_finds(seed, monkeypatch):
    monkeypatch.setattr("gc.collect", int)  # statsmodels calls it: half a second
    p_values = np.random.default_rng(seed).uniform(size=12) ** 4
    _, adjusted = holm_step_down(12, bonferroni(p_values))
    reject, *_ = multipletests(p_values, 0.05, "holm")
    assert [p < 0.05 for p in adjusted] == reject.tolist()


@pytest.mark.parametrize("seed", range(5))
def test_p_is_below_5_percent_just_where_the_level_of_its_stage_says_so(seed):
    p_values = np.random.default_rng(seed).uniform(size=12) ** 4
    found, adjusted = holm_step_down(12, bonferroni(p_values))
    for p, n, p_adjusted in zip(p_values, found, adjusted, strict=True):
        assert (p_adjusted < 0.05) == (n * p < 0.05)
