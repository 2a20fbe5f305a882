"""Run the cells of a study one after another, with the source networks that they share."""

from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass

from blobtransfer.engines import Engine, load_engine
from blobtransfer.experiment.compare import compare
from blobtransfer.experiment.keeping import Keeping, Shelf, distance_of, n_to_do
from blobtransfer.experiment.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.experiment.single import start_engine
from blobtransfer.experiment.sources import Lesson, SourceBank, lesson_of
from blobtransfer.experiment.study_analysis import analyse_study
from blobtransfer.experiment.trainings import (
    Trainings,
    epochs_of_arms,
    epochs_of_sources,
    n_epochs,
)
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Clock
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
    to_do = {cell.at: n_to_do(cell.spec, keeping) for cell in spec.cells}
    clock = Clock()
    stage: StageProgress = SILENT
    if any(to_do.values()):
        for cell in spec.cells:
            if to_do[cell.at]:
                start_engine(cell.spec, engine, progress)
        n_cells = sum(map(bool, to_do.values()))
        stage = progress.start(spec.kind, _n_epochs(spec, to_do), n_cells)
    bank = SourceBank(cell.spec for cell in spec.cells)
    found: list[CellResults] = []
    interrupted = False
    for cell in spec.cells:
        try:
            results = compare(
                cell.spec, source_weights, engine, _Part(stage), executor, bank, keeping, mixed
            )
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
    kept = [cell.results for cell in found if not to_do[cell.at]]
    return analyse_study(
        StudyResults(
            spec=spec,
            cells=tuple(found),
            started=min([clock.started, *(one.started for one in kept)]),
            seconds=round(clock.seconds() + sum(one.seconds for one in kept), 3),
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
    to_do = [n_to_do(one, keeping) for one in specs]
    total = sum(n_epochs(one) * n // one.n_repeats for one, n in zip(specs, to_do, strict=True))
    name: Stage = "comparison" if isinstance(spec, ExperimentSpec) else spec.kind
    n_parts = sum(to_do) if name == "comparison" else sum(map(bool, to_do))
    bank = SourceBank(specs)
    stage: StageProgress | None = None
    for one in specs:
        shelf = Shelf(one, keeping, mixed)
        _, repeats = shelf.missing(range(one.n_repeats))
        if repeats:
            own = progress if stage is None else _Part(stage)
            trainings = Trainings(one, source_weights, engine, own, executor, bank, has_maker=True)
            shelf.begin(trainings)
            stage = stage or progress.start(name, total, n_parts)
            for block, maker in trainings.blocks(repeats, stage):
                shelf.add(block, maker)
        bank.end(one)


def _n_epochs(spec: StudySpec, to_do: Mapping[tuple[str, ...], int]) -> int:
    """Count the epochs of the trainings that are to do, those of shared sources once."""
    of_sources: dict[Lesson, int] = {}
    of_arms = 0
    for cell in spec.cells:
        n, own = to_do[cell.at], cell.spec
        of_arms += epochs_of_arms(own) * n // own.n_repeats
        for start in own.source_starts("fresh"):
            lesson = lesson_of(own, start)
            epochs = epochs_of_sources(own) * n // own.n_repeats
            of_sources[lesson] = max(epochs, of_sources.get(lesson, 0))
    return of_arms + sum(of_sources.values())


@dataclass(frozen=True)
class _Part:
    """Progress of one cell: all its stages are parts of that of the study."""

    stage: StageProgress

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        return self.stage
