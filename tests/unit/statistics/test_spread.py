"""Where scores lie, by hand."""

from itertools import combinations

import numpy as np
import pytest

from blobtransfer.statistics.descriptive import balanced_accuracy, describe, expected_best


def test_the_spread_of_four_numbers_is_what_paper_gives():
    # 1 2 3 4: squared deviations sum to 5, quantiles by linear interpolation
    s = describe(np.array([4.0, 1.0, 3.0, 2.0]))
    assert (s.n, s.mean, s.min, s.max, s.median) == (4, 2.5, 1.0, 4.0, 2.5)
    assert s.std == pytest.approx((5 / 3) ** 0.5)
    assert s.std_population == pytest.approx((5 / 4) ** 0.5)
    assert (s.q1, s.q3) == (1.75, 3.25)
    assert s.q05 == pytest.approx(1.15)
    # the best of three of them is 3 once, 4 three times
    assert s.best_of_3 == pytest.approx((3 + 4 + 4 + 4) / 4)
    assert s.best_of_5 is None


def test_balanced_accuracy_is_that_of_scikit_learn_also_if_a_class_has_no_rows():
    from sklearn.metrics import balanced_accuracy_score

    rng = np.random.default_rng(0)
    labels = rng.choice(5, 200, p=[0.9, 0.05, 0.0, 0.03, 0.02])
    predicted = np.where(rng.random(200) < 0.4, rng.choice([0, 1, 3, 4], 200), labels)
    n_correct, n_rows = (np.bincount(y, minlength=5) for y in (labels[labels == predicted], labels))
    expected = balanced_accuracy_score(labels, predicted)
    assert balanced_accuracy(n_correct, n_rows) == pytest.approx(expected, rel=1e-15)
    networks = np.stack([n_correct, n_rows])[:, :, None]  # the second predicts all rows
    found = balanced_accuracy(networks, n_rows[:, None], axis=1)
    np.testing.assert_allclose(found[:, 0], [expected, 1.0], rtol=1e-15)


def test_one_score_has_no_sample_standard_deviation():
    s = describe(np.array([0.5]))
    assert (s.n, s.mean, s.std, s.std_population) == (1, 0.5, None, 0.0)
    assert (s.q05, s.worst_tenth, s.best_of_3) == (0.5, 0.5, None)


def test_no_score_says_nothing():
    s = describe(np.array([]))
    assert s.n == 0
    assert {value for name, value in vars(s).items() if name != "n"} == {None}


def test_a_score_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="a score is not finite"):
        describe(np.array([0.5, np.nan]))


@pytest.mark.parametrize(("n", "expected"), [(9, 0.0), (19, 0.0), (20, 0.5), (39, 1.0)])
def test_the_worst_tenth_is_the_mean_of_the_lowest_runs_at_least_of_one(n, expected):
    scores = np.random.default_rng(0).permutation(np.arange(float(n)))
    assert describe(scores).worst_tenth == expected


@pytest.mark.parametrize("n", [3, 5, 8, 11])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_best_of_k_is_the_mean_over_all_choices(n, k):
    ordered = np.sort(np.random.default_rng([n, k]).random(n))
    best = [max(choice) for choice in combinations(ordered.tolist(), k)]
    found = expected_best(ordered, k)
    assert found is None if n < k else found == pytest.approx(np.mean(best))


def test_the_best_of_many_thousand_runs_is_in_reach():
    # of uniform numbers the best of five is 5 / 6
    ordered = np.sort(np.random.default_rng(0).random(100_000))
    assert expected_best(ordered, 5) == pytest.approx(5 / 6, abs=0.005)
