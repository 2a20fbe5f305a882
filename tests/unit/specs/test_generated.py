import math

import pytest
from helpers.errors import raises_setting

from blobtransfer.specs.data import have_same_classes
from blobtransfer.specs.generated import (
    BlobsSpec,
    CirclesSpec,
    ClassificationSpec,
    MoonsSpec,
    QuantilesSpec,
)


@pytest.mark.parametrize(
    ("values", "setting", "value", "key"),
    [
        ({"seed": -1}, "seed", "-1", "0 to 4294967295"),
        ({"seed": 2**32}, "seed", "4294967296", "0 to 4294967295"),
        ({"n_classes": 1}, "classes", "1", "2 or more"),
        ({"n_features": 0}, "features", "0", "1 or more"),
        ({"n_features": 10**20}, "features", 10**20, "100,000,000"),
        ({"cluster_std": 0.0}, "cluster-std", "0.0", "1e-30 to 1e30"),
        ({"cluster_std": math.nan}, "cluster-std", "nan", "1e-30 to 1e30"),
        ({"n_test": 0}, "test-samples", "0", "1 or more"),
        ({"n_samples": 2, "n_train": 2}, "samples", "2", "at least 3"),
        ({"n_train": 2}, "train-samples", "2", "at least 3"),
        ({"n_samples": 60_000_000}, "samples", "60000000", "120,000,000"),
        ({"n_test": 40_000_000}, "test-samples", "40000000", "120,000,000"),
        ({"n_samples": 100, "n_train": 101}, "train-samples", "101", "--samples"),
        ({"n_samples": 100, "n_train": 100}, "train-samples", "100", "--samples"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(values, setting, value, key):
    with raises_setting(setting, value, key):
        BlobsSpec(**{"seed": 1} | values)


def test_all_rows_may_train_where_fresh_ones_test():
    assert BlobsSpec(1, n_samples=100, n_train=100, n_test=1).n_test == 1


def test_a_problem_is_named_by_its_seed_and_says_its_kind():
    problem = BlobsSpec(7)
    assert (problem.name, problem.kind) == ("problem 7", "blobs")


@pytest.mark.parametrize(
    ("kind", "values", "setting", "value", "key"),
    [
        (MoonsSpec, {"noise": -0.1}, "noise", "-0.1", "0 to 1e06"),
        (MoonsSpec, {"n_train": 1}, "train-samples", "1", "at least 2"),
        (CirclesSpec, {"factor": 1.0}, "factor", "1.0", "less than 1"),
        (CirclesSpec, {"noise": math.inf}, "noise", "inf", "0 to 1e06"),
        (ClassificationSpec, {"n_informative": 11}, "informative", "11", "10 or less"),
        (ClassificationSpec, {"n_redundant": 6}, "redundant", "6", "5 or less"),
        (ClassificationSpec, {"n_informative": 1}, "informative", "1", "2 or more"),
        (ClassificationSpec, {"n_clusters": 11}, "clusters", "11", "10 or less"),
        (ClassificationSpec, {"flip": 1.5}, "flip", "1.5", "0 to 1"),
        (ClassificationSpec, {"separation": 0.0}, "sep", "0.0", "1e-30 to 1e06"),
        (QuantilesSpec, {"std": 0.0}, "std", "0.0", "1e-30 to 1e15"),
        (QuantilesSpec, {"n_classes": 1}, "classes", "1", "2 or more"),
    ],
)  # fmt: skip
def test_an_impossible_value_of_another_kind_is_refused_with_one_line(
    kind, values, setting, value, key
):
    with raises_setting(setting, value, key):
        kind(1, **values)


def test_a_problem_is_named_with_what_is_not_usual_of_it():
    assert MoonsSpec(3).name == "moons 3"
    assert MoonsSpec(3, noise=0.5, n_train=100).name == "moons 3 (noise 0.5)"
    assert (
        ClassificationSpec(1, n_classes=2, flip=0.0).name == "classification 1 (classes 2, flip 0)"
    )


def test_classes_and_features_have_names():
    assert CirclesSpec(1).class_names == ("outer", "inner")
    assert QuantilesSpec(1, n_classes=2).class_names == ("class 0", "class 1")
    assert BlobsSpec(1).feature_names == ("feature 1", "feature 2")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (BlobsSpec(1), BlobsSpec(2), True),
        (BlobsSpec(1), BlobsSpec(2, n_classes=4), False),
        (MoonsSpec(1), MoonsSpec(2, noise=0.5), True),
        (MoonsSpec(1), CirclesSpec(1), False),
        (BlobsSpec(1), QuantilesSpec(1), False),
    ],
)
def test_an_output_layer_fits_problems_of_one_kind_with_as_many_classes(source, target, expected):
    assert have_same_classes(source, target) == expected
