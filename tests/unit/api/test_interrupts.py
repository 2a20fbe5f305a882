"""Calls are interrupted as commands are: complete repeats are returned, a second time ends all."""

import os
import signal
import threading

import pytest
from helpers.engines import PlannedEngine

from blobtransfer.api.functions import compare
from blobtransfer.api.progress import show_progress

SMALL = {"samples": 60, "train_samples": 40, "epochs": 2, "sources": "fresh", "fixed": 0}
RUNS_OF_A_REPEAT = 3  # the source network, standalone, and the variant


@pytest.fixture
def interrupted_at(monkeypatch):
    """Return a function that lets the engine send SIGINT some times, with a run of a repeat."""

    def set_engine(repeat, n_times=1):
        n_runs = 0

        def plan(*_):
            nonlocal n_runs
            n_runs += 1
            if n_runs == RUNS_OF_A_REPEAT * repeat + 1:
                for _ in range(n_times):
                    os.kill(os.getpid(), signal.SIGINT)
            return 0.5

        engine = PlannedEngine(plan)
        monkeypatch.setattr("blobtransfer.api.running.load_engine", lambda name: engine)

    before = signal.getsignal(signal.SIGINT)
    yield set_engine
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_returns_the_complete_repeats(interrupted_at):
    interrupted_at(repeat=2)
    result = compare(repeats=8, **SMALL)
    assert result.is_interrupted
    assert list(result.runs()["repeat"].unique()) == [0, 1]


@pytest.mark.parametrize(("repeat", "n_times"), [(0, 1), (2, 2)])
def test_nothing_is_returned_before_the_first_repeat_nor_the_second_time(
    interrupted_at, repeat, n_times
):
    interrupted_at(repeat, n_times)
    with pytest.raises(KeyboardInterrupt):
        compare(repeats=8, **SMALL)


def test_calls_of_other_threads_leave_signals_alone(monkeypatch):
    handlers = []

    def plan(*_):
        handlers.append(signal.getsignal(signal.SIGINT))
        return 0.5

    monkeypatch.setattr("blobtransfer.api.running.load_engine", lambda name: PlannedEngine(plan))
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(compare(repeats=3, **SMALL)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2 and results[0] == results[1]
    assert set(handlers) == {signal.getsignal(signal.SIGINT)}


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with show_progress(True) as progress:
            os.kill(os.getpid(), signal.SIGINT)
            progress.start("comparison", 4).advance(1)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
