"""How far the two engines are apart, measured; prints the tables of docs/parity.md.

.venv/bin/python tests/benchmarks/parity.py [RUNS]
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from test_engines import job_of, no_announce, no_tick
from test_parity import CASES

from blobtransfer.engines import load_engine
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.tasks.blobs import make_task


def main(n_runs: int) -> None:
    """Print both tables; the second trains `n_runs` networks with each engine."""
    engines = load_engine("compiled"), load_engine("keras")
    print("| network | activation | batch | momentum | frozen | largest difference |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for network, training, n_frozen in CASES:
        spec = TaskSpec(
            3, 300, network.n_classes, network.n_features, n_train=200
        )  # 200 rows, as in the test
        job = job_of(make_task(spec), network, training, 2, n_frozen)
        ours, theirs = (engine.train(job, no_tick, no_announce) for engine in engines)
        apart = max(
            float(np.abs(a - b).max() / np.abs(b).max())
            for a, b in zip(ours.weights, theirs.weights, strict=True)
            if np.abs(b).max() > 0
        )
        print(
            f"| {network} | {network.activation} | {training.batch_size} | {training.momentum} "
            f"| {n_frozen} | {apart:.1e} |"
        )

    print(f"\n| after 100 epochs, {n_runs} runs a row | same | within 1 row | within 2 | most |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for seed in (1, 2):
        task = make_task(TaskSpec(seed))
        for n_frozen in (0, 1, 2):
            job = job_of(task, MLPSpec(), TrainingSpec(), n_runs, n_frozen)
            ours, theirs = (engine.train(job, no_tick, no_announce) for engine in engines)
            rows = np.abs(ours.scores.test_accuracy - theirs.scores.test_accuracy) * 500
            shares = [f"{np.mean(np.rint(rows) <= n):.1%}" for n in (0, 1, 2)]
            print(
                f"| problem {seed}, {n_frozen} frozen | {' | '.join(shares)} "
                f"| {round(rows.max())} of 500 |"
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
