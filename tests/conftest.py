"""Fixtures that several test files need: a small task, and the command line."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers.commands import STARTED, Finished, run_here
from helpers.specs import SMALL

from blobtransfer.specs.drawn import BlobsSpec
from blobtransfer.tasks import load_task
from blobtransfer.tasks.task import Task

OBJECTS_A_LOOK = 50_000
"""Objects made between two looks for cycles that nothing needs any more; Python's own is 700."""


def pytest_collection_finish() -> None:
    """Look for garbage less often, and never among what the libraries keep.

    Writing a kernel makes some 30,000 objects. As Python is set up, a quarter of the time of a
    test that compiles goes into looking through every module again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_A_LOOK)


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
