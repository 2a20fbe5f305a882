"""The weights a network starts with, and its forward pass."""

import math

import numpy as np
import pytest
from helpers.activations import WORDS
from helpers.models import probabilities

from blobtransfer.network import (
    initial_weights,
    initialise_kernels,
    predicted_classes,
    stacked_initial_weights,
)
from blobtransfer.randomness import Stream
from blobtransfer.specs.network import INITIALIZERS, MLPSpec


@pytest.mark.parametrize("initializer", INITIALIZERS)
@pytest.mark.parametrize(("fan_in", "fan_out"), [(2, 5), (5, 3)])
def test_a_kernel_has_the_variance_and_the_bound_of_its_rule(initializer, fan_in, fan_out):
    rng = np.random.default_rng(1234)
    kernels = initialise_kernels(initializer, fan_in, fan_out, [rng] * 4_000)
    family, distribution = initializer.split("_")
    fan = {"he": fan_in / 2, "lecun": fan_in, "glorot": (fan_in + fan_out) / 2}[family]
    assert kernels.dtype == np.float32
    assert kernels.shape == (4_000, fan_in, fan_out)
    # With >= 40,000 draws the estimate of a variance is within 3 %.
    assert kernels.var() == pytest.approx(1 / fan, rel=0.03)
    bound = np.sqrt(3 / fan) if distribution == "uniform" else 2 / 0.87962566 / np.sqrt(fan)
    assert np.abs(kernels).max() <= np.float32(bound)
    assert np.abs(kernels).max() > 0.98 * bound


def test_source_and_standalone_share_their_initial_weights_and_repeats_do_not():
    network = MLPSpec(3, (4, 6), 5)
    first, again, other = (initial_weights(network, 7, r) for r in (0, 0, 1))
    assert [w.shape for w in first] == [(3, 4), (4,), (4, 6), (6,), (6, 5), (5,)]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    for kernel, bias, different in zip(first[::2], first[1::2], other[::2], strict=True):
        assert not (kernel == different).any()
        assert not bias.any()


def test_the_output_kernel_is_glorot_uniform_whatever_the_hidden_rule():
    outputs = np.stack([initial_weights(MLPSpec(), 0, r)[4] for r in range(2_000)])
    # 5 -> 3 units: variance 2 / 8; 30,000 draws
    assert outputs.var() == pytest.approx(0.25, rel=0.03)


@pytest.mark.parametrize("stream", [Stream.WEIGHTS, Stream.REINITIALISED])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_the_weights_of_many_repeats_are_those_that_numpy_draws_for_each_repeat(
    initializer, seed, stream
):
    repeats = (0, 1, 2, 99, 9_999_999)
    for network in (MLPSpec(initializer=initializer), MLPSpec(1, (1, 40), 2, "relu", initializer)):
        stacked = stacked_initial_weights(network, seed, repeats, stream)
        assert [layer.dtype for layer in stacked] == 2 * len(network.shapes) * [np.float32]
        for i, repeat in enumerate(repeats):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, repeat)))
            initializers = [initializer] * len(network.hidden) + ["glorot_uniform"]
            for layer, rule in enumerate(initializers):
                kernel = kernel_by_numpy(rule, network.shapes[layer], rng)
                np.testing.assert_array_equal(stacked[2 * layer][i], kernel)
                assert not stacked[2 * layer + 1][i].any()


def kernel_by_numpy(initializer, shape, rng):
    """Draw one kernel (fan_in, fan_out) with the methods of NumPy's generator."""
    family, distribution = initializer.split("_")
    fan_in, fan_out = shape
    variance = {"he": 2.0 / fan_in, "lecun": 1.0 / fan_in, "glorot": 2.0 / (fan_in + fan_out)}
    if distribution == "uniform":
        limit = math.sqrt(3.0 * variance[family])
        return rng.uniform(-limit, limit, shape).astype(np.float32)
    kernel = rng.standard_normal(shape)
    while (outside := np.abs(kernel) > 2.0).any():
        kernel[outside] = rng.standard_normal(int(outside.sum()))
    return (math.sqrt(variance[family]) / 0.87962566103423978 * kernel).astype(np.float32)


def test_no_caller_can_change_the_draw_that_others_start_from():
    for layer in stacked_initial_weights(MLPSpec(), 0, (0, 1)):
        with pytest.raises(ValueError, match="read-only"):
            layer[...] = 1


def test_redrawn_layers_are_another_draw_than_the_first():
    first = initial_weights(MLPSpec(), 0, 0)
    redrawn = initial_weights(MLPSpec(), 0, 0, Stream.REINITIALISED)
    for kernel, other in zip(first[::2], redrawn[::2], strict=True):
        assert not (kernel == other).any()


@pytest.mark.parametrize("activation", [*WORDS, ("tanh", "gelu")])
def test_the_class_of_a_row_is_the_most_probable_one_on_paper(activation):
    network = MLPSpec(hidden=(6, 4), activation=activation)
    weights = initial_weights(network, 3, 0)
    x = np.random.default_rng(0).normal(0, 8, (500, 2))
    shares = probabilities(activation, tuple(weights), x)
    # Where all units are 0 the classes are alike, and float32 has more such rows.
    are_apart = np.diff(np.sort(shares)[:, -2:]).ravel() > 1e-6
    assert are_apart.mean() > 0.85
    found = predicted_classes(network, weights, x)
    np.testing.assert_array_equal(found[are_apart], shares.argmax(axis=1)[are_apart])


@pytest.mark.slow
@pytest.mark.keras
@pytest.mark.parametrize("activation", [*WORDS, ("tanh", "gelu")])
def test_the_class_of_a_row_is_the_one_keras_predicts(activation):
    from blobtransfer.engines.keras.model import build_mlp

    network = MLPSpec(hidden=(6, 4), activation=activation)
    weights = initial_weights(network, 3, 0)
    x = np.random.default_rng(0).normal(0, 8, (500, 2))
    model = build_mlp(network)
    model.set_weights(weights)
    expected = np.asarray(model.predict_on_batch(x.astype(np.float32))).argmax(axis=1)
    np.testing.assert_array_equal(predicted_classes(network, weights, x), expected)


def test_numbers_too_large_for_the_exponential_still_have_a_class():
    network = MLPSpec(1, (1,), 2, activation="sigmoid")
    one, zero = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    weights = [one, zero, np.array([[0.0, 1.0]], np.float32), np.array([0.5, 0.0], np.float32)]
    # logits 0.5 and sigmoid(x), which is 0 or 1 here
    classes = predicted_classes(network, weights, np.array([[-1e30], [1e30]]))
    assert classes.tolist() == [0, 1]
