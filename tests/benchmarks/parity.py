"""Differences between the two engines; prints the tables of docs/parity.md.

.venv/bin/python tests/benchmarks/parity.py [NETWORKS]
"""

import sys
from dataclasses import replace

import numpy as np
from common import ignore, job_of
from helpers.specs import PARITY_CASES

from blobtransfer.engines import Anchor, Job, load_engine
from blobtransfer.network import stacked_initial_weights
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

N_SHORT = 20
"""Networks per row of the first table, which are trained for 3 epochs."""

ENGINES = [load_engine(name) for name in ("compiled", "keras")]


def main(n_long: int) -> None:
    """Print both tables; each row of the second trains `n_long` networks with each engine."""
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
        differences = np.max(
            [
                np.abs(a - b).reshape(N_SHORT, -1).max(axis=1) / np.abs(b).max()
                for a, b in zip(ours.weights, theirs.weights, strict=True)
                if np.abs(b).max() > 0
            ],
            axis=0,
        )
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


def steps_of(training: TrainingSpec, strength: float | None) -> str:
    """Say in words what moves the weights."""
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
