"""WHAT is learnt: a problem, a network, a training; plain frozen data, checked when it is made.

A caller gets a spec that can be trusted: every later room takes its values as they
are. An impossible value raises `SettingError`, which names the setting in the user's
word, so the command line can print it as an option.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blobtransfer.errors import SettingError

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

MAX_SEED = 2**32 - 1
"""Largest seed that scikit-learn takes."""

MAX_COUNT = 100_000_000
"""Most of anything that is counted."""

MAX_DIGITS = 400
"""Longest number that is read; Python reads whole numbers of up to 4300 digits."""

MAX_EPOCHS = 1_000_000
"""Longest training."""

MAX_CELLS = 100_000_000
"""Most numbers in the rows of a problem, or in their distances to the centres: 0.8 GB."""

MAX_PARAMETERS = 4_000_000
"""Most weights of a network, one to be trained and one in a file alike."""

MAX_LAYERS = 64
"""Most dense layers, the output layer among them."""


@dataclass(frozen=True)
class TaskSpec:
    """One blobs problem and its split into training and test rows.

    Args:
        seed: The problem, `random_state` of `make_blobs`; 0 to 2**32 - 1.
        n_samples: Rows that are drawn.
        n_classes: Blobs, at least 2.
        n_features: Coordinates of a row, at least 1.
        cluster_std: Standard deviation of each blob, 1e-30 to 1e30.
        n_train: The first rows, which train.
        n_test: Fresh test rows from the same centres; None: the rows left after `n_train`.

    Raises:
        SettingError: A value is impossible.
    """

    seed: int
    n_samples: int = 1000
    n_classes: int = 3
    n_features: int = 2
    cluster_std: float = 2.0
    n_train: int = 500
    n_test: int | None = None

    def __post_init__(self) -> None:
        check_seed("seed", self.seed)
        check_count("classes", self.n_classes, 2)
        check_count("features", self.n_features)
        if not 1e-30 <= self.cluster_std <= 1e30:
            raise SettingError("cluster-std", self.cluster_std, "use a number from 1e-30 to 1e30")
        check_count("samples", self.n_samples)
        if self.n_samples < self.n_classes:
            raise SettingError(
                "samples",
                self.n_samples,
                f"fewer rows than the {self.n_classes} classes; use at least {self.n_classes}",
            )
        if self.n_train < self.n_classes:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"fewer training rows than the {self.n_classes} classes; "
                f"use at least {self.n_classes}",
            )
        if self.n_test is not None:
            check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            for other, each in (("features", self.n_features), ("classes", self.n_classes)):
                if n_rows * each > MAX_CELLS:
                    most, least = sorted(((n_rows, setting), (each, other)), reverse=True)
                    raise SettingError(
                        most[1],
                        most[0],
                        f"{n_rows * each:,} numbers with {join(least)}; use at most {MAX_CELLS:,}",
                    )
        if self.n_train > self.n_samples:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"the problem has {self.n_samples} rows; use fewer, or more --samples",
            )
        if self.n_train == self.n_samples and self.n_test is None:
            raise SettingError(
                "train-samples",
                self.n_train,
                f"all {self.n_samples} rows train and none is left to test; "
                "use fewer, more --samples, or --test-samples",
            )


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
                    "hidden", join(self.hidden), f"{width} is no width; use 1 or more units"
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


@dataclass(frozen=True)
class TrainingSpec:
    """How a network learns: stochastic gradient descent on the cross-entropy.

    Args:
        epochs: Passes over the training rows, at least 1.
        batch_size: Rows of a step; the last batch of an epoch may be shorter.
        learning_rate: Finite and above 0.
        momentum: At least 0 and below 1.

    Raises:
        SettingError: A value is impossible.
    """

    epochs: int = 100
    batch_size: int = 32
    learning_rate: float = 0.01
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_count("epochs", self.epochs, most=MAX_EPOCHS)
        check_count("batch-size", self.batch_size)
        _check_positive("learning-rate", self.learning_rate)
        if not 0.0 <= self.momentum < 1.0:
            raise SettingError("momentum", self.momentum, "use a number from 0 up to, not with, 1")


def read_number(text: str, kind: type[int] | type[float] = float) -> Any:
    """Read a number as people write it, in plain digits; None where it is none, or not finite."""
    pattern = r"[+-]?\d+" if kind is int else r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?"
    if len(text) > MAX_DIGITS or not re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE):
        return None
    number = kind(text)
    return number if kind is int or math.isfinite(number) else None


def check_seed(setting: str, seed: int) -> None:
    """Raise `SettingError` unless `seed` is in 0..2**32 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise SettingError(setting, seed, f"use a whole number from 0 to {MAX_SEED}")


def printable(text: str) -> str:
    """Escape what a terminal would act on or cannot show, such as line ends and colours."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def join(values: Sequence[object]) -> str:
    """Write values as the user types them: separated by spaces."""
    return " ".join(map(str, values))


def check_count(setting: str, value: int, least: int = 1, most: int = MAX_COUNT) -> None:
    """Raise `SettingError` unless `value` is in least..most."""
    if value < least:
        raise SettingError(setting, value, f"use {least} or more")
    if value > most:
        raise SettingError(setting, value, f"use {most:,} or less")


def _check_positive(setting: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise SettingError(setting, value, "use a finite number above 0")
