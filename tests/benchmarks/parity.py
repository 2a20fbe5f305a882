"""Differences between the two engines; prints the tables of docs/parity.md.

.venv/bin/python tests/benchmarks/parity.py [NETWORKS]
"""

import sys
from dataclasses import replace

import numpy as np
from common import ignore, job_of
from helpers.specs import PARITY_CASES
from numpy.typing import NDArray

from blobtransfer.data.dataset import with_validation_rows
from blobtransfer.engines import Anchor, Job, load_engine
from blobtransfer.network import Weights, stacked_initial_weights
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TEST_ACCURACY, TrainingSpec

ADAM = TrainingSpec(learning_rate=0.001, optimizer="adam")

ANCHORED = [
    (MLPSpec(), TrainingSpec(3), 0, 0.1),
    (MLPSpec(), TrainingSpec(3, momentum=0.9), 1, 1.0),
    (MLPSpec(), replace(ADAM, epochs=3), 0, 0.1),
]
"""Network, training, frozen layers, and the strength of a pull towards other weights."""

LONG = [
    *((seed, n_frozen, TrainingSpec()) for seed in (1, 2) for n_frozen in (0, 1, 2)),
    *((seed, 0, ADAM) for seed in (1, 2)),
]
"""Problem, frozen layers and whole training."""

STOPPING = [
    *((seed, n_frozen, TrainingSpec(patience=5)) for seed in (1, 2) for n_frozen in (0, 2)),
    (2, 0, TrainingSpec(learning_rate=0.1, patience=5)),
    (2, 0, TrainingSpec(learning_rate=0.1, weight_decay=0.001, patience=5)),
    (2, 0, replace(ADAM, learning_rate=0.01, patience=5)),
]
"""Problem, frozen layers and training with early stopping."""

N_SHORT = 20
"""Networks per row of the first table, which are trained for 3 epochs."""

ENGINES = [load_engine(name) for name in ("compiled", "keras")]


def main(n_long: int) -> None:
    """Print the tables; each row of all but the first trains `n_long` networks per engine."""
    head = f"{N_SHORT} networks per row"
    print(f"| {head} | activation | batch | steps | frozen | median difference | largest |")
    print("| --- | --- | ---: | --- | ---: | ---: | ---: |")
    cases = [*((*case, None) for case in PARITY_CASES), *ANCHORED]
    for network, training, n_frozen, strength in cases:
        # 200 rows, as in the test.
        dataset = BlobsSpec(
            3,
            n_samples=300,
            n_classes=network.n_classes,
            n_features=network.n_features,
            n_train=200,
        )
        job = job_of_case(dataset, network, training, N_SHORT, n_frozen, strength)
        ours, theirs = (engine.train(job, ignore) for engine in ENGINES)
        differences = differences_of(ours.weights, theirs.weights)
        print(
            f"| {network} | {network.activation_text} | {training.batch_size} "
            f"| {steps_of(training, strength)} | {n_frozen} "
            f"| {np.median(differences):.1e} | {differences.max():.1e} |",
            flush=True,
        )

    head = f"after 100 epochs, {n_long} networks per row"
    print(f"\n| {head} | same | within 1 row | within 2 | most | most if moved |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for seed, n_frozen, training in LONG:
        job = job_of_case(BlobsSpec(seed), MLPSpec(), training, n_long, n_frozen)
        ours, theirs = (engine.train(job, ignore) for engine in ENGINES)
        # The same engine again, with weights that differ by one unit in the last place.
        weights = [np.nextafter(layer, np.float32(np.inf)) for layer in job.weights]
        moved = ENGINES[0].train(replace(job, weights=weights), ignore)
        rows, rows_if_moved = (
            np.rint(np.abs(ours.scores - other.scores)[TEST_ACCURACY] * 500)
            for other in (theirs, moved)
        )
        shares = [f"{np.mean(rows <= n):.1%}" for n in (0, 1, 2)]
        print(
            f"| {training.optimizer}, problem {seed}, {n_frozen} frozen | {' | '.join(shares)} "
            f"| {rows.max():.0f} of 500 | {rows_if_moved.max():.0f} of 500 |",
            flush=True,
        )

    head = f"early stopping, at most 100 epochs, {n_long} networks per row"
    print(f"\n| {head} | epochs | same epoch | median difference | 99 % quantile | most rows |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for seed, n_frozen, training in STOPPING:
        job = stopping_job_of_case(BlobsSpec(seed), training, n_long, n_frozen)
        ours, theirs = (engine.train(job, ignore) for engine in ENGINES)
        differences = differences_of(ours.weights, theirs.weights)
        rows = np.rint(np.abs(ours.scores - theirs.scores)[TEST_ACCURACY] * 500)
        print(
            f"| {steps_of(training, None)}, problem {seed}, {n_frozen} frozen "
            f"| {theirs.epochs.mean():.1f} | {np.mean(ours.epochs == theirs.epochs):.1%} "
            f"| {np.median(differences):.1e} | {np.quantile(differences, 0.99):.1e} "
            f"| {rows.max():.0f} of 500 |",
            flush=True,
        )


def differences_of(ours: Weights, theirs: Weights) -> NDArray[np.float64]:
    """Return the largest difference in each network, relative to the largest weight of a layer."""
    return np.max(
        [
            np.abs(a - b).reshape(len(b), -1).max(axis=1) / np.abs(b).max()
            for a, b in zip(ours, theirs, strict=True)
            if np.abs(b).max() > 0
        ],
        axis=0,
    )


def stopping_job_of_case(
    dataset: DataSpec, training: TrainingSpec, n_runs: int, n_frozen: int
) -> Job:
    """Return trainings of the default network, with validation rows of their own."""
    plain = job_of_case(dataset, MLPSpec(), replace(training, patience=None), n_runs, n_frozen)
    datasets = with_validation_rows(plain.datasets, range(n_runs), 0)
    return replace(plain, training=training, datasets=datasets)


def steps_of(training: TrainingSpec, strength: float | None) -> str:
    """Return in words what moves the weights."""
    words = [f"{training.optimizer} {training.learning_rate:g}"]
    if training.momentum:
        words.append(f"{'nesterov' if training.nesterov else 'momentum'} {training.momentum:g}")
    if training.weight_decay:
        words.append(f"decay {training.weight_decay:g}")
    if strength is not None:
        words.append(f"anchor {strength:g}")
    return ", ".join(words)


def job_of_case(
    dataset: DataSpec,
    network: MLPSpec,
    training: TrainingSpec,
    n_runs: int,
    n_frozen: int,
    strength: float | None = None,
) -> Job:
    """Return the trainings of a case; with `strength`, pulled towards other weights."""
    keys = order_keys(0, Stream.TARGET_ORDER, range(n_runs))
    job = job_of(dataset, network, training, keys, n_frozen)
    if strength is not None:
        towards = stacked_initial_weights(network, 1, tuple(range(n_runs)))
        job = replace(job, anchor=Anchor(strength, towards))
    return job


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600)
