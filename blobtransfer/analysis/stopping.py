"""Stopping rule of `--until-decided`: one betting sequence for each arm."""

from collections.abc import Iterator
from itertools import pairwise

from blobtransfer.results.results import DataRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.statistics.paired import Difference, verdict_of
from blobtransfer.statistics.power import ALPHA
from blobtransfer.statistics.sequential import BettingSequence, look_schedule


def windows(spec: ExperimentSpec) -> Iterator[range]:
    """Yield the repeats of each look; all repeats at once unless `until_decided` is set."""
    ends = look_schedule(spec.n_repeats) if spec.until_decided else [spec.n_repeats]
    yield from (range(first, last) for first, last in pairwise([0, *ends]))


class StoppingRule:
    """One betting sequence for each arm that is compared with standalone.

    Args:
        spec: The experiment.
        measured: Record of the data that accuracies are measured on.
        n_compared: Differences whose intervals hold simultaneously.
    """

    def __init__(self, spec: ExperimentSpec, measured: DataRecord, n_compared: int) -> None:
        self._margin, self._chance_level, self._judged = spec.margin, measured.floor, spec.judged
        self._standalone, *compared = spec.arms
        self._sequences = {arm: BettingSequence(ALPHA / n_compared) for arm in compared}
        self._n_repeats = 0

    def update(self, scores: Scores) -> list[Arm]:
        """Add the next repeats and return the arms that are still undecided."""
        self._n_repeats += scores.n_repeats
        accuracy = {
            arm: scores.imputed_accuracy(arm, self._chance_level, self._judged)
            for arm in scores.arms
        }
        undecided = []
        for arm, sequence in self._sequences.items():
            sequence.add((accuracy[arm] - accuracy[self._standalone]).tolist())
            low, high = sequence.interval
            difference = Difference(self._n_repeats, None, low, high)
            if verdict_of(difference, self._margin).kind == "undecided":
                undecided.append(arm)
        return undecided
