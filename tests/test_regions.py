import numpy as np
import pytest

from blobtransfer.engines.keras.model import build_mlp
from blobtransfer.experiment.regions import decision_regions
from blobtransfer.network import initial_weights, predicted_classes
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.tasks.blobs import make_task


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_class_of_each_place_is_the_one_keras_predicts(activation):
    network = MLPSpec(hidden=(6, 4), activation=activation)
    weights = initial_weights(network, 3, 0)
    x = np.random.default_rng(0).normal(0, 8, (500, 2))
    model = build_mlp(network)
    model.set_weights(weights)
    expected = np.asarray(model.predict_on_batch(x.astype(np.float32))).argmax(axis=1)
    np.testing.assert_array_equal(predicted_classes(network, weights, x), expected)


def test_the_grid_covers_all_rows_and_a_known_border_lies_where_it_should():
    # One hidden unit relu(x), class 1 where x > 1: logits 0.5 and relu(x) - 0.5.
    network = MLPSpec(2, (1,), 2)
    kernel = np.array([[1.0], [0.0]], np.float32)
    output = np.array([[0.0, 1.0]], np.float32)
    biases = np.zeros(1, np.float32), np.array([0.5, -0.5], np.float32)
    weights = [kernel, biases[0], output, biases[1]]
    task = make_task(TaskSpec(1, n_classes=2))
    regions = decision_regions(network, weights, task)
    rows = np.concatenate([task.x_train, task.x_test])
    assert regions.x[0] < rows[:, 0].min() and rows[:, 0].max() < regions.x[1]
    assert regions.y[0] < rows[:, 1].min() and rows[:, 1].max() < regions.y[1]
    classes = regions.classes()
    places = np.linspace(*regions.x, classes.shape[1])
    np.testing.assert_array_equal(classes, np.tile(places > 1, (classes.shape[0], 1)))
    assert all(sum(row[1::2]) == classes.shape[1] for row in regions.runs)


def test_one_feature_gives_one_row_and_three_none():
    for n_features, n_rows in ((1, 1), (3, None)):
        network = MLPSpec(n_features)
        task = make_task(TaskSpec(1, n_features=n_features))
        regions = decision_regions(network, initial_weights(network, 0, 0), task)
        assert (None if regions is None else len(regions.runs)) == n_rows
