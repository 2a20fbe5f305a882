"""How many pairs it takes, by a second implementation."""

import pytest
from statsmodels.stats.power import TTestPower

from blobtransfer.statistics.power import detectable_effect, pairs_needed


@pytest.mark.parametrize("n", [2, 3, 6, 30, 500, 100_000])
def test_the_detectable_effect_has_80_percent_power_by_statsmodels(n):
    effect = detectable_effect(n)
    assert TTestPower().power(effect, n, 0.05) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize("effect", [3.0, 1.0, 0.5, 0.2, 0.05, 0.01])
def test_the_pairs_needed_are_the_fewest_with_80_percent_power(effect):
    n = pairs_needed(effect)
    assert TTestPower().power(effect, n, 0.05) >= 0.8
    assert n == 6 or TTestPower().power(effect, n - 1, 0.05) < 0.8


def test_there_are_effects_that_no_number_of_pairs_finds():
    assert pairs_needed(0.0) is None
    assert pairs_needed(1e-9) is None
