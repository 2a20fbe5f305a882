"""The network that learns: its shape, activation and initializer."""

from dataclasses import dataclass
from typing import Literal

from blobtransfer.errors import SettingError
from blobtransfer.specs.checks import join

Activation = Literal["relu", "tanh", "sigmoid"]

Initializer = Literal[
    "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal"
]

ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh", "sigmoid")

INITIALIZERS: tuple[Initializer, ...] = (
    "he_uniform",
    "he_normal",
    "glorot_uniform",
    "glorot_normal",
    "lecun_uniform",
    "lecun_normal",
)

MAX_PARAMETERS = 4_000_000
"""Most weights of a network, one to be trained and one in a file alike."""

MAX_LAYERS = 64
"""Most dense layers, the output layer among them."""


@dataclass(frozen=True)
class MLPSpec:
    """The network: dense hidden layers of one activation and a softmax output.

    Args:
        n_features: Width of the input.
        hidden: Widths of the hidden layers, input side first; 1 to 63 layers.
        n_classes: Width of the softmax output.
        activation: Of every hidden layer.
        initializer: Of every hidden kernel; the output kernel is `glorot_uniform`, biases zero.

    Raises:
        SettingError: A value is impossible.
    """

    n_features: int = 2
    hidden: tuple[int, ...] = (5, 5)
    n_classes: int = 3
    activation: Activation = "relu"
    initializer: Initializer = "he_uniform"

    def __post_init__(self) -> None:
        if not self.hidden:
            raise SettingError("hidden", "", "no layer given; use at least one width, such as 5 5")
        if len(self.hidden) >= MAX_LAYERS:
            raise SettingError(
                "hidden",
                join(self.hidden),
                f"{len(self.hidden):,} layers; use at most {MAX_LAYERS - 1}",
            )
        for width in self.hidden:
            if width < 1:
                raise SettingError(
                    "hidden", join(self.hidden), f"{width} is not a width; use 1 or more units"
                )
        if self.activation not in ACTIVATIONS:
            raise SettingError("activation", self.activation, f"use one of {join(ACTIVATIONS)}")
        if self.initializer not in INITIALIZERS:
            raise SettingError("initializer", self.initializer, f"use one of {join(INITIALIZERS)}")
        if self.n_parameters > MAX_PARAMETERS:
            raise SettingError(
                "hidden",
                join(self.hidden),
                f"{self.n_parameters:,} weights; use at most {MAX_PARAMETERS:,}",
            )

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Units of every layer, input first: (2, 5, 5, 3) for the default network."""
        return (self.n_features, *self.hidden, self.n_classes)

    @property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Kernel shape (fan_in, fan_out) of every dense layer, input side first."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @property
    def n_parameters(self) -> int:
        """Kernel and bias entries of all layers."""
        return self.n_trainable(0)

    def n_trainable(self, n_frozen: int) -> int:
        """Count the kernel and bias entries that move with the first `n_frozen` layers frozen."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self.shapes[n_frozen:])

    def __str__(self) -> str:
        return "-".join(map(str, self.layer_sizes))
