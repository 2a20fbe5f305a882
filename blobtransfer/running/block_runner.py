"""All trainings of one comparison: cut into blocks, here or elsewhere, with their sources."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from blobtransfer.engines import Engine
from blobtransfer.execution.calls import ClusterExecutor, result_of, run_calls
from blobtransfer.network import Weights
from blobtransfer.results.block import BlockResult
from blobtransfer.results.provenance import Maker
from blobtransfer.results.scores import Run
from blobtransfer.running.block import fresh_sources, run_block
from blobtransfer.running.fingerprint import this_maker
from blobtransfer.running.progress import Progress, StageProgress
from blobtransfer.running.single import start_engine, train_one, train_own_source
from blobtransfer.running.source_cache import SourceBank
from blobtransfer.running.trainer import SourceKey, SourceWeights, train_sources
from blobtransfer.running.worker import (
    maker_elsewhere,
    run_block_elsewhere,
    train_sources_elsewhere,
)
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.variant import STANDALONE

Made = TypeVar("Made")
"""What a block gives: alone where it runs here, with who computed it elsewhere."""

FEWEST_ELSEWHERE = 16
"""Repeats of a block that runs elsewhere; fewer would leave lanes of a vector idle."""

BLOCKS_A_SLOT = 2
"""Blocks into which what is left is cut at least, for each call that can run at a time."""


class Trainings:
    """The trainings of a comparison; the engine and the one source network are made ready first.

    Args:
        spec: What is run.
        given: The one source network; None: it is trained.
        engine: What trains here.
        progress: Told of it.
        executor: Where blocks run; None: here.
        bank: Source networks that other experiments start from too.
        has_maker: Say of every block who computed it, as those that run elsewhere do anyway.

    Attributes:
        source_run: The training of the one source network, where it was trained.
        maker: Who computes here; None where that was not asked for.
        others: Who computes elsewhere, as far as they are known before, by their addresses; or
            why nothing is known of them.

    Raises:
        MachineError: What the engine is built on cannot be used, or memory is short.
        KeyboardInterrupt: `progress` asked to stop.
    """

    def __init__(
        self,
        spec: ExperimentSpec,
        given: Weights | None,
        engine: Engine,
        progress: Progress,
        executor: Executor | None,
        bank: SourceBank,
        has_maker: bool,
    ) -> None:
        self._spec, self._engine, self._executor, self._bank = spec, engine, executor, bank
        start_engine(spec, engine, progress)
        is_asked = has_maker or executor is not None
        self.maker = this_maker(spec, engine) if is_asked else None
        self.others: dict[str, Maker | Exception] = {}
        if isinstance(executor, ClusterExecutor):
            poll = partial(progress.start("engine", 1).advance, 0)
            self.others = executor.run_on_workers(partial(maker_elsewhere, spec), poll)
        self._one, self.source_run = _one_sources(spec, given, engine, progress)

    def blocks(
        self, repeats: Sequence[int], stage: StageProgress
    ) -> Iterator[tuple[BlockResult, Maker | None]]:
        """Train all arms in some repeats, block by block.

        Args:
            repeats: Which, ascending.
            stage: Told of progress; what runs elsewhere is told of once its block is taken.

        Yields:
            Each block as it is done, in whatever order, and who computed it.
        """
        if self._executor is None:
            run = partial(run_block, engine=self._engine, on_epochs=stage.advance)
            for block in run_calls(self._calls(run, repeats, stage), None, lambda: None):
                yield block, self.maker
            return
        spec = self._spec
        n_own = 0 if self._trains_before else len(spec.source_starts("fresh"))
        calls = self._calls(run_block_elsewhere, repeats, stage)
        for block, maker in run_calls(calls, self._executor, lambda: stage.advance(0)):
            yield block, maker
            stage.advance(block.scores.n_repeats * _epochs_of_a_repeat(spec, n_own))

    @property
    def _trains_before(self) -> bool:
        """Whether fresh sources are trained before the blocks that need them, not by them."""
        return self._spec.nested is not None or self._bank.shares(self._spec)

    def _calls(
        self, run: Callable[..., Made], all_repeats: Sequence[int], stage: StageProgress
    ) -> Iterator[Callable[[], Made]]:
        """Make the calls of the blocks of some repeats.

        Where repeats, or experiments, share a source it is trained before the first block that
        needs it and handed to each, so that it is trained once however the blocks are cut.
        """
        spec = self._spec
        shared: dict[SourceKey, Weights] = {}
        for repeats in self._cut(all_repeats):
            if self._trains_before:
                needed = fresh_sources(spec, repeats)
                missing = [key for key in needed if key not in shared]
                shared |= self._bank.take(spec, missing, partial(self._train_sources, stage))
                shared = {key: shared[key] for key in needed}
            yield partial(run, spec, repeats, {**self._one, **shared})

    def _cut(self, repeats: Sequence[int]) -> Iterator[Sequence[int]]:
        """Cut repeats into blocks, each of repeats that follow on one another."""
        most = self._engine.repeats_at_once(self._spec)
        first = 0
        while first < len(repeats):
            at_once = most
            if isinstance(self._executor, ClusterExecutor):
                # Fewer towards the end, so that all workers end together.
                share = -(-(len(repeats) - first) // (BLOCKS_A_SLOT * self._executor.n_slots))
                at_once = min(most, max(FEWEST_ELSEWHERE, share))
            block = repeats[first : first + at_once]
            n = next((i for i, one in enumerate(block) if one != block[0] + i), len(block))
            yield block[:n]
            first += n

    def _train_sources(
        self, stage: StageProgress, spec: ExperimentSpec, missing: Sequence[SourceKey]
    ) -> dict[SourceKey, Weights]:
        if self._executor is None:
            return train_sources(spec, missing, self._engine, stage.advance)
        train = partial(train_sources_elsewhere, spec, missing)
        found = result_of(self._executor, train, lambda: stage.advance(0))
        stage.advance(len(missing) * spec.source_training.epochs)
        return found


def _one_sources(
    spec: ExperimentSpec, given: Weights | None, engine: Engine, progress: Progress
) -> tuple[SourceWeights, Run | None]:
    """Give the one source network of each kind that is asked for, and its run where new."""
    sources: dict[SourceKey, Weights] = {}
    source_run = None
    starts = spec.source_starts("one")
    if "transfer" in starts and given is None:
        alone = replace(
            spec, variants=(STANDALONE,), n_repeats=1, nested=None, target=None, speed=False,
            against=None, until_decided=False, network=spec.source_network, tune=(),
            training=spec.source_training, source_epochs=None, n_points=1, transferability=False,
        )  # fmt: skip
        source = train_one(alone, "train-source", "source", {}, engine, progress)
        given, source_run = source.weights, source.results.run
    if given is not None:
        sources[SourceKey("one", "transfer", 0)] = given
    if "self-transfer" in starts:
        sources |= train_own_source(spec, engine, progress)
    return sources, source_run


def n_epochs(spec: ExperimentSpec) -> int:
    """Count the epochs of all trainings, those of the one source left out."""
    return epochs_of_arms(spec) + len(spec.source_starts("fresh")) * epochs_of_sources(spec)


def epochs_of_arms(spec: ExperimentSpec) -> int:
    """Count the epochs of all runs."""
    return spec.n_repeats * _epochs_of_a_repeat(spec, 0)


def epochs_of_sources(spec: ExperimentSpec) -> int:
    """Count the epochs of all fresh source networks of one start."""
    n_sources = spec.nested[0] if spec.nested else spec.n_repeats
    return n_sources * spec.source_training.epochs


def _epochs_of_a_repeat(spec: ExperimentSpec, n_own: int) -> int:
    """Count the epochs of a repeat's runs, and of so many fresh sources."""
    return sum(map(spec.n_epochs_in_all, spec.arms)) + n_own * spec.source_training.epochs
