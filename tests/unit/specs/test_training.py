import math

import pytest
from helpers.errors import raises_setting

from blobtransfer.specs.training import TrainingSpec, earlier_epoch


@pytest.mark.parametrize(
    ("values", "setting", "value", "key"),
    [
        ({"epochs": 0}, "epochs", "0", "1 or more"),
        ({"epochs": 10**10}, "epochs", "10000000000", "1,000,000"),
        ({"batch_size": 0}, "batch-size", "0", "1 or more"),
        ({"learning_rate": math.nan}, "learning-rate", "nan", "a finite number above 0"),
        ({"learning_rate": math.inf}, "learning-rate", "inf", "a finite number above 0"),
        ({"learning_rate": -0.0}, "learning-rate", "-0.0", "a finite number above 0"),
        ({"momentum": 1.0}, "momentum", "1.0", "less than 1"),
        ({"momentum": math.nan}, "momentum", "nan", "less than 1"),
        ({"optimizer": "rmsprop"}, "optimizer", "rmsprop", "one of sgd adam"),
        ({"optimizer": "adam", "momentum": 0.9}, "momentum", "0.9", "--optimizer"),
        ({"optimizer": "adam", "nesterov": True}, "nesterov", "", "--optimizer"),
        ({"nesterov": True}, "nesterov", "", "--momentum"),
        ({"weight_decay": -0.1}, "weight-decay", "-0.1", "1,000,000"),
        ({"weight_decay": 2e6}, "weight-decay", "2000000.0", "1,000,000"),
        ({"weight_decay": math.inf}, "weight-decay", "inf", "1,000,000"),
        ({"weight_decay": math.nan}, "weight-decay", "nan", "1,000,000"),
        ({"patience": 0}, "patience", "0", "1 or more"),
        ({"patience": 1_000_001}, "patience", "1000001", "1,000,000"),
        ({"patience": 2.0}, "patience", "2.0", "a whole number"),
        ({"patience": True}, "patience", "True", "a whole number"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, setting, value, key):
    with raises_setting(setting, value, key):
        TrainingSpec(**values)


@pytest.mark.parametrize(
    ("n_train", "n_updates"), [(40, 500), (10, 200), (8, 100), (3, 100)]
)  # 5, 2, 1 and 1 batches of 8 rows, the last of 2 or 3 rows
def test_updates_are_the_batches_of_all_epochs(n_train, n_updates):
    assert TrainingSpec(epochs=100, batch_size=8).n_updates(n_train) == n_updates


@pytest.mark.parametrize(("n_updates", "epochs"), [(500, 250), (501, 250), (503, 252), (0, 1)])
def test_epochs_make_the_closest_number_of_updates(n_updates, epochs):
    assert TrainingSpec(batch_size=8).epochs_of(n_updates, n_train=10) == epochs


@pytest.mark.parametrize(("n_train", "n_left"), [(10, 8), (14, 12), (15, 12), (500, 400)])
def test_with_early_stopping_four_fifths_of_the_training_rows_train(n_train, n_left):
    assert TrainingSpec(patience=1).n_trained_rows(n_train) == n_left
    assert TrainingSpec().n_trained_rows(n_train) == n_train


@pytest.mark.parametrize(("n_epochs", "earlier"), [(1, 0), (2, 1), (3, 2), (4, 3), (100, 75)])
def test_three_quarters_of_the_epochs_are_before_the_last(n_epochs, earlier):
    assert earlier_epoch(n_epochs) == earlier
