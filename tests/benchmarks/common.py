"""Shared by the benchmarks: the work as a `Job`, functions of the peers, and Markdown tables.

An entry is a function that trains every run of a job and returns the weights. Peers keep a
layer as one matrix (R, fan_out, fan_in + 1), the bias in the last column, so that a unit
that is always 1 makes it part of every product.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from blobtransfer.data import load_dataset
from blobtransfer.engines import Job
from blobtransfer.network import Weights, stacked_initial_weights
from blobtransfer.specs.data import DataSpec
from blobtransfer.specs.generated import BlobsSpec
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec

sys.path.append(str(Path(__file__).parents[1]))  # for helpers, which tests share

DEFAULT = (2, 5, 5, 3)
N_DRAWS = 1_000  # different initial weights; more runs use them again, with other batch orders
N_THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
MAX_KERAS_ROUNDS = 2


def make_job(
    sizes: Sequence[int], n_runs: int, epochs: int = 100, n_rows: int = 500, batch_size: int = 32
) -> Job:
    """Make n_runs trainings on problem 2: n_rows training rows and as many test rows."""
    network = MLPSpec(sizes[0], tuple(sizes[1:-1]), sizes[-1])
    dataset = BlobsSpec(
        2, n_samples=2 * n_rows, n_classes=sizes[-1], n_features=sizes[0], n_train=n_rows
    )
    order_keys = np.random.default_rng(1).integers(0, 2**64, n_runs, np.uint64)
    return job_of(dataset, network, TrainingSpec(epochs, batch_size), order_keys)


def job_of(
    dataset: DataSpec,
    network: MLPSpec,
    training: TrainingSpec,
    order_keys: NDArray[np.uint64],
    n_frozen: int = 0,
) -> Job:
    """Make a training for each order key, from the initial weights of repeats 0, 1, ..."""
    n_runs = len(order_keys)
    draws = stacked_initial_weights(network, 0, tuple(range(min(n_runs, N_DRAWS))))
    return Job(
        network=network,
        training=training,
        datasets=(load_dataset(dataset),),
        weights=[np.resize(layer, (n_runs, *layer.shape[1:])) for layer in draws],
        n_frozen=np.full(n_runs, n_frozen),
        order_keys=order_keys,
        evaluated_epochs=(training.epochs,),
    )


def run(command: Sequence[str], folder: str) -> None:
    """Run a command in a folder and wait for it."""
    subprocess.run(command, cwd=folder, capture_output=True, check=True)


def ignore(n_epochs: int) -> None:
    """Ignore the progress."""


def layers(weights: Weights) -> list[NDArray[np.float32]]:
    """Return each layer as one matrix (R, fan_out, fan_in + 1)."""
    return [
        np.ascontiguousarray(np.concatenate([kernel.swapaxes(1, 2), bias[:, :, None]], axis=2))
        for kernel, bias in zip(weights[::2], weights[1::2], strict=True)
    ]


def weights_of(matrices: Iterable[NDArray[np.float32]]) -> Weights:
    """Undo `layers`: kernel, bias, kernel, bias, ..."""
    return [part for w in matrices for part in (w[:, :, :-1].swapaxes(1, 2), w[:, :, -1])]


def with_ones(x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Append a column of ones, (N, F + 1)."""
    return np.concatenate([x, np.ones_like(x[:, :1])], axis=1)


def chunks(job: Job, cache_floats: int) -> list[slice]:
    """Cut the runs into chunks whose activations, deltas and weights fill a cache."""
    sizes = job.network.layer_sizes
    floats = 2 * job.training.batch_size * (sum(sizes) + len(sizes)) + job.network.n_parameters
    size = max(1, min(cache_floats // floats, -(-job.n_runs // N_THREADS)))
    return [slice(first, first + size) for first in range(0, job.n_runs, size)]


def draw_orders(rng: np.random.Generator, n_runs: int, n_rows: int) -> NDArray[np.int64]:
    """Draw one permutation per run, (R, N): sort random 64-bit keys that carry the row number."""
    bits = np.uint64(max(1, (n_rows - 1).bit_length()))
    keys = rng.integers(0, 2**64, (n_runs, n_rows), np.uint64) << bits
    keys |= np.arange(n_rows, dtype=np.uint64)
    keys.sort(axis=1)  # in SIMD, several times faster than `rng.permuted`
    keys &= (np.uint64(1) << bits) - np.uint64(1)
    return keys.view(np.int64)


def print_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table: the first column to the left, the others to the right."""
    lines = [[f"{cell}" for cell in row] for row in (head, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])])
    for line in lines:
        first, *rest = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
        print(f"| {' | '.join(cells)} |", flush=True)


def figure(value: float) -> str:
    """Write a number with three figures that count: 0.0123, 1.23, 123 or 1,230."""
    if value >= 100:
        scale = 10 ** (len(str(int(value))) - 3)
        return f"{round(value / scale) * scale:,}"
    return f"{value:.3g}" if value < 10 else f"{value:.1f}"
