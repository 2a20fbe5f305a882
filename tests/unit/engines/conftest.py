"""What the tests of engines share: jobs of a few networks."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from blobtransfer.data.dataset import Dataset
from blobtransfer.engines import Anchor, Job
from blobtransfer.network import stacked_initial_weights
from blobtransfer.randomness import Stream, order_keys
from blobtransfer.specs.network import MLPSpec
from blobtransfer.specs.training import TrainingSpec


@pytest.fixture(scope="session")
def job_of() -> Callable[..., Job]:
    """Make a job of the first repeats of a comparison, trained from their initial weights."""

    def make(
        datasets: Dataset | tuple[Dataset, ...],
        network: MLPSpec = MLPSpec(),
        training: TrainingSpec = TrainingSpec(epochs=1),
        n_runs: int = 1,
        n_frozen: int | Sequence[int] = 0,
        with_curves: bool = False,
        pull: float | None = None,
    ) -> Job:
        repeats = tuple(range(n_runs))
        first_evaluated = 0 if with_curves else training.epochs
        return Job(
            network=network,
            training=training,
            datasets=datasets if isinstance(datasets, tuple) else (datasets,),
            weights=[layer.copy() for layer in stacked_initial_weights(network, 0, repeats)],
            n_frozen=np.broadcast_to(n_frozen, n_runs),
            order_keys=order_keys(0, Stream.TARGET_ORDER, repeats),
            evaluated_epochs=tuple(range(first_evaluated, training.epochs + 1)),
            anchor=None if pull is None else _anchor(network, n_runs, pull),
        )

    return make


def _anchor(network: MLPSpec, n_runs: int, pull: float) -> Anchor:
    """Pull each run towards the initial weights of another repeat."""
    return Anchor(pull, stacked_initial_weights(network, 1, tuple(range(n_runs))))
