"""Train one network: a source network, or one network on the target data."""

from dataclasses import dataclass, replace

import numpy as np

from blobtransfer.analysis.cells import analyse
from blobtransfer.data import load_dataset
from blobtransfer.engines import Engine
from blobtransfer.errors import SettingError
from blobtransfer.network import Weights, kernel_shapes
from blobtransfer.results.provenance import Clock, Provenance
from blobtransfer.results.results import (
    DataRecord,
    StandaloneTraining,
    TrainingCommand,
    TrainingResults,
)
from blobtransfer.running.block import scores_of
from blobtransfer.running.progress import SILENT, Progress, Stage
from blobtransfer.running.regions import decision_regions, predictions_of
from blobtransfer.running.trainer import SourceKey, SourceWeights, train_arms, train_sources
from blobtransfer.specs.checks import join
from blobtransfer.specs.data import DataSpec, Role
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.table import Preprocessing, TableSpec
from blobtransfer.specs.training import METRICS, Metric
from blobtransfer.specs.variant import STANDALONE


@dataclass(frozen=True)
class SingleRun:
    """Results of one training, and the trained network.

    Args:
        results: Results with one run.
        network: Shape of the trained network.
        weights: Kernel (fan_in, fan_out), bias (fan_out,), ...
        preprocessing: Preprocessing of the inputs; None if it was not trained on a table.
    """

    results: TrainingResults
    network: MLPSpec
    weights: Weights
    preprocessing: Preprocessing | None = None


def train_source(spec: ExperimentSpec, engine: Engine, progress: Progress = SILENT) -> SingleRun:
    """Train the source network: repeat 0 of a standalone training on the source data.

    Args:
        spec: The experiment, with source data and standalone as its only variant.
        engine: Engine that trains.
        progress: Receives the progress.

    Returns:
        Results with one run, its curve, and its decision regions.

    Raises:
        SettingError: The spec or the source network cannot be used.
        MachineError: A library of the engine cannot be used, or memory is short.
        KeyboardInterrupt: `progress` asked to stop.
    """
    if spec.source is None or spec.target is not None:
        raise SettingError("source", "", "a source network is trained on source data; set a source")
    if spec.variants != (STANDALONE,):
        raise SettingError("variant", str(spec.variants[-1]), "use only standalone")
    start_engine(spec, engine, progress)
    return train_one(spec, "train-source", "source", {}, engine, progress)


def train_target(
    spec: ExperimentSpec,
    source_weights: Weights | None,
    engine: Engine,
    progress: Progress = SILENT,
) -> SingleRun:
    """Train one network on the target data: repeat 0 of the one variant of a spec.

    Args:
        spec: The experiment, with target data, one question and one variant.
        source_weights: Source network of a transfer; None for other variants.
        engine: Engine that trains.
        progress: Receives the progress.

    Returns:
        Results with one run, its curve, and its decision regions; and those of a standalone
        training to compare with, unless it was interrupted.

    Raises:
        SettingError: The spec or the source network cannot be used.
        MachineError: A library of the engine cannot be used, or memory is short.
        KeyboardInterrupt: `progress` asked to stop before the network was trained.
    """
    if spec.target is None:
        raise SettingError("target", "", "no target is given to train on; set one")
    if len(spec.variants) != 1:
        raise SettingError(
            "variant", str(spec.variants[1]), "one training has one variant; use one"
        )
    if len(spec.arms) != 1:
        raise SettingError(
            "sources", join(spec.questions), "one training has one kind of source networks; use one"
        )
    spec.check_source_network(None if source_weights is None else kernel_shapes(source_weights))
    start_engine(spec, engine, progress)
    sources: SourceWeights = {}
    if source_weights is not None:
        sources = {SourceKey("one", "transfer", 0): source_weights}
    if spec.variants[0].start == "self-transfer":
        sources = train_own_source(spec, engine, progress)
    trained = train_one(spec, "train-target", "network", sources, engine, progress)
    if spec.variants == (STANDALONE,):
        return trained
    from_scratch = replace(spec, variants=(STANDALONE,))
    try:
        beside = train_one(from_scratch, "train-target", "standalone", {}, engine, progress).results
    except KeyboardInterrupt:  # the requested network is trained
        return replace(trained, results=replace(trained.results, interrupted=True))
    (curves,) = beside.curves.values()
    baseline = StandaloneTraining(beside.run, curves[:, 0], beside.regions, beside.predictions)
    results = replace(trained.results, baseline=baseline)
    return replace(trained, results=replace(results, findings=analyse(results, 1)))


