"""One experiment, both engines: the same initial weights and batch orders, the same networks."""

import numpy as np
import pytest
from helpers.specs import PARITY_CASES, STOPPING_CASES
from helpers.trials import third_of, trials

from blobtransfer.engines import load_engine
from blobtransfer.network import initial_weights
from blobtransfer.running.progress import SILENT
from blobtransfer.running.trainer import SourceKey, train_arms
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import (
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
    TrainingSpec,
)
from blobtransfer.specs.variant import STANDALONE, Variant, parse_variant

pytestmark = [pytest.mark.slow, pytest.mark.keras]

# Relative to the largest weight of a layer, or to the largest loss; tests/benchmarks/parity.py
# measures the differences. Adam divides by the size of a gradient, so the rounding of a tiny
# gradient counts as much as that of a large one.
TOLERANCES = {"sgd": 5e-6, "adam": 1e-4}

SENSITIVE_TOLERANCE = 1e-4
"""Tolerance of the network of a case that differs most: some trainings amplify any rounding."""

N_NETWORKS = 20
"""Networks of each case."""


@pytest.fixture(scope="module")
def engines():
    return load_engine("compiled"), load_engine("keras")


def trained_by_each(engines, network, training, dataset, n_runs, n_frozen=0):
    variant = Variant("random-frozen", n_frozen) if n_frozen else STANDALONE
    spec = ExperimentSpec(network, training, (variant,), target=dataset)
    for engine in engines:
        (trained,) = train_arms(spec, range(n_runs), {}, engine, SILENT.advance, True).values()
        yield trained


def assert_close(ours, theirs, training):
    """Check the largest difference of each run in arrays of shape (R, ...)."""
    *differences, largest = np.sort(
        np.max(
            [
                np.abs(a - b).reshape(len(a), -1).max(axis=1) / max(np.abs(b).max(), 1e-3)
                for a, b in zip(ours, theirs, strict=True)
            ],
            axis=0,
        )
    )
    assert max(differences) <= TOLERANCES[training.optimizer]
    assert largest <= SENSITIVE_TOLERANCE


@pytest.mark.exhaustive
@pytest.mark.parametrize(("network", "training", "n_frozen"), third_of(PARITY_CASES))
def test_after_three_epochs_the_weights_agree_within_float32(engines, network, training, n_frozen):
    dataset = BlobsSpec(
        3, n_samples=300, n_classes=network.n_classes, n_features=network.n_features, n_train=200
    )
    ours, theirs = trained_by_each(engines, network, training, dataset, N_NETWORKS, n_frozen)
    assert_close(ours.weights, theirs.weights, training)
    for metric in (TEST_LOSS, TRAIN_LOSS):
        assert_close([ours.curves[metric]], [theirs.curves[metric]], training)
    # A row on the border of two classes may fall either way.
    for metric in (TEST_ACCURACY, TRAIN_ACCURACY):
        np.testing.assert_allclose(ours.curves[metric], theirs.curves[metric], atol=0.0101)
    np.testing.assert_array_equal(ours.classes_predicted, theirs.classes_predicted)


@pytest.mark.exhaustive
@pytest.mark.parametrize(("network", "training", "n_frozen"), third_of(STOPPING_CASES))
def test_trainings_stop_at_the_same_epoch_with_the_same_weights(
    engines, network, training, n_frozen
):
    dataset = BlobsSpec(3, n_samples=300, n_train=200)
    ours, theirs = trained_by_each(engines, network, training, dataset, N_NETWORKS, n_frozen)
    assert 1 < len(set(theirs.epochs)) and theirs.epochs.min() < training.epochs
    # Of two losses that are almost equal, rounding may decide which is lower.
    is_same = ours.epochs == theirs.epochs
    assert is_same.sum() >= N_NETWORKS - 1
    ours, theirs = (trained.at(np.flatnonzero(is_same)) for trained in (ours, theirs))
    assert_close(ours.weights, theirs.weights, training)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_networks_that_are_pulled_towards_their_sources_agree(engines, optimizer):
    spec = ExperimentSpec(
        MLPSpec(),
        TrainingSpec(3, optimizer=optimizer),
        (STANDALONE, *map(parse_variant, ("anchor=0.1", "new-head,fixed=1,anchor=1"))),
        ("one",),
        n_repeats=N_NETWORKS,
        source=BlobsSpec(1, n_samples=300, n_train=200),
        target=BlobsSpec(3, n_samples=300, n_train=200),
    )
    sources = {SourceKey("one", "transfer", 0): initial_weights(MLPSpec(), 5, 0)}
    ours, theirs = (
        train_arms(spec, range(N_NETWORKS), sources, engine, SILENT.advance, True)
        for engine in engines
    )
    for arm in spec.arms:
        assert_close(ours[arm].weights, theirs[arm].weights, spec.training)


@pytest.mark.exhaustive
def test_after_all_epochs_the_accuracies_agree_within_two_rows(engines):
    ours, theirs = trained_by_each(engines, MLPSpec(), TrainingSpec(), BlobsSpec(2), trials(4))
    difference = np.abs(ours.scores - theirs.scores)[TEST_ACCURACY]
    assert difference.max() <= 2 / 500 + 1e-9
