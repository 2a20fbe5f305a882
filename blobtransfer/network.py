"""The network: its weights, their initialisation, and its forward pass.

A set of weights is a list: kernel, bias, kernel, bias, ... from the input to the output.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from blobtransfer.errors import SettingError
from blobtransfer.randomness import Stream, generators
from blobtransfer.specs.network import Initializer, MLPSpec

Weights = list[NDArray[np.float32]]
"""Kernel (fan_in, fan_out), bias (fan_out,), ...; with a leading axis R where stacked."""


def kernel_shapes(weights: Weights) -> list[tuple[int, int]]:
    """Return the shape (fan_in, fan_out) of the kernel of each dense layer, input side first.

    Raises:
        SettingError: The arrays are not float32 kernels and biases of dense layers.
    """
    pairs = list(zip(weights[::2], weights[1::2], strict=False)) if len(weights) % 2 == 0 else []
    if not pairs or not all(
        isinstance(array, np.ndarray) and array.dtype == np.float32 and array.ndim == ndim
        for pair in pairs
        for array, ndim in zip(pair, (2, 1), strict=True)
    ):
        advice = "use float32 arrays: kernel (fan_in, fan_out), bias (fan_out,), ..."
        raise SettingError("source_weights", "", advice)
    widths = [kernel.shape for kernel, _ in pairs]
    if any(kernel.shape[1:] != bias.shape for kernel, bias in pairs) or any(
        below[1] != above[0] for below, above in pairwise(widths)
    ):
        raise SettingError("source_weights", str(widths), "the layers do not fit each other")
    return [(kernel.shape[0], kernel.shape[1]) for kernel in weights[::2]]


def initial_weights(
    network: MLPSpec, train_seed: int, repeat: int, stream: Stream = Stream.WEIGHTS
) -> Weights:
    """Initialise the weights of one repeat; see `stacked_initial_weights`.

    Args:
        network: Shape of the network.
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        repeat: Index of the repeat.
        stream: `REINITIALISED` for the layers that a variant re-initialises.

    Returns:
        Kernel (fan_in, fan_out), bias (fan_out,), ...; float32, read-only.
    """
    return [layer[0] for layer in stacked_initial_weights(network, train_seed, (repeat,), stream)]


@lru_cache(1)
def stacked_initial_weights(
    network: MLPSpec, train_seed: int, repeats: tuple[int, ...], stream: Stream = Stream.WEIGHTS
) -> Weights:
    """Initialise the weights of repeats, shared by their source and standalone networks.

    The most recent weights are cached, since the standalone networks of a block are trained after
    its source networks.

    Args:
        network: Shape of the network.
        train_seed: Seed of all trainings, 0 to 2**32 - 1.
        repeats: Indices of R repeats.
        stream: `REINITIALISED` for the layers that a variant re-initialises.

    Returns:
        Kernels (R, fan_in, fan_out) by the network's initializer, the output kernel by
        `glorot_uniform`, and zero biases (R, fan_out); float32, read-only.
    """
    rngs = generators(train_seed, stream, repeats)
    weights: Weights = []
    for layer, (fan_in, fan_out) in enumerate(network.shapes):
        is_output = layer == len(network.shapes) - 1
        initializer = "glorot_uniform" if is_output else network.initializer
        weights.append(initialise_kernels(initializer, fan_in, fan_out, rngs))
        weights.append(np.zeros((len(rngs), fan_out), np.float32))
    for stacked in weights:
        stacked.flags.writeable = False
    return weights


def initialise_kernels(
    initializer: Initializer, fan_in: int, fan_out: int, rngs: Sequence[np.random.Generator]
) -> NDArray[np.float32]:
    """Initialise kernels by variance scaling: He, Glorot or LeCun, uniform or normal.

    Args:
        initializer: The rule, by its Keras name.
        fan_in: Units feeding the layer (rows of a kernel).
        fan_out: Units in the layer (columns of a kernel).
        rngs: Random generator of each of R kernels; advanced.

    Returns:
        Kernels (R, fan_in, fan_out), float32, of variance 2 / fan_in (he), 1 / fan_in (lecun)
        or 2 / (fan_in + fan_out) (glorot); a normal is cut off at two standard deviations.

    Source:
        He et al. 2015, arXiv:1502.01852; Glorot & Bengio 2010; the rules of
        `keras.initializers.VarianceScaling`.
    """
    family, distribution = initializer.split("_")
    variance = {"he": 2.0 / fan_in, "lecun": 1.0 / fan_in, "glorot": 2.0 / (fan_in + fan_out)}[
        family
    ]
    kernels = np.empty((len(rngs), fan_in, fan_out))
    if distribution == "uniform":
        for kernel, rng in zip(kernels, rngs, strict=True):
            rng.random(out=kernel)
        limit = math.sqrt(3.0 * variance)
        kernels *= 2.0 * limit
        kernels -= limit
    else:
        for kernel, rng in zip(kernels, rngs, strict=True):
            rng.standard_normal(out=kernel)
            while (outside := np.abs(kernel) > 2.0).any():
                kernel[outside] = rng.standard_normal(int(outside.sum()))
        # A standard normal cut off at +-2 has this standard deviation (Keras' constant).
        kernels *= math.sqrt(variance) / 0.87962566103423978
    return kernels.astype(np.float32)


def predicted_classes(
    network: MLPSpec, weights: Sequence[NDArray[np.float32]], x: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the class of each row that a network finds most probable.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        x: (N, n_features) rows.

    Returns:
        (N,) class numbers.
    """
    _, logits = forward(network, weights, x)
    return np.asarray(logits.argmax(axis=1), np.int64)


def forward(
    network: MLPSpec,
    weights: Sequence[NDArray[np.float32]],
    x: NDArray[np.float64] | NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Compute the forward pass of rows.

    Args:
        network: Shape of the network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        x: (N, n_features) rows.

    Returns:
        The last hidden layer's activations (N, units), and the logits (N, n_classes).
    """
    activations = x.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        for layer in range(len(network.hidden)):
            kernel, bias = weights[2 * layer : 2 * layer + 2]
            activations = _activated(activations @ kernel + bias, *network.activation_of(layer))
        return activations, np.asarray(activations @ weights[-2] + weights[-1], np.float32)


def _activated(z: NDArray[np.float32], name: str, slope: float) -> NDArray[np.float32]:
    match name:
        case "relu":
            return np.maximum(z, 0)
        case "tanh":
            return np.tanh(z)
        case "sigmoid":
            return np.asarray(1 / (1 + np.exp(-z)), np.float32)
        case "elu":
            return np.asarray(np.where(z < 0, np.expm1(z), z), np.float32)
        case "gelu":
            erf = [math.erf(value) for value in (z * np.float32(math.sqrt(0.5))).flat]
            # In float32 from here on, as the engines: far below 0 it is exactly 0.
            below = np.array(erf, np.float32).reshape(z.shape) + np.float32(1)
            return np.asarray(z * below / 2, np.float32)
        case "swish":
            return np.asarray(z / (1 + np.exp(-z)), np.float32)
        case "softplus":
            return np.logaddexp(z, np.float32(0))
        case _:
            return np.where(z > 0, z, z * np.float32(slope))
