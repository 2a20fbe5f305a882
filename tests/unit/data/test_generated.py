"""Rows of scikit-learn's generators, and the best possible accuracy on them."""

import numpy as np
import pytest
from sklearn import datasets

from blobtransfer.data import generated, load_dataset
from blobtransfer.errors import MachineError
from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    MoonsSpec,
    QuantilesSpec,
)

KINDS = [
    (MoonsSpec(3), lambda n: datasets.make_moons(n, noise=0.2, random_state=3)),
    (CirclesSpec(3), lambda n: datasets.make_circles(n, noise=0.1, factor=0.5, random_state=3)),
    (
        ClassificationSpec(3, n_features=6),
        lambda n: datasets.make_classification(
            n, n_features=6, n_informative=5, n_redundant=0, n_classes=3, n_clusters_per_class=1,
            random_state=3,
        ),
    ),
    (QuantilesSpec(3), lambda n: datasets.make_gaussian_quantiles(n_samples=n, random_state=3)),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "draw"), KINDS)
def test_the_rows_are_those_of_scikit_learn(spec, draw):
    x, y = draw(1000)
    dataset = load_dataset(spec)
    np.testing.assert_array_equal(dataset.x_train, x[:500].astype(np.float32))
    np.testing.assert_array_equal(dataset.y_test, y[500:])
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("kind", [MoonsSpec, CirclesSpec, QuantilesSpec])
def test_fresh_test_rows_leave_the_training_rows_as_they_were(kind):
    usual, fresh = load_dataset(kind(1)), load_dataset(kind(1, n_test=3_000))
    np.testing.assert_array_equal(usual.x_train, fresh.x_train)
    assert len(fresh.y_test) == 3_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_test[:, 0]).any()


def test_fresh_test_rows_of_classification_are_of_the_same_clusters():
    dataset = load_dataset(ClassificationSpec(1, n_test=3_000, separation=3.0, flip=0.0))
    centres = [dataset.x_train[dataset.y_train == k].mean(axis=0) for k in range(3)]
    distances = [np.linalg.norm(dataset.x_test - centre, axis=1) for centre in centres]
    assert np.mean(np.argmin(distances, axis=0) == dataset.y_test) > 0.9
    assert len(dataset.y_train) == 500


def test_without_noise_all_is_possible():
    assert load_dataset(MoonsSpec(1, noise=0.0)).ceiling == 1.0
    assert load_dataset(CirclesSpec(1, noise=0.0)).ceiling == 1.0
    assert load_dataset(QuantilesSpec(1)).ceiling == 1.0
    assert load_dataset(ClassificationSpec(1)).ceiling is None


@pytest.mark.parametrize("kind", [MoonsSpec, CirclesSpec])
def test_no_rule_that_learnt_from_many_rows_is_better_than_the_ceiling(kind):
    from sklearn.neighbors import KNeighborsClassifier

    spec = kind(1, noise=0.35, n_samples=20_000, n_train=20_000, n_test=20_000)
    dataset = load_dataset(spec)
    rule = KNeighborsClassifier(200).fit(dataset.x_train, dataset.y_train)
    accuracy = np.mean(rule.predict(dataset.x_test) == dataset.y_test)
    # 20,000 rows have a standard error of 0.003.
    assert accuracy == pytest.approx(dataset.ceiling, abs=0.012)
    assert accuracy < dataset.ceiling + 0.004


def test_the_first_blobs_rows_train_and_the_rest_test_as_scikit_learn_draws_them():
    x, y = datasets.make_blobs(1000, centers=3, cluster_std=2.0, random_state=1)
    dataset = load_dataset(BlobsSpec(1))
    np.testing.assert_array_equal(dataset.x_train, x[:500].astype(np.float32))
    np.testing.assert_array_equal(dataset.y_train, y[:500])
    np.testing.assert_array_equal(dataset.x_test, x[500:].astype(np.float32))
    np.testing.assert_array_equal(dataset.y_test, y[500:])


def test_fresh_test_rows_of_blobs_leave_the_training_rows_and_centres_as_they_were():
    usual, fresh = load_dataset(BlobsSpec(2)), load_dataset(BlobsSpec(2, n_test=40_000))
    np.testing.assert_array_equal(fresh.x_train, usual.x_train)
    np.testing.assert_array_equal(fresh.centers, usual.centers)
    assert len(fresh.x_test) == 40_000
    assert not np.isin(fresh.x_test[:, 0], usual.x_train[:, 0]).any()
    # Two estimates of one accuracy near 0.84: 500 rows have a standard error of 0.016.
    assert fresh.ceiling == pytest.approx(usual.ceiling, abs=4 * 0.016)


def test_the_ceiling_of_two_far_blobs_is_the_normal_tail():
    # Equal classes at distance d, std s: Bayes accuracy is Phi(d / 2s).
    from scipy.stats import norm

    dataset = load_dataset(BlobsSpec(4, n_classes=2, n_features=3, cluster_std=5.0, n_test=200_000))
    distance = np.linalg.norm(dataset.centers[0] - dataset.centers[1])
    assert dataset.ceiling == pytest.approx(norm.cdf(distance / 10.0), abs=0.004)


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_the_rows_have_the_features_and_the_classes_that_were_asked_for(n_features):
    dataset = load_dataset(BlobsSpec(1, n_features=n_features, n_classes=4))
    assert dataset.x_train.shape == dataset.x_test.shape == (500, n_features)
    assert dataset.centers.shape == (4, n_features)
    assert set(dataset.y_train) == {0, 1, 2, 3}
    assert (dataset.x_train.dtype, dataset.y_train.dtype) == (np.float32, np.int64)


def test_a_problem_is_made_once_and_kept_for_the_next_block():
    assert load_dataset(BlobsSpec(1)) is load_dataset(BlobsSpec(1))


def test_rows_that_do_not_fit_into_memory_are_one_line(monkeypatch):
    def no_memory(**_):
        raise MemoryError

    monkeypatch.setattr(datasets, "make_blobs", no_memory)
    with pytest.raises(MachineError, match="1,000 rows x 2 features"):
        generated.make(BlobsSpec(1))
