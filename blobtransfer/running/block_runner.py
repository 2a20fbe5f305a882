"""Train all arms of one comparison block by block, in this process or in workers."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from blobtransfer.engines import Engine
from blobtransfer.execution.calls import ClusterExecutor, result_of, run_calls
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Environment
from blobtransfer.results.results import BlockResult
from blobtransfer.results.scores import Run
from blobtransfer.running.block import fresh_sources, run_block
from blobtransfer.running.fingerprint import current_environment
from blobtransfer.running.progress import Progress, StageProgress
from blobtransfer.running.single import start_engine, train_one, train_own_source
from blobtransfer.running.source_cache import SourceNetworkCache
from blobtransfer.running.trainer import SourceKey, SourceWeights, train_sources
from blobtransfer.running.worker import (
    environment_of_worker,
    run_block_in_worker,
    train_sources_in_worker,
)
from blobtransfer.specs.experiment import ExperimentSpec

Returned = TypeVar("Returned")
"""Result of the call of a block: the block, and in a worker its environment too."""

MIN_WORKER_BLOCK = 16
"""Fewest repeats in a block for a worker; fewer leave vector lanes idle."""

BLOCKS_PER_SLOT = 2
"""Fewest blocks that the remaining repeats are cut into, per concurrent call."""


class BlockRunner:
    """Trains the blocks of one comparison, once its engine and source network are ready.

    Args:
        spec: What is run.
        source_weights: The one source network; None: it is trained.
        engine: Engine that trains in this process.
        progress: Receives the progress.
        executor: Executor of the blocks; None: this process.
        cache: Cache of source networks that several comparisons start from.
        has_environment: Whether to compute the environment of this process.

    Attributes:
        source_run: The training of the one source network, if it was trained.
        environment: Environment of this process; None if not computed.
        worker_environments: Environment of each worker by address.

    Raises:
        MachineError: A library of the engine cannot be used, memory is short, or workers fail.
        KeyboardInterrupt: `progress` asked to stop.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        source_weights: Weights | None,
        engine: Engine,
        progress: Progress,
        executor: Executor | None,
        cache: SourceNetworkCache,
        has_environment: bool,
    ) -> None:
        self._spec, self._engine, self._executor, self._cache = spec, engine, executor, cache
        start_engine(spec, engine, progress)
        is_needed = has_environment or executor is not None
        self.environment = current_environment(spec, engine) if is_needed else None
        self.worker_environments: dict[str, Environment] = {}
        if isinstance(executor, ClusterExecutor):
            poll = partial(progress.start("engine", 1).advance, 0)
            call = partial(environment_of_worker, spec)
            self.worker_environments = executor.run_on_workers(call, poll)
        self._one_sources, self.source_run = _one_sources(spec, source_weights, engine, progress)

    def blocks(
        self, repeats: Sequence[int], stage: StageProgress
    ) -> Iterator[tuple[BlockResult, Environment | None]]:
        """Train all arms in some repeats, block by block.

        Args:
            repeats: Indices of the repeats, ascending.
            stage: Receives the progress; of a worker only when its block is done.

        Yields:
            Each block as it is done, in any order, with its environment.
        """
        if self._executor is None:
            run = partial(run_block, engine=self._engine, on_epochs=stage.advance)
            for block in run_calls(self._calls(run, repeats, stage), None, lambda: None):
                yield block, self.environment
            return
        spec = self._spec
        n_sources = 0 if self._trains_sources_first else len(spec.source_starts("fresh"))
        calls = self._calls(run_block_in_worker, repeats, stage)
        for block, environment in run_calls(calls, self._executor, lambda: stage.advance(0)):
            yield block, environment
            stage.advance(block.scores.n_repeats * _epochs_per_repeat(spec, n_sources))

    @property
    def _trains_sources_first(self) -> bool:
        """Whether fresh sources are trained before the blocks that need them, in separate calls."""
        return self._spec.nested is not None or self._cache.shares(self._spec)

    def _calls(
        self, run: Callable[..., Returned], all_repeats: Sequence[int], stage: StageProgress
    ) -> Iterator[Callable[[], Returned]]:
        """Yield the calls that compute the blocks of some repeats.

        If repeats or experiments share a source network, it is trained before the first block that
        needs it and passed to each, so that it is trained only once.

        Yields:
            One call per block.
        """
        spec = self._spec
        shared: dict[SourceKey, Weights] = {}
        for repeats in self._cut(all_repeats):
            if self._trains_sources_first:
                needed = fresh_sources(spec, repeats)
                missing = [key for key in needed if key not in shared]
                shared |= self._cache.get_or_train(
                    spec, missing, partial(self._train_sources, stage)
                )
                shared = {key: shared[key] for key in needed}
            yield partial(run, spec, repeats, {**self._one_sources, **shared})

    def _cut(self, repeats: Sequence[int]) -> Iterator[Sequence[int]]:
        """Cut repeats into blocks of consecutive repeats."""
        most = self._engine.repeats_at_once(self._spec)
        first = 0
        while first < len(repeats):
            at_once = most
            if isinstance(self._executor, ClusterExecutor):
                # Smaller blocks towards the end, so that all workers finish at about the same time.
                share = -(-(len(repeats) - first) // (BLOCKS_PER_SLOT * self._executor.n_slots))
                at_once = min(most, max(MIN_WORKER_BLOCK, share))
            block = repeats[first : first + at_once]
            n = next((i for i, repeat in enumerate(block) if repeat != block[0] + i), len(block))
            yield block[:n]
            first += n

    def _train_sources(
        self, stage: StageProgress, spec: ExperimentSpec, missing: Sequence[SourceKey]
    ) -> dict[SourceKey, Weights]:
        if self._executor is None:
            return train_sources(spec, missing, self._engine, stage.advance)
        train = partial(train_sources_in_worker, spec, missing)
        trained = result_of(self._executor, train, lambda: stage.advance(0))
        stage.advance(len(missing) * spec.source_training.epochs)
        return trained


def _one_sources(
    spec: ExperimentSpec, source_weights: Weights | None, engine: Engine, progress: Progress
) -> tuple[SourceWeights, Run | None]:
    """Return the one source network of each start, and the run of the network trained here."""
    sources: dict[SourceKey, Weights] = {}
    source_run = None
    starts = spec.source_starts("one")
    if "transfer" in starts and source_weights is None:
        source = train_one(spec.source_alone(), "train-source", "source", {}, engine, progress)
        source_weights, source_run = source.weights, source.results.run
    if source_weights is not None:
        sources[SourceKey("one", "transfer", 0)] = source_weights
    if "self-transfer" in starts:
        sources |= train_own_source(spec, engine, progress)
    return sources, source_run


def n_epochs(spec: ExperimentSpec) -> int:
    """Count the epochs of all trainings except those of the one source network."""
    return epochs_of_arms(spec) + len(spec.source_starts("fresh")) * epochs_of_sources(spec)


def epochs_of_arms(spec: ExperimentSpec) -> int:
    """Count the epochs of all runs."""
    return spec.n_repeats * _epochs_per_repeat(spec, 0)


def epochs_of_sources(spec: ExperimentSpec) -> int:
    """Count the epochs of all fresh source networks of one start."""
    n_sources = spec.nested[0] if spec.nested else spec.n_repeats
    return n_sources * spec.source_training.epochs


def _epochs_per_repeat(spec: ExperimentSpec, n_sources: int) -> int:
    """Count the epochs of the runs of a repeat, and of `n_sources` fresh sources."""
    return sum(map(spec.n_epochs_in_all, spec.arms)) + n_sources * spec.source_training.epochs
