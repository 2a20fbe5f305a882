import math

import pytest

from blobtransfer.errors import SettingError
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Variant, transfer_variants


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (lambda: TaskSpec(-1), "seed -1: use a whole number from 0 to 4294967295"),
        (lambda: TaskSpec(2**32), "seed 4294967296: use a whole number from 0 to 4294967295"),
        (lambda: TaskSpec(1, n_classes=1), "classes 1: use 2 or more"),
        (lambda: TaskSpec(1, n_features=0), "features 0: use 1 or more"),
        (lambda: TaskSpec(1, cluster_std=0.0), "cluster-std 0.0: use a number from 1e-30 to 1e30"),
        (
            lambda: TaskSpec(1, n_samples=2, n_train=2),
            "samples 2: fewer rows than the 3 classes; use at least 3",
        ),
        (
            lambda: TaskSpec(1, n_train=2),
            "train-samples 2: fewer training rows than the 3 classes; use at least 3",
        ),
        (
            lambda: TaskSpec(1, cluster_std=math.nan),
            "cluster-std nan: use a number from 1e-30 to 1e30",
        ),
        (
            lambda: TaskSpec(1, n_samples=60_000_000),
            "samples 60000000: 120,000,000 numbers with 2 features; use at most 100,000,000",
        ),
        (lambda: TaskSpec(1, n_features=10**20), f"features {10**20}: use 100,000,000 or less"),
        (lambda: TrainingSpec(epochs=10**10), "epochs 10000000000: use 1,000,000 or less"),
        (lambda: TaskSpec(1, n_test=0), "test-samples 0: use 1 or more"),
        (
            lambda: TaskSpec(1, n_samples=100, n_train=101),
            "train-samples 101: the problem has 100 rows; use fewer, or more --samples",
        ),
        (
            lambda: TaskSpec(1, n_samples=100, n_train=100),
            "train-samples 100: all 100 rows train and none is left to test; "
            "use fewer, more --samples, or --test-samples",
        ),
        (lambda: MLPSpec(hidden=()), "hidden: no layer given; use at least one width, such as 5 5"),
        (lambda: MLPSpec(hidden=(5, 0)), "hidden 5 0: 0 is no width; use 1 or more units"),
        (
            lambda: MLPSpec(hidden=(10_000, 10_000)),
            "hidden 10000 10000: 100,070,003 weights; use at most 4,000,000",
        ),
        (lambda: MLPSpec(hidden=(1,) * 64), f"hidden {'1 ' * 63}1: 64 layers; use at most 63"),
        (lambda: TrainingSpec(epochs=0), "epochs 0: use 1 or more"),
        (lambda: TrainingSpec(batch_size=0), "batch-size 0: use 1 or more"),
        (
            lambda: TrainingSpec(learning_rate=math.nan),
            "learning-rate nan: use a finite number above 0",
        ),
        (
            lambda: TrainingSpec(learning_rate=math.inf),
            "learning-rate inf: use a finite number above 0",
        ),
        (
            lambda: TrainingSpec(learning_rate=-0.0),
            "learning-rate -0.0: use a finite number above 0",
        ),
        (
            lambda: TrainingSpec(momentum=1.0),
            "momentum 1.0: use a number from 0 up to, not with, 1",
        ),
        (
            lambda: TrainingSpec(momentum=math.nan),
            "momentum nan: use a number from 0 up to, not with, 1",
        ),
        (
            lambda: ExperimentSpec(MLPSpec(), TrainingSpec(), n_repeats=0),
            "repeats 0: use 1 or more",
        ),
        (lambda: transfer_variants([], 2), "fixed: no number given; use one or more of 0, 1 or 2"),
        (
            lambda: transfer_variants([3], 2),
            "fixed 3: the network has 2 hidden layers; use 0, 1 or 2",
        ),
        (
            lambda: transfer_variants([-1], 1),
            "fixed -1: the network has 1 hidden layer; use 0 or 1",
        ),
        (lambda: transfer_variants([9], 5), "fixed 9: the network has 5 hidden layers; use 0 to 5"),
        (lambda: transfer_variants([0, 1, 0], 2), "fixed 0 1 0: 0 is repeated; give it once"),
    ],
)
def test_an_impossible_value_is_refused_with_one_line(make, line):
    with pytest.raises(SettingError) as error:
        make()
    assert str(error.value) == line


def test_a_name_out_of_the_list_is_refused():
    with pytest.raises(SettingError, match="use one of relu tanh sigmoid"):
        MLPSpec(activation="gelu")
    with pytest.raises(SettingError, match="use one of he_uniform"):
        MLPSpec(initializer="zeros")


def test_the_default_network_has_63_weights():
    # 2*5+5 + 5*5+5 + 5*3+3, and 18 of them in the output layer
    network = MLPSpec()
    assert str(network) == "2-5-5-3"
    assert network.n_parameters == 63
    assert [network.n_trainable(n) for n in (0, 1, 2)] == [63, 48, 18]


def test_without_a_wish_up_to_two_hidden_layers_are_frozen():
    assert [v.n_fixed for v in transfer_variants(None, 1)] == [0, 1]
    assert [v.n_fixed for v in transfer_variants(None, 4)] == [0, 1, 2]


def test_variants_are_in_ascending_order_whatever_the_wish():
    assert transfer_variants([2, 0], 2) == (Variant("transfer", 0), Variant("transfer", 2))
