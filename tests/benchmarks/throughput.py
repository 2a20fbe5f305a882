"""Fits per second of every way to train many networks, on the same work: a table for each shape.

    python tests/benchmarks/throughput.py              # about six minutes
    python tests/benchmarks/throughput.py --rounds 1   # two

Each entry has a process of its own; rounds go over the entries in turn, so that other work on the
machine affects all alike, and the best round counts. Other work hardly changes CPU seconds. The
last column is the share of the arithmetic limit, which is measured in the same rounds (`peak.py`).
"""

import argparse
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import pairwise
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
import peak
from common import DEFAULT, MAX_KERAS_ROUNDS, N_THREADS, figure, make_job, print_table

from blobtransfer.network import Weights

ENTRIES = {
    "blobtransfer, compiled engine": "ours.train_compiled",
    "blobtransfer, compiled engine, Adam": "ours.train_adam",
    "numba, networks in SIMD lanes": "numba_lanes.train",
    "JAX `vmap` + `scan` + `jit`": "jax_vmap.train",
    "PyTorch batched matmul": "torch_bmm.train",
    "NumPy stacked matmul": "numpy_matmul.train",
    "blobtransfer, Keras engine: one model for all fits": "ours.train_keras",
    "Keras `fit`, as published: a new model each": "keras_fit.train",
}
KERAS = {"ours.train_keras", "keras_fit.train"}
"""Entries so slow that only two fits are timed, as the rate of any number of fits."""

PEERS = {"jax", "numba", "torch"}
"""Libraries of the optional extra `bench`; without one its entry is `missing`."""

FEW_EPOCHS = 20
"""Epochs that are timed instead of 100 if there are many runs, except of the fastest entries."""

MANY_RUNS = 1_000
CASES = ((DEFAULT, 10_000), ((64, 64, 64, 10), 128))
"""Layer sizes, and the number of networks that are trained."""

MAX_DIFFERENCE = 1e-4
"""Maximum difference of weights between entries, relative to the largest weight."""


class Measured(NamedTuple):
    """Rates of one round."""

    fits_per_s: float
    fits_per_cpu_s: float


@dataclass
class Entry:
    """A way to train, in a process of its own; `is_missing` once its library was not found."""

    name: str
    path: str
    process: ProcessPoolExecutor = field(
        default_factory=lambda: ProcessPoolExecutor(1, get_context("spawn"))
    )
    is_missing: bool = False

    def timed(self, n_runs: int) -> tuple[int, int]:
        """Return the runs and epochs that are timed to find the rate at n_runs."""
        if self.path in KERAS:
            return 2, 100
        is_fast = self.path in ("ours.train_compiled", "ours.train_adam", "numba_lanes.train")
        return n_runs, 100 if is_fast or n_runs < MANY_RUNS else FEW_EPOCHS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    n_rounds = parser.parse_args().rounds
    entries = [Entry(name, path) for name, path in ENTRIES.items()]
    check(entries)
    for sizes, n_runs in CASES:
        show(sizes, n_runs, entries, n_rounds)


def check(entries: list[Entry]) -> None:
    """See that all entries learn the same weights.

    One batch holds all rows, so that the order in which an entry draws them does not matter.
    """
    reference: Weights | None = None
    worst = 0.0
    for entry in entries:
        if entry.path == "ours.train_adam":  # learns other weights
            continue
        try:
            weights = entry.process.submit(train_all_rows, entry.path).result()
        except ModuleNotFoundError as error:
            if error.name not in PEERS:
                raise
            entry.is_missing = True
            continue
        reference = reference or weights
        for ours, theirs in zip(reference, weights, strict=True):
            # Relative to the largest, as single weights may pass through zero.
            worst = max(worst, float(np.abs(ours - theirs).max() / np.abs(ours).max()))
    assert worst < MAX_DIFFERENCE, f"weights differ by {worst:.1e} of the largest"
    print(
        f"Check: after 20 steps the weights of 5 networks differ by at most {worst:.0e} of the"
        " largest weight.\n"
    )


def show(sizes: tuple[int, ...], n_runs: int, entries: list[Entry], n_rounds: int) -> None:
    """Time all entries on one shape and print its table."""
    rounds: dict[str, list[Measured]] = defaultdict(list)
    limit = 0.0
    for i in range(n_rounds):
        limit = max(limit, peak.peak_flops())
        for entry in entries:
            if not entry.is_missing and (i < MAX_KERAS_ROUNDS or entry.path not in KERAS):
                call = entry.process.submit(measure, entry.path, sizes, *entry.timed(n_runs))
                rounds[entry.path].append(call.result())
    best = {
        path: Measured(*map(max, zip(*measured, strict=True))) for path, measured in rounds.items()
    }
    fastest = best["ours.train_compiled"].fits_per_cpu_s
    rows = []
    for entry in entries:
        if entry.is_missing:
            rows.append([entry.name, "missing", "", "", ""])
            continue
        fits_per_s, fits_per_cpu_s = best[entry.path]
        share = 100 * fits_per_cpu_s * flops(sizes) / limit
        cells = map(figure, (fits_per_s, fits_per_cpu_s, fastest / fits_per_cpu_s, share))
        rows.append([entry.name, *cells])
    shape = "-".join(map(str, sizes))
    print(f"{n_runs:,} networks {shape}, {N_THREADS} cores; limit {limit / 1e9:.0f} GFLOP/CPU s\n")
    head = ["", "fits/s", "fits per CPU second", "times slower", "% of the limit"]
    print_table(head, rows)
    print()


def flops(sizes: tuple[int, ...], n_frozen: int = 0) -> float:
    """Count the multiplications and additions in the matrix products of 100 epochs of 500 rows."""
    kernels = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    # Forward, gradients, and deltas, which are not sent below the first trainable layer.
    n_products = sum(kernels) + sum(kernels[n_frozen:]) + sum(kernels[n_frozen + 1 :])
    return 100 * 500 * 2.0 * n_products


def train_all_rows(path: str) -> Weights:
    """Train 20 epochs of one batch each; in the process of the entry."""
    return function(path)(make_job(DEFAULT, 5, epochs=20, batch_size=500))


def measure(path: str, sizes: tuple[int, ...], n_runs: int, epochs: int) -> Measured:
    """Time one round after a call that compiles; in the process of the entry."""
    train, job = function(path), make_job(sizes, n_runs, epochs)
    train(replace(job, training=replace(job.training, epochs=1), evaluated_epochs=()))
    cpu_start, start = time.process_time(), time.perf_counter()
    train(job)
    seconds, cpu_s = time.perf_counter() - start, time.process_time() - cpu_start
    fits = n_runs * epochs / 100
    return Measured(fits / seconds, fits / cpu_s)


def function(path: str):
    # numba looks for the package `coverage`, and would find the script of that name here.
    sys.modules.setdefault("coverage", None)
    module, name = path.split(".")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    main()
