import math

import pytest
from helpers.errors import raises_setting

from blobtransfer.specs.training import TrainingSpec


@pytest.mark.parametrize(
    ("values", "setting", "value", "key"),
    [
        ({"epochs": 0}, "epochs", "0", "1 or more"),
        ({"epochs": 10**10}, "epochs", "10000000000", "1,000,000"),
        ({"batch_size": 0}, "batch-size", "0", "1 or more"),
        ({"learning_rate": math.nan}, "learning-rate", "nan", "a finite number above 0"),
        ({"learning_rate": math.inf}, "learning-rate", "inf", "a finite number above 0"),
        ({"learning_rate": -0.0}, "learning-rate", "-0.0", "a finite number above 0"),
        ({"momentum": 1.0}, "momentum", "1.0", "with, 1"),
        ({"momentum": math.nan}, "momentum", "nan", "with, 1"),
        ({"optimizer": "rmsprop"}, "optimizer", "rmsprop", "one of sgd adam"),
        ({"optimizer": "adam", "momentum": 0.9}, "momentum", "0.9", "--optimizer"),
        ({"optimizer": "adam", "nesterov": True}, "nesterov", "", "--optimizer"),
        ({"nesterov": True}, "nesterov", "", "--momentum"),
        ({"weight_decay": -0.1}, "weight-decay", "-0.1", "1,000,000"),
        ({"weight_decay": 2e6}, "weight-decay", "2000000.0", "1,000,000"),
        ({"weight_decay": math.inf}, "weight-decay", "inf", "1,000,000"),
        ({"weight_decay": math.nan}, "weight-decay", "nan", "1,000,000"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, setting, value, key):
    with raises_setting(setting, value, key):
        TrainingSpec(**values)
