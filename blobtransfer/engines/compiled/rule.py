"""What the code of a step depends on, which is compiled anew for each."""

from dataclasses import dataclass

from blobtransfer.specs.training import Optimizer, TrainingSpec


@dataclass(frozen=True)
class Rule:
    """How a gradient moves a weight.

    Args:
        optimizer: By its name.
        has_momentum: Whether steps remember the steps before.
        nesterov: Whether a step looks ahead along its momentum.
        has_penalty: Whether weights are pulled towards 0.
    """

    optimizer: Optimizer
    has_momentum: bool
    nesterov: bool
    has_penalty: bool

    @classmethod
    def of(cls, training: TrainingSpec) -> "Rule":
        """Give the rule that a training follows."""
        return cls(
            training.optimizer,
            training.momentum > 0.0,
            training.nesterov,
            training.weight_decay > 0.0,
        )

    @property
    def n_moments(self) -> int:
        """How many numbers are kept beside each weight from step to step."""
        return 2 if self.optimizer == "adam" else int(self.has_momentum)
