"""Run calls one after another in this thread, or several at a time on an executor.

Any `concurrent.futures.Executor` can run calls; one whose workers come and go is a
`ClusterExecutor`.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from typing import TypeVar

T = TypeVar("T")

WINDOW = 16
"""Calls that are submitted to a plain executor before the first of them is done."""

POLL_S = 0.1
"""Seconds between two calls of `poll` while waiting for an executor."""


class ClusterExecutor(Executor):
    """Interface of an executor whose workers come, go and are lost while calls run."""

    @property
    @abstractmethod
    def n_slots(self) -> int:
        """Calls that can run at a time, at least 1."""

    @property
    @abstractmethod
    def window(self) -> int:
        """Calls that should be submitted before the first of them is done."""

    @abstractmethod
    def run_on_workers(self, call: Callable[[], T], poll: Callable[[], None]) -> dict[str, T]:
        """Run a call on each connected worker; return the results by worker address."""

    @abstractmethod
    def check_connection(self) -> None:
        """Raise `MachineError` if the cluster is lost; called while no call ends."""


def run_calls(
    calls: Iterable[Callable[[], T]], executor: Executor | None, poll: Callable[[], None]
) -> Iterator[T]:
    """Run calls and yield the result of each.

    Args:
        calls: Taken one by one, as there is room for them. For an executor with other processes
            they can be pickled.
        executor: Runs the calls; None: this thread, one after another.
        poll: Called while waiting for an executor; may raise to stop. Calls that have not begun
            are then cancelled.

    Yields:
        Results: without executor in the order of the calls, with one in the order they end.

    Raises:
        Exception: What a call or `poll` raised.
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
                yield from _finished(executor, running, poll)
        while running:
            yield from _finished(executor, running, poll)
    finally:
        for future in running:
            future.cancel()


def result_of(executor: Executor, call: Callable[[], T], poll: Callable[[], None]) -> T:
    """Return the result of one call on an executor.

    Args:
        executor: Runs the call.
        call: Can be pickled if the executor has other processes.
        poll: Called while waiting; may raise to stop.
    """
    (result,) = run_calls([call], executor, poll)
    return result


def _window(executor: Executor) -> int:
    return executor.window if isinstance(executor, ClusterExecutor) else WINDOW


def _finished(executor: Executor, running: set[Future[T]], poll: Callable[[], None]) -> list[T]:
    """Wait a moment for calls to end, remove them from `running`, and return their results."""
    poll()
    done, _ = wait(running, POLL_S, FIRST_COMPLETED)
    if not done and isinstance(executor, ClusterExecutor):
        executor.check_connection()
    running -= done
    return [future.result() for future in done]