def train_own_source(
    spec: ExperimentSpec, engine: Engine, progress: Progress
) -> dict[SourceKey, Weights]:
    """Train the one source network of `self-transfer`, on the target data.

    Args:
        spec: The experiment.
        engine: Engine that trains.
        progress: Receives the progress.

    Returns:
        Kernel (fan_in, fan_out), bias (fan_out,), ... by key.
    """
    stage = progress.start("own source", spec.source_training.epochs)
    return train_sources(spec, [SourceKey("one", "self-transfer", 0)], engine, stage.advance)


def record_of(
    role: Role, spec: DataSpec, train_seed: int, metric: Metric = "accuracy"
) -> DataRecord:
    """Return the record of data; if each repeat has its own split, that of repeat 0.

    Args:
        role: Role of the data.
        spec: Specification of the data.
        train_seed: Seed of all splits.
        metric: Metric of the best possible value and of the chance level.
    """
    dataset = load_dataset(spec, 0, train_seed)
    counts = np.bincount(
        np.concatenate([dataset.y_train, dataset.y_test]), minlength=spec.n_classes
    )
    return DataRecord(
        role=role,
        name=spec.name,
        n_train=len(dataset.y_train),
        n_test=len(dataset.y_test),
        ceiling=dataset.best_possible(metric),
        floor=dataset.chance_level(metric),
        class_counts=tuple(counts.tolist()),
        test_class_counts=tuple(dataset.test_class_counts.tolist()),
    )


def start_engine(spec: ExperimentSpec, engine: Engine, progress: Progress) -> None:
    """Prepare the engine for a spec.

    Args:
        spec: The experiment.
        engine: The engine.
        progress: Receives the start as one epoch.
    """
    stage = progress.start("engine", 1)
    engine.start(spec)
    stage.advance(1)


def train_one(
    spec: ExperimentSpec,
    command: TrainingCommand,
    stage_name: Stage,
    sources: SourceWeights,
    engine: Engine,
    progress: Progress,
) -> SingleRun:
    """Train repeat 0 of the one arm, with its curves.

    Args:
        spec: The experiment; it has one arm.
        command: Command of the results.
        stage_name: Name of the stage for the progress.
        sources: Source networks that the arm may start from.
        engine: Started engine.
        progress: Receives the progress.
    """
    role: Role = "source" if spec.target is None else "target"
    record = record_of(role, spec.data, spec.train_seed, spec.metric)
    clock = Clock()
    (arm,) = spec.arms
    stage = progress.start(stage_name, spec.n_epochs(arm))
    trained = train_arms(spec, [0], sources, engine, stage.advance, with_curves=True)
    scores = scores_of(spec, [0], trained)
    network = arm.variant.network(spec.network)
    weights = [stacked[0] for stacked in trained[arm].weights]
    dataset = load_dataset(spec.data, 0, spec.train_seed)
    is_ok = not scores.is_failed.any()
    results = TrainingResults(
        command=command,
        provenance=Provenance(clock.started, clock.seconds()),
        spec=spec,
        tasks=(record,),
        source_run=None,
        scores=scores,
        curves={arm: trained[arm].curves[list(map(METRICS.index, spec.curve_metrics))]},
        regions=decision_regions(network, weights, dataset) if is_ok else None,
        predictions=predictions_of(network, weights, dataset) if is_ok else None,
    )
    results = replace(results, findings=analyse(results, 1))
    preprocessing = None
    if isinstance(spec.data, TableSpec):
        from blobtransfer.data.tables.rows import preprocessing_of

        preprocessing = preprocessing_of(spec.data, 0, spec.train_seed)
    return SingleRun(results, network, weights, preprocessing)
