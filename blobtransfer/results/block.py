"""What came out of some repeats: the unit that is computed, sent, kept and joined."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from blobtransfer.results.results import Curves
from blobtransfer.results.scores import Scores


@dataclass(frozen=True, eq=False)
class BlockResult:
    """What came out of a block of repeats.

    Args:
        scores: Of all arms in its R repeats.
        curves: Test accuracy by epoch, (1, R, E + 1) for each arm; empty unless asked for.
        transferability: (5, R) scores of the fresh source networks; None unless asked for.
    """

    scores: Scores
    curves: Curves = field(default_factory=dict)
    transferability: NDArray[np.float64] | None = None

    @classmethod
    def joined(cls, parts: Sequence["BlockResult"]) -> "BlockResult":
        """Join blocks of the same arms, in whatever order they come; at least one."""
        order = np.argsort(np.concatenate([part.scores.repeats for part in parts]))
        ranked = [part.transferability for part in parts if part.transferability is not None]
        return cls(
            scores=Scores.joined([part.scores for part in parts]),
            curves={
                arm: np.concatenate([part.curves[arm] for part in parts], axis=1)[:, order]
                for arm in parts[0].curves
            },
            transferability=np.concatenate(ranked, axis=1)[:, order] if ranked else None,
        )

    def at(self, places: NDArray[np.bool_]) -> "BlockResult":
        """Give some of the repeats, (R,) true where one is wanted."""
        return BlockResult(
            scores=self.scores.at(places),
            curves={arm: curves[:, places] for arm, curves in self.curves.items()},
            transferability=None
            if self.transferability is None
            else self.transferability[:, places],
        )
