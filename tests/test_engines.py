"""Both kinds of promise an engine makes: hand-worked numbers, and properties."""

import numpy as np
import pytest

from blobtransfer.engines import Job, load_engine
from blobtransfer.network import initial_weights
from blobtransfer.randomness import Stream, batch_orders, order_key
from blobtransfer.specs.experiment import ENGINES
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.tasks.task import Task


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    return load_engine(request.param)


def job_of(task, network, training, n_runs=1, n_frozen=0, with_curves=False, scale=1.0):
    repeats = range(n_runs)
    starts = [initial_weights(network, 0, r) for r in repeats]
    return Job(
        network=network,
        training=training,
        task=task,
        weights=[np.float32(scale) * np.stack(layer) for layer in zip(*starts, strict=True)],
        n_frozen=np.broadcast_to(n_frozen, n_runs),
        order_keys=np.array([order_key(0, Stream.TARGET_ORDER, r) for r in repeats], np.uint64),
        with_curves=with_curves,
    )


def no_tick(n):
    pass


def no_announce(text):
    return no_tick


def step_by_hand(weights, x, y, network, training, velocity, n_frozen):
    """One SGD step in float64, from the formulas of back-propagation."""
    act = {
        "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0) * 1.0),
        "tanh": (np.tanh, lambda a: 1 - a**2),
        "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
    }[network.activation]
    kernels, biases = weights[::2], weights[1::2]
    activations = [x]
    for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
        activations.append(act[0](activations[-1] @ kernel + bias))
    logits = activations[-1] @ kernels[-1] + biases[-1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = (p / p.sum(axis=1, keepdims=True) - np.eye(network.n_classes)[y]) / len(x)
    gradients = []
    for layer in reversed(range(len(kernels))):
        gradients[:0] = [activations[layer].T @ delta, delta.sum(axis=0)]
        if layer:
            delta = (delta @ kernels[layer].T) * act[1](activations[layer])
    for i, gradient in enumerate(gradients):
        if i >= 2 * n_frozen:
            velocity[i] = training.momentum * velocity[i] - training.learning_rate * gradient
            weights[i] = weights[i] + velocity[i]


@pytest.mark.parametrize(
    ("network", "training", "n_frozen"),
    [
        (MLPSpec(), TrainingSpec(epochs=3), 0),
        (MLPSpec(), TrainingSpec(epochs=3), 1),
        (MLPSpec(), TrainingSpec(epochs=3), 2),
        (MLPSpec(hidden=(4,), activation="tanh"), TrainingSpec(2, 16, 0.1, 0.9), 0),
        (MLPSpec(hidden=(3, 6, 4), activation="sigmoid"), TrainingSpec(2, 7, 0.2, 0.5), 1),
        (MLPSpec(hidden=(7,)), TrainingSpec(3, 100, 0.05), 0),
        (MLPSpec(hidden=(2, 3)), TrainingSpec(1, 1, 0.01, 0.3), 0),
    ],
)
def test_training_follows_the_formulas_of_back_propagation(
    engine, small_task, network, training, n_frozen
):
    job = job_of(small_task, network, training, n_frozen=n_frozen)
    trained = engine.train(job, no_tick, no_announce)
    by_hand = [layer[0].astype(np.float64) for layer in job.weights]
    velocity = [np.zeros_like(w) for w in by_hand]
    for rows in batch_orders(int(job.order_keys[0]), range(training.epochs), 40):
        for first in range(0, 40, training.batch_size):
            batch = rows[first : first + training.batch_size]
            x, y = small_task.x_train[batch].astype(np.float64), small_task.y_train[batch]
            step_by_hand(by_hand, x, y, network, training, velocity, n_frozen)
    for expected, found in zip(by_hand, trained.weights, strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=2e-4, atol=2e-5)


def test_scores_are_those_of_the_returned_weights(engine, small_task):
    network = MLPSpec()
    trained = engine.train(
        job_of(small_task, network, TrainingSpec(epochs=2), 3), no_tick, no_announce
    )
    for r in range(3):
        k1, b1, k2, b2, k3, b3 = (layer[r].astype(np.float64) for layer in trained.weights)
        for x, y, accuracy, loss in (
            (
                small_task.x_train,
                small_task.y_train,
                trained.scores.train_accuracy,
                trained.scores.train_loss,
            ),
            (
                small_task.x_test,
                small_task.y_test,
                trained.scores.test_accuracy,
                trained.scores.test_loss,
            ),
        ):
            z = np.maximum(np.maximum(x @ k1 + b1, 0) @ k2 + b2, 0) @ k3 + b3
            log_sum = np.log(np.exp(z).sum(axis=1))
            assert loss[r] == pytest.approx((log_sum - z[np.arange(len(y)), y]).mean(), rel=1e-5)
            assert accuracy[r] == (z.argmax(axis=1) == y).mean()
        assert trained.classes_predicted[r] == len(np.unique(z.argmax(axis=1)))


def test_frozen_layers_come_back_bit_for_bit(engine, small_task):
    job = job_of(small_task, MLPSpec(), TrainingSpec(epochs=2), 4, n_frozen=[0, 1, 2, 1])
    trained = engine.train(job, no_tick, no_announce)
    for r, n_frozen in enumerate(job.n_frozen):
        for i, (before, after) in enumerate(zip(job.weights, trained.weights, strict=True)):
            is_same = before[r].tobytes() == after[r].tobytes()
            assert is_same == (i < 2 * n_frozen)


def test_a_run_is_the_same_alone_and_among_others(engine, small_task):
    training = TrainingSpec(epochs=2, momentum=0.5)
    together = engine.train(job_of(small_task, MLPSpec(), training, 5), no_tick, no_announce)
    job = job_of(small_task, MLPSpec(), training, 5)
    alone = Job(
        job.network, training, small_task, [w[3:4] for w in job.weights], job.n_frozen[3:4],
        job.order_keys[3:4],
    )  # fmt: skip
    alone_trained = engine.train(alone, no_tick, no_announce)
    for a, b in zip(alone_trained.weights, together.weights, strict=True):
        assert a[0].tobytes() == b[3].tobytes()
    assert alone_trained.scores.test_loss[0] == together.scores.test_loss[3]


def test_curves_start_at_the_untrained_network_and_end_at_the_scores(engine, small_task):
    training = TrainingSpec(epochs=4)
    plain = engine.train(job_of(small_task, MLPSpec(), training, 2), no_tick, no_announce)
    curved = engine.train(
        job_of(small_task, MLPSpec(), training, 2, with_curves=True), no_tick, no_announce
    )
    assert plain.curves is None
    assert curved.curves.test_loss.shape == (2, 5)
    for name in ("train_accuracy", "test_accuracy", "train_loss", "test_loss"):
        by_epoch = getattr(curved.curves, name)
        np.testing.assert_array_equal(by_epoch[:, -1], getattr(curved.scores, name))
        np.testing.assert_array_equal(by_epoch[:, -1], getattr(plain.scores, name))
    shorter = engine.train(
        job_of(small_task, MLPSpec(), TrainingSpec(epochs=1), 2), no_tick, no_announce
    )
    np.testing.assert_allclose(curved.curves.test_loss[:, 1], shorter.scores.test_loss, rtol=1e-6)
    assert (curved.curves.train_loss[:, 0] > curved.curves.train_loss[:, -1]).all()


def test_a_diverging_run_does_not_disturb_its_neighbours(engine, small_task):
    training = TrainingSpec(epochs=3)
    job = job_of(small_task, MLPSpec(), training, 3)
    job.weights[0][1] = 1e38 * np.array([1, -1, 1, -1, 1])  # some unit of these is active
    job.weights[2][1] = 1e38
    trained = engine.train(job, no_tick, no_announce)
    calm = engine.train(job_of(small_task, MLPSpec(), training, 3), no_tick, no_announce)
    assert not np.isfinite(trained.scores.test_loss[1])
    for r in (0, 2):
        assert trained.scores.test_loss[r] == calm.scores.test_loss[r]


def test_progress_adds_up_to_the_epochs_of_all_runs(engine, small_task):
    ticks = []
    engine.train(
        job_of(small_task, MLPSpec(), TrainingSpec(epochs=3), 4), ticks.append, no_announce
    )
    assert sum(ticks) == 12


def test_an_engine_takes_one_task_after_another(engine, small_task):
    from blobtransfer.tasks.blobs import make_task

    other: Task = make_task(TaskSpec(9, n_samples=50, n_train=30))
    training = TrainingSpec(epochs=1)
    first = engine.train(job_of(small_task, MLPSpec(), training), no_tick, no_announce)
    engine.train(job_of(other, MLPSpec(), training), no_tick, no_announce)
    again = engine.train(job_of(small_task, MLPSpec(), training), no_tick, no_announce)
    assert first.scores.test_loss[0] == again.scores.test_loss[0]
