"""What is derived from a dataset: points of a plane, and the distance to another."""

from dataclasses import replace

import numpy as np
import pytest

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import Dataset, distance_between, plane_of
from blobtransfer.specs.generated import BlobsSpec, MoonsSpec


def test_the_plane_of_many_features_holds_the_widest_spread():
    dataset = load_dataset(BlobsSpec(1, n_features=5))
    plane = plane_of(dataset)
    rows = np.concatenate([dataset.x_train, dataset.x_test])
    assert plane.points.shape == (1000, 2)
    assert plane.centers.shape == (3, 2)
    # The first component's variance is the largest eigenvalue of the covariance.
    largest = np.linalg.eigvalsh(np.cov(rows.T))[-1]
    assert plane.points[:, 0].var(ddof=1) == pytest.approx(largest, rel=1e-5)


@pytest.mark.parametrize("n_features", [1, 2])
def test_one_and_two_features_are_drawn_as_they_are(n_features):
    dataset = load_dataset(BlobsSpec(1, n_features=n_features))
    points = plane_of(dataset).points
    np.testing.assert_array_equal(points[:500, :n_features], dataset.x_train)
    assert (points[:, n_features:] == 0).all()


def test_the_true_centres_lie_where_the_rows_of_their_class_do():
    dataset = load_dataset(BlobsSpec(1, n_features=5, cluster_std=0.01))
    plane, labels = plane_of(dataset), np.concatenate([dataset.y_train, dataset.y_test])
    for k, center in enumerate(plane.centers):
        # 333 rows of std 0.01: their mean has a standard error of 0.0006
        np.testing.assert_allclose(plane.points[labels == k].mean(axis=0), center, atol=0.003)


@pytest.mark.parametrize("n_features", [1, 2, 5])
def test_a_problem_without_true_centres_has_a_plane_without_them(n_features):
    dataset = load_dataset(BlobsSpec(1, n_features=n_features))
    plane = plane_of(replace(dataset, centers=None))
    assert plane.centers is None
    np.testing.assert_array_equal(plane.points, plane_of(dataset).points)


def test_neither_a_ceiling_nor_centres_have_to_be_known(small_dataset):
    dataset = Dataset(
        small_dataset.spec, small_dataset.x_train, small_dataset.y_train, small_dataset.x_test,
        small_dataset.y_test,
    )  # fmt: skip
    assert (dataset.best_possible(), dataset.centers) == (None, None)


def dataset_of(points, labels):
    x, y = np.array(points, np.float32), np.array(labels)
    spec = BlobsSpec(0, n_classes=2)
    return Dataset(spec, x_train=x, y_train=y, x_test=x, y_test=y)


def test_the_distance_is_the_way_of_the_class_means_in_standard_deviations():
    # Both features vary by 1 around the means (0, 0) and (10, 0); all is moved by (3, 4).
    square = [(-1, -1), (-1, 1), (1, -1), (1, 1)]
    points = [*square, *((x + 10, y) for x, y in square)]
    labels = [0] * 4 + [1] * 4
    source = dataset_of(points, labels)
    target = dataset_of([(x + 3, y + 4) for x, y in points], labels)
    assert distance_between(source, target) == pytest.approx(5.0)
    assert distance_between(source, source) == 0.0
    # where the classes change places each mean has moved by 10
    assert distance_between(source, dataset_of(points, labels[::-1])) == pytest.approx(10.0)


def test_a_class_without_rows_is_left_out():
    one = dataset_of([(0, 0), (2, 0)], [0, 0])
    both = dataset_of([(1, 0), (3, 0), (9, 9)], [0, 0, 1])
    assert distance_between(one, both) == pytest.approx(1.0 / np.sqrt((0.5 + 1 / 3) / 2))


def test_it_is_not_known_between_other_features_classes_or_where_nothing_varies():
    blobs = load_dataset(BlobsSpec(1))
    assert distance_between(blobs, load_dataset(BlobsSpec(1, n_features=3))) is None
    assert distance_between(blobs, load_dataset(MoonsSpec(1))) is None
    still = dataset_of([(0, 0), (1, 1)], [0, 1])
    assert distance_between(still, still) is None
