import numpy as np
import pytest
from statsmodels.duration.survfunc import survdiff

from blobtransfer.statistics.survival import (
    TimeToThreshold,
    curve_metrics,
    epochs_to_reach,
    log_rank_p,
    median_epochs,
)


def test_the_metrics_of_a_curve_are_what_paper_gives():
    metrics = curve_metrics(np.array([[0.2, 0.4, 0.8], [0.5, 0.5, 0.5]]))
    assert list(metrics["jumpstart"]) == [0.2, 0.5]
    # (0.2 / 2 + 0.4 + 0.8 / 2) / 2 epochs
    np.testing.assert_allclose(metrics["area"], [0.45, 0.5])
    np.testing.assert_allclose(metrics["last"], [0.6, 0.5])


def test_the_last_epochs_are_ten_and_never_the_untrained_one():
    curve = np.r_[np.zeros(1), np.full(5, 0.3), np.full(10, 0.7)][None]
    assert curve_metrics(curve)["last"] == pytest.approx(0.7)
    assert curve_metrics(curve[:, :4])["last"] == pytest.approx(0.3)


def test_a_run_that_never_gets_there_is_censored_at_its_last_epoch():
    reached = epochs_to_reach(np.array([[0.1, 0.5, 0.4], [0.6, 0.1, 0.1], [0.1, 0.2, 0.3]]), 0.5)
    assert list(reached.epochs) == [1, 0, 2]
    assert list(reached.is_censored) == [False, False, True]


def reached(epochs, censored=()):
    return TimeToThreshold(
        np.array([*epochs, *censored]),
        np.array([False] * len(epochs) + [True] * len(censored)),
    )


@pytest.mark.parametrize(
    ("epochs", "censored", "median"),
    [
        ([1, 2, 3, 4], [], 2),  # survival .75 .5 .25 0
        ([1, 2], [9, 9], 2),
        ([1], [9, 9], None),  # survival 2/3 for ever
        ([3, 5], [4], 5),  # 2/3, then 0 of the one still under way
        ([], [9], None),
        ([], [], None),
    ],
)
def test_the_median_is_that_of_the_kaplan_meier_curve(epochs, censored, median):
    assert median_epochs(reached(epochs, censored)) == median


@pytest.mark.parametrize("n", [2, 24, 38, 44, 198, 300])
def test_the_median_is_reached_when_exactly_half_of_the_runs_are_there(n):
    half = n // 2
    assert median_epochs(reached(range(1, half + 1), [1_000] * half)) == half


@pytest.mark.parametrize("seed", range(5))
def test_the_log_rank_p_is_that_of_statsmodels(seed):
    rng = np.random.default_rng(seed)
    a = reached(rng.integers(1, 40, 20), [40] * (seed + 1))
    b = reached(rng.integers(10, 50, 25), [50] * 3)
    times = np.r_[a.epochs, b.epochs]
    status = ~np.r_[a.is_censored, b.is_censored]
    _, p = survdiff(times, status, np.r_[np.zeros(len(a.epochs)), np.ones(len(b.epochs))])
    assert log_rank_p(a, b) == pytest.approx(p)


def test_runs_that_nobody_finishes_or_all_at_once_cannot_differ():
    assert log_rank_p(reached([], [9, 9]), reached([], [9])) is None
    assert log_rank_p(reached([]), reached([1])) is None
    assert log_rank_p(reached([5, 5]), reached([5, 5, 5])) == 1.0
