"""Fixtures that several test files need: a small task, and the command line."""

import gc
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from helpers import commands, trials
from helpers.commands import STARTED, Finished, run_here
from helpers.fork_server import fork_server
from helpers.specs import SMALL

from blobtransfer.data import load_dataset
from blobtransfer.data.dataset import Dataset
from blobtransfer.specs.generated import BlobsSpec

OBJECTS_A_LOOK = 50_000
"""Objects made between two looks for cycles that nothing needs any more; Python's own is 700."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of random trials and of `integration/test_golden.py`."""
    group = parser.getgroup("random trials")
    group.addoption("--times", type=int, default=1, help="factor on the number of random trials")
    group.addoption("--mutations", type=int, default=10, help="random mutations of each kind")
    group.addoption("--fuzz-seed", type=int, default=1, help="seed of the mutations")
    rewrite = "write the pages of tests/golden/ again; read the difference before a commit"
    parser.addoption("--rewrite-golden", action="store_true", help=rewrite)


def pytest_report_header(config: pytest.Config) -> str:
    """Print what repeats the random mutations."""
    n, seed = config.getoption("--mutations"), config.getoption("--fuzz-seed")
    return f"fuzzing: {n} mutations of each kind, --fuzz-seed {seed}"


def pytest_configure(config: pytest.Config) -> None:
    """Set the number of random trials before test modules are imported."""
    trials.times = config.getoption("--times")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that use Keras first, so that one process of pytest-xdist runs all of them.

    The first process starts with the first half of the tests, and other processes take tests
    from its end. To import TensorFlow takes 4 s and 300 MB.
    """
    items.sort(key=lambda item: item.get_closest_marker("keras") is None)


def pytest_collection_finish() -> None:
    """Look for garbage less often, and never among what the libraries keep.

    Writing a kernel makes some 30,000 objects. As Python is set up, a quarter of the time of a
    test that compiles goes into looking through every module again and again.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_A_LOOK)


@pytest.fixture(scope="session")
def small_dataset() -> Dataset:
    """40 training rows and 20 test rows of problem 1."""
    return load_dataset(BlobsSpec(1, **SMALL))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Finished]:
    """Run a command of the program in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return run_here


@pytest.fixture(scope="session")
def forks(children_start_with_default_signals: None) -> Iterator[Any]:
    """Start and run commands in forks of one process, or as new processes if not on Linux."""
    if sys.platform != "linux":
        yield commands
        return
    with fork_server() as server:
        yield server


@pytest.fixture(scope="session", autouse=True)
def children_start_with_default_signals() -> None:
    """Start child processes with default signals, also under `nohup` and `&`, which ignore some.

    A child inherits that a signal is ignored, but not a handler: `exec` restores the default. So
    an ignored signal gets a handler that does nothing, and a closed terminal does not end the
    tests. This is a fixture, as the process that starts the workers of pytest-xdist runs no
    fixtures: its workers must inherit that the signal is ignored.
    """
    for name in ("SIGINT", "SIGHUP", "SIGTERM", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda number, frame: None)


@pytest.fixture(autouse=True)
def nothing_runs_on() -> Iterator[None]:
    """End what a test that failed has left running."""
    yield
    for process in STARTED:
        with process:
            process.kill()
    STARTED.clear()
