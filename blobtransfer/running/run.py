"""Run a study, cell after cell and block after block, with a cache of shared source networks."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from blobtransfer.analysis.stopping import StoppingRule, windows
from blobtransfer.analysis.studies import analyse_study, cell_results
from blobtransfer.engines import Engine, load_engine
from blobtransfer.errors import SettingError
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Clock, Provenance, join_provenances
from blobtransfer.results.results import BlockResult, CellResults, StudyResults
from blobtransfer.results.scores import Scores
from blobtransfer.running.block_runner import (
    BlockRunner,
    epochs_of_arms,
    epochs_of_sources,
    n_epochs,
)
from blobtransfer.running.checkpoint import Checkpoint, check_runnable, distance_of, n_missing
from blobtransfer.running.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.running.single import start_engine
from blobtransfer.running.source_cache import SourceNetworkCache, SourceSettings, source_settings_of
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import Cell, Study

if TYPE_CHECKING:
    from blobtransfer.results.store.store import Store


COST_PER_SECOND = 1e10
"""Cost, see `_cost_per_epoch`, that one processor computes in a second, about."""


@dataclass(frozen=True)
class Resources:
    """Engine, executor and store of a study, which do not change its results.

    Args:
        engine: Engine that trains; None: the engine of the study.
        progress: Receives the progress, and may ask to stop.
        executor: Executor of the blocks; None: this process. In an executor each call trains in
            one thread, with the engine of the study; the results are bit-identical.
        store: Store of the repeats; stored repeats are not computed again.
        mixed: Accept repeats of other versions, or of machines that round differently, from the
            store or from workers; the results count them.
    """

    engine: Engine | None = None
    progress: Progress = SILENT
    executor: Executor | None = None
    store: "Store | None" = None
    mixed: bool = False


def compare(
    spec: ExperimentSpec, source_weights: Weights | None = None, resources: Resources = Resources()
) -> StudyResults:
    """Train every arm in every repeat on the target, and analyse the scores.

    A comparison is a study of one cell; see `run_study`.
    """
    return run_study(Study.of_one(spec), source_weights, resources)


def run_study(
    study: Study, source_weights: Weights | None = None, resources: Resources = Resources()
) -> StudyResults:
    """Train every arm in every repeat of every cell, and analyse the scores.

    A source network that several cells start from is trained once.

    Args:
        study: The study.
        source_weights: The one source network of all cells: kernel (fan_in, fan_out), bias
            (fan_out,), ...; its output layer may differ if all variants re-initialise it. None:
            each cell trains its own, as `train_source` does.
        resources: Engine, executor and store.

    Returns:
        Results of all cells. After Ctrl-C, results of the complete cells and, except for pairs,
        of the incomplete cell, marked as interrupted.

    Raises:
        SettingError: The source network does not fit, or a store would need its SHA-256.
        MachineError: A library of the engine cannot be used, memory is short, the store cannot be
            written, or a worker has another environment.
        StoreError: The store is damaged, or its repeats have another environment.
        KeyboardInterrupt: `progress` asked to stop before a block was complete.
    """
    session = _Session(study, source_weights, resources)
    cells: list[CellResults] = []
    provenances: list[Provenance] = []
    for cell in study.cells:
        try:
            results, provenance = session.run(cell)
        except KeyboardInterrupt:
            if not cells:
                raise
            break
        if not (results.interrupted and study.pools_cells):
            cells.append(results)
            provenances.append(provenance)
        if results.interrupted:
            break
    if not cells:
        raise KeyboardInterrupt
    return analyse_study(study, cells, join_provenances(provenances))


def fill_store(
    study: Study,
    store: "Store",
    repeats: range,
    source_weights: Weights | None = None,
    resources: Resources = Resources(),
) -> None:
    """Compute some repeats of every cell and store them, without analysis.

    Several jobs can each compute a part of the repeats.

    Args:
        study: The study.
        store: Store of the repeats; stored repeats are not computed again.
        repeats: Repeats to compute.
        source_weights: See `run_study`.
        resources: See `run_study`.

    Raises:
        SettingError: See `run_study`.
        MachineError: See `run_study`.
        StoreError: See `run_study`.
        KeyboardInterrupt: `progress` asked to stop.
    """
    if not (isinstance(repeats, range) and repeats.step == 1 and repeats.start >= 0):
        raise SettingError("repeats", str(repeats), "use a range from 0 on, such as range(50)")
    if repeats.stop > study.n_repeats:
        raise SettingError("repeats", str(repeats), f"the study has {study.n_repeats:,} repeats")
    session = _Session(study, source_weights, replace(resources, store=store), repeats)
    for cell in study.cells:
        session.fill(cell, repeats)


def expected_seconds(
    study: Study, store: "Store | None" = None, repeats: range | None = None
) -> float | None:
    """Return the approximate duration of a study on this machine; None for the Keras engine.

    Args:
        study: The study.
        store: Store whose repeats are not computed again.
        repeats: Repeats to compute; None: all.
    """
    if study.specs[0].engine != "compiled":
        return None

    from blobtransfer.engines.compiled.engine import n_processors

    to_do = [(spec, n_missing(spec, store, repeats)) for spec in study.specs]
    return _total_cost(to_do) / (COST_PER_SECOND * n_processors())


class _Session:
    """Resources that the cells of a study share while it runs: engine, cache, progress.

    Args:
        study: The study.
        source_weights: See `run_study`.
        resources: See `run_study`.
        repeats: Repeats to compute; None: all.
    """

    def __init__(
        self,
        study: Study,
        source_weights: Weights | None,
        resources: Resources,
        repeats: range | None = None,
    ) -> None:
        for spec in study.specs:
            check_runnable(spec, source_weights, resources.store)
        self._study, self._source_weights, self._resources = study, source_weights, resources
        self._engine = resources.engine or load_engine(study.specs[0].engine)
        self._cache = SourceNetworkCache(study.specs)
        self._stage = None if study.kind == "compare" else self._start(study.kind, repeats)

    def run(self, cell: Cell) -> tuple[CellResults, Provenance]:
        """Return the results of a cell, without findings; stored repeats are not computed again."""
        spec, store = cell.spec, self._resources.store
        clock = Clock()
        checkpoint = Checkpoint(spec, store, self._resources.mixed)
        computation = _Computation(self, spec, checkpoint, n_missing(spec, store))
        rule = None
        if spec.until_decided:
            rule = StoppingRule(spec, checkpoint.header.tasks[-1], self._study.n_compared)
        blocks: list[BlockResult] = []
        interrupted = False
        try:
            for window in windows(spec):
                n_before = len(blocks)
                blocks += checkpoint.stored(window)
                for block in computation.blocks(checkpoint.missing(window)):
                    blocks.append(block)
                scores = [block.scores for block in blocks[n_before:]]
                if rule is not None and not rule.update(Scores.join(scores)):
                    break
        except KeyboardInterrupt:
            if not blocks:
                raise
            interrupted = True
        self._cache.release(spec)
        distance = None
        if self._study.pools_cells and not interrupted:
            distance = distance_of(spec) if store is None else checkpoint.header.distance
        results = cell_results(
            cell,
            checkpoint.header,
            BlockResult.join(blocks),
            checkpoint.environments,
            interrupted=interrupted,
            distance=distance,
        )
        started = checkpoint.started or clock.started
        seconds = round(checkpoint.seconds + clock.seconds(), 3)
        return results, Provenance.of(checkpoint.environments, started, seconds)

    def fill(self, cell: Cell, repeats: range) -> None:
        """Compute the repeats of a cell that are not stored."""
        resources = self._resources
        checkpoint = Checkpoint(cell.spec, resources.store, resources.mixed)
        missing = checkpoint.missing(repeats)
        for _ in _Computation(self, cell.spec, checkpoint, len(missing)).blocks(missing):
            pass
        self._cache.release(cell.spec)

    def begin(
        self, spec: ExperimentSpec, checkpoint: Checkpoint, n_repeats: int
    ) -> tuple[BlockRunner, StageProgress]:
        """Prepare the trainings of a cell.

        Args:
            spec: The cell.
            checkpoint: Its stored repeats.
            n_repeats: Largest number of repeats to compute.
        """
        progress: Progress = self._resources.progress
        if self._stage is not None:
            progress = _CellProgress(self._stage, _cost_per_epoch(spec))
        runner = BlockRunner(
            spec,
            self._source_weights,
            self._engine,
            progress,
            self._resources.executor,
            self._cache,
            has_environment=self._resources.store is not None,
        )
        checkpoint.begin(runner)
        name: Stage = "until decided" if spec.until_decided else "comparison"
        return runner, progress.start(name, n_epochs(spec) * n_repeats // spec.n_repeats, n_repeats)

    def _start(self, name: Stage, repeats: range | None) -> StageProgress:
        """Start the engine and the progress of a study of several cells."""
        store, progress = self._resources.store, self._resources.progress
        to_do = [(spec, n) for spec in self._study.specs if (n := n_missing(spec, store, repeats))]
        if not to_do:
            return SILENT
        for spec, _ in to_do:
            start_engine(spec, self._engine, progress)
        return progress.start(name, _total_cost(to_do), len(to_do))


class _Computation:
    """Computes and stores repeats of a cell; the engine starts with the first repeat.

    Args:
        session: Resources that the cells share.
        spec: The cell.
        checkpoint: Its stored repeats.
        n_repeats: Largest number of repeats to compute.
    """

    def __init__(
        self, session: _Session, spec: ExperimentSpec, checkpoint: Checkpoint, n_repeats: int
    ) -> None:
        self._session, self._spec, self._checkpoint = session, spec, checkpoint
        self._n_repeats = n_repeats
        self._begun: tuple[BlockRunner, StageProgress] | None = None

    def blocks(self, repeats: Sequence[int]) -> Iterator[BlockResult]:
        """Yield the blocks of ascending repeats, as each is done and stored."""
        if not repeats:
            return
        if self._begun is None:
            self._begun = self._session.begin(self._spec, self._checkpoint, self._n_repeats)
        runner, stage = self._begun
        for block, environment in runner.blocks(repeats, stage):
            self._checkpoint.add(block, environment)
            yield block


def _total_cost(to_do: Sequence[tuple[ExperimentSpec, int]]) -> int:
    """Return the cost of missing repeats; shared source networks count once."""
    of_sources: dict[SourceSettings, int] = {}
    of_arms = 0
    for spec, n in to_do:
        cost = _cost_per_epoch(spec)
        of_arms += epochs_of_arms(spec) * n // spec.n_repeats * cost
        for start in spec.source_starts("fresh"):
            settings = source_settings_of(spec, start)
            of_these = epochs_of_sources(spec) * n // spec.n_repeats * cost
            of_sources[settings] = max(of_these, of_sources.get(settings, 0))
    return of_arms + sum(of_sources.values())


@dataclass(frozen=True)
class _CellProgress:
    """Progress of one cell as a part of that of the study.

    Args:
        stage: Progress of the study.
        cost: Cost of an epoch; 0 for stages before the runs.
    """

    stage: StageProgress
    cost: int

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        is_of_runs = stage in ("comparison", "until decided")
        return self if is_of_runs else replace(self, cost=0)

    def advance(self, n: int) -> None:
        self.stage.advance(n * self.cost)


def _cost_per_epoch(spec: ExperimentSpec) -> int:
    """Return the relative cost of an epoch: number of weights times training rows."""
    return spec.network.n_parameters * spec.data.n_train
