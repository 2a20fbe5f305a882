"""Both kinds of promise an engine makes: hand-worked numbers, and properties."""

from dataclasses import replace

import numpy as np
import pytest
from helpers.activations import FUNCTIONS
from helpers.specs import spec_of

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import with_validation_rows
from blobtransfer.engines import Job, load_engine
from blobtransfer.randomness import batch_orders
from blobtransfer.running.progress import SILENT
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import (
    BALANCED_ACCURACY,
    METRICS,
    TEST_ACCURACY,
    TEST_LOSS,
    TRAIN_ACCURACY,
    TRAIN_LOSS,
    TrainingSpec,
)

ENGINES = ["compiled", pytest.param("keras", marks=[pytest.mark.slow, pytest.mark.keras])]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request):
    return load_engine(request.param)


def step_by_hand(weights, x, y, network, training, moments, step, n_frozen, anchor=None):
    """One step in float64, from the formulas of back-propagation; the first is step 1.

    `moments` has two numbers for each weight, of which SGD uses one: its velocity.
    """
    kernels, biases = weights[::2], weights[1::2]
    activations, slopes = [x], [x]
    for layer, word in enumerate(network.activations):
        z = activations[-1] @ kernels[layer] + biases[layer]
        activations.append(FUNCTIONS[word][0](z))
        slopes.append(FUNCTIONS[word][1](z))
    logits = activations[-1] @ kernels[-1] + biases[-1]
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    delta = (p / p.sum(axis=1, keepdims=True) - np.eye(network.n_classes)[y]) / len(x)
    gradients = []
    for layer in reversed(range(len(kernels))):
        gradients[:0] = [activations[layer].T @ delta, delta.sum(axis=0)]
        if layer:
            delta = (delta @ kernels[layer].T) * slopes[layer]
    rate, momentum = training.learning_rate, training.momentum
    for i, gradient in enumerate(gradients):
        if i < 2 * n_frozen:
            continue
        if anchor is not None:
            gradient = gradient + 2 * anchor.strength * (weights[i] - anchor.weights[i][0])
        elif i % 2 == 0:
            gradient = gradient + 2 * training.weight_decay * weights[i]
        first, second = moments[i]
        if training.optimizer == "adam":
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
            unbiased = first / (1 - 0.9**step), second / (1 - 0.999**step)
            # Keras' epsilon is beside the root before the correction.
            epsilon = 1e-7 / np.sqrt(1 - 0.999**step)
            move = -rate * unbiased[0] / (np.sqrt(unbiased[1]) + epsilon)
        else:
            first = momentum * first - rate * gradient
            move = momentum * first - rate * gradient if training.nesterov else first
        moments[i], weights[i] = (first, second), weights[i] + move


