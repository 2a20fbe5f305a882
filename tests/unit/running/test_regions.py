from dataclasses import replace

import numpy as np
import pytest

from blobtransfer.data import load_dataset
from blobtransfer.network import initial_weights
from blobtransfer.running.regions import decision_regions, predictions_of
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec


def test_the_grid_covers_all_rows_and_a_known_border_lies_where_it_should():
    # One hidden unit relu(x), class 1 where x > 1: logits 0.5 and relu(x) - 0.5.
    network = MLPSpec(2, (1,), 2)
    kernel = np.array([[1.0], [0.0]], np.float32)
    output = np.array([[0.0, 1.0]], np.float32)
    biases = np.zeros(1, np.float32), np.array([0.5, -0.5], np.float32)
    weights = [kernel, biases[0], output, biases[1]]
    dataset = load_dataset(BlobsSpec(1, n_classes=2))
    regions = decision_regions(network, weights, dataset)
    rows = np.concatenate([dataset.x_train, dataset.x_test])
    assert regions.x[0] < rows[:, 0].min() and rows[:, 0].max() < regions.x[1]
    assert regions.y[0] < rows[:, 1].min() and rows[:, 1].max() < regions.y[1]
    classes = regions.classes()
    places = np.linspace(*regions.x, classes.shape[1])
    np.testing.assert_array_equal(classes, np.tile(places > 1, (classes.shape[0], 1)))
    assert all(sum(row[1::2]) == classes.shape[1] for row in regions.rows)


@pytest.mark.parametrize(("n_features", "n_rows"), [(1, 1), (2, 300), (3, None)])
def test_one_feature_gives_a_row_two_a_grid_and_three_nothing(n_features, n_rows):
    network = MLPSpec(n_features)
    dataset = load_dataset(BlobsSpec(1, n_features=n_features))
    regions = decision_regions(network, initial_weights(network, 0, 0), dataset)
    assert (None if regions is None else len(regions.rows)) == n_rows


@pytest.mark.parametrize("value", [0.0, 7.0, -3e30])
def test_a_feature_that_does_not_vary_has_a_grid_around_it(value):
    dataset = load_dataset(BlobsSpec(1))
    dataset.x_train[:, 1] = dataset.x_test[:, 1] = value
    regions = decision_regions(MLPSpec(), initial_weights(MLPSpec(), 0, 0), dataset)
    assert regions.y[0] < value < regions.y[1]


@pytest.mark.parametrize(("n_classes", "has_map"), [(49, True), (50, False)])
@pytest.mark.parametrize("n_features", [2, 3])
def test_more_classes_than_a_figure_tells_apart_have_no_map(n_features, n_classes, has_map):
    network = MLPSpec(n_features, n_classes=n_classes)
    weights = initial_weights(network, 0, 0)
    dataset = load_dataset(BlobsSpec(1, n_features=n_features, n_classes=n_classes))
    found = (decision_regions if n_features == 2 else predictions_of)(network, weights, dataset)
    assert (found is not None) == has_map


def test_the_test_rows_are_kept_to_be_drawn_and_very_many_are_not():
    network, weights = MLPSpec(), initial_weights(MLPSpec(), 0, 0)
    few = decision_regions(network, weights, load_dataset(BlobsSpec(1)))
    assert len(few.points) == len(few.labels) == 500
    many = decision_regions(network, weights, load_dataset(BlobsSpec(1, n_test=5_000)))
    assert len(many.points) == len(many.labels) == 2_000


def test_a_problem_without_true_centres_has_regions_without_them():
    dataset = replace(load_dataset(BlobsSpec(1)), centers=None, best_classes=None)
    regions = decision_regions(MLPSpec(), initial_weights(MLPSpec(), 0, 0), dataset)
    assert regions.centers is None
    assert len(regions.points) == 500
