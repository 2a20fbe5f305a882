"""Train a block: some repeats of every arm, as a pure function of plain data.

`run_block` can be pickled and run in any process. Its results are bit-identical in every process,
and for every division of the repeats into blocks.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from blobtransfer.engines import Engine, OnEpochs, Trained
from blobtransfer.results.results import BlockResult
from blobtransfer.results.scores import Scores
from blobtransfer.running.trainer import (
    SourceKey,
    SourceWeights,
    engine_of,
    ignore,
    train_arms,
    train_sources,
)
from blobtransfer.running.transferability import score_sources
from blobtransfer.running.tune import train_tuned
from blobtransfer.specs.experiment import Arm, ExperimentSpec
from blobtransfer.specs.training import earlier_epoch


def run_block(
    spec: ExperimentSpec,
    repeats: Sequence[int],
    sources: SourceWeights,
    engine: Engine | None = None,
    on_epochs: OnEpochs = ignore,
) -> BlockResult:
    """Train every arm in some repeats.

    Args:
        spec: The experiment.
        repeats: Indices of the repeats, ascending.
        sources: Source networks that are already trained; missing fresh ones are trained.
        engine: Engine that trains; None: the engine of the spec, cached by this process.
        on_epochs: Called as epochs are done.

    Raises:
        MachineError: A library of the engine is missing or cannot be used.
    """
    engine = engine or engine_of(spec.engine)
    missing = [key for key in fresh_sources(spec, repeats) if key not in sources]
    networks = {**sources, **train_sources(spec, missing, engine, on_epochs)}
    rates = None
    if spec.tune:
        trained, rates = train_tuned(spec, repeats, networks, engine, on_epochs, spec.speed)
    else:
        trained = train_arms(spec, repeats, networks, engine, on_epochs, spec.speed)
    return BlockResult(
        scores=scores_of(spec, repeats, trained, rates),
        curves={arm: results.curves[[spec.judged]] for arm, results in trained.items()}
        if spec.speed
        else {},
        transferability=score_sources(spec, repeats, networks) if spec.transferability else None,
    )


def fresh_sources(spec: ExperimentSpec, repeats: Sequence[int]) -> list[SourceKey]:
    """Return the keys of the fresh source networks that some repeats start from."""
    of_repeats = sorted({spec.source_repeat(repeat) for repeat in repeats})
    return [
        SourceKey("fresh", start, repeat)
        for start in spec.source_starts("fresh")
        for repeat in of_repeats
    ]


def scores_of(
    spec: ExperimentSpec,
    repeats: Sequence[int],
    trained: Mapping[Arm, Trained],
    learning_rates: NDArray[np.float64] | None = None,
) -> Scores:
    """Collect the scores of some repeats.

    Args:
        spec: The experiment.
        repeats: R indices of repeats.
        trained: Their trained networks by arm, A arms.
        learning_rates: (A, R) rate of each run; None if all runs have the rate of the spec.
    """
    return Scores(
        arms=tuple(trained),
        repeats=np.array(repeats, np.int64),
        values=np.stack([results.scores for results in trained.values()], axis=1),
        classes_predicted=np.stack([results.classes_predicted for results in trained.values()]),
        is_failed=np.stack([~_are_finite(results) for results in trained.values()]),
        earlier_accuracy=np.stack(
            [
                _earlier_accuracy(results.curves[spec.judged], spec.n_epochs(arm))
                for arm, results in trained.items()
            ]
        ),
        learning_rates=learning_rates,
        epochs=None
        if spec.training.patience is None
        else np.stack([results.epochs for results in trained.values()]),
    )


def _earlier_accuracy(accuracy: NDArray[np.float64], n_epochs: int) -> NDArray[np.float64]:
    """Return the test accuracy of each run after its `earlier_epoch`, (R,).

    Args:
        accuracy: (R, n) judged accuracy by evaluation.
        n_epochs: Epochs of the runs.
    """
    has_curves = accuracy.shape[1] == n_epochs + 1
    return np.asarray(accuracy[:, earlier_epoch(n_epochs) if has_curves else 0])


def _are_finite(trained: Trained) -> NDArray[np.bool_]:
    """Return whether the metrics and weights of each run are finite, (R,)."""
    are_finite = np.isfinite(trained.scores).all(axis=0)
    for stacked in trained.weights:
        are_finite &= np.isfinite(stacked).all(axis=tuple(range(1, stacked.ndim)))
    return np.asarray(are_finite)
