"""Update rules: how a gradient moves a weight, written as LLVM code.

To add an optimizer: a name in `specs.training.Optimizer`, its number of moments in
`UpdateRule.n_moments`, a function beside `sgd` and `adam`, and a branch in `kernel._write_train`.

Source: the rules are those of `keras.optimizers.SGD` and `keras.optimizers.Adam` (Kingma & Ba
2015, arXiv:1412.6980), in the very operations of Keras; an anchor is L2-SP of Li, Grandvalet &
Davoine 2018, arXiv:1802.01483.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from blobtransfer.engines.compiled.simd import DOUBLE, FLOAT, Array, Code, Index, Value, Variable
from blobtransfer.specs.training import Optimizer, TrainingSpec

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
"""The constants of `keras.optimizers.Adam`."""

Penalty = Literal["none", "decay", "anchor"]
"""No penalty; weight decay, of kernels; L2-SP, of kernels and biases towards an anchor."""

Update = Callable[[int, Index, Index, Value], None]
"""Emits the update of a weight, by layer, row, column, and gradient (SGD: times the rate)."""

Moments = Sequence[Sequence[Array]]
"""One list of arrays, one array per layer, for each of `UpdateRule.n_moments`."""


@dataclass(frozen=True)
class UpdateRule:
    """How a gradient changes a weight; kernels are compiled for it.

    Args:
        optimizer: Name of the optimizer.
        has_momentum: Whether SGD has momentum.
        nesterov: Whether the momentum is Nesterov's.
        penalty: What the weights are pulled towards.
    """

    optimizer: Optimizer
    has_momentum: bool
    nesterov: bool
    penalty: Penalty

    @classmethod
    def from_training(cls, training: TrainingSpec, is_anchored: bool) -> "UpdateRule":
        """Return the rule of a training, with or without an anchor."""
        decay: Penalty = "decay" if training.weight_decay > 0.0 else "none"
        return cls(
            training.optimizer,
            training.momentum > 0.0,
            training.nesterov,
            "anchor" if is_anchored else decay,
        )

    @property
    def n_moments(self) -> int:
        """Numbers stored beside each weight from step to step."""
        return 2 if self.optimizer == "adam" else int(self.has_momentum)


def sgd(code: Code, rule: UpdateRule, weights: Sequence[Array], moments: Moments) -> Update:
    """Return the update of SGD, which takes gradients times the learning rate.

    Args:
        code: Function that gets it.
        rule: Whether with momentum, and which.
        weights: One array per layer.
        moments: The velocity, where there is momentum.
    """
    momentum = code.broadcast(code.argument("momentum"))

    def move(layer: int, row: Index, column: Index, step: Value) -> None:
        weight = weights[layer][row, column]
        if rule.has_momentum:
            gradient = step
            step = gradient + momentum * moments[0][layer][row, column]
            moments[0][layer][row, column] = step
            if rule.nesterov:
                step = gradient + momentum * step
        weights[layer][row, column] = weight - step

    return move


def adam(code: Code, weights: Sequence[Array], moments: Moments, rate: Variable) -> Update:
    """Return the update of Adam.

    Args:
        code: Function that gets it.
        weights: One array per layer.
        moments: Means of the gradients, and of their squares.
        rate: From `adam_rate`, assigned before each step.
    """
    means, squares = moments

    def move(layer: int, row: Index, column: Index, gradient: Value) -> None:
        mean, square = means[layer][row, column], squares[layer][row, column]
        mean = mean + (gradient - mean) * (1.0 - BETA_1)
        square = square + (gradient * gradient - square) * (1.0 - BETA_2)
        means[layer][row, column], squares[layer][row, column] = mean, square
        step = mean * rate.value / (code.square_root(square) + EPSILON)
        weights[layer][row, column] = weights[layer][row, column] - step

    return move


def adam_rate(code: Code) -> Value:
    """Count a step and emit its rate, with the correction for moments that start at 0.

    The powers of the betas are doubles, so that they are exact to float32 after any step.
    """
    powers = code.array("beta_powers", DOUBLE)
    bias_corrections = []
    for i, beta in enumerate((BETA_1, BETA_2)):
        powers[i] = powers[i] * code.convert(code.constant(beta, FLOAT), DOUBLE)
        bias_corrections.append(1.0 - code.convert(powers[i], FLOAT))
    return (
        code.argument("learning_rate") * code.square_root(bias_corrections[1]) / bias_corrections[0]
    )


def with_penalty(
    code: Code,
    rule: UpdateRule,
    weights: Sequence[Array],
    anchors: Sequence[Array],
    bias_rows: Sequence[int],
    move: Update,
) -> Update:
    """Return an update that adds the gradient of the penalty.

    Args:
        code: Function that gets it.
        rule: Whether decay or anchor.
        weights: One array per layer.
        anchors: One array per layer; not read for decay.
        bias_rows: Row of the bias in each layer, which decay leaves out.
        move: Update by the whole gradient.
    """
    factor, zero = code.argument("penalty_factor"), code.constant(0.0, FLOAT)

    def update(layer: int, row: Index, column: Index, gradient: Value) -> None:
        distance, row_factor = weights[layer][row, column], factor
        if rule.penalty == "anchor":
            distance = distance - anchors[layer][row, column]
        else:
            row_factor = code.select(code.index(row).eq(bias_rows[layer]), zero, factor)
        move(layer, row, column, code.fma(code.broadcast(row_factor), distance, gradient))

    return update
