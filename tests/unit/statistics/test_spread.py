"""Where scores lie, by hand."""

import numpy as np
import pytest

from blobtransfer.statistics.spread import count_low_runs, describe


def test_the_spread_of_four_numbers_is_what_paper_gives():
    # 1 2 3 4: squared deviations sum to 5, quartiles by linear interpolation
    s = describe(np.array([4.0, 1.0, 3.0, 2.0]))
    assert (s.n, s.mean, s.min, s.max, s.median) == (4, 2.5, 1.0, 4.0, 2.5)
    assert s.std == pytest.approx((5 / 3) ** 0.5)
    assert s.std_population == pytest.approx((5 / 4) ** 0.5)
    assert (s.q1, s.q3) == (1.75, 3.25)


def test_one_score_has_no_sample_standard_deviation():
    s = describe(np.array([0.5]))
    assert (s.n, s.mean, s.std, s.std_population) == (1, 0.5, None, 0.0)


def test_no_score_says_nothing():
    s = describe(np.array([]))
    assert (s.n, s.mean, s.std, s.q1, s.max) == (0, None, None, None, None)


@pytest.mark.parametrize(
    ("scores", "n_low"),
    [
        ([0.8, 0.81, 0.79, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.4], 1),
        ([0.4, 0.3] + [0.8, 0.81] * 9, 2),
        ([0.8, 0.4], 0),  # a tenth of two is none
        ([0.7 + 0.01 * i for i in range(20)], 0),
        ([0.5] * 20, 0),
        ([0.3] * 20, 0),  # whose mean is not 0.3 to the last digit
        ([], 0),
    ],
)
def test_low_runs_are_the_few_without_which_the_std_is_halved(scores, n_low):
    assert count_low_runs(np.array(scores)) == n_low
