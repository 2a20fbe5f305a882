import numpy as np
import pytest
from sklearn.datasets import make_blobs

from blobtransfer.specs.task import TaskSpec
from blobtransfer.tasks.blobs import make_task
from blobtransfer.tasks.task import principal_plane


def test_the_first_rows_train_and_the_rest_test_as_scikit_learn_draws_them():
    x, y = make_blobs(n_samples=1000, centers=3, n_features=2, cluster_std=2.0, random_state=1)
    task = make_task(TaskSpec(1))
    np.testing.assert_array_equal(task.x_train, x[:500].astype(np.float32))
    np.testing.assert_array_equal(task.y_train, y[:500])
    np.testing.assert_array_equal(task.x_test, x[500:].astype(np.float32))
    np.testing.assert_array_equal(task.y_test, y[500:])


def test_fresh_test_rows_leave_the_training_rows_as_they_were():
    usual, fresh = make_task(TaskSpec(2)), make_task(TaskSpec(2, n_test=40_000))
    np.testing.assert_array_equal(fresh.x_train, usual.x_train)
    np.testing.assert_array_equal(fresh.centers, usual.centers)
    assert len(fresh.x_test) == 40_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_train[:, 0]).any()
    # Two estimates of one accuracy near 0.84: 500 rows have a standard error of 0.016.
    assert fresh.ceiling == pytest.approx(usual.ceiling, abs=4 * 0.016)


def test_the_ceiling_of_two_far_blobs_is_the_normal_tail():
    # Equal classes at distance d, std s: Bayes accuracy is Phi(d / 2s).
    from scipy.stats import norm

    task = make_task(TaskSpec(4, n_classes=2, n_features=3, cluster_std=5.0, n_test=200_000))
    distance = np.linalg.norm(task.centers[0] - task.centers[1])
    assert task.ceiling == pytest.approx(norm.cdf(distance / 10.0), abs=0.004)


def test_the_plane_of_many_features_holds_the_widest_spread():
    task = make_task(TaskSpec(1, n_features=5))
    points, centers = principal_plane(task)
    rows = np.concatenate([task.x_train, task.x_test])
    assert points.shape == (1000, 2)
    assert centers.shape == (3, 2)
    # The first component's variance is the largest eigenvalue of the covariance.
    largest = np.linalg.eigvalsh(np.cov(rows.T))[-1]
    assert points[:, 0].var(ddof=1) == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_and_two_features_are_drawn_as_they_are(n_features):
    task = make_task(TaskSpec(1, n_features=n_features))
    points, _ = principal_plane(task)
    np.testing.assert_array_equal(points[:500, :n_features], task.x_train)
    assert (points[:, n_features:] == 0).all()
