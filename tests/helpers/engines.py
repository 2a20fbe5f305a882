"""A fake engine: trains nothing and gives each run the test accuracy planned for it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from blobtransfer.engines import Job, OnEpochs, Trained
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.training import METRICS


@dataclass
class PlannedEngine:
    """Trains nothing; with early stopping, runs stop at epochs that differ by their order key.

    `plan` gets (order key, run's first weight, n_frozen) and gives the test accuracy, which
    the other metrics equal; NaN means a loss that is not finite. `jobs` keeps what was asked.
    """

    plan: Callable[[int, float, int], float]
    n_at_once: int = 1
    jobs: list[Job] = field(default_factory=list)

    def start(self, spec: ExperimentSpec) -> None:
        pass

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        return self.n_at_once

    def train(self, job: Job, on_epochs: OnEpochs) -> Trained:
        self.jobs.append(job)
        planned = [
            self.plan(int(job.order_keys[i]), float(job.weights[0][i].flat[0]), int(n_frozen))
            for i, n_frozen in enumerate(job.n_frozen)
        ]
        on_epochs(job.n_runs * job.n_epochs)
        n_evaluations = len(job.evaluated_epochs)
        return Trained(
            weights=[layer.copy() for layer in job.weights],
            curves=np.tile(np.array(planned)[None, :, None], (len(METRICS), 1, n_evaluations)),
            classes_predicted=np.full(job.n_runs, 3),
            epochs=np.full(job.n_runs, job.n_epochs)
            if job.training.patience is None
            else 1 + (job.order_keys % np.uint64(job.n_epochs)).astype(np.int64),
        )


def by_key(key: int, first_weight: float, n_frozen: int) -> float:
    """Plan an accuracy from the repeat and the frozen layers."""
    return (key % 1000 + n_frozen) / 2000


def planned(key: int, first_weight: float, n_frozen: int) -> float:
    """Plan an accuracy from all that decides a run."""
    return by_key(key, first_weight, n_frozen) + abs(first_weight) / 100
