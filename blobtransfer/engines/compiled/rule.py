"""What the code of a step depends on, which is compiled anew for each."""

from dataclasses import dataclass
from typing import Literal

from blobtransfer.specs.training import Optimizer, TrainingSpec

Penalty = Literal["none", "decay", "anchor"]
"""What pulls on weights: nothing; 0, on kernels; an anchor, on kernels and biases."""


@dataclass(frozen=True)
class Rule:
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
    def of(cls, training: TrainingSpec, is_anchored: bool) -> "Rule":
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
