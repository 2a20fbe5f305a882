"""Run the cells of a study one after another, with the source networks that they share."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from blobtransfer.analysis.studies import analyse_study, joined_cells
from blobtransfer.engines import Engine, load_engine
from blobtransfer.network import Weights
from blobtransfer.results.files.schema import MAX_SECONDS
from blobtransfer.results.provenance import Clock
from blobtransfer.results.store.store import Store
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.running.block_runner import (
    Trainings,
    epochs_of_arms,
    epochs_of_sources,
)
from blobtransfer.running.checkpoint import Checkpoint, check_runnable, distance_of, n_missing
from blobtransfer.running.compare import compare
from blobtransfer.running.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.running.single import start_engine
from blobtransfer.running.source_cache import Lesson, SourceBank, lesson_of
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import StudySpec, experiments_of


def run_study(
    spec: StudySpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    store: Store | None = None,
    mixed: bool = False,
) -> StudyResults:
    """Run every cell of a study, and say what the cells tell together.

    Each cell gives what `compare` gives of its spec, to the bit; a source network that several
    cells start from is trained once.

    Args:
        spec: What to run.
        source_weights: The one source network of all cells; None: each trains its own.
        engine: What trains; None: the one of the spec.
        progress: Told of it.
        executor: Where blocks run; see `compare`.
        store: Where the repeats of every cell are stored; see `compare`.
        mixed: See `compare`.

    Returns:
        Results of all cells; after Ctrl-C of those that are complete, and of a sweep or a grid
        also of the one that is not.

    Raises:
        MachineError: See `compare`.
        StoreError: See `compare`.
        KeyboardInterrupt: `progress` asked to stop before anything was complete.
    """
    engine = engine or load_engine(spec.cells[0].spec.engine)
    was_stored = {cell.at: not n_missing(cell.spec, store) for cell in spec.cells}
    clock = Clock()
    stage = _start([(cell.spec, None) for cell in spec.cells], spec.kind, store, engine, progress)
    bank = SourceBank(experiments_of(spec))
    cells: list[CellResults] = []
    interrupted = False
    for cell in spec.cells:
        try:
            results = compare(
                cell.spec, source_weights, engine, _Part(stage, _weight(cell.spec)), executor,
                bank, store, mixed,
            )  # fmt: skip
        except KeyboardInterrupt:
            if not cells:
                raise
            interrupted = True
            break
        interrupted = results.interrupted
        # A pair counts as a whole.
        if not interrupted or spec.kind != "pairs":
            cells.append(CellResults(cell.at, results, _distance(spec, cell.spec, store)))
        bank.end(cell.spec)
        if interrupted:
            break
    if not cells:
        raise KeyboardInterrupt
    # The seconds of stored cells are those of the session that computed them.
    stored = [cell.results for cell in cells if was_stored[cell.at]]
    seconds = clock.seconds() + sum(results.seconds for results in stored)
    return analyse_study(
        replace(
            joined_cells(spec, cells, interrupted),
            started=min([clock.started, *(results.started for results in stored)]),
            seconds=round(min(seconds, MAX_SECONDS), 3),
        )
    )


def _distance(study: StudySpec, spec: ExperimentSpec, store: Store | None) -> float | None:
    """Return the distance between the data of a pair; None in other studies."""
    if study.kind != "pairs":
        return None
    head = None if store is None else store.kept(spec).head
    return distance_of(spec) if head is None else head.distance


def fill_store(
    spec: ExperimentSpec | StudySpec,
    store: Store,
    only_repeats: range,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    mixed: bool = False,
) -> None:
    """Compute some repeats of a comparison, or of every cell of a study, for a store.

    Nothing is analysed, so that some repeats can be computed here and others by another job.

    Args:
        spec: What to run.
        store: Where repeats are stored; stored ones are not computed again.
        only_repeats: Which repeats.
        source_weights: See `compare`, as all that follows.
        engine: What trains; None: the one of the spec.
        progress: Informed of it.
        executor: Where blocks run.
        mixed: Whether repeats may be of other versions or machines.

    Raises:
        SettingError: See `compare`.
        MachineError: See `compare`.
        StoreError: See `compare`.
        KeyboardInterrupt: `progress` asked to stop.
    """
    specs = experiments_of(spec)
    engine = engine or load_engine(specs[0].engine)
    name: Stage = "comparison" if isinstance(spec, ExperimentSpec) else spec.kind
    stage = _start([(spec, only_repeats) for spec in specs], name, store, engine, progress)
    bank = SourceBank(specs)
    for cell_spec in specs:
        check_runnable(cell_spec, source_weights, store)
        checkpoint = Checkpoint(cell_spec, store, mixed)
        repeats = checkpoint.missing(only_repeats)
        if repeats:
            part = _Part(stage, _weight(cell_spec))
            trainings = Trainings(
                cell_spec, source_weights, engine, part, executor, bank, has_maker=True
            )
            checkpoint.begin(trainings)
            for block, maker in trainings.blocks(repeats, part):
                checkpoint.add(block, maker)
        bank.end(cell_spec)


def _start(
    specs: Sequence[tuple[ExperimentSpec, range | None]],
    name: Stage,
    store: Store | None,
    engine: Engine,
    progress: Progress,
) -> StageProgress:
    """Make the engine ready for what is to be computed, and tell progress how much that is."""
    to_do = [(spec, n) for spec, repeats in specs if (n := n_missing(spec, store, repeats))]
    if not to_do:
        return SILENT
    for one, _ in to_do:
        start_engine(one, engine, progress)
    n_parts = to_do[0][1] if name == "comparison" else len(to_do)
    return progress.start(name, _work(to_do), n_parts)


def _work(to_do: Sequence[tuple[ExperimentSpec, int]]) -> int:
    """Count the epochs of so many repeats of experiments by what they take, shared sources once."""
    of_sources: dict[Lesson, int] = {}
    of_arms = 0
    for own, n in to_do:
        of_arms += epochs_of_arms(own) * n // own.n_repeats * _weight(own)
        for start in own.source_starts("fresh"):
            lesson = lesson_of(own, start)
            work = epochs_of_sources(own) * n // own.n_repeats * _weight(own)
            of_sources[lesson] = max(work, of_sources.get(lesson, 0))
    return of_arms + sum(of_sources.values())


@dataclass(frozen=True)
class _Part:
    """Progress of one cell, as a part of that of the study.

    An epoch counts as much as it takes, which is about in proportion to `weight`; what comes
    before the runs counts nothing.
    """

    stage: StageProgress
    weight: int

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        is_of_runs = stage in ("comparison", "until decided")
        return self if is_of_runs else replace(self, weight=0)

    def advance(self, n: int) -> None:
        self.stage.advance(n * self.weight)


def _weight(spec: ExperimentSpec) -> int:
    """Say how much an epoch of a cell takes: its weights times its training rows."""
    return spec.network.n_parameters * spec.task.n_train
