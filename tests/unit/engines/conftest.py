"""What the tests of engines share: jobs of a few networks."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from blobtransfer.data.dataset import Dataset
from blobtransfer.engines import Anchor, Job
from blobtransfer.network import initial_weights
from blobtransfer.randomness import Stream, order_key
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec


@pytest.fixture(scope="session")
def job_of() -> Callable[..., Job]:
    """Make a job of the first repeats of a comparison, trained from their initial weights."""

    def make(
        dataset: Dataset,
        network: MLPSpec = MLPSpec(),
        training: TrainingSpec = TrainingSpec(epochs=1),
        n_runs: int = 1,
        n_frozen: int | Sequence[int] = 0,
        with_curves: bool = False,
        pull: float | None = None,
    ) -> Job:
        repeats = range(n_runs)
        starts = [initial_weights(network, 0, r) for r in repeats]
        return Job(
            network=network,
            training=training,
            datasets=(dataset,),
            weights=[np.stack(layer) for layer in zip(*starts, strict=True)],
            n_frozen=np.broadcast_to(n_frozen, n_runs),
            order_keys=np.array([order_key(0, Stream.TARGET_ORDER, r) for r in repeats], np.uint64),
            with_curves=with_curves,
            anchor=None if pull is None else _anchor(network, n_runs, pull),
        )

    return make


def _anchor(network: MLPSpec, n_runs: int, pull: float) -> Anchor:
    """Pull each run towards the initial weights of another repeat."""
    towards = [initial_weights(network, 1, r) for r in range(n_runs)]
    return Anchor(pull, [np.stack(layer) for layer in zip(*towards, strict=True)])
