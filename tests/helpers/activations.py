"""Activations on paper, in float64: f(z) and f'(z), by the program's word for them."""

from collections.abc import Callable

import numpy as np
from scipy.special import erf

Function = Callable[[np.ndarray], np.ndarray]

WORDS = (
    "relu", "tanh", "sigmoid", "elu", "gelu", "swish", "softplus", "leaky_relu",
    "leaky_relu=0.1",
)  # fmt: skip


def _leaky(slope: float) -> tuple[Function, Function]:
    return lambda z: np.where(z > 0, z, slope * z), lambda z: np.where(z > 0, 1.0, slope)


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def _below(z: np.ndarray) -> np.ndarray:
    """Return the share of a standard normal below z."""
    return np.asarray((1.0 + erf(z / np.sqrt(2.0))) / 2.0)


FUNCTIONS: dict[str, tuple[Function, Function]] = {
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: (z > 0) * 1.0),
    "tanh": (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2),
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * (1.0 - _sigmoid(z))),
    "elu": (
        lambda z: np.where(z < 0, np.expm1(z), z),
        lambda z: np.where(z < 0, np.exp(np.minimum(z, 0.0)), 1.0),
    ),
    "gelu": (
        lambda z: z * _below(z),
        lambda z: _below(z) + z * np.exp(-(z**2) / 2.0) / np.sqrt(2.0 * np.pi),
    ),
    "swish": (lambda z: z * _sigmoid(z), lambda z: _sigmoid(z) * (1.0 + z * (1.0 - _sigmoid(z)))),
    "softplus": (lambda z: np.logaddexp(z, 0.0), _sigmoid),
    "leaky_relu": _leaky(0.2),
    "leaky_relu=0.1": _leaky(0.1),
}
