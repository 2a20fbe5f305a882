"""Fixtures that several test files need: a small task, and the command line."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.commands import STARTED, Finished, run_here
from helpers.specs import SMALL

from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.tasks import load_task
from blobtransfer.tasks.task import Task


@pytest.fixture(scope="session")
def small_task() -> Task:
    """40 training rows and 20 test rows of problem 1."""
    return load_task(BlobsSpec(1, **SMALL))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Finished]:
    """Run a command of the program in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_here


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """End what a test that failed has left running."""
    yield
    for process in STARTED:
        with process:
            process.kill()
    STARTED.clear()
