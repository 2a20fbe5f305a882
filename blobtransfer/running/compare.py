"""Compare all arms over many repeats: computed or taken from where they are kept, and analysed."""

from concurrent.futures import Executor

from blobtransfer.analysis.cells import comparison_results
from blobtransfer.analysis.stopping import StoppingRule, windows
from blobtransfer.engines import Engine, load_engine
from blobtransfer.network import Weights
from blobtransfer.results.block import BlockResult
from blobtransfer.results.provenance import Clock
from blobtransfer.results.results import Results
from blobtransfer.results.scores import Scores
from blobtransfer.results.store.store import Store
from blobtransfer.running.block_runner import Trainings, n_epochs
from blobtransfer.running.checkpoint import Checkpoint, check_runnable, n_missing
from blobtransfer.running.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.running.source_cache import SourceBank
from blobtransfer.specs.experiment import ExperimentSpec


def compare(
    spec: ExperimentSpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    bank: SourceBank | None = None,
    store: Store | None = None,
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
        store: Where repeats are stored, block by block; stored ones are not computed again.
        mixed: Repeats that are stored, or come from a worker, may be of other versions, or of
            machines that round differently; the results count them.

    Returns:
        Results of all repeats; after Ctrl-C, with `interrupted`, of those that are done.

    Raises:
        SettingError: A source network is given, whose `model_sha256` a store would need.
        MachineError: What the engine is built on cannot be used, memory is short, the store cannot
            be written, or a process elsewhere does not compute as this one does.
        StoreError: The store is damaged, or what it keeps was computed otherwise.
        KeyboardInterrupt: `progress` asked to stop before the first repeat was complete.
    """
    check_runnable(spec, source_weights, store)
    engine = engine or load_engine(spec.engine)
    clock = Clock()
    checkpoint = Checkpoint(spec, store, mixed)
    rule = StoppingRule(spec, checkpoint.head.tasks[-1]) if spec.until_decided else None
    trainings: Trainings | None = None
    stage: StageProgress | None = None
    blocks: list[BlockResult] = []
    interrupted = False
    try:
        for window in windows(spec):
            first = len(blocks)
            blocks += checkpoint.stored(window)
            missing = checkpoint.missing(window)
            if missing and trainings is None:
                trainings = Trainings(
                    spec, source_weights, engine, progress, executor, bank or SourceBank([spec]),
                    has_maker=store is not None,
                )  # fmt: skip
                checkpoint.begin(trainings)
                n = n_missing(spec, store)
                name: Stage = "until decided" if spec.until_decided else "comparison"
                stage = progress.start(name, n_epochs(spec) * n // spec.n_repeats, n)
            if trainings is not None and stage is not None:
                for block, maker in trainings.blocks(missing, stage):
                    checkpoint.add(block, maker)
                    blocks.append(block)
            scores = [block.scores for block in blocks[first:]]
            if rule is not None and not rule.update(Scores.joined(scores)):
                break
    except KeyboardInterrupt:
        if not blocks:
            raise
        interrupted = True
    return comparison_results(
        spec,
        checkpoint.head,
        BlockResult.joined(blocks),
        checkpoint.environments,
        started=checkpoint.started or clock.started,
        seconds=checkpoint.seconds + clock.seconds(),
        interrupted=interrupted,
    )
