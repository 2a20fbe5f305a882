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
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, line):
    with pytest.raises(SettingError) as error:
        TrainingSpec(**values)
    assert str(error.value) == line
