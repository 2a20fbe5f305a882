"""Build the network as a Keras model with frozen first layers."""

from typing import Any

import numpy as np

from blobtransfer.engines.keras.quiet import load_keras
from blobtransfer.network import Weights
from blobtransfer.specs.network import LEAKY_SLOPE, MLPSpec


def build_mlp(network: MLPSpec, n_frozen: int = 0, show_log: bool = False) -> Any:
    """Build the network in Keras, not yet compiled.

    Args:
        network: Its shape; the kernels are left to `set_weights`.
        n_frozen: Layers, counted from the input, that will not be trained. Keras fixes
            what is trainable at `compile`, so this is decided here.
        show_log: See `load_keras`.

    Returns:
        A built `keras.Sequential` of Dense layers in float32.

    Raises:
        MachineError: See `load_keras`.
    """
    keras = load_keras(show_log)
    # float32 is named, so that the saved file does not depend on who reads it.
    model = keras.Sequential([keras.layers.Input((network.n_features,), dtype="float32")])
    for layer, width in enumerate(network.hidden):
        model.add(
            keras.layers.Dense(
                width,
                activation=_activation(keras, *network.activation_of(layer)),
                kernel_initializer=network.initializer,
                dtype="float32",
            )
        )
    model.add(keras.layers.Dense(network.n_classes, activation="softmax", dtype="float32"))
    for layer in model.layers[:n_frozen]:
        layer.trainable = False
    return model


def get_weights(model: Any) -> Weights:
    """Copy the weights of a Keras model from the input to the output.

    Returns:
        Kernel (fan_in, fan_out), bias (fan_out,), ...; float32.
    """
    return [np.asarray(weight, np.float32) for weight in model.get_weights()]


def _activation(keras: Any, name: str, slope: float) -> Any:
    """Return an activation as Keras takes and saves it."""
    if name == "leaky_relu" and slope != LEAKY_SLOPE:
        return keras.layers.LeakyReLU(negative_slope=slope, dtype="float32")
    return name
