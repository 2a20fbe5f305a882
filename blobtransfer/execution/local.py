"""Run calls one after another in this thread, or a few at a time on an executor."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

from blobtransfer.execution.dask import DaskExecutor

T = TypeVar("T")

WINDOW = 16
"""Calls that are handed to an executor before the first of them is done."""

LOOK_S = 0.1
"""Seconds between two looks at what an executor has done."""


def run_calls(
    calls: Iterable[Callable[[], T]], executor: Executor | None, poll: Callable[[], None]
) -> Iterator[T]:
    """Run calls and give what each returns.

    Args:
        calls: Made one by one, as there is room for them; for an executor in other processes
            they must be such as can be pickled.
        executor: Where they run; None: here, one after another.
        poll: Called while an executor works; may raise to stop. Calls that have not begun are
            then cancelled.

    Yields:
        Results: in the order of the calls here, in the order in which they end elsewhere.
    """
    if executor is None:
        for call in calls:
            yield call()
        return
    running: set[Future[T]] = set()
    try:
        for call in calls:
            running.add(executor.submit(call))
            while len(running) >= _window(executor):
                done, running = _finished(executor, running, poll)
                yield from done
        while running:
            done, running = _finished(executor, running, poll)
            yield from done
    finally:
        for future in running:
            future.cancel()


def result_of(executor: Executor, call: Callable[[], T], poll: Callable[[], None]) -> T:
    """Run one call on an executor and wait for what it returns; `poll` as in `run_calls`."""
    (result,) = run_calls([call], executor, poll)
    return result


def _window(executor: Executor) -> int:
    return executor.window if isinstance(executor, DaskExecutor) else WINDOW


def _finished(
    executor: Executor, running: set[Future[T]], poll: Callable[[], None]
) -> tuple[list[T], set[Future[T]]]:
    poll()
    done, rest = wait(running, LOOK_S, FIRST_COMPLETED)
    if not done and isinstance(executor, DaskExecutor):
        executor.look()
    return [future.result() for future in done], rest
