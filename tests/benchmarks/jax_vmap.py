"""JAX: one network written plainly, `vmap` over the runs, `lax.scan` over the batches, `jit`.

One compiled program trains a chunk of runs for one epoch. Samples are the last axis: XLA's
CPU matmul is twice as fast on `weights @ activations` as on `activations @ kernel` here.
NumPy draws the batch orders, because XLA's CPU sort takes as long as the training. Chunks
stay in the cache, one thread per core.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from common import N_THREADS, chunks, draw_orders, layers, weights_of, with_ones

from blobtransfer.engines import Job
from blobtransfer.network import Weights

CACHE_FLOATS = 160_000  # of one chunk; measured


def train(job: Job) -> Weights:
    """Train every run of a job."""
    training, n_rows = job.training, len(job.datasets[0].y_train)
    parts, stacked = chunks(job, CACHE_FLOATS), layers(job.weights)
    size = parts[0].stop
    x = jnp.asarray(with_ones(job.datasets[0].x_train))
    one_hot = jax.nn.one_hot(job.datasets[0].y_train, job.network.n_classes)

    def train_chunk(part: slice) -> list[np.ndarray]:
        rng = np.random.default_rng(part.start)
        # The last chunk is filled up with copies: one shape, one compilation.
        runs = np.minimum(np.arange(part.start, part.stop), job.n_runs - 1)
        weights = [jnp.asarray(w[runs]) for w in stacked]
        for _ in range(training.epochs):
            rows = draw_orders(rng, size, n_rows).astype(np.int32)
            weights = train_epoch(
                weights, rows, x, one_hot, training.learning_rate, training.batch_size
            )
        return [np.asarray(w) for w in weights]

    with ThreadPoolExecutor(N_THREADS) as pool:
        done = list(pool.map(train_chunk, parts))
    return weights_of(np.concatenate(w)[: job.n_runs] for w in zip(*done, strict=True))


@partial(jax.jit, static_argnames="batch_size", donate_argnames="weights")
@partial(jax.vmap, in_axes=(0, 0, None, None, None, None))
def train_epoch(weights, rows, x, one_hot, learning_rate, batch_size):
    """Train one network on all rows in the order given."""

    def step(weights, batch):
        gradient = jax.grad(loss)(weights, x[batch], one_hot[batch])
        return [w - learning_rate * g for w, g in zip(weights, gradient, strict=True)], None

    n_full = len(rows) // batch_size * batch_size
    weights, _ = jax.lax.scan(step, weights, rows[:n_full].reshape(-1, batch_size))
    return step(weights, rows[n_full:])[0] if n_full < len(rows) else weights


def loss(weights, x, one_hot):
    """Return the mean cross-entropy of one network over a batch."""
    a = x.T
    for w in weights[:-1]:
        z = w @ a
        a = jnp.concatenate([jax.nn.relu(z), jnp.ones_like(z[:1])])
    logits = weights[-1] @ a
    return -jnp.mean(jnp.sum(jax.nn.log_softmax(logits, axis=0) * one_hot.T, axis=0))
