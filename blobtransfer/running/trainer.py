"""Trainings of an experiment: set the initial weights and the batch orders of each run.

The engine trains the runs; all random numbers come from here and from `randomness`.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_datasets
from blobtransfer.data.dataset import Dataset, with_validation_rows
from blobtransfer.engines import Anchor, Engine, Job, OnEpochs, Trained, load_engine
from blobtransfer.network import Weights, stacked_initial_weights
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.experiment import Arm, EngineName, ExperimentSpec, Question
from blobtransfer.specs.training import TrainingSpec, earlier_epoch
from blobtransfer.specs.variant import Start


class SourceKey(NamedTuple):
    """Key of a source network: its question, start and repeat."""

    question: Question
    start: Start
    repeat: int


SourceWeights = Mapping[SourceKey, Weights]


def ignore(n_epochs: int) -> None:
    """Ignore the progress."""


def train_sources(
    spec: ExperimentSpec,
    keys: Sequence[SourceKey],
    engine: Engine | None = None,
    on_epochs: OnEpochs = ignore,
) -> dict[SourceKey, Weights]:
    """Train source networks.

    Their initial weights are those of the standalone networks of their repeats. Those of
    `self-transfer` are trained on the target data, with the row orders of a source network.

    Args:
        spec: The experiment.
        keys: Keys of the source networks to train.
        engine: Engine that trains; None: the engine of the spec, cached by this process.
        on_epochs: Called as epochs are done.

    Returns:
        Kernel (fan_in, fan_out), bias (fan_out,), ... by key.
    """
    weights_of: dict[SourceKey, Weights] = {}
    for start in sorted({key.start for key in keys}):
        keys_of_start = [key for key in keys if key.start == start]
        data = spec.source if start == "transfer" else spec.target
        assert data is not None
        network = spec.source_network if start == "transfer" else spec.network
        repeats = tuple(key.repeat for key in keys_of_start)
        job = Job(
            network=network,
            training=spec.source_training,
            datasets=_datasets(spec.source_training, data, repeats, spec.train_seed),
            weights=stacked_initial_weights(network, spec.train_seed, repeats),
            n_frozen=np.zeros(len(repeats), np.int64),
            order_keys=order_keys(spec.train_seed, Stream.SOURCE_ORDER, repeats),
        )
        trained = _train(engine or engine_of(spec.engine), job, on_epochs)
        for key, *weights in zip(keys_of_start, *trained.weights, strict=True):
            weights_of[key] = weights
    return weights_of


def train_arms(
    spec: ExperimentSpec,
    repeats: Sequence[int],
    sources: SourceWeights,
    engine: Engine,
    on_epochs: OnEpochs,
    with_curves: bool,
    arms: Sequence[Arm] | None = None,
    datasets: tuple[Dataset, ...] = (),
) -> dict[Arm, Trained]:
    """Train every arm in some repeats on the data that accuracies are measured on.

    Arms with the same shape, training phases and anchor strength are trained together.
    Within a repeat all arms see the rows in the same order, so that they can be compared by their
    differences (common random numbers).

    Args:
        spec: The experiment.
        repeats: Indices of the repeats.
        sources: The source networks that the arms start from.
        engine: Engine that trains.
        on_epochs: Called as epochs are done.
        with_curves: Evaluate after every epoch, and before the first; else after three quarters of
            the epochs and after the last.
        arms: Arms to train; None: all.
        datasets: Data of each repeat, or one dataset for all; empty for the data of the spec.

    Returns:
        Trained networks by arm, in the order of the repeats.
    """
    arms = spec.arms if arms is None else arms
    datasets = datasets or _datasets(spec.training, spec.data, repeats, spec.train_seed)
    groups: dict[Any, list[Arm]] = {}
    for arm in arms:
        course = [(p.first_epoch, p.training) for p in spec.phases(arm.variant)]
        shape = arm.variant.network(spec.network)
        groups.setdefault((shape, arm.variant.anchor, *course), []).append(arm)
    trained = {}
    for group in groups.values():
        together = _train_group(
            spec, group, repeats, sources, engine, on_epochs, with_curves, datasets
        )
        for i, arm in enumerate(group):
            runs = slice(i * len(repeats), (i + 1) * len(repeats))
            trained[arm] = together.at(runs)
    return {arm: trained[arm] for arm in arms}


def _datasets(
    training: TrainingSpec, data: DataSpec, repeats: Sequence[int], train_seed: int
) -> tuple[Dataset, ...]:
    """Return the datasets of some repeats, with validation rows for early stopping."""
    datasets = load_datasets(data, repeats, train_seed)
    if training.patience is None:
        return datasets
    return with_validation_rows(datasets, repeats, train_seed)


def _train_group(
    spec: ExperimentSpec,
    arms: Sequence[Arm],
    repeats: Sequence[int],
    sources: SourceWeights,
    engine: Engine,
    on_epochs: OnEpochs,
    with_curves: bool,
    datasets: tuple[Dataset, ...],
) -> Trained:
    """Train arms that differ only in their start and their frozen layers.

    Returns:
        Trained networks by arm, then by repeat.
    """
    stream = Stream.SOURCE_ORDER if spec.target is None else Stream.TARGET_ORDER
    keys = np.tile(order_keys(spec.train_seed, stream, repeats), len(arms))
    weights, anchor = _weights_and_anchor(spec, arms, repeats, sources)
    n_epochs = spec.n_epochs(arms[0])
    evaluated = range(n_epochs + 1) if with_curves else [earlier_epoch(n_epochs), n_epochs]
    curves: list[NDArray[np.float64]] = []
    epochs = np.zeros(len(keys), np.int64)
    for phases in zip(*(spec.phases(arm.variant) for arm in arms), strict=True):
        first, last = phases[0].first_epoch, phases[0].training.epochs
        in_phase = range(first + 1 if first else 0, last + 1)  # each epoch is in one phase only
        job = Job(
            network=arms[0].variant.network(spec.network),
            training=phases[0].training,
            datasets=datasets,
            weights=weights,
            n_frozen=np.repeat([phase.n_frozen for phase in phases], len(repeats)),
            order_keys=keys,
            first_epoch=first,
            evaluated_epochs=tuple(epoch for epoch in evaluated if epoch in in_phase),
            anchor=anchor,
        )
        trained = _train(engine, job, on_epochs)
        weights = trained.weights
        curves.append(trained.curves)
        epochs += trained.epochs
    return replace(trained, curves=np.concatenate(curves, axis=2), epochs=epochs)


def _weights_and_anchor(
    spec: ExperimentSpec, arms: Sequence[Arm], repeats: Sequence[int], sources: SourceWeights
) -> tuple[Weights, Anchor | None]:
    """Return the initial weights of the runs of arms, by arm, then by repeat, and their anchor."""
    arm_of_start = {_start_key(arm): arm for arm in arms}
    starts = {key: _start(spec, arm, repeats, sources) for key, arm in arm_of_start.items()}
    starts_of_arms = [starts[_start_key(arm)] for arm in arms]
    anchor = None
    if (strength := arms[0].variant.anchor) is not None:
        anchors = [_anchor(arm, start) for arm, start in zip(arms, starts_of_arms, strict=True)]
        anchor = Anchor(strength, _joined(anchors))
    return _joined(starts_of_arms), anchor


def _start_key(arm: Arm) -> Hashable:
    """Return the settings that determine the initial weights of an arm."""
    return arm.sources, arm.variant.start, arm.variant.top


def _start(
    spec: ExperimentSpec, arm: Arm, repeats: Sequence[int], sources: SourceWeights
) -> Weights:
    """Return the initial weights of an arm.

    Returns:
        Kernels (R, fan_in, fan_out), biases (R, fan_out), ... of R repeats.
    """
    variant = arm.variant
    if arm.sources == "none":
        return stacked_initial_weights(spec.network, spec.train_seed, tuple(repeats))
    source_repeats = [spec.source_repeat(r) if arm.sources == "fresh" else 0 for r in repeats]
    networks = [sources[SourceKey(arm.sources, variant.start, r)] for r in source_repeats]
    source = [np.array(layer) for layer in zip(*networks, strict=True)]
    if not variant.top.n_reinitialised:
        return source
    reinitialised = stacked_initial_weights(
        variant.network(spec.network), spec.train_seed, tuple(repeats), Stream.REINITIALISED
    )
    n_arrays = 2 * variant.top.n_reinitialised
    return source[: len(reinitialised) - n_arrays] + reinitialised[-n_arrays:]


def _anchor(arm: Arm, start: Weights) -> Weights:
    """Return the anchor of an arm: the weights of the source network, and 0 for other layers.

    Returns:
        Kernels (R, fan_in, fan_out), biases (R, fan_out), ... of R repeats.
    """
    n_loaded = len(start) - 2 * arm.variant.top.n_reinitialised
    return [*start[:n_loaded], *map(np.zeros_like, start[n_loaded:])]


def _joined(weights_of_arms: Sequence[Weights]) -> Weights:
    """Join the weights of A arms, each (R, ...), to (A * R, ...)."""
    return [np.concatenate(layer) for layer in zip(*weights_of_arms, strict=True)]


def _train(engine: Engine, job: Job, on_epochs: OnEpochs) -> Trained:
    """Train a job and check that frozen layers are bit-identical to their initial weights."""
    trained = engine.train(job, on_epochs)
    for layer in range(len(job.network.shapes)):
        frozen = job.n_frozen > layer
        for i in (2 * layer, 2 * layer + 1):
            before, after = job.weights[i][frozen], trained.weights[i][frozen]
            if before.tobytes() != after.tobytes():
                raise AssertionError(f"the engine moved weights of frozen layer {layer + 1}")
    return trained


@cache
def engine_of(name: EngineName, n_threads: int | None = None) -> Engine:
    """Return the engine of a name, loaded once per process; see `load_engine`."""
    return load_engine(name, n_threads=n_threads)
