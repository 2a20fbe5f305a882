"""Where the repeats of an experiment are kept, and which of them are computed now."""

from dataclasses import dataclass, replace

import numpy as np

from blobtransfer.errors import MachineError, SettingError
from blobtransfer.experiment.single import record_of
from blobtransfer.experiment.trainings import Trainings
from blobtransfer.network import Weights
from blobtransfer.results.block import BlockResult
from blobtransfer.results.provenance import Clock, Maker, installed_versions, versions_unlike
from blobtransfer.results.store import Head, Store, other_makers
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.tasks import load_task
from blobtransfer.tasks.distance import distance_between

MAX_NAMED = 5
"""Workers that an error names."""

NOTHING = range(0)
"""Repeats of which none is computed: what is kept is only shown."""


@dataclass(frozen=True)
class Keeping:
    """Where repeats are kept.

    Args:
        store: What is kept there is not computed again, and what is computed is kept there.
        only: Of the repeats that are missing, those that are computed; None: all.
    """

    store: Store
    only: range | None = None


class Shelf:
    """The repeats of one experiment that are there, and what is known of it besides.

    Args:
        spec: The experiment.
        keeping: Where they are kept; None: nowhere.
        mixed: They may be of other versions, or of machines that round differently.

    Attributes:
        head: What is known of the experiment but for its repeats.
        seconds: How long it took to compute what was there at first.
        started: When that was begun, UTC, ISO 8601; None where nothing was there.

    Raises:
        StoreError: What is kept is of other versions, or damaged.
        KeyboardInterrupt: Nothing is kept, and nothing is to be computed.
    """

    def __init__(self, spec: ExperimentSpec, keeping: Keeping | None, mixed: bool) -> None:
        self._spec, self._keeping, self._mixed = spec, keeping, mixed
        self._kept = None if keeping is None else keeping.store.kept(spec)
        self._wanted = range(spec.n_repeats)
        self._makers: list[tuple[Maker, int]] = []
        self._is_there = np.zeros(spec.n_repeats, bool)
        self._there: BlockResult | None = None
        self.seconds, self.started = 0.0, None
        head = None
        if self._kept is not None and keeping is not None:
            self._wanted = self._wanted if keeping.only is None else keeping.only
            asked = range(spec.n_repeats)
            self._makers = self._kept.makers(asked)
            if self._makers and self._wanted:
                self._check(
                    versions_unlike(self._makers[0][0].versions, installed_versions(), spec.engine)
                )
            if blocks := self._kept.blocks(asked):
                self._there = BlockResult.joined(blocks)
                self._is_there[self._there.scores.repeats] = True
            self.seconds, self.started = self._kept.seconds(asked), self._kept.started(asked)
            head = self._kept.head
        if head is None and not self._wanted:
            raise KeyboardInterrupt
        self.head = _renamed(head, spec) if head else head_of(spec, keeping is not None)
        self._lap = Clock()

    @property
    def reference(self) -> Maker | None:
        """Who computed the first repeats; None where nothing is kept or computed elsewhere."""
        return self._makers[0][0] if self._makers else None

    @property
    def n_mixed(self) -> int:
        """How many repeats may be rounded differently from the first."""
        return sum(
            n for one, n in self._makers if one.unlike(self._makers[0][0], self._spec.engine)
        )

    def of(self, window: range) -> list[BlockResult]:
        """Give what was there of some repeats at first; nothing where none was."""
        if self._there is None:
            return []
        repeats = self._there.scores.repeats
        places = (repeats >= window.start) & (repeats < window.stop)
        return [self._there.at(places)] if places.any() else []

    def missing(self, window: range) -> tuple[list[int], list[int]]:
        """Give those of some repeats that were not there, and those of them to be computed."""
        missing = np.flatnonzero(~self._is_there[window.start : window.stop]) + window.start
        is_wanted = (missing >= self._wanted.start) & (missing < self._wanted.stop)
        return missing.tolist(), missing[is_wanted].tolist()

    def begin(self, trainings: Trainings) -> None:
        """Begin to compute.

        Raises:
            StoreError: What is kept was computed otherwise than here.
            MachineError: Some workers would compute otherwise.
        """
        self._own = trainings.maker
        if self._own is not None and self.reference is not None:
            self._check(self.reference.unlike(self._own, self._spec.engine))
        unlike = {
            place: self._unlike(other) if isinstance(other, Maker) else _name_of(other)
            for place, other in trainings.others.items()
        }
        wrong = [f"{place} ({says})" for place, says in unlike.items() if says]
        if wrong:
            raise MachineError(
                f"{len(wrong)} of {len(unlike)} workers would not compute as this "
                f"process does: {', '.join(wrong[:MAX_NAMED])}; end them, or add --mixed"
            )
        self.head = replace(self.head, source_run=trainings.source_run)
        self._lap = Clock()

    def _unlike(self, maker: Maker) -> str:
        """Say why what another computes is not to be taken; nothing where it is."""
        if self._own is None or self._mixed:
            return ""
        return maker.unlike(self._own, self._spec.engine)

    def _check(self, unlike: str) -> None:
        """Raise `StoreError` where what is kept was computed otherwise, unless it may be mixed."""
        if unlike and not self._mixed and self._keeping is not None:
            raise other_makers(self._keeping.store.path, unlike)

    def add(self, block: BlockResult, maker: Maker | None) -> None:
        """Take a block in, and keep it where there is a store.

        Args:
            block: What came out.
            maker: Who computed it; None where it does not matter.

        Raises:
            MachineError: It cannot be kept; or it comes from where the bits are not the same.
        """
        if maker is None:
            return
        if unlike := self._unlike(maker):
            raise MachineError(
                f"{maker.where} does not compute as this process does ({unlike}); end it, or add "
                "--mixed"
            )
        self._makers.append((maker, block.scores.n_repeats))
        if self._kept is not None:
            self._kept.add(self.head, block, maker, self._lap.started, self._lap.seconds())
        self._lap = Clock()


