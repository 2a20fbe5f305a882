"""Tune the learning rate of each run on validation rows, never on test rows.

Each run is trained with every rate on four fifths of its training rows. The rate with the highest
judged accuracy on the remaining fifth is then used to train on all training rows. The choice in a
repeat does not depend on other repeats.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_datasets
from blobtransfer.data.dataset import Dataset, with_validation_rows
from blobtransfer.engines import Engine, OnEpochs, Trained
from blobtransfer.running.trainer import SourceWeights, train_arms
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.training import TEST_LOSS


def train_tuned(
    spec: ExperimentSpec,
    repeats: Sequence[int],
    sources: SourceWeights,
    engine: Engine,
    on_epochs: OnEpochs,
    with_curves: bool,
) -> tuple[dict[Arm, Trained], NDArray[np.float64]]:
    """Train every arm in some repeats, each run with its own learning rate.

    Args:
        spec: The experiment.
        repeats: R indices of repeats.
        sources: Source networks that the arms start from.
        engine: Engine that trains.
        on_epochs: Called as epochs are done.
        with_curves: Evaluate after every epoch, and before the first.

    Returns:
        The results of `train_arms`, and the learning rates, (A, R).
    """
    datasets = load_datasets(spec.data, repeats, spec.train_seed)
    split = with_validation_rows(datasets, repeats, spec.train_seed)
    rates = _chosen_rates(spec, repeats, split, sources, engine, on_epochs)
    if spec.training.patience is not None:
        datasets = split
    trained = {}
    for a, arm in enumerate(spec.arms):
        groups, indices = [], []
        for rate in np.unique(rates[a]):
            runs = np.flatnonzero(rates[a] == rate)
            trained_with_rate = train_arms(
                _with_rate(spec, float(rate)),
                [repeats[int(r)] for r in runs],
                sources,
                engine,
                on_epochs,
                with_curves,
                arms=[arm],
                datasets=datasets if len(datasets) == 1 else tuple(datasets[r] for r in runs),
            )
            groups.append(trained_with_rate[arm])
            indices.append(runs)
        trained[arm] = Trained.join(groups).at(np.argsort(np.concatenate(indices)))
    return trained, rates


def _chosen_rates(
    spec: ExperimentSpec,
    repeats: Sequence[int],
    datasets: Sequence[Dataset],
    sources: SourceWeights,
    engine: Engine,
    on_epochs: OnEpochs,
) -> NDArray[np.float64]:
    """Return the rate of each run, (A, R): by validation accuracy, then by validation loss."""
    tested_on_validation_rows = []
    for dataset in datasets:
        assert dataset.validation is not None
        x, y = dataset.validation
        tested_on_validation_rows.append(replace(dataset, x_test=x, y_test=y))
    scores = np.empty((len(spec.tune), 2, len(spec.arms), len(repeats)))
    for k, rate in enumerate(spec.tune):
        trained = train_arms(
            _with_rate(spec, rate),
            repeats,
            sources,
            engine,
            on_epochs,
            with_curves=False,
            datasets=tuple(tested_on_validation_rows),
        )
        for a, arm in enumerate(spec.arms):
            scores[k, :, a] = trained[arm].scores[[spec.judged, TEST_LOSS]]
    # A run that diverged is worse than all others.
    accuracy = np.where(np.isfinite(scores[:, 1]), scores[:, 0], -1.0)
    loss = np.where(np.isfinite(scores[:, 1]), scores[:, 1], np.inf)
    best = np.where(accuracy == accuracy.max(axis=0), loss, np.inf)
    return np.asarray(np.array(spec.tune)[best.argmin(axis=0)])


def _with_rate(spec: ExperimentSpec, rate: float) -> ExperimentSpec:
    return replace(spec, training=replace(spec.training, learning_rate=rate))
