"""Calls here, one after another, and a few at a time on an executor."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

import pytest

from blobtransfer.execution.calls import WINDOW, run_calls


def nothing():
    pass


class Slow:
    """An executor whose calls run when the test says so; it keeps what it was handed."""

    def __init__(self):
        self.futures = []

    def submit(self, call):
        future = Future()
        self.futures.append((future, call))
        return future

    def finish(self, n):
        """Run the first n calls that have not run."""
        for future, call in [pair for pair in self.futures if not pair[0].done()][:n]:
            future.set_result(call())


def test_calls_run_here_in_their_order_one_by_one():
    done = []
    calls = (partial(lambda i: done.append(i) or i, i) for i in range(3))
    results = run_calls(calls, None, nothing)
    assert next(results) == 0
    assert done == [0]
    assert list(results) == [1, 2]


def test_an_executor_gives_the_results_of_all_calls_in_any_order():
    with ThreadPoolExecutor(3) as executor:
        results = run_calls((partial(pow, i, 2) for i in range(50)), executor, nothing)
        assert sorted(results) == [i**2 for i in range(50)]


def test_no_call_gives_no_result():
    with ThreadPoolExecutor(1) as executor:
        assert list(run_calls([], executor, nothing)) == []
    assert list(run_calls([], None, nothing)) == []


def test_no_more_calls_wait_on_an_executor_than_the_window_holds():
    executor = Slow()
    results = run_calls(
        (partial(int, i) for i in range(3 * WINDOW)), executor, partial(executor.finish, 1)
    )
    most = 0
    for _ in results:
        most = max(most, sum(not future.done() for future, _ in executor.futures))
    assert len(executor.futures) == 3 * WINDOW
    # the window less the one that is done when a result is given
    assert most == WINDOW - 1


def test_calls_are_made_as_there_is_room_for_them():
    made = []

    def calls():
        for i in range(3 * WINDOW):
            made.append(i)
            yield partial(int, i)

    executor = Slow()
    results = run_calls(calls(), executor, partial(executor.finish, 1))
    next(results)
    assert len(made) == WINDOW


def test_poll_may_stop_it_all_and_what_has_not_begun_is_cancelled():
    executor = Slow()
    polls = iter([partial(executor.finish, 2), nothing])

    def poll():
        try:
            next(polls)()
        except StopIteration:
            raise KeyboardInterrupt from None

    results = run_calls((partial(int, i) for i in range(5)), executor, poll)
    assert sorted((next(results), next(results))) == [0, 1]
    with pytest.raises(KeyboardInterrupt):
        next(results)
    assert [future.cancelled() for future, _ in executor.futures] == [False, False, *[True] * 3]


def test_poll_is_asked_while_an_executor_works():
    is_released = threading.Event()
    n_polls = 0

    def poll():
        nonlocal n_polls
        n_polls += 1
        if n_polls == 3:
            is_released.set()

    with ThreadPoolExecutor(1) as executor:
        assert list(run_calls([partial(is_released.wait, 10)], executor, poll)) == [True]
    assert n_polls >= 3


@pytest.mark.parametrize("n_workers", [None, 2])
def test_what_a_call_raises_is_passed_on_and_the_rest_cancelled(n_workers):
    def fail():
        raise ZeroDivisionError("of a call")

    executor = None if n_workers is None else ThreadPoolExecutor(n_workers)
    begun = []
    calls = [fail, *(partial(begun.append, i) for i in range(3))]
    try:
        with pytest.raises(ZeroDivisionError, match="of a call"):
            list(run_calls(calls, executor, nothing))
    finally:
        if executor is not None:
            executor.shutdown()
    if n_workers is None:
        assert begun == []


def test_a_reader_that_stops_cancels_what_has_not_begun():
    executor = Slow()
    results = run_calls((partial(int, i) for i in range(4)), executor, partial(executor.finish, 1))
    next(results)
    results.close()
    assert [future.cancelled() for future, _ in executor.futures] == [False, True, True, True]
