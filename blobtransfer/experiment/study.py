"""Run the cells of a study one after another, with the source networks that they share."""

from concurrent.futures import Executor
from dataclasses import dataclass

from blobtransfer.engines import Engine, load_engine
from blobtransfer.experiment.compare import compare, epochs_of_arms, epochs_of_sources
from blobtransfer.experiment.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.experiment.single import start_engine
from blobtransfer.experiment.sources import SourceBank, lesson_of
from blobtransfer.experiment.study_analysis import analyse_study
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Clock
from blobtransfer.results.study import CellResults, StudyResults
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.study import StudySpec
from blobtransfer.tasks import load_task
from blobtransfer.tasks.distance import distance_between


def run_study(
    spec: StudySpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
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

    Returns:
        Results of all cells; Ctrl-C gives those that were complete by then, and of a sweep or a
        grid also the one that was being run, as far as it came.

    Raises:
        MachineError: What the engine is built on cannot be used, or memory is short.
        KeyboardInterrupt: `progress` asked to stop before there was anything to show.
    """
    engine = engine or load_engine(spec.cells[0].spec.engine)
    for cell in spec.cells:
        start_engine(cell.spec, engine, progress)
    clock = Clock()
    stage = progress.start(spec.kind, _n_epochs(spec), len(spec.cells))
    bank = SourceBank(cell.spec for cell in spec.cells)
    found: list[CellResults] = []
    interrupted = False
    for cell in spec.cells:
        try:
            results = compare(cell.spec, source_weights, engine, _Part(stage), executor, bank)
        except KeyboardInterrupt:
            if not found:
                raise
            interrupted = True
            break
        interrupted = results.interrupted
        if not interrupted or spec.kind != "pairs":
            distance = _distance(cell.spec) if spec.kind == "pairs" else None
            found.append(CellResults(cell.at, results, distance))
        bank.end(cell.spec)
        if interrupted:
            break
    if not found:
        raise KeyboardInterrupt
    return analyse_study(
        StudyResults(
            spec=spec,
            cells=tuple(found),
            started=clock.started,
            seconds=clock.seconds(),
            interrupted=interrupted,
        )
    )


def _distance(spec: ExperimentSpec) -> float | None:
    """Measure how far the two problems of a cell are apart."""
    if spec.source is None or spec.target is None:
        return None
    return distance_between(
        *(load_task(one, 0, spec.train_seed) for one in (spec.source, spec.target))
    )


def _n_epochs(spec: StudySpec) -> int:
    """Count the epochs of all trainings, those of shared sources once."""
    of_sources = {
        lesson_of(cell.spec, start): epochs_of_sources(cell.spec)
        for cell in spec.cells
        for start in cell.spec.source_starts("fresh")
    }
    return sum(of_sources.values()) + sum(epochs_of_arms(cell.spec) for cell in spec.cells)


@dataclass(frozen=True)
class _Part:
    """Progress of one cell: all its stages are parts of that of the study."""

    stage: StageProgress

    def start(self, stage: Stage, total: int, n_repeats: int = 1) -> StageProgress:
        return self.stage
