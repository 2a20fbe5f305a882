"""NumPy: stacked `np.matmul` over the runs, backward pass by hand, one thread per core.

Samples are the last axis, so softmax reduces over a strided axis and every loop runs over
whole batches. Chunks of runs are sized for the cache and go to a thread pool: NumPy lets
other threads run inside its loops.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import reduce

import numpy as np
from common import N_THREADS, chunks, draw_orders, layers, weights_of, with_ones
from threadpoolctl import threadpool_limits

from blobtransfer.engines import Job
from blobtransfer.network import Weights

CACHE_FLOATS = 1_300_000  # of one chunk; measured


def train(job: Job) -> Weights:
    """Train every run of a job."""
    stacked = layers(job.weights)

    def train_part(part: slice) -> list[np.ndarray]:
        weights = [w[part].copy() for w in stacked]
        train_chunk(job, weights, np.random.default_rng(part.start))
        return weights

    with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(N_THREADS) as pool:
        done = list(pool.map(train_part, chunks(job, CACHE_FLOATS)))
    return weights_of(np.concatenate(w) for w in zip(*done, strict=True))


def train_chunk(job: Job, weights: list[np.ndarray], rng: np.random.Generator) -> None:
    """Train the runs of a chunk; `weights` (R, fan_out, fan_in + 1) are updated in place."""
    n_runs, n_rows, batch_size = (
        len(weights[0]),
        len(job.datasets[0].y_train),
        job.training.batch_size,
    )
    x = with_ones(job.datasets[0].x_train)
    one_hot = np.eye(job.network.n_classes, dtype=np.float32)[job.datasets[0].y_train]
    buffers = [np.ones((n_runs, w.shape[1] + 1, batch_size), np.float32) for w in weights]
    for _ in range(job.training.epochs):
        rows = draw_orders(rng, n_runs, n_rows)
        for start in range(0, n_rows, batch_size):
            batch = rows[:, start : start + batch_size]
            n = batch.shape[1]
            # Forward: activations (R, units + 1, B), the last row stays one.
            acts = [x.take(batch, axis=0).swapaxes(1, 2), *(b[:, :, :n] for b in buffers)]
            for w, a, above in zip(weights, acts, acts[1:], strict=False):
                z = np.matmul(w, a, out=above[:, :-1])
                if w is not weights[-1]:
                    np.maximum(z, 0, out=z)
            # Backward: d is lr / B times the gradient at the logits.
            d = z
            d -= reduce(np.maximum, d.swapaxes(0, 1))[:, None]  # max and sum over the few
            np.exp(d, out=d)  # classes: whole-array steps beat a reduction along a short axis
            d /= reduce(np.add, d.swapaxes(0, 1))[:, None]
            d -= one_hot.take(batch, axis=0).swapaxes(1, 2)
            d *= np.float32(job.training.learning_rate / n)
            for w, a in zip(reversed(weights), reversed(acts[:-1]), strict=True):
                step = d @ a.swapaxes(1, 2)
                if w is not weights[0]:
                    d = w[:, :, :-1].swapaxes(1, 2) @ d
                    d *= a[:, :-1] > 0
                w -= step
