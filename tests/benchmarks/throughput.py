"""Fits a second of every way to train many networks, on the same work: a table for each shape.

    python tests/benchmarks/throughput.py              # about six minutes
    python tests/benchmarks/throughput.py --rounds 1   # two

Every entry has a process of its own; rounds go over the entries in turn, so that other work
on the machine hits all alike, and the best round counts. Time of the processor is told
too: it hardly depends on what else runs. The last column is how much of the arithmetic limit,
which is measured in the same rounds (`peak.py`), a second of the processor used.
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

import numpy as np
import peak
from common import DEFAULT, N_THREADS, accuracy, figure, make_job, print_table

from blobtransfer.network import Weights

ENTRIES = {
    "blobtransfer, compiled engine": "ours.train_compiled",
    "blobtransfer, compiled engine, Adam": "ours.train_adam",
    "numba, networks in SIMD lanes": "numba_lanes.train",
    "JAX `vmap` + `scan` + `jit`": "jax_vmap.train",
    "PyTorch batched matmul": "torch_bmm.train",
    "NumPy stacked matmul": "numpy_matmul.train",
    "blobtransfer, Keras engine: one model for all fits": "ours.train_keras",
    "Keras `fit`, the published way: a new model each": "keras_fit.train",
}
KERAS = {"ours.train_keras", "keras_fit.train"}
"""So slow that two fits are timed, in two rounds, and taken as the rate of any number."""

PEERS = {"jax", "numba", "torch"}
"""Libraries of the optional extra `bench`; without one its entry is `missing`."""

FEW_EPOCHS = 20
"""Timed at many runs, in place of 100, except of the fastest."""

MANY_RUNS = 10_000
CASES = ((DEFAULT, (1_000, MANY_RUNS)), ((64, 32, 32, 5), (128,)), ((64, 64, 64, 10), (128,)))
LIMIT = 1e-4


@dataclass(frozen=True)
class Measured:
    """One round: its rate, also for a second of one processor; and the call before it."""

    fits_per_s: float
    fits_per_cpu_s: float
    accuracy: float
    first_s: float


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
        """Give the runs and epochs that are timed to find the rate at n_runs."""
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
    for sizes, counts in CASES:
        show(sizes, counts, entries, n_rounds)


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
    assert worst < LIMIT, f"weights differ by {worst:.1e} of the largest"
    print(f"Check: 20 steps of 5 networks differ by {worst:.0e} of the largest weight at most.\n")


def show(sizes: tuple[int, ...], counts: list[int], entries: list[Entry], n_rounds: int) -> None:
    """Time all entries on one shape and print its table."""
    rounds: dict[tuple[str, int, int], list[Measured]] = defaultdict(list)
    limit = 0.0
    for n_runs in counts:
        for _ in range(n_rounds):
            limit = max(limit, peak.peak_flops())
            for entry in entries:
                timed = entry.timed(n_runs)
                done = rounds[entry.path, *timed]
                if not entry.is_missing and len(done) < (2 if entry.path in KERAS else n_rounds):
                    done.append(entry.process.submit(measure, entry.path, sizes, *timed).result())
    best = {key: max(done, key=lambda one: one.fits_per_s) for key, done in rounds.items() if done}
    rows = []
    for entry in entries:
        row = [entry.name]
        for n_runs in counts:
            if entry.is_missing:
                row += ["missing", "", ""]
                continue
            n_timed, epochs = entry.timed(n_runs)
            one, ours = best[entry.path, n_timed, epochs], best["ours.train_compiled", n_runs, 100]
            row += [
                figure(one.fits_per_s) + ("" if epochs == 100 else f" ({epochs} epochs)"),
                figure(ours.fits_per_s / one.fits_per_s),
                figure(one.fits_per_cpu_s),
            ]
        if not entry.is_missing:
            first = rounds[entry.path, *entry.timed(counts[0])][0]
            share = best[entry.path, *entry.timed(counts[0])].fits_per_cpu_s * flops(sizes) / limit
            row += [f"{first.first_s:.1f}", f"{100 * first.accuracy:.1f} %", f"{share:.2%}"]
        rows.append(row + [""] * (3 * len(counts) + 4 - len(row)))
    head = [
        cell
        for n in counts
        for cell in (f"fits/s, {n:,} runs", "times slower", "fits a CPU second")
    ]
    shape = "-".join(map(str, sizes))
    print(f"Network {shape}, {N_THREADS} cores; limit {limit / 1e9:.0f} GFLOP a CPU second\n")
    print_table(["", *head, "first call, s", "test accuracy", "of the limit"], rows)
    print()


def flops(sizes: tuple[int, ...]) -> float:
    """Count the multiplications and additions in the matrix products of 100 epochs of 500 rows."""
    kernels = [fan_in * fan_out for fan_in, fan_out in pairwise(sizes)]
    # Forward, back and the gradients; deltas are not sent below the first layer.
    return 100 * 500 * 2.0 * (3 * sum(kernels) - kernels[0])


def train_all_rows(path: str) -> Weights:
    """Train 20 epochs of one batch each; in the process of the entry."""
    return function(path)(make_job(DEFAULT, 5, epochs=20, batch_size=500))


def measure(path: str, sizes: tuple[int, ...], n_runs: int, epochs: int) -> Measured:
    """Time one round after a call that compiles; in the process of the entry."""
    train, job = function(path), make_job(sizes, n_runs, epochs)
    start = time.perf_counter()
    train(replace(job, training=replace(job.training, epochs=1)))
    first_s, cpu, start = time.perf_counter() - start, time.process_time(), time.perf_counter()
    weights = train(job)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    fits = n_runs * epochs / 100
    return Measured(fits / seconds, fits / cpu, accuracy(job, weights), first_s)


def function(path: str):
    # numba looks for the package `coverage`, and would find the script of that name here.
    sys.modules.setdefault("coverage", None)
    module, name = path.split(".")
    return getattr(import_module(module), name)


if __name__ == "__main__":
    main()
