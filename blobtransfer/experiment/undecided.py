"""Which arms are undecided, as repeats come in: when a comparison until decided may stop."""

from collections.abc import Iterable

from blobtransfer.results.results import TaskRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.statistics.paired import Difference, verdict_of
from blobtransfer.statistics.power import ALPHA
from blobtransfer.statistics.sequential import BettingSequence


class Undecided:
    """Keeps a betting sequence for each arm that is compared with standalone.

    Args:
        spec: What is run.
        measured: The problem that the accuracies are of.
    """

    def __init__(self, spec: ExperimentSpec, measured: TaskRecord) -> None:
        self._margin, self._floor = spec.margin, measured.floor
        self._standalone, *others = spec.arms
        alpha = ALPHA / spec.n_compared
        self._sequences = {arm: BettingSequence(alpha) for arm in others}
        self._n = 0

    def after(self, parts: Iterable[Scores]) -> list[Arm]:
        """Take further repeats in; give the arms that are still undecided."""
        scores = Scores.joined(list(parts))
        self._n += scores.n_repeats
        accuracy = {arm: scores.counted(arm, self._floor) for arm in scores.arms}
        undecided = []
        for arm, sequence in self._sequences.items():
            sequence.add((accuracy[arm] - accuracy[self._standalone]).tolist())
            low, high = sequence.interval
            difference = Difference(self._n, None, low, high)
            if verdict_of(difference, self._margin).kind == "undecided":
                undecided.append(arm)
        return undecided
