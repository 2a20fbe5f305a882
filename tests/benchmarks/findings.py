"""What the statistics cost; prints the table of docs/benchmarks.md.

.venv/bin/python tests/benchmarks/findings.py
"""

import time

import numpy as np

from blobtransfer.analysis.cells import analyse
from blobtransfer.results.results import CellResults, DataRecord
from blobtransfer.results.scores import Scores
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.training import METRICS
from blobtransfer.specs.variant import STANDALONE, parse_variant, transfer_variants

COUNTS = (30, 300, 999, 1_000, 100_000)
"""Numbers of repeats."""

FURTHER = ("new-head,fixed=1", "reinit=2", "add=8,fixed=2")
TARGET = DataRecord("target", "problem 2", n_train=500, n_test=500, ceiling=0.84, floor=0.34)


def main() -> None:
    """Time the statistics of 7 variants and both questions for several numbers of repeats."""
    variants = (STANDALONE, *transfer_variants(None, 2), *map(parse_variant, FURTHER))
    print("| repeats | seconds |")
    print("| ---: | ---: |")
    for n_repeats in COUNTS:
        data = {"source": BlobsSpec(1), "target": BlobsSpec(2)}
        spec = ExperimentSpec(variants=variants, n_repeats=n_repeats, **data)
        rng = np.random.default_rng(0)
        shape = (len(spec.arms), n_repeats)
        accuracies = rng.normal(0.8, 0.03, shape[::-1]).clip(0, 1).T
        scores = Scores(
            spec.arms,
            np.arange(n_repeats),
            values=np.stack([accuracies] * len(METRICS)),
            classes_predicted=np.full(shape, 3),
            is_failed=np.zeros(shape, bool),
        )
        seconds = []
        for _ in range(3):
            start = time.perf_counter()
            analyse(CellResults(spec, (TARGET,), None, scores), len(spec.variants) - 1)
            seconds.append(time.perf_counter() - start)
        print(f"| {n_repeats:,} | {min(seconds):.2f} |", flush=True)


if __name__ == "__main__":
    main()
