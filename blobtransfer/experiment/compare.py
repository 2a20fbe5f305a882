"""Compare all arms over many repeats: cut into blocks, run wherever, joined and analysed."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from blobtransfer.engines import Engine, load_engine
from blobtransfer.execution.local import result_of, run_calls
from blobtransfer.experiment.analyse import analyse
from blobtransfer.experiment.block import BlockResult, fresh_sources, run_block
from blobtransfer.experiment.progress import SILENT, Progress, Stage, StageProgress
from blobtransfer.experiment.single import (
    record_of,
    start_engine,
    train_one,
    train_own_source,
)
from blobtransfer.experiment.sources import SourceBank
from blobtransfer.experiment.training import SourceKey, SourceWeights, train_sources
from blobtransfer.experiment.undecided import Undecided
from blobtransfer.network import Weights
from blobtransfer.results.provenance import Clock
from blobtransfer.results.results import Curves, Results
from blobtransfer.results.scores import Run, Scores
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.variant import STANDALONE
from blobtransfer.statistics.sequential import looks


def compare(
    spec: ExperimentSpec,
    source_weights: Weights | None = None,
    engine: Engine | None = None,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    bank: SourceBank | None = None,
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
            engine of the spec, and the bits are the same.
        bank: Keeps source networks that other experiments start from too; None: there are none.

    Returns:
        Results of all repeats; Ctrl-C gives those of the repeats that were complete by then.

    Raises:
        MachineError: What the engine is built on cannot be used, or memory is short.
        KeyboardInterrupt: `progress` asked to stop before the first repeat was complete.
    """
    assert spec.target is not None
    engine = engine or load_engine(spec.engine)
    start_engine(spec, engine, progress)
    tasks = [record_of("target", spec.target, spec.train_seed)]
    if spec.source is not None:
        tasks.insert(0, record_of("source", spec.source, spec.train_seed))
    clock = Clock()
    one, source_run = _one_sources(spec, source_weights, engine, progress)
    name: Stage = "until decided" if spec.until_decided else "comparison"
    stage = progress.start(name, n_epochs(spec), spec.n_repeats)
    bank = bank or SourceBank([spec])
    parts: list[BlockResult] = []
    undecided = Undecided(spec, tasks[-1]) if spec.until_decided else None
    interrupted = False
    first = 0
    try:
        for last in looks(spec.n_repeats) if undecided else [spec.n_repeats]:
            n_before = len(parts)
            calls = _calls(spec, range(first, last), one, engine, executor, stage, bank)
            for part in run_calls(calls, executor, lambda: stage.advance(0)):
                parts.append(part)
                if executor is not None:
                    n_own = 0 if _trains_before(spec, bank) else len(spec.source_starts("fresh"))
                    stage.advance(part.scores.n_repeats * _epochs_of_a_repeat(spec, n_own))
            first = last
            if undecided and not undecided.after(part.scores for part in parts[n_before:]):
                break
    except KeyboardInterrupt:
        if not parts:
            raise
        interrupted = True
    scores = Scores.joined([part.scores for part in parts])
    curves = _joined_curves(parts)
    transferability = _joined_transferability(parts)
    return Results(
        command="compare",
        spec=spec,
        started=clock.started,
        seconds=clock.seconds(),
        tasks=tuple(tasks),
        source_run=source_run,
        scores=scores,
        curves=curves,
        transferability=transferability,
        findings=analyse(spec, scores, tasks[-1], curves, transferability),
        interrupted=interrupted,
    )


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


def _calls(
    spec: ExperimentSpec,
    all_repeats: range,
    one: SourceWeights,
    engine: Engine,
    executor: Executor | None,
    stage: StageProgress,
    bank: SourceBank,
) -> Iterator[Callable[[], BlockResult]]:
    """Make the calls of the blocks of some repeats.

    Where repeats, or experiments, share a source it is trained before the first block that needs
    it and handed to each, so that it is trained once however the blocks are cut.
    """
    run: Callable[..., BlockResult] = run_block
    train: Callable[..., dict[SourceKey, Weights]] = train_sources
    if executor is None:
        run = partial(run_block, engine=engine, on_epochs=stage.advance)
        train = partial(train_sources, engine=engine, on_epochs=stage.advance)

    def train_anywhere(
        spec: ExperimentSpec, missing: Sequence[SourceKey]
    ) -> dict[SourceKey, Weights]:
        if executor is None:
            return train(spec, missing)
        found = result_of(executor, partial(train, spec, missing), lambda: stage.advance(0))
        stage.advance(len(missing) * spec.source_training.epochs)
        return found

    shared: dict[SourceKey, Weights] = {}
    at_once = engine.repeats_at_once(spec)
    for first in range(0, len(all_repeats), at_once):
        repeats = all_repeats[first : first + at_once]
        if _trains_before(spec, bank):
            needed = fresh_sources(spec, repeats)
            missing = [key for key in needed if key not in shared]
            shared |= bank.take(spec, missing, train_anywhere)
            shared = {key: shared[key] for key in needed}
        yield partial(run, spec, repeats, {**one, **shared})


def _joined_curves(parts: list[BlockResult]) -> Curves:
    order = np.argsort(np.concatenate([part.scores.repeats for part in parts]))
    return {
        arm: np.concatenate([part.curves[arm] for part in parts], axis=1)[:, order]
        for arm in parts[0].curves
    }


def _joined_transferability(parts: list[BlockResult]) -> NDArray[np.float64] | None:
    order = np.argsort(np.concatenate([part.scores.repeats for part in parts]))
    found = [part.transferability for part in parts if part.transferability is not None]
    return np.concatenate(found, axis=1)[:, order] if found else None


def _trains_before(spec: ExperimentSpec, bank: SourceBank) -> bool:
    """Say whether fresh sources are trained before the blocks that need them, not by them."""
    return spec.nested is not None or bank.shares(spec)


def _epochs_of_a_repeat(spec: ExperimentSpec, n_own: int) -> int:
    """Count the epochs of a repeat's runs, and of so many fresh sources."""
    return sum(map(spec.n_epochs_in_all, spec.arms)) + n_own * spec.source_training.epochs


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
