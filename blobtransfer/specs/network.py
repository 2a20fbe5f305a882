"""Specification of the network: its shape, activations and initializer."""

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import check_count, check_type, check_whole, join, parse_number

Initializer = Literal[
    "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal"
]

ACTIVATIONS = ("relu", "tanh", "sigmoid", "elu", "gelu", "swish", "softplus", "leaky_relu")
"""Activations of hidden layers, by their Keras names and with Keras' defaults."""

ALIASES = {"silu": "swish"}
"""Other names of activations; Keras 3 saves `swish` as `silu`."""

MIN_SLOPE = 1e-30
"""Smallest slope, well within the range of float32."""

LEAKY_SLOPE = 0.2
"""Default slope of `leaky_relu` below 0; `leaky_relu=0.1` sets another."""

INITIALIZERS: tuple[Initializer, ...] = (
    "he_uniform",
    "he_normal",
    "glorot_uniform",
    "glorot_normal",
    "lecun_uniform",
    "lecun_normal",
)

MAX_PARAMETERS = 4_000_000
"""Largest number of weights of a network, whether it is trained or read from a file."""

MAX_LAYERS = 64
"""Largest number of dense layers, including the output layer."""


@dataclass(frozen=True)
class MLPSpec:
    """The network: dense hidden layers and a softmax output.

    Args:
        n_features: Width of the input.
        hidden: Widths of the hidden layers, input side first; 1 to 63 layers.
        n_classes: Width of the softmax output.
        activation: Activation of every hidden layer, such as `relu` or `leaky_relu=0.1`, or one
            for each layer; equal activations are stored as one.
        initializer: Initializer of the hidden kernels; the output kernel is `glorot_uniform`,
            biases are zero.

    Raises:
        SettingError: A value is impossible.
    """

    n_features: int = 2
    hidden: tuple[int, ...] = (5, 5)
    n_classes: int = 3
    activation: str | tuple[str, ...] = "relu"
    initializer: Initializer = "he_uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        check_count("features", self.n_features)
        check_count("classes", self.n_classes)
        if not self.hidden:
            raise SettingError("hidden", "", "no layer given; use at least one width, such as 5 5")
        if len(self.hidden) >= MAX_LAYERS:
            problem = f"{len(self.hidden):,} layers; use at most {MAX_LAYERS - 1}"
            raise SettingError("hidden", join(self.hidden), problem)
        for width in self.hidden:
            check_whole("hidden", width)
            if width < 1:
                raise SettingError(
                    "hidden", join(self.hidden), f"{width} is not a width; use 1 or more units"
                )
        self._set_activation()
        if self.initializer not in INITIALIZERS:
            raise SettingError("initializer", self.initializer, f"use one of {join(INITIALIZERS)}")
        if self.n_parameters > MAX_PARAMETERS:
            problem = f"{self.n_parameters:,} weights; use at most {MAX_PARAMETERS:,}"
            raise SettingError("hidden", join(self.hidden), problem)

    def _set_activation(self) -> None:
        activations = (self.activation,) if isinstance(self.activation, str) else self.activation
        words = tuple(activation_word(*split_activation(word)) for word in activations)
        if len(words) not in (1, len(self.hidden)):
            layers = "layer" if len(self.hidden) == 1 else "layers"
            raise SettingError(
                "activation",
                join(words),
                f"{len(words)} for {len(self.hidden)} hidden {layers}; use one, or one for each",
            )
        object.__setattr__(self, "activation", words[0] if len(set(words)) == 1 else words)

    @property
    def activations(self) -> tuple[str, ...]:
        """The activation of each hidden layer."""
        activation = self.activation
        return (activation,) * len(self.hidden) if isinstance(activation, str) else activation

    @property
    def activation_text(self) -> str:
        """The activation as the user writes it: one word, or one word for each hidden layer."""
        return self.activation if isinstance(self.activation, str) else join(self.activation)

    def activation_of(self, layer: int) -> tuple[str, float]:
        """Return the activation of a hidden layer, counted from 0, and its slope below 0 if any."""
        return split_activation(self.activations[layer])

    @cached_property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer, input first: (2, 5, 5, 3) for the default network."""
        return (self.n_features, *self.hidden, self.n_classes)

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Kernel shape (fan_in, fan_out) of every dense layer, input side first."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @property
    def n_parameters(self) -> int:
        """Kernel and bias entries of all layers."""
        return self.n_trainable(0)

    def n_trainable(self, n_frozen: int) -> int:
        """Count the trainable kernel and bias entries with the first `n_frozen` layers frozen."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.shapes[n_frozen:])

    def __str__(self) -> str:
        return "-".join(map(str, self.layer_sizes))


def split_activation(word: str) -> tuple[str, float]:
    """Parse an activation: its name, and the slope of a `leaky_relu` below 0 (0 for all others).

    Raises:
        SettingError: Unknown activation.
    """
    check_type("activation", word, str, f"one of {', '.join(ACTIVATIONS)}")
    name, equals, value = word.partition("=")
    name = ALIASES.get(name, name)
    if name not in ACTIVATIONS or (equals and name != "leaky_relu"):
        raise SettingError("activation", word, f"use one of {', '.join(ACTIVATIONS)}")
    if name != "leaky_relu":
        return name, 0.0
    slope = LEAKY_SLOPE if not equals else math.nan
    with suppress(SettingError):
        slope = parse_number("activation", value) if equals else slope
    if not MIN_SLOPE <= slope < 1.0:
        problem = "use a slope above 0 and below 1, such as leaky_relu=0.1"
        raise SettingError("activation", word, problem)
    return name, float(slope)


def activation_word(name: str, slope: float = LEAKY_SLOPE) -> str:
    """Format an activation in its canonical form."""
    return name if name != "leaky_relu" or slope == LEAKY_SLOPE else f"{name}={slope!r}"
