import math

import pytest

from blobtransfer.errors import SettingError
from blobtransfer.specs.training import TrainingSpec


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"epochs": 0}, "epochs 0: use 1 or more"),
        ({"epochs": 10**10}, "epochs 10000000000: use 1,000,000 or less"),
        ({"batch_size": 0}, "batch-size 0: use 1 or more"),
        ({"learning_rate": math.nan}, "learning-rate nan: use a finite number above 0"),
        ({"learning_rate": math.inf}, "learning-rate inf: use a finite number above 0"),
        ({"learning_rate": -0.0}, "learning-rate -0.0: use a finite number above 0"),
        ({"momentum": 1.0}, "momentum 1.0: use a number from 0 up to, not with, 1"),
        ({"momentum": math.nan}, "momentum nan: use a number from 0 up to, not with, 1"),
        ({"optimizer": "rmsprop"}, "optimizer rmsprop: use one of sgd adam"),
        (
            {"optimizer": "adam", "momentum": 0.9},
            "momentum 0.9: adam has moments of its own; leave it out, or use --optimizer sgd",
        ),
        (
            {"optimizer": "adam", "nesterov": True},
            "nesterov: it is a way of sgd, not of adam; leave it out, or use --optimizer sgd",
        ),
        (
            {"nesterov": True},
            "nesterov: there is no momentum to look ahead along; add --momentum, such as 0.9",
        ),
        ({"weight_decay": -0.1}, "weight-decay -0.1: use a number from 0 to 1,000,000"),
        ({"weight_decay": 2e6}, "weight-decay 2000000.0: use a number from 0 to 1,000,000"),
        ({"weight_decay": math.inf}, "weight-decay inf: use a number from 0 to 1,000,000"),
        ({"weight_decay": math.nan}, "weight-decay nan: use a number from 0 to 1,000,000"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, line):
    with pytest.raises(SettingError) as error:
        TrainingSpec(**values)
    assert str(error.value) == line
