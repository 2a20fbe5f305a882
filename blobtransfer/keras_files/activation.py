"""The activation that a file names -> the program's word for it: a name, a function, a layer."""

import math
from typing import Any

import numpy as np

from blobtransfer.keras_files.refusal import quoted
from blobtransfer.specs.network import MIN_SLOPE, activation_word

LAYERS = ("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax")
"""Keras layers that are an activation and nothing else."""

OWN = "of its own"
"""What an activation is called that is a function without a known name."""


def activation_of(value: object) -> str:
    """Give the word for the `activation` of a layer; a word of Keras where there is none here."""
    if value is None:
        return "linear"
    if isinstance(value, str):
        # So TensorFlow calls functions that it has changed: tf.nn.softmax is softmax_v2.
        return value.removesuffix("_v2")
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if kind == "function" and isinstance(config, str):
            return config.removesuffix("_v2")
        if kind in LAYERS and isinstance(config, dict):
            return activation_of_layer(kind, config)
    return OWN


def activation_of_layer(kind: str, config: dict[str, Any]) -> str:
    """Give the word for a layer of `LAYERS`; a description where there is none here."""
    match kind:
        case "ReLU":
            if config.get("max_value") is None and config.get("threshold", 0) in (None, 0):
                return _leaky(config.get("negative_slope") or 0.0)
            return "relu with a limit or threshold"
        case "LeakyReLU":
            # Keras 2 calls it alpha; both have the same default.
            return _leaky(config.get("negative_slope", config.get("alpha", 0.3)))
        case "ELU":
            alpha = config.get("alpha", 1.0)
            return "elu" if alpha == 1.0 else f"elu of alpha {_written(alpha)}"
        case "Softmax":
            axis = config.get("axis", -1)
            return "softmax" if axis in (-1, 1) else f"softmax along axis {_written(axis)}"
        case _:
            return activation_of(config.get("activation"))


def _leaky(slope: object) -> str:
    if isinstance(slope, int | float) and not isinstance(slope, bool) and math.isfinite(slope):
        if slope == 0:
            return "relu"
        if MIN_SLOPE <= slope < 1.0:
            # A slope of float32 as people write it: 0.1, not 0.10000000149.
            return activation_word("leaky_relu", float(str(np.float32(slope))))
    return f"leaky_relu of slope {_written(slope)}"


def _written(value: object) -> str:
    return quoted(value).strip("'")
