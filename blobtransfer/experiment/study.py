"""Run the cells of a study one after another, with the source networks that they share."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from blobtransfer.engines import Engine, load_engine
from blobtransfer.experiment.compare import compare
from blobtransfer.experiment.keeping import Keeping, Shelf, check_known, distance_of, n_to_do
from blobtransfer.experiment.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.experiment.single import start_engine
from blobtransfer.experiment.sources import Lesson, SourceBank, lesson_of
from blobtransfer.experiment.study_analysis import analyse_study
from blobtransfer.experiment.trainings import (
    Trainings,
    epochs_of_arms,
    epochs_of_sources,
)
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Clock
from blobtransfer.results.record import MAX_SECONDS
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import StudySpec, experiments_of


def run_study(
    spec: StudySpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    keeping: Keeping | None = None,
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
        keeping: Where the repeats of every cell are kept; see `compare`.
        mixed: See `compare`.

    Returns:
        Results of all cells. After Ctrl-C, and where some are neither kept nor to be computed, of
        those that are complete, and of a sweep or a grid also of the first that is not, as far
        as it is there.

    Raises:
        MachineError: See `compare`.
        StoreError: See `compare`.
        KeyboardInterrupt: There is nothing to show; see `compare`.
    """
    engine = engine or load_engine(spec.cells[0].spec.engine)
    was_there = {cell.at: not n_to_do(cell.spec, keeping) for cell in spec.cells}
    clock = Clock()
    stage = _start(experiments_of(spec), spec.kind, keeping, engine, progress)
    bank = SourceBank(experiments_of(spec))
    found: list[CellResults] = []
    interrupted = False
    for cell in spec.cells:
        try:
            results = compare(
                cell.spec, source_weights, engine, _Part(stage, _weight(cell.spec)), executor,
                bank, keeping, mixed,
            )  # fmt: skip
        except KeyboardInterrupt:
            interrupted = True
            break
        interrupted = results.interrupted
        if not interrupted or spec.kind != "pairs":
            distance = distance_of(cell.spec, keeping) if spec.kind == "pairs" else None
            found.append(CellResults(cell.at, results, distance))
        bank.end(cell.spec)
        if interrupted:
            break
    if not found:
        raise KeyboardInterrupt
    # What was kept took its time in another session.
    kept = [cell.results for cell in found if was_there[cell.at]]
    return analyse_study(
        StudyResults(
            spec=spec,
            cells=tuple(found),
            started=min([clock.started, *(one.started for one in kept)]),
            seconds=round(min(clock.seconds() + sum(one.seconds for one in kept), MAX_SECONDS), 3),
            interrupted=interrupted,
            versions=found[0].results.versions,
            machine=found[0].results.machine,
        )
    )


def fill_store(
    spec: ExperimentSpec | StudySpec,
    keeping: Keeping,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    mixed: bool = False,
) -> None:
    """Compute the repeats of a comparison, or of every cell of a study, that are to be kept.

    Nothing is analysed, so that some repeats can be computed here and others elsewhere; the
    arguments, and what is raised, are those of `compare`.
    """
    specs = experiments_of(spec)
    engine = engine or load_engine(specs[0].engine)
    name: Stage = "comparison" if isinstance(spec, ExperimentSpec) else spec.kind
    stage = _start(specs, name, keeping, engine, progress)
    bank = SourceBank(specs)
    for one in specs:
        check_known(one, source_weights, keeping)
        shelf = Shelf(one, keeping, mixed)
        _, repeats = shelf.missing(range(one.n_repeats))
        if repeats:
            part = _Part(stage, _weight(one))
            trainings = Trainings(one, source_weights, engine, part, executor, bank, has_maker=True)
            shelf.begin(trainings)
            for block, maker in trainings.blocks(repeats, part):
                shelf.add(block, maker)
        bank.end(one)


def _start(
    specs: Sequence[ExperimentSpec],
    name: Stage,
    keeping: Keeping | None,
    engine: Engine,
    progress: Progress,
) -> StageProgress:
    """Make the engine ready for what is to be computed, and tell progress how much that is."""
    to_do = [(one, n) for one in specs if (n := n_to_do(one, keeping))]
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
