"""Source networks that several comparisons start from: each is trained once and kept.

A source network is a pure function of its problem, shape, training, seed and repeat, so it is
the same network wherever it is asked for, `self-transfer`'s among them.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from blobtransfer.network import Weights
from blobtransfer.running.trainer import SourceKey
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import DataSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import Start

KEPT_NUMBERS = 32_000_000
"""Most weights that are kept: 0.13 GB. Networks beyond that are trained again."""

Train = Callable[[ExperimentSpec, Sequence[SourceKey]], dict[SourceKey, Weights]]


class Lesson(NamedTuple):
    """What some source networks learn, and how."""

    task: DataSpec
    network: MLPSpec
    training: TrainingSpec
    train_seed: int


def lesson_of(spec: ExperimentSpec, start: Start) -> Lesson:
    """Say what the sources of a start learn in an experiment."""
    task = spec.source if start == "transfer" else spec.target
    network = spec.source_network if start == "transfer" else spec.network
    assert task is not None
    return Lesson(task, network, spec.source_training, spec.train_seed)


class SourceBank:
    """Keeps the fresh source networks that more than one of some experiments start from.

    Args:
        specs: The experiments, in the order in which they are run.
    """

    def __init__(self, specs: Iterable[ExperimentSpec]) -> None:
        self._to_come = Counter(lesson for spec in specs for lesson in _lessons(spec))
        self._shared = {lesson for lesson, n in self._to_come.items() if n > 1}
        self._kept: dict[Lesson, dict[int, Weights]] = {}
        self._room = KEPT_NUMBERS

    def shares(self, spec: ExperimentSpec) -> bool:
        """Say whether an experiment shares source networks with others."""
        return any(lesson in self._shared for lesson in _lessons(spec))

    def take(
        self, spec: ExperimentSpec, keys: Sequence[SourceKey], train: Train
    ) -> dict[SourceKey, Weights]:
        """Give source networks; those that are not kept are trained.

        Args:
            spec: The experiment.
            keys: Which of its source networks.
            train: Trains those that are missing.
        """
        missing = self._missing(spec, keys)
        found = train(spec, missing) if missing else {}
        for key in keys:
            own = self._kept.setdefault(lesson_of(spec, key.start), {})
            if key not in found:
                found[key] = own[key.repeat]
            elif self._is_kept(spec, key, found[key]):
                own[key.repeat] = found[key]
        return found

    def end(self, spec: ExperimentSpec) -> None:
        """Forget what no experiment after this one starts from."""
        for lesson in _lessons(spec):
            self._to_come[lesson] -= 1
            if not self._to_come[lesson]:
                self._room += sum(map(_size, self._kept.pop(lesson, {}).values()))

    def _missing(self, spec: ExperimentSpec, keys: Sequence[SourceKey]) -> list[SourceKey]:
        return [
            key for key in keys if key.repeat not in self._kept.get(lesson_of(spec, key.start), {})
        ]

    def _is_kept(self, spec: ExperimentSpec, key: SourceKey, weights: Weights) -> bool:
        """Say whether a network that was trained is kept, and take the room for it."""
        if lesson_of(spec, key.start) not in self._shared or _size(weights) > self._room:
            return False
        self._room -= _size(weights)
        return True


def _size(weights: Weights) -> int:
    return sum(layer.size for layer in weights)


def _lessons(spec: ExperimentSpec) -> set[Lesson]:
    return {lesson_of(spec, start) for start in spec.source_starts("fresh")}
