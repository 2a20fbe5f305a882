"""One experiment, both engines: the same initial weights and batch orders, the same networks."""

import numpy as np
import pytest
from helpers.specs import PARITY_CASES
from helpers.trials import trials

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

pytestmark = [pytest.mark.slow, pytest.mark.keras, pytest.mark.exhaustive]

# Of a layer's largest weight. One rounding of float32 is 6e-8; tests/benchmarks/parity.py
# measures up to 7e-7 on these cases with SGD. Adam divides by the size of a gradient, so that of
# a tiny one the rounding counts as much: up to 4e-6 there, 2e-5 over more draws.
TOLERANCES = {"sgd": 5e-6, "adam": 1e-4}


@pytest.fixture(scope="module")
def engines():
    return load_engine("compiled"), load_engine("keras")


def trained_by_each(engines, network, training, dataset, n_runs, n_frozen=0):
    variant = Variant("random-frozen", n_frozen) if n_frozen else STANDALONE
    spec = ExperimentSpec(network, training, (variant,), target=dataset)
    for engine in engines:
        (trained,) = train_arms(spec, range(n_runs), {}, engine, SILENT.advance, True).values()
        yield trained


@pytest.mark.parametrize(("network", "training", "n_frozen"), PARITY_CASES)
def test_after_three_epochs_the_weights_agree_within_float32(engines, network, training, n_frozen):
    dataset = BlobsSpec(
        3, n_samples=300, n_classes=network.n_classes, n_features=network.n_features, n_train=200
    )
    ours, theirs = trained_by_each(engines, network, training, dataset, trials(2), n_frozen)
    tolerance = TOLERANCES[training.optimizer]
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * np.abs(b).max())
    for metric in (TEST_LOSS, TRAIN_LOSS):
        np.testing.assert_allclose(ours.curves[metric], theirs.curves[metric], rtol=tolerance)
    # A row on the border of two classes may fall either way.
    for metric in (TEST_ACCURACY, TRAIN_ACCURACY):
        np.testing.assert_allclose(ours.curves[metric], theirs.curves[metric], atol=0.0101)
    np.testing.assert_array_equal(ours.classes_predicted, theirs.classes_predicted)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_networks_that_are_pulled_towards_their_sources_agree(engines, optimizer):
    spec = ExperimentSpec(
        MLPSpec(),
        TrainingSpec(3, optimizer=optimizer),
        (STANDALONE, *map(parse_variant, ("anchor=0.1", "new-head,fixed=1,anchor=1"))),
        ("one",),
        n_repeats=2,
        source=BlobsSpec(1, n_samples=300, n_train=200),
        target=BlobsSpec(3, n_samples=300, n_train=200),
    )
    sources = {SourceKey("one", "transfer", 0): initial_weights(MLPSpec(), 5, 0)}
    ours, theirs = (
        train_arms(spec, range(2), sources, engine, SILENT.advance, True) for engine in engines
    )
    for arm in spec.arms:
        for a, b in zip(ours[arm].weights, theirs[arm].weights, strict=True):
            tolerance = TOLERANCES[optimizer] * max(np.abs(b).max(), 1e-3)
            np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


def test_after_all_epochs_the_accuracies_agree_within_two_rows(engines):
    ours, theirs = trained_by_each(engines, MLPSpec(), TrainingSpec(), BlobsSpec(2), trials(3))
    difference = np.abs(ours.scores - theirs.scores)[TEST_ACCURACY]
    assert difference.max() <= 2 / 500 + 1e-9
