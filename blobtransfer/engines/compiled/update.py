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
"""What pulls on weights: nothing; 0, on kernels; an anchor, on kernels and biases."""

Update = Callable[[int, Index, Index, Value], None]
"""Moves the weight of a layer at a row and column, given its gradient, or that times the rate."""

Moments = Sequence[Sequence[Array]]
"""One list of arrays, one array per layer, for each of `UpdateRule.n_moments`."""


@dataclass(frozen=True)
class UpdateRule:
    """How a gradient moves a weight.

    Args:
        optimizer: By its name.
        has_momentum: Whether steps remember the steps before.
        nesterov: Whether a step looks ahead along its momentum.
        penalty: What pulls on weights.
    """

    optimizer: Optimizer
    has_momentum: bool
    nesterov: bool
    penalty: Penalty

    @classmethod
    def from_training(cls, training: TrainingSpec, is_anchored: bool) -> "UpdateRule":
        """Give the rule that a training follows, which may have an anchor."""
        decay: Penalty = "decay" if training.weight_decay > 0.0 else "none"
        return cls(
            training.optimizer,
            training.momentum > 0.0,
            training.nesterov,
            "anchor" if is_anchored else decay,
        )

    @property
    def n_moments(self) -> int:
        """How many numbers are kept beside each weight from step to step."""
        return 2 if self.optimizer == "adam" else int(self.has_momentum)


def sgd(code: Code, rule: UpdateRule, weights: Sequence[Array], moments: Moments) -> Update:
    """Give what moves a weight by a gradient that has the learning rate in it."""
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
    """Give what moves a weight by Adam's rule, in the very operations of Keras."""
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
    """Count a step and write its rate, with the correction for moments that start at 0.

    The powers are kept as doubles, so that in float32 they are as good as computed anew.
    """
    powers = code.array("beta_powers", DOUBLE)
    left = []
    for i, beta in enumerate((BETA_1, BETA_2)):
        powers[i] = powers[i] * code.convert(code.constant(beta, FLOAT), DOUBLE)
        left.append(1.0 - code.convert(powers[i], FLOAT))
    return code.argument("learning_rate") * code.square_root(left[1]) / left[0]


def with_penalty(
    code: Code,
    rule: UpdateRule,
    weights: Sequence[Array],
    anchors: Sequence[Array],
    bias_rows: Sequence[int],
    move: Update,
) -> Update:
    """Give what adds the gradient of the penalty, then moves the weight."""
    pull, none = code.argument("penalty_factor"), code.constant(0.0, FLOAT)

    def update(layer: int, row: Index, column: Index, gradient: Value) -> None:
        distance, of_row = weights[layer][row, column], pull
        if rule.penalty == "anchor":
            distance = distance - anchors[layer][row, column]
        else:
            of_row = code.select(code.index(row).eq(bias_rows[layer]), none, pull)
        move(layer, row, column, code.fma(code.broadcast(of_row), distance, gradient))

    return update
