import numpy as np
import pytest
from sklearn.datasets import make_blobs

from blobtransfer.data import blobs, load_task
from blobtransfer.errors import MachineError
from blobtransfer.specs.drawn import BlobsSpec


def test_the_first_rows_train_and_the_rest_test_as_scikit_learn_draws_them():
    x, y = make_blobs(n_samples=1000, centers=3, n_features=2, cluster_std=2.0, random_state=1)
    task = load_task(BlobsSpec(1))
    np.testing.assert_array_equal(task.x_train, x[:500].astype(np.float32))
    np.testing.assert_array_equal(task.y_train, y[:500])
    np.testing.assert_array_equal(task.x_test, x[500:].astype(np.float32))
    np.testing.assert_array_equal(task.y_test, y[500:])


def test_fresh_test_rows_leave_the_training_rows_as_they_were():
    usual, fresh = load_task(BlobsSpec(2)), load_task(BlobsSpec(2, n_test=40_000))
    np.testing.assert_array_equal(fresh.x_train, usual.x_train)
    np.testing.assert_array_equal(fresh.centers, usual.centers)
    assert len(fresh.x_test) == 40_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_train[:, 0]).any()
    # Two estimates of one accuracy near 0.84: 500 rows have a standard error of 0.016.
    assert fresh.ceiling == pytest.approx(usual.ceiling, abs=4 * 0.016)


def test_the_ceiling_of_two_far_blobs_is_the_normal_tail():
    # Equal classes at distance d, std s: Bayes accuracy is Phi(d / 2s).
    from scipy.stats import norm

    task = load_task(BlobsSpec(4, n_classes=2, n_features=3, cluster_std=5.0, n_test=200_000))
    distance = np.linalg.norm(task.centers[0] - task.centers[1])
    assert task.ceiling == pytest.approx(norm.cdf(distance / 10.0), abs=0.004)


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_the_rows_have_the_features_and_the_classes_that_were_asked_for(n_features):
    task = load_task(BlobsSpec(1, n_features=n_features, n_classes=4))
    assert task.x_train.shape == task.x_test.shape == (500, n_features)
    assert task.centers.shape == (4, n_features)
    assert set(task.y_train) == {0, 1, 2, 3}
    assert (task.x_train.dtype, task.y_train.dtype) == (np.float32, np.int64)


def test_a_problem_is_made_once_and_kept_for_the_next_block():
    assert load_task(BlobsSpec(1)) is load_task(BlobsSpec(1))


def test_rows_that_do_not_fit_into_memory_are_one_line(monkeypatch):
    def no_memory(**_):
        raise MemoryError

    monkeypatch.setattr(blobs, "make_blobs", no_memory)
    with pytest.raises(MachineError) as error:
        blobs.make(BlobsSpec(1))
    assert str(error.value) == (
        "a problem of 1,000 rows x 2 features does not fit into memory; use fewer"
    )