@pytest.mark.parametrize(
    ("network", "training", "n_frozen", "pull"),
    [
        (MLPSpec(), TrainingSpec(epochs=3), 0, None),
        (MLPSpec(), TrainingSpec(epochs=3), 1, None),
        (MLPSpec(), TrainingSpec(epochs=3), 2, None),
        (MLPSpec(hidden=(4,), activation="tanh"), TrainingSpec(2, 16, 0.1, 0.9), 0, None),
        (MLPSpec(hidden=(3, 6, 4), activation="sigmoid"), TrainingSpec(2, 7, 0.2, 0.5), 1, None),
        (MLPSpec(hidden=(7,)), TrainingSpec(3, 100, 0.05), 0, None),
        (MLPSpec(hidden=(2, 3)), TrainingSpec(1, 1, 0.01, 0.3), 0, None),
        (MLPSpec(37, (3,)), TrainingSpec(1, 16), 0, None),
        (MLPSpec(hidden=(3, 4)), TrainingSpec(2, 16, 0.05, 0.9, nesterov=True), 1, None),
        (MLPSpec(), TrainingSpec(2, 16, 0.05, 0.9, weight_decay=0.1), 1, None),
        (MLPSpec(activation="tanh"), TrainingSpec(2, 15, 0.01, optimizer="adam"), 0, None),
        (MLPSpec(), TrainingSpec(2, 32, 0.01, optimizer="adam", weight_decay=0.02), 2, None),
        (MLPSpec(), TrainingSpec(2, 16, 0.05, 0.5), 0, 0.2),
        (MLPSpec(), TrainingSpec(2, 16, 0.01, optimizer="adam", weight_decay=9.0), 1, 0.02),
        (
            MLPSpec(
                hidden=(3, 4, 5, 3, 4),
                activation=("leaky_relu=0.1", "swish", "gelu", "softplus", "elu"),
            ),
            TrainingSpec(2, 7, 0.1, 0.5),
            0,
            None,
        ),
        pytest.param(
            MLPSpec(hidden=(9, 3, 9, 3), activation="tanh"),
            TrainingSpec(epochs=2),
            3,
            None,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_training_follows_the_formulas_of_back_propagation(
    engine, job_of, network, training, n_frozen, pull
):
    n_features = network.n_features
    dataset = load_dataset(BlobsSpec(4, n_samples=50, n_train=40, n_features=n_features))
    job = job_of(dataset, network, training, n_frozen=n_frozen, pull=pull)
    trained = engine.train(job, SILENT.advance)
    by_hand = [layer[0].astype(np.float64) for layer in job.weights]
    moments = [(np.zeros_like(w), np.zeros_like(w)) for w in by_hand]
    step = 0
    for rows in batch_orders(int(job.order_keys[0]), range(training.epochs), 40):
        for first in range(0, 40, training.batch_size):
            batch = rows[first : first + training.batch_size]
            x, y = dataset.x_train[batch].astype(np.float64), dataset.y_train[batch]
            step += 1
            step_by_hand(by_hand, x, y, network, training, moments, step, n_frozen, job.anchor)
    for expected, found in zip(by_hand, trained.weights, strict=True):
        np.testing.assert_allclose(found[0], expected, rtol=2e-4, atol=2e-5)


def test_the_first_step_of_adam_moves_every_weight_by_the_learning_rate(
    engine, job_of, small_dataset
):
    # m = 0.1 g, v = 0.001 g^2 and alpha = rate * sqrt(0.001) / 0.1, so alpha m / sqrt(v) is
    # the rate with the sign of g, whatever g is; epsilon takes 1e-7 / (sqrt(0.001) |g|) off it,
    # 1 % at |g| = 0.0003.
    training = TrainingSpec(1, 40, 0.001, optimizer="adam")
    job = job_of(small_dataset, MLPSpec(activation="sigmoid"), training)
    trained = engine.train(job, SILENT.advance)
    for before, after in zip(job.weights, trained.weights, strict=True):
        np.testing.assert_allclose(np.abs(after - before), 0.001, rtol=0.01)


def test_a_penalty_alone_shrinks_the_kernels_by_its_rate_and_leaves_the_biases(
    engine, job_of, small_dataset
):
    # One batch of equal rows, each class once, and equal weights: the loss has no slope in the
    # first kernel; a step of rate r on x * w^2 multiplies w by 1 - 2 r x, here by 0.9.
    dataset = replace(
        small_dataset,
        x_train=np.ones((3, 2), np.float32),
        y_train=np.arange(3),
        spec=BlobsSpec(4, n_samples=50, n_train=3),
    )
    job = job_of(dataset, MLPSpec(), TrainingSpec(1, 3, 0.1, weight_decay=0.5))
    for weights in job.weights:
        weights[:] = 0.25
    trained = engine.train(job, SILENT.advance)
    for kernel, bias in zip(trained.weights[::2], trained.weights[1::2], strict=True):
        np.testing.assert_allclose(kernel, 0.225, rtol=1e-6)
        np.testing.assert_allclose(bias, 0.25, rtol=1e-6)


def test_the_losses_that_are_told_have_no_penalty_in_them(engine, job_of, small_dataset):
    # Steps too small to move anything: the same network, with and without the penalty.
    still = TrainingSpec(1, 40, 1e-30)
    plain = engine.train(job_of(small_dataset, MLPSpec(), still), SILENT.advance)
    with_penalty = replace(still, weight_decay=1.0)
    found = engine.train(job_of(small_dataset, MLPSpec(), with_penalty), SILENT.advance)
    np.testing.assert_array_equal(found.scores, plain.scores)


def test_scores_are_those_of_the_returned_weights(engine, job_of, small_dataset):
    trained = engine.train(job_of(small_dataset, n_runs=3), SILENT.advance)
    assert trained.scores.shape == (len(METRICS), 3)
    for r in range(3):
        k1, b1, k2, b2, k3, b3 = (layer[r].astype(np.float64) for layer in trained.weights)
        for x, y, accuracy, loss in (
            (small_dataset.x_train, small_dataset.y_train, TRAIN_ACCURACY, TRAIN_LOSS),
            (small_dataset.x_test, small_dataset.y_test, TEST_ACCURACY, TEST_LOSS),
        ):
            z = np.maximum(np.maximum(x @ k1 + b1, 0) @ k2 + b2, 0) @ k3 + b3
            log_sum = np.log(np.exp(z).sum(axis=1))
            mean_loss = (log_sum - z[np.arange(len(y)), y]).mean()
            assert trained.scores[loss, r] == pytest.approx(mean_loss, rel=1e-5)
            assert trained.scores[accuracy, r] == (z.argmax(axis=1) == y).mean()
        predicted = z.argmax(axis=1)  # on test rows
        assert trained.classes_predicted[r] == len(np.unique(predicted))
        recalls = [(predicted == k)[y == k].mean() for k in np.unique(y)]
        assert trained.scores[BALANCED_ACCURACY, r] == pytest.approx(np.mean(recalls), rel=1e-15)


def test_frozen_layers_come_back_bit_for_bit(engine, job_of, small_dataset):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=2), 4, n_frozen=[0, 1, 2, 1])
    trained = engine.train(job, SILENT.advance)
    for r, n_frozen in enumerate(job.n_frozen):
        for i, (before, after) in enumerate(zip(job.weights, trained.weights, strict=True)):
            is_same = before[r].tobytes() == after[r].tobytes()
            assert is_same == (i < 2 * n_frozen)


@pytest.mark.parametrize(
    "training",
    [TrainingSpec(2, momentum=0.5), TrainingSpec(2, 16, optimizer="adam", weight_decay=0.01)],
)
def test_a_run_is_the_same_alone_and_among_others(engine, job_of, small_dataset, training):
    job = job_of(small_dataset, MLPSpec(), training, 5)
    together = engine.train(job, SILENT.advance)
    one = slice(3, 4)
    alone = replace(
        job,
        weights=[stacked[one] for stacked in job.weights],
        n_frozen=job.n_frozen[one],
        order_keys=job.order_keys[one],
    )
    trained = engine.train(alone, SILENT.advance)
    for a, b in zip(trained.weights, together.weights, strict=True):
        assert a[0].tobytes() == b[3].tobytes()
    np.testing.assert_array_equal(trained.scores[:, 0], together.scores[:, 3])


def test_curves_start_at_the_untrained_network_and_end_at_the_scores(engine, job_of, small_dataset):
    def train(epochs: int, with_curves: bool = False):
        training = TrainingSpec(epochs=epochs)
        job: Job = job_of(small_dataset, MLPSpec(), training, 2, with_curves=with_curves)
        return engine.train(job, SILENT.advance)

    plain, curved = train(4), train(4, with_curves=True)
    assert plain.curves.shape == (len(METRICS), 2, 1)
    assert curved.curves.shape == (len(METRICS), 2, 5)
    np.testing.assert_array_equal(curved.scores, plain.scores)
    np.testing.assert_allclose(curved.curves[:, :, 1], train(1).scores, rtol=1e-6)
    assert (curved.curves[TRAIN_LOSS, :, 0] > curved.curves[TRAIN_LOSS, :, -1]).all()


def test_a_training_that_goes_on_from_an_epoch_skips_the_orders_before_it(
    engine, job_of, small_dataset
):
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=3), 2)
    whole = engine.train(job, SILENT.advance)
    start = replace(job, training=TrainingSpec(epochs=1), evaluated_epochs=())
    half = engine.train(start, SILENT.advance)
    rest = engine.train(replace(job, weights=half.weights, first_epoch=1), SILENT.advance)
    for a, b in zip(rest.weights, whole.weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_run_stops_when_its_validation_loss_has_not_improved_and_gets_its_best_weights(
    engine, job_of, small_dataset
):
    patience, epochs, n_runs = 2, 12, 20
    datasets = with_validation_rows([small_dataset], range(n_runs), 0)
    # Curves on validation rows show the losses that early stopping sees.
    watched = tuple(replace(d, x_test=d.validation[0], y_test=d.validation[1]) for d in datasets)
    plain = TrainingSpec(epochs, 16, 0.2)
    job = job_of(watched, MLPSpec(), plain, n_runs, with_curves=True)
    losses = engine.train(job, SILENT.advance).curves[TEST_LOSS].astype(np.float32)
    reported = []
    stopping = replace(job, training=replace(plain, patience=patience))
    stopped = engine.train(stopping, reported.append)
    assert sum(reported) == n_runs * epochs  # those of stopped runs count as done
    for run, loss in enumerate(losses):
        best, end = 1, epochs
        for epoch in range(2, epochs + 1):
            if loss[epoch] < loss[best]:
                best = epoch
            elif epoch - best == patience:
                end = epoch
                break
        assert stopped.epochs[run] == end
        curve = stopped.curves[TEST_LOSS, run].astype(np.float32)
        np.testing.assert_array_equal(curve[:end], loss[:end])
        np.testing.assert_array_equal(curve[end:], loss[best])  # of the restored network
    assert 2 < len(set(stopped.epochs)) and stopped.epochs.max() == epochs


def test_early_stopping_that_never_ends_a_training_still_restores_the_best_weights(
    engine, job_of, small_dataset
):
    datasets = with_validation_rows([small_dataset], range(5), 0)
    job = job_of(datasets, MLPSpec(), TrainingSpec(4, 16, 2.0, patience=9), 5, n_frozen=1)
    whole = engine.train(job, SILENT.advance)
    assert whole.epochs.tolist() == [4] * 5
    for i in (0, 1):
        np.testing.assert_array_equal(whole.weights[i], job.weights[i])
    one_epoch = replace(job, training=replace(job.training, epochs=1), evaluated_epochs=())
    after_1 = engine.train(one_epoch, SILENT.advance)
    is_first = (whole.weights[2] == after_1.weights[2]).all(axis=(1, 2)).tolist()
    assert any(is_first) and not all(is_first)


def test_a_first_loss_that_is_no_number_is_never_improved(engine, job_of, small_dataset):
    datasets = with_validation_rows([small_dataset], range(2), 0)
    job = job_of(datasets, MLPSpec(), TrainingSpec(9, learning_rate=1e30, patience=3), 2)
    assert engine.train(job, SILENT.advance).epochs.tolist() == [4, 4]


def test_a_diverging_run_does_not_disturb_its_neighbours(engine, job_of, small_dataset):
    calm = engine.train(job_of(small_dataset, n_runs=3), SILENT.advance)
    job = job_of(small_dataset, n_runs=3)
    job.weights[0][1] = 1e38 * np.array([1, -1, 1, -1, 1])  # some unit of these is active
    job.weights[2][1] = 1e38
    trained = engine.train(job, SILENT.advance)
    assert not np.isfinite(trained.scores[TEST_LOSS, 1])
    np.testing.assert_array_equal(trained.scores[:, [0, 2]], calm.scores[:, [0, 2]])


def test_progress_adds_up_to_the_epochs_of_all_runs(engine, job_of, small_dataset):
    told = []
    engine.train(job_of(small_dataset, MLPSpec(), TrainingSpec(epochs=3), 4), told.append)
    assert sum(told) == 12


def test_an_engine_that_was_started_trains_the_same(engine, job_of, small_dataset):
    before = engine.train(job_of(small_dataset), SILENT.advance)
    engine.start(spec_of())
    engine.start(spec_of())
    after = engine.train(job_of(small_dataset), SILENT.advance)
    np.testing.assert_array_equal(before.scores, after.scores)


def test_an_engine_takes_one_task_after_another(engine, job_of, small_dataset):
    other = load_dataset(BlobsSpec(9, n_samples=50, n_train=30))
    first = engine.train(job_of(small_dataset), SILENT.advance)
    engine.train(job_of(other), SILENT.advance)
    again = engine.train(job_of(small_dataset), SILENT.advance)
    np.testing.assert_array_equal(first.scores, again.scores)


def test_runs_with_rows_of_their_own_have_the_bits_of_each_alone(engine, job_of, small_dataset):
    other = replace(
        small_dataset,
        x_train=small_dataset.x_train[::-1] * 2.0,
        y_train=small_dataset.y_train[::-1],
        x_test=-small_dataset.x_test,
    )
    shorter = replace(
        small_dataset, x_train=small_dataset.x_train[:30], y_train=small_dataset.y_train[:30]
    )
    datasets = (small_dataset, other, shorter)
    job = job_of(small_dataset, MLPSpec(), TrainingSpec(2), 6, with_curves=True)
    together = engine.train(replace(job, datasets=datasets), SILENT.advance)
    for run in range(6):
        one = replace(
            job,
            datasets=(datasets[run % 3],),
            weights=[stacked[run : run + 1] for stacked in job.weights],
            n_frozen=job.n_frozen[run : run + 1],
            order_keys=job.order_keys[run : run + 1],
        )
        alone = engine.train(one, SILENT.advance)
        assert together.curves[:, run].tobytes() == alone.curves[:, 0].tobytes()
        for a, b in zip(together.weights, alone.weights, strict=True):
            assert a[run].tobytes() == b[0].tobytes()
