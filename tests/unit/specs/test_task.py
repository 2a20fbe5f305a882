import math

import pytest

from blobtransfer.errors import SettingError
from blobtransfer.specs.drawn import BlobsSpec


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"seed": -1}, "seed -1: use a whole number from 0 to 4294967295"),
        ({"seed": 2**32}, "seed 4294967296: use a whole number from 0 to 4294967295"),
        ({"n_classes": 1}, "classes 1: use 2 or more"),
        ({"n_features": 0}, "features 0: use 1 or more"),
        ({"n_features": 10**20}, f"features {10**20}: use 100,000,000 or less"),
        ({"cluster_std": 0.0}, "cluster-std 0.0: use a number from 1e-30 to 1e30"),
        ({"cluster_std": math.nan}, "cluster-std nan: use a number from 1e-30 to 1e30"),
        ({"n_test": 0}, "test-samples 0: use 1 or more"),
        (
            {"n_samples": 2, "n_train": 2},
            "samples 2: fewer rows than the 3 classes; use at least 3",
        ),
        ({"n_train": 2}, "train-samples 2: fewer training rows than the 3 classes; use at least 3"),
        (
            {"n_samples": 60_000_000},
            "samples 60000000: 120,000,000 numbers with 2 features; use at most 100,000,000",
        ),
        (
            {"n_test": 40_000_000},
            "test-samples 40000000: 120,000,000 numbers with 3 classes; use at most 100,000,000",
        ),
        (
            {"n_samples": 100, "n_train": 101},
            "train-samples 101: the problem has 100 rows; use fewer, or more --samples",
        ),
        (
            {"n_samples": 100, "n_train": 100},
            "train-samples 100: all 100 rows train and none is left to test; "
            "use fewer, more --samples, or --test-samples",
        ),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, line):
    with pytest.raises(SettingError) as error:
        BlobsSpec(**{"seed": 1} | values)
    assert str(error.value) == line


def test_all_rows_may_train_where_fresh_ones_test():
    assert BlobsSpec(1, n_samples=100, n_train=100, n_test=1).n_test == 1


def test_a_problem_is_named_by_its_seed_and_says_its_kind():
    problem = BlobsSpec(7)
    assert (problem.name, problem.kind) == ("problem 7", "blobs")
