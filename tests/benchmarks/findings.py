"""What the statistics cost; prints the table of docs/benchmarks.md.

.venv/bin/python tests/benchmarks/findings.py
"""

import time

import numpy as np

from blobtransfer.experiment.analyse import analyse
from blobtransfer.results.results import Run, Runs
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec
from blobtransfer.specs.variant import STANDALONE, parse_variant, transfer_variants

FURTHER = ("new-head,fixed=1", "reinit=2", "add=8,fixed=2")


def main() -> None:
    """Time the statistics of 7 variants and both questions for several numbers of repeats."""
    variants = (STANDALONE, *transfer_variants(None, 2), *map(parse_variant, FURTHER))
    print("| repeats | seconds |")
    print("| ---: | ---: |")
    for n_repeats in (30, 300, 999, 1_000, 100_000):
        spec = ExperimentSpec(MLPSpec(), TrainingSpec(), variants=variants, n_repeats=n_repeats)
        rng = np.random.default_rng(0)
        scores = rng.normal(0.8, 0.03, (n_repeats, len(spec.arms))).clip(0, 1)
        runs = Runs(
            Run(**arm.label_fields, repeat=r, test_accuracy=a, train_accuracy=a, test_loss=a,
                train_loss=a, classes_predicted=3, status="ok")
            for r in range(n_repeats)
            for arm, a in zip(spec.arms, scores[r], strict=True)
        )  # fmt: skip
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            analyse(spec, runs, 0.84)
            seconds.append(time.perf_counter() - start)
        print(f"| {n_repeats:,} | {min(seconds):.2f} |", flush=True)


if __name__ == "__main__":
    main()
