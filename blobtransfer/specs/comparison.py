"""What statistics and reports need to know of a comparison, whoever trained its runs."""

from typing import Protocol

from blobtransfer.specs.experiment import Arm, ComparedQuestion, Resplit
from blobtransfer.specs.variant import Variant


class ComparisonSpec(Protocol):
    """Arms that are compared with the first variant, and how they are judged."""

    @property
    def variants(self) -> tuple[Variant, ...]:
        """All variants; the others are compared with the first."""

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All arms; those without a source come first."""

    @property
    def questions(self) -> tuple[ComparedQuestion, ...]:
        """Questions that are answered, the primary one first."""

    @property
    def margin(self) -> float:
        """Differences up to this are negligible."""

    @property
    def low(self) -> float:
        """Distance of the line of low scores below the best possible, or the best median."""

    @property
    def resplit(self) -> Resplit | None:
        """Split of the rows that each repeat resplits; None if repeats are independent."""

    @property
    def until_decided(self) -> bool:
        """Whether intervals hold at every look."""

    @property
    def nested(self) -> tuple[int, int] | None:
        """Number of sources, and of repeats per source; None: each repeat has its own source."""

    @property
    def is_same_data(self) -> bool:
        """Whether source and target are the same data."""

    def is_nested(self, arm: Arm) -> bool:
        """Return whether several runs of an arm share a source."""