def _name_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def check_known(
    spec: ExperimentSpec, source_weights: Weights | None, keeping: Keeping | None
) -> None:
    """Raise `SettingError` where what is kept would not tell which network it started from."""
    if keeping is not None and source_weights is not None and spec.model_sha256 is None:
        problem = "what is kept of a network that is given is known by it; set it in the spec"
        raise SettingError("model_sha256", "", problem)


def _renamed(head: Head, spec: ExperimentSpec) -> Head:
    """Give the problems the names of a spec; those of before may have been of other files."""
    tasks = {"source": spec.source, "target": spec.target}
    named = [
        one if (task := tasks[one.role]) is None else replace(one, name=task.name)
        for one in head.tasks
    ]
    return replace(head, tasks=tuple(named))


def head_of(spec: ExperimentSpec, is_kept: bool) -> Head:
    """Describe the problems of an experiment, and how far apart they are where that is kept."""
    tasks = [("source", spec.source), ("target", spec.target)]
    records = [
        record_of(role, task, spec.train_seed)  # type: ignore[arg-type]
        for role, task in tasks
        if task is not None
    ]
    return Head(tuple(records), None, distance_of(spec) if is_kept else None)


def n_to_do(spec: ExperimentSpec, keeping: Keeping | None) -> int:
    """Count the repeats of an experiment that are to be computed, or the most."""
    if keeping is None:
        return spec.n_repeats
    wanted = range(spec.n_repeats) if keeping.only is None else keeping.only
    return len(wanted) - keeping.store.kept(spec).count(wanted)


def distance_of(spec: ExperimentSpec, keeping: Keeping | None = None) -> float | None:
    """Measure how far the two problems of an experiment are apart, or take what is kept of it."""
    head = None if keeping is None else keeping.store.kept(spec).head
    if head is not None:
        return head.distance
    if spec.source is None or spec.target is None:
        return None
    return distance_between(
        *(load_task(one, 0, spec.train_seed) for one in (spec.source, spec.target))
    )
