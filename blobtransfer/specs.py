"""WHAT to run: plain frozen data, checked when it is made; standard library only.

A caller gets a spec that can be trusted: every later room takes its values as they
are. An impossible value raises `SettingError`, which names the setting in the user's
word, so the command line can print it as an option.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from blobtransfer.errors import SettingError

Activation = Literal["relu", "tanh", "sigmoid"]
Initializer = Literal[
    "he_uniform", "he_normal", "glorot_uniform", "glorot_normal", "lecun_uniform", "lecun_normal"
]

EngineName = Literal["compiled", "keras"]

ENGINES: tuple[EngineName, ...] = ("compiled", "keras")
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

MAX_COUNT = 1_000_000_000
"""Most of anything that is counted."""

MAX_CELLS = 100_000_000
"""Most numbers in the rows of a problem: 0.8 GB while they are drawn."""

MAX_PARAMETERS = 10_000_000
"""Largest network: what is a typing error and what is a small network?"""


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
        _check_count("classes", self.n_classes, 2)
        _check_count("features", self.n_features)
        if not 1e-30 <= self.cluster_std <= 1e30:
            raise SettingError("cluster-std", self.cluster_std, "use a number from 1e-30 to 1e30")
        _check_count("samples", self.n_samples)
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
            _check_count("test-samples", self.n_test)
        for setting, n_rows in (("samples", self.n_samples), ("test-samples", self.n_test or 0)):
            if n_rows * self.n_features > MAX_CELLS:
                raise SettingError(
                    setting,
                    n_rows,
                    f"{n_rows * self.n_features:,} numbers with {self.n_features} features; "
                    f"use at most {MAX_CELLS:,}",
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
        hidden: Widths of the hidden layers, input side first; at least one layer.
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
        _check_count("epochs", self.epochs)
        _check_count("batch-size", self.batch_size)
        _check_positive("learning-rate", self.learning_rate)
        if not 0.0 <= self.momentum < 1.0:
            raise SettingError("momentum", self.momentum, "use a number from 0 up to, not with, 1")


@dataclass(frozen=True)
class Variant:
    """Where the weights of a run start, and which of its layers may move.

    Args:
        name: `standalone` (fresh weights) or `transfer` (all source weights).
        n_fixed: Hidden layers frozen, counted from the input; None for `standalone`.
    """

    name: Literal["standalone", "transfer"]
    n_fixed: int | None = None

    @property
    def sources(self) -> Literal["none", "one"]:
        """Which source networks the runs of this variant start from."""
        return "none" if self.name == "standalone" else "one"

    @property
    def n_frozen(self) -> int:
        """Dense layers, counted from the input, whose weights must not move."""
        return self.n_fixed or 0

    def __str__(self) -> str:
        return self.name if self.n_fixed is None else f"{self.name} fixed={self.n_fixed}"


STANDALONE = Variant("standalone")


def transfer_variants(fixed: Sequence[int] | None, n_hidden: int) -> tuple[Variant, ...]:
    """Give one transfer variant for each number of frozen hidden layers, in ascending order.

    Args:
        fixed: Numbers of frozen hidden layers; None: 0, 1 and 2 up to the depth.
        n_hidden: Hidden layers of the source network.

    Raises:
        SettingError: No number, a number twice, or one outside 0..n_hidden.
    """
    if fixed is None:
        fixed = range(min(2, n_hidden) + 1)
    if not fixed:
        raise SettingError("fixed", "", f"no number given; use one or more of {_choices(n_hidden)}")
    for n_fixed in fixed:
        if not 0 <= n_fixed <= n_hidden:
            layers = "layer" if n_hidden == 1 else "layers"
            raise SettingError(
                "fixed",
                n_fixed,
                f"the network has {n_hidden} hidden {layers}; use {_choices(n_hidden)}",
            )
        if list(fixed).count(n_fixed) > 1:
            raise SettingError("fixed", join(fixed), f"{n_fixed} is repeated; give it once")
    return tuple(Variant("transfer", n_fixed) for n_fixed in sorted(fixed))


@dataclass(frozen=True)
class ExperimentSpec:
    """Everything that decides the scores of one command.

    Args:
        network: The network that learns, on the source as on the target.
        training: How it learns.
        variants: What is compared, `standalone` first; at least one.
        n_repeats: Independent repeats of every variant, at least 1.
        train_seed: All randomness of weights and batch order; 0 to 2**32 - 1.
        source: The problem on which the source network is trained; None where none is.
        target: The problem whose accuracy counts; None for a source network alone.
        model_path: The file of the source network; None: it is trained on `source`.
        engine: What trains; every engine gives the same networks.

    Raises:
        SettingError: A value is impossible.
    """

    network: MLPSpec
    training: TrainingSpec
    variants: tuple[Variant, ...] = (STANDALONE,)
    n_repeats: int = 1
    train_seed: int = 0
    source: TaskSpec | None = None
    target: TaskSpec | None = None
    model_path: str | None = None
    engine: EngineName = "compiled"

    def __post_init__(self) -> None:
        _check_count("repeats", self.n_repeats)
        check_seed("train-seed", self.train_seed)


def check_seed(setting: str, seed: int) -> None:
    """Raise `SettingError` unless `seed` is in 0..2**32 - 1."""
    if not 0 <= seed <= MAX_SEED:
        raise SettingError(setting, seed, f"use a whole number from 0 to {MAX_SEED}")


def join(values: Sequence[object]) -> str:
    """Write values as the user types them: separated by spaces."""
    return " ".join(map(str, values))


def _choices(n_hidden: int) -> str:
    if n_hidden > 3:
        return f"0 to {n_hidden}"
    return ", ".join(map(str, range(n_hidden))) + f" or {n_hidden}"


def _check_count(setting: str, value: int, least: int = 1) -> None:
    if value < least:
        raise SettingError(setting, value, f"use {least} or more")
    if value > MAX_COUNT:
        raise SettingError(setting, value, f"use {MAX_COUNT:,} or less")


def _check_positive(setting: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise SettingError(setting, value, "use a finite number above 0")
