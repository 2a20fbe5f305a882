"""PyTorch: batched matmul over the runs, backward pass by hand, no autograd.

Samples are the last axis, so that every elementwise loop is long. Chunks of runs stay in
the cache; each thread trains a chunk of its own, which beats splitting every small
operation over the cores.
"""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from common import N_THREADS, chunks, draw_orders, layers, weights_of, with_ones

from blobtransfer.engines import Job
from blobtransfer.network import Weights

CACHE_FLOATS = 1_300_000  # of one chunk; measured


def train(job: Job) -> Weights:
    """Train every run of a job."""
    torch.set_num_threads(1)  # inside a worker
    stacked = [torch.from_numpy(w) for w in layers(job.weights)]

    def train_part(part: slice) -> list[torch.Tensor]:
        weights = [w[part].clone() for w in stacked]
        train_chunk(job, weights, np.random.default_rng(part.start))
        return weights

    with ThreadPoolExecutor(N_THREADS) as pool:
        done = list(pool.map(train_part, chunks(job, CACHE_FLOATS)))
    return weights_of(torch.cat(w).numpy() for w in zip(*done, strict=True))


@torch.inference_mode()
def train_chunk(job: Job, weights: list[torch.Tensor], rng: np.random.Generator) -> None:
    """Train the runs of a chunk; `weights` (R, fan_out, fan_in + 1) are updated in place."""
    n_runs, n_rows, batch_size = (
        len(weights[0]),
        len(job.datasets[0].y_train),
        job.training.batch_size,
    )
    x_rows = torch.from_numpy(np.ascontiguousarray(with_ones(job.datasets[0].x_train).T))
    one_hot = torch.eye(job.network.n_classes)[torch.from_numpy(job.datasets[0].y_train)]
    buffers = [torch.ones(n_runs, w.shape[1] + 1, batch_size) for w in weights]
    for _ in range(job.training.epochs):
        rows = torch.from_numpy(draw_orders(rng, n_runs, n_rows))
        for start in range(0, n_rows, batch_size):
            batch = rows[:, start : start + batch_size]
            n, flat = batch.shape[1], batch.reshape(-1)
            # Forward: activations (R, units + 1, B), the last row stays one.
            x_batch = x_rows.index_select(1, flat).view(-1, n_runs, n).transpose(0, 1)
            acts = [x_batch, *(a[:, :, :n] for a in buffers)]
            for w, a, above in zip(weights, acts, acts[1:], strict=False):
                z = torch.bmm(w, a)
                if w is not weights[-1]:
                    torch.clamp_min(z, 0, out=above[:, :-1])
            # Backward: d is lr / B times the gradient at the logits.
            d = torch.softmax(z, dim=1)
            d -= one_hot.index_select(0, flat).view(n_runs, n, -1).mT
            d *= job.training.learning_rate / n
            for w, a in zip(reversed(weights), reversed(acts[:-1]), strict=True):
                below = torch.bmm(w[:, :, :-1].mT, d) if w is not weights[0] else None
                w.baddbmm_(d, a.mT, alpha=-1)
                if below is not None:
                    d = torch.ops.aten.threshold_backward(below, a[:, :-1], 0)
