"""One harness, both engines: the same initial weights and batch orders, the same networks."""

import numpy as np
import pytest
from test_engines import job_of, no_announce, no_tick

from blobtransfer.engines import load_engine
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.tasks.blobs import make_task

# Of a layer's largest weight. One rounding of float32 is 6e-8; tests/benchmarks/parity.py
# measures up to 7e-7 on these cases.
TOLERANCE = 5e-6

CASES = [
    (MLPSpec(), TrainingSpec(3), 0),
    (MLPSpec(), TrainingSpec(3), 1),
    (MLPSpec(), TrainingSpec(3), 2),
    (MLPSpec(), TrainingSpec(3, batch_size=1), 0),
    (MLPSpec(), TrainingSpec(3, batch_size=1000), 0),
    (MLPSpec(), TrainingSpec(3, batch_size=37, momentum=0.9), 0),
    (MLPSpec(hidden=(5, 5), activation="tanh"), TrainingSpec(3, momentum=0.5), 1),
    (MLPSpec(hidden=(5, 5), activation="sigmoid"), TrainingSpec(3, 16, 0.1), 0),
    (MLPSpec(hidden=(1,)), TrainingSpec(3), 1),
    (MLPSpec(hidden=(9,), activation="tanh"), TrainingSpec(3, 20), 0),
    (MLPSpec(hidden=(4, 8, 16, 3)), TrainingSpec(3, 32, 0.01, 0.9), 2),
    (MLPSpec(1, (6,), 2), TrainingSpec(3), 0),
    (MLPSpec(7, (13, 11), 12, "sigmoid", "glorot_normal"), TrainingSpec(3, 8, 0.05), 0),
    (MLPSpec(64, (64, 64), 10), TrainingSpec(3), 1),
]


@pytest.fixture(scope="module")
def engines():
    return load_engine("compiled"), load_engine("keras")


@pytest.mark.parametrize(("network", "training", "n_frozen"), CASES)
def test_after_three_epochs_the_weights_agree_within_float32(engines, network, training, n_frozen):
    task = make_task(
        TaskSpec(3, n_samples=300, n_train=200, n_features=network.n_features,
                 n_classes=network.n_classes)
    )  # fmt: skip
    job = job_of(task, network, training, 2, n_frozen, with_curves=True)
    ours, theirs = (engine.train(job, no_tick, no_announce) for engine in engines)
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCE * np.abs(b).max())
    np.testing.assert_allclose(ours.curves.test_loss, theirs.curves.test_loss, rtol=TOLERANCE)
    np.testing.assert_allclose(ours.curves.train_loss, theirs.curves.train_loss, rtol=TOLERANCE)
    # A row on the border of two classes may fall either way.
    np.testing.assert_allclose(ours.curves.test_accuracy, theirs.curves.test_accuracy, atol=0.0101)
    np.testing.assert_array_equal(ours.classes_predicted, theirs.classes_predicted)


def test_after_all_epochs_the_accuracies_agree_within_two_rows(engines):
    job = job_of(make_task(TaskSpec(2)), MLPSpec(), TrainingSpec(), 6)
    ours, theirs = (engine.train(job, no_tick, no_announce) for engine in engines)
    difference = np.abs(ours.scores.test_accuracy - theirs.scores.test_accuracy)
    assert difference.max() <= 2 / 500 + 1e-9
