"""Compare all arms over many repeats: computed or taken from where they are kept, and analysed."""

from concurrent.futures import Executor

from blobtransfer.engines import Engine, load_engine
from blobtransfer.experiment.analyse import analyse
from blobtransfer.experiment.keeping import Keeping, Shelf, check_known, n_to_do
from blobtransfer.experiment.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.experiment.sources import SourceBank
from blobtransfer.experiment.trainings import Trainings, n_epochs
from blobtransfer.experiment.undecided import Undecided
from blobtransfer.network import Weights
from blobtransfer.results.block import BlockResult
from blobtransfer.results.provenance import Clock, installed_versions, this_machine
from blobtransfer.results.results import Results
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.statistics.sequential import looks


def compare(
    spec: ExperimentSpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    bank: SourceBank | None = None,
    keeping: Keeping | None = None,
    mixed: bool = False,
) -> Results:
    """Train every arm in every repeat on the target problem, and analyse what came out.

    Args:
        spec: What to run; it has a target problem, and a source problem where a source
            network is to be trained.
        source_weights: The one source network, whose output layer may be another where all
            variants draw theirs afresh; None: that of repeat 0, as `train_source` trains it.
        engine: What trains; None: the one of the spec.
        progress: Told of it.
        executor: Where blocks run; None: here, by `engine`. Elsewhere every process has the
            engine of the spec, a call trains in one thread, and the bits are the same.
        bank: Keeps source networks that other experiments start from too; None: there are none.
        keeping: Where repeats are kept, block by block; None: nowhere.
        mixed: Repeats that are kept, or come from elsewhere, may be of other versions, or of
            machines that round differently; the results say how many are.

    Returns:
        Results of all repeats. After Ctrl-C, and where some are neither kept nor to be computed,
        those of the repeats that are there, which are said to be `interrupted`.

    Raises:
        SettingError: A source network is given, whose `model_sha256` a store would need.
        MachineError: What the engine is built on cannot be used, memory is short, the store cannot
            be written, or a process elsewhere does not compute as this one does.
        StoreError: The store is damaged, or what it keeps was computed otherwise.
        KeyboardInterrupt: `progress` asked to stop before the first repeat was complete, or none
            is kept and none is to be computed.
    """
    assert spec.target is not None
    check_known(spec, source_weights, keeping)
    engine = engine or load_engine(spec.engine)
    clock = Clock()
    shelf = Shelf(spec, keeping, mixed)
    undecided = Undecided(spec, shelf.head.tasks[-1]) if spec.until_decided else None
    trainings: Trainings | None = None
    stage: StageProgress | None = None
    parts: list[BlockResult] = []
    interrupted = False
    first = 0
    try:
        for last in looks(spec.n_repeats) if undecided else [spec.n_repeats]:
            own = shelf.of(range(first, last))
            parts += own
            missing, to_do = shelf.missing(range(first, last))
            if to_do and trainings is None:
                trainings = Trainings(
                    spec, source_weights, engine, progress, executor, bank or SourceBank([spec]),
                    has_maker=keeping is not None,
                )  # fmt: skip
                shelf.begin(trainings)
                n = n_to_do(spec, keeping)
                name: Stage = "until decided" if spec.until_decided else "comparison"
                stage = progress.start(name, n_epochs(spec) * n // spec.n_repeats, n)
            if trainings is not None and stage is not None:
                for block, maker in trainings.blocks(to_do, stage):
                    shelf.add(block, maker)
                    parts.append(block)
                    own.append(block)
            if len(to_do) < len(missing):
                interrupted = True
                break
            if undecided and not undecided.after(block.scores for block in own):
                break
            first = last
    except KeyboardInterrupt:
        interrupted = True
    if not parts:
        raise KeyboardInterrupt
    whole = BlockResult.joined(parts)
    by = shelf.reference
    tasks = shelf.head.tasks
    return Results(
        command="compare",
        spec=spec,
        started=shelf.started or clock.started,
        seconds=round(shelf.seconds + clock.seconds(), 3),
        tasks=tasks,
        source_run=shelf.head.source_run,
        scores=whole.scores,
        curves=whole.curves,
        transferability=whole.transferability,
        findings=analyse(
            spec, whole.scores, tasks[-1], whole.curves, whole.transferability, shelf.n_mixed
        ),
        interrupted=interrupted,
        n_mixed=shelf.n_mixed,
        versions=installed_versions() if by is None else by.versions,
        machine=this_machine() if by is None else by.machine,
    )
