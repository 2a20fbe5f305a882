"""Checkpoint of an experiment: stored repeats, and repeats still to be computed."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import distance_between
from blobtransfer.errors import MachineError, SettingError
from blobtransfer.network import Weights, kernel_shapes
from blobtransfer.results.provenance import (
    Clock,
    Environment,
    installed_versions,
    version_difference,
)
from blobtransfer.results.results import BlockResult, ExperimentHeader
from blobtransfer.running.block_runner import BlockRunner
from blobtransfer.running.single import record_of
from blobtransfer.specs.experiment import ExperimentSpec

if TYPE_CHECKING:
    from blobtransfer.results.store.store import Store

MAX_NAMED = 5
"""Largest number of workers that an error names."""


class Checkpoint:
    """The stored repeats of one experiment, and those that are being computed.

    Args:
        spec: The experiment.
        store: Store of the repeats; None: they are not stored.
        mixed: Accept repeats of other versions, or of machines that round differently.

    Attributes:
        header: Header of the experiment.
        environments: Each environment with the number of its repeats, that of the first one first.
        seconds: Seconds that the stored repeats took.
        started: Start of the first stored repeat, UTC, ISO 8601; None if none is stored.

    Raises:
        StoreError: The stored repeats have other versions, or are damaged.
    """

    def __init__(self, spec: ExperimentSpec, store: "Store | None", mixed: bool) -> None:
        self._spec, self._store, self._mixed = spec, store, mixed
        self._stored = None if store is None else store.stored(spec)
        self._here: Environment | None = None
        self.environments: list[tuple[Environment, int]] = []
        self._is_stored = np.zeros(spec.n_repeats, bool)
        self._block: BlockResult | None = None
        self.seconds = 0.0
        self.started: str | None = None
        header = None
        if self._stored is not None:
            repeats = range(spec.n_repeats)
            self.environments = self._stored.environments(repeats)
            if self.reference is not None:
                versions = self.reference.versions
                self._check(version_difference(versions, installed_versions(), spec.engine))
            if blocks := self._stored.blocks(repeats):
                self._block = BlockResult.join(blocks)
                self._is_stored[self._block.scores.repeats] = True
            self.seconds = self._stored.seconds(repeats)
            self.started = self._stored.started(repeats)
            header = self._stored.header
        self.header = header.with_names_of(spec) if header else header_of(spec, store is not None)
        self._lap = Clock()

    @property
    def reference(self) -> Environment | None:
        """Environment of the first repeats; None if all are computed here and not stored."""
        return self.environments[0][0] if self.environments else None

    def stored(self, window: range) -> list[BlockResult]:
        """Return the stored repeats of a window as one block; empty if there are none."""
        if self._block is None:
            return []
        repeats = self._block.scores.repeats
        is_inside = (repeats >= window.start) & (repeats < window.stop)
        return [self._block.at(is_inside)] if is_inside.any() else []

    def missing(self, window: range) -> list[int]:
        """Return the repeats of a window that are not stored."""
        missing = np.flatnonzero(~self._is_stored[window.start : window.stop]) + window.start
        return [int(repeat) for repeat in missing]

    def begin(self, runner: BlockRunner) -> None:
        """Check the environments before repeats are computed.

        Raises:
            StoreError: The stored repeats were computed in another environment.
            MachineError: Some workers have another environment.
        """
        self._here = runner.environment
        if self._here is not None and self.reference is not None:
            self._check(self.reference.difference_from(self._here, self._spec.engine))
        workers = runner.worker_environments.items()
        differences = [(address, self._difference(other)) for address, other in workers]
        wrong = [f"{address} ({difference})" for address, difference in differences if difference]
        if wrong:
            raise MachineError(
                f"{len(wrong)} of {len(differences)} workers have another environment than this "
                f"process: {', '.join(wrong[:MAX_NAMED])}; stop them, or add --mixed"
            )
        self.header = replace(self.header, source_run=runner.source_run)
        self._lap = Clock()

    def _difference(self, environment: Environment) -> str:
        """Return why results of an environment are rejected; empty if they are accepted."""
        if self._here is None or self._mixed:
            return ""
        return environment.difference_from(self._here, self._spec.engine)

    def _check(self, difference: str) -> None:
        """Raise `StoreError` if the stored repeats have another environment, unless mixed."""
        if difference and not self._mixed and self._store is not None:
            from blobtransfer.results.store.repeats import other_environment_error

            raise other_environment_error(self._store.path, difference)

    def add(self, block: BlockResult, environment: Environment | None) -> None:
        """Add a block, and store it if there is a store.

        Args:
            block: The results.
            environment: Environment that computed it; None if it need not be checked.

        Raises:
            MachineError: The block cannot be stored, or has another environment.
        """
        if environment is None:
            return
        if difference := self._difference(environment):
            raise MachineError(
                f"{environment.host} has another environment than this process ({difference}); "
                "stop it, or add --mixed"
            )
        self.environments.append((environment, block.scores.n_repeats))
        if self._stored is not None:
            self._stored.add(
                self.header, block, environment, self._lap.started, self._lap.seconds()
            )
        self._lap = Clock()


def check_runnable(
    spec: ExperimentSpec, source_weights: Weights | None, store: "Store | None"
) -> None:
    """Raise `SettingError` unless a comparison can be run.

    Args:
        spec: The comparison.
        source_weights: The one source network from a file: kernel (fan_in, fan_out), bias
            (fan_out,), ...; None: it is trained.
        store: Store of the repeats, which needs the hash of a network from a file.
    """
    spec.check_comparison()
    spec.check_source_network(None if source_weights is None else kernel_shapes(source_weights))
    if store is not None and source_weights is not None and spec.model_sha256 is None:
        problem = "a store needs it to identify the source network; set it in the spec"
        raise SettingError("model_sha256", "", problem)


def header_of(spec: ExperimentSpec, is_stored: bool) -> ExperimentHeader:
    """Return the header of a new experiment, with the distance between its data if stored."""
    data_of_roles = [("source", spec.source), ("target", spec.target)]
    records = [
        record_of(role, data, spec.train_seed, spec.metric)  # type: ignore[arg-type]
        for role, data in data_of_roles
        if data is not None
    ]
    return ExperimentHeader(tuple(records), None, distance_of(spec) if is_stored else None)


def n_missing(spec: ExperimentSpec, store: "Store | None", repeats: range | None = None) -> int:
    """Count the repeats of an experiment that are not stored.

    Args:
        spec: The experiment.
        store: The store; None: no repeat is stored.
        repeats: Repeats to count; None: all.
    """
    repeats = range(spec.n_repeats) if repeats is None else repeats
    return len(repeats) - (0 if store is None else store.stored(spec).count(repeats))


def distance_of(spec: ExperimentSpec) -> float | None:
    """Compute the distance between source and target data; None unless there are both."""
    if spec.source is None or spec.target is None:
        return None
    return distance_between(
        *(load_dataset(data, 0, spec.train_seed) for data in (spec.source, spec.target))
    )
