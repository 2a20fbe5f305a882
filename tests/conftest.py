"""What several test files need: a small task, a planned engine, and the command line."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from blobtransfer.engines import Announce, Job, Scores, Tick, Trained
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.task import TaskSpec
from blobtransfer.tasks.blobs import make_task
from blobtransfer.tasks.task import Task


@pytest.fixture(scope="session")
def small_task() -> Task:
    """40 training rows and 20 test rows of problem 1."""
    return make_task(TaskSpec(1, n_samples=60, n_train=40))


@dataclass
class PlannedEngine:
    """A fake engine: trains nothing and gives each run the test accuracy planned for it.

    `plan` gets (order key, run's first weight, n_frozen) and gives the test accuracy; NaN
    means a loss that is not finite.
    """

    plan: Callable[[int, float, int], float]
    n_at_once: int = 1

    def repeats_at_once(self, spec: ExperimentSpec) -> int:
        return self.n_at_once

    def train(self, job: Job, tick: Tick, announce: Announce) -> Trained:
        planned = np.array(
            [
                self.plan(int(job.order_keys[i]), float(job.weights[0][i].flat[0]), int(n_frozen))
                for i, n_frozen in enumerate(job.n_frozen)
            ]
        )
        tick(job.n_runs * job.n_epochs)
        by_epoch = np.repeat(planned[:, None], job.n_epochs + 1, axis=1)
        return Trained(
            weights=[layer.copy() for layer in job.weights],
            scores=Scores(planned, planned, planned, planned),
            classes_predicted=np.full(job.n_runs, 3),
            curves=Scores(by_epoch, by_epoch, by_epoch, by_epoch) if job.with_curves else None,
        )


@dataclass
class Finished:
    """What a command left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Finished]:
    """Run a command of the program in this process, in an empty folder."""
    from blobtransfer.cli.app import main

    monkeypatch.chdir(tmp_path)

    def run_command(*argv: object) -> Finished:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["blobtransfer", *map(str, argv)])
        code = main()
        return Finished(code, *capsys.readouterr())

    return run_command
