"""Executor on a running Dask cluster, whose workers may join, leave and be lost.

Nothing is scattered or pinned, so a call whose worker is lost runs again on another. The scheduler
stores nothing: if it is lost, calls that have not returned are lost too.
"""

import ipaddress
import json
import logging
import os
import re
import socket
import time
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from threading import Lock, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from blobtransfer.errors import BlobTransferError, MachineError, SettingError, TableFileError
from blobtransfer.execution.calls import ClusterExecutor

T = TypeVar("T")

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://([\w.-]+|\[[\da-fA-F:.%\w]+\]):\d{1,5}")
"""Address of a scheduler: protocol, host and port."""

MAX_PORT = 65_535

MAX_FILE_BYTES = 2**20
"""Largest scheduler file; Dask writes about 1 kB."""

CONNECT_S = 10.0
"""Time limit to connect to a scheduler and to get its first answer."""

CHECK_INTERVAL_S = 2.0
"""Seconds between two requests for the number of workers."""

ANSWER_S = 60.0
"""Time limit for workers to import what they need and to report their versions, and for a
scheduler that has answered before to answer again."""

LEAVE_S = 5.0
"""Time limit to cancel calls and to close the connection."""

POLL_S = 0.1
"""Seconds between two calls of `poll` while an answer is awaited."""

CALLS_PER_SLOT = 3
"""Calls that are submitted for each one that can run at a time."""

MAX_LOST = 3
"""Times that a call may be lost with its worker before it fails."""

MAX_NAMED = 3
"""Largest number of workers that an error names for each problem."""

LITTLE_MEMORY = 2_000_000_000
"""Bytes of memory below which a worker is probably lost for lack of it; TensorFlow takes half."""

MORE_MEMORY = "with more memory, such as dask worker --memory-limit 2GB"
"""What to do about too little memory."""


class DaskExecutor(ClusterExecutor):
    """Executor that runs calls on the workers of a Dask scheduler.

    Args:
        scheduler: Address or scheduler file; see `address_of`.
        report: Called with one line that the user should read.
        poll: Called while waiting for the scheduler or workers; may raise to stop.
        report_wait: Called with one line that says that no worker computes; None: `report`.

    Raises:
        SettingError: See `address_of`.
        MachineError: Dask is not installed, or no scheduler answers.
    """

    def __init__(
        self,
        scheduler: str,
        report: Callable[[str], None],
        poll: Callable[[], None],
        report_wait: Callable[[str], None] | None = None,
    ) -> None:
        self._scheduler, self._report, self._poll = scheduler, report, poll
        self._report_wait = report_wait or report
        self._inner: set[Any] = set()
        self._lock = Lock()
        self._is_waiting = self._is_silent = self._are_paused = False
        self._n_slots, self._last_check = 0, 0.0
        address = address_of(scheduler)
        self._client = _connect(address, poll)
        _warn_if_unencrypted(address, report)
        while not self._n_slots:
            self.check_connection()
            poll()
            time.sleep(0 if self._n_slots else POLL_S)

    @property
    def n_slots(self) -> int:
        """Calls that can run at a time, by the last check; at least 1."""
        return max(1, self._n_slots)

    @property
    def window(self) -> int:
        """Calls that should be submitted before the first of them is done."""
        return CALLS_PER_SLOT * self.n_slots

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Submit a call; see `concurrent.futures.Executor.submit`.

        Raises:
            MachineError: The scheduler is lost.
        """
        outer: Future[T] = Future()
        try:
            self._send(outer, partial(fn, *args, **kwargs), MAX_LOST)
        except Exception as error:
            if self._is_connected():
                raise
            raise self._scheduler_lost_error() from error
        return outer

    def run_on_workers(self, call: Callable[[], T], poll: Callable[[], None]) -> dict[str, T]:
        """Run a call on each connected worker, beside whatever it computes.

        Args:
            call: Can be pickled.
            poll: Called while waiting; may raise to stop.

        Returns:
            Worker address -> result. Empty if some worker does not answer in time, which is
            reported once.

        Raises:
            MachineError: The scheduler is lost, or the call failed on workers.
        """
        if self._is_silent:
            return {}
        try:
            answers, memory_limits = _result_within(
                partial(_ask_workers, self._client, call), ANSWER_S, poll
            )
        except OSError:
            self.check_connection()
            self._is_silent = True
            self._report("some workers do not answer; they are checked when they return a block")
            return {}
        results: dict[str, T] = {}
        failed: dict[str, list[str]] = {}
        for address, answer in answers.items():
            if isinstance(answer, Exception):
                problem = _problem_of_worker(answer, memory_limits.get(address, 0))
                failed.setdefault(problem, []).append(address)
            else:
                results[address] = answer
        if failed:
            raise MachineError(
                "; ".join(
                    f"worker {', '.join(addresses[:MAX_NAMED])}"
                    f"{f' and {n_more} more' if (n_more := len(addresses) - MAX_NAMED) > 0 else ''}"
                    f" {problem}"
                    for problem, addresses in failed.items()
                )
            )
        return results

    def check_connection(self) -> None:
        """Check the scheduler, and every `CHECK_INTERVAL_S` count its workers.

        Raises:
            MachineError: The scheduler is lost.
        """
        if not self._is_connected():
            raise self._scheduler_lost_error()
        if time.monotonic() - self._last_check < CHECK_INTERVAL_S and self._n_slots:
            return
        self._last_check = time.monotonic()
        try:
            n_workers, self._n_slots, are_paused = _result_within(
                partial(_count_workers, self._client), ANSWER_S, self._poll
            )
        except OSError as error:
            raise self._scheduler_lost_error() from error
        if are_paused and not self._are_paused:
            self._report_wait(
                f"all workers are paused, their memory is nearly full: start them {MORE_MEMORY}"
            )
        self._are_paused = are_paused
        if not n_workers and not self._is_waiting:
            self._report_wait(f"waiting for workers (0 connected to {self._scheduler})")
        if n_workers and self._is_waiting:
            self._report(f"{n_workers} {'worker' if n_workers == 1 else 'workers'} connected")
        self._is_waiting = not n_workers

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel submitted calls and disconnect; the cluster keeps running."""
        with self._lock:
            inner, self._inner = list(self._inner), set()

        def leave() -> None:
            if self._is_connected():
                self._client.cancel(inner, force=True)
            self._client.close(timeout=1)

        with suppress(OSError):  # the scheduler may be lost
            _result_within(leave, LEAVE_S, lambda: None)

    def _is_connected(self) -> bool:
        # The task reads the messages of the scheduler, and ends when it cannot decode one.
        reading = getattr(self._client, "_handle_report_task", None)
        return self._client.status == "running" and not (reading and reading.done())

    def _send(self, outer: "Future[Any]", call: Callable[[], Any], n_left: int) -> None:
        inner = self._client.submit(call, pure=False, retries=1)
        with self._lock:
            self._inner.add(inner)
        inner.add_done_callback(partial(self._on_done, outer, call, n_left))

    def _on_done(
        self, outer: "Future[Any]", call: Callable[[], Any], n_left: int, inner: Any
    ) -> None:
        """Pass on the outcome of a call; called in a thread of Dask's."""
        with self._lock:
            self._inner.discard(inner)
        if outer.cancelled():
            return
        try:
            if inner.status == "finished":
                _set_outcome(outer, inner.result(), None)
            elif inner.status == "error":
                error = inner.exception()
                if type(error).__name__ == "KilledWorker" and n_left > 1:
                    self._send(outer, call, n_left - 1)
                else:
                    _set_outcome(outer, None, _translate_error(error))
            else:  # cancelled or lost: never reported of one call alone
                _set_outcome(outer, None, self._scheduler_lost_error())
            inner.release()
        except Exception as error:  # while the result was on its way, or the call sent again
            is_lost = isinstance(error, OSError | CancelledError)
            is_gone = is_lost or not self._is_connected()
            _set_outcome(
                outer, None, self._scheduler_lost_error() if is_gone else _translate_error(error)
            )

    def _scheduler_lost_error(self) -> MachineError:
        return MachineError(f"{self._scheduler}: the scheduler is gone; start it and workers again")


def address_of(scheduler: str) -> str:
    """Return the address of a scheduler.

    Args:
        scheduler: An address such as `tcp://host:8786` or `host:8786`, or a scheduler file.

    Raises:
        SettingError: It is neither an existing scheduler file nor an address.
    """
    address = scheduler if "://" in scheduler else f"tcp://{scheduler}"
    exists = os.path.exists(scheduler)
    if exists:
        try:
            if not os.path.isfile(scheduler):
                raise ValueError("not a regular file")
            with open(scheduler, "rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            if len(content) > MAX_FILE_BYTES:
                raise ValueError("too large")
            address = str(json.loads(content)["address"])
        # RecursionError: JSON that is nested too deeply.
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            problem = "this is not a scheduler file, which dask scheduler --scheduler-file writes"
            raise SettingError("scheduler", scheduler, problem) from error
    if not ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > MAX_PORT:
        problem = "the file holds no" if exists else "neither a file nor an"
        raise SettingError("scheduler", scheduler, f"{problem} address such as tcp://HOST:8786")
    return address


def _connect(address: str, poll: Callable[[], None]) -> Any:
    """Connect to a scheduler.

    Raises:
        MachineError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
        from distributed.versions import VersionMismatchWarning
    except ImportError as error:
        raise MachineError(
            f"--scheduler needs Dask ({error}); install blobtransfer[cluster]"
        ) from error
    # This module reports problems in one line; Dask logs tracebacks even at the level CRITICAL.
    for name in [*logging.root.manager.loggerDict, "distributed"]:
        if name.partition(".")[0] in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", category=VersionMismatchWarning)
    # One that could not connect would try to leave for 20 s, and complain.
    make = type("Client", (Client,), {"__del__": lambda client: None})

    def connect() -> Any:
        # Look the name up in this daemon thread: Dask's thread would hold up the end of Python.
        url = urlsplit(address)
        socket.getaddrinfo(url.hostname, url.port)
        client = make(address, timeout=CONNECT_S, name="blobtransfer", set_as_default=False)
        _count_workers(client)  # a service that is not a scheduler may accept connections too
        return client

    try:
        return _result_within(connect, CONNECT_S, poll)
    except OSError as error:
        raise MachineError(
            f"{address}: no scheduler answers ({error}); start one with dask scheduler"
        ) from error


def _result_within(call: Callable[[], T], seconds: float, poll: Callable[[], None]) -> T:
    """Return the result of a call that may never end, such as one to a silent scheduler.

    Args:
        call: Runs in a daemon thread, which does not delay the end of the process.
        seconds: Time limit, above 0.
        poll: Called every `POLL_S` while waiting; may raise to stop.

    Raises:
        OSError: The call raised any error.
        TimeoutError: The call took too long; an `OSError` too.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as error:  # asyncio.CancelledError is one
            answer.set_exception(error)

    Thread(target=run, daemon=True).start()
    deadline = time.monotonic() + seconds
    while not answer.done():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no answer in {seconds:g} s")
        wait([answer], POLL_S)
        poll()
    if error := answer.exception():
        raise OSError(_first_line(error)) from error
    return answer.result()


def _count_workers(client: Any) -> tuple[int, int, bool]:
    """Return the number of workers, the number of all their threads, and whether all are paused."""
    threads = client.nthreads().values()
    states: list[object] = []
    with suppress(Exception):  # the scheduler answers; what it knows of workers changes meanwhile
        states = [worker.get("status") for worker in _workers(client).values()]
    return len(threads), sum(threads), bool(states) and set(states) == {"paused"}


def _workers(client: Any) -> dict[str, dict[str, Any]]:
    """Return what the scheduler knows of each worker, by address; at times nothing of any."""
    workers: dict[str, dict[str, Any]] = client.scheduler_info(n_workers=-1)["workers"]
    return workers


def _ask_workers(
    client: Any, call: Callable[[], T]
) -> tuple[dict[str, T | Exception], dict[str, int]]:
    """Return the result or error of a call on each worker, and the memory limit of each."""
    # Before the call: the scheduler forgets a worker that is lost.
    limits = {
        address: int(worker.get("memory_limit") or 0)
        for address, worker in _workers(client).items()
    }
    return client.run(call, on_error="return"), limits


def _problem_of_worker(error: Exception, memory_limit: int) -> str:
    """Return why a worker did not return a result, and what to do.

    Args:
        error: Error of the worker, or of the connection to it. Dask returns an error that it
            cannot pass on as an `Exception` with its name and text.
        memory_limit: Bytes of memory that the worker may use; 0 without a limit.
    """
    kind, text = type(error).__name__, _first_line(error)
    if kind == "Exception":
        kind = text.partition("(")[0]
    limit = f" (its memory limit is {memory_limit / 1e6:,.0f} MB)" if memory_limit else ""
    if missing := re.search(r"No module named '(\w+)", text):
        return f"has no {missing[1]}: {_install_there()}"
    if kind == "AttributeError":
        return f"has another version of blobtransfer: {_install_there()}"
    if kind == "MemoryError":
        return f"has too little memory{limit}: start it {MORE_MEMORY}"
    if kind == "CommClosedError" or "Timed out" in text:
        if 0 < memory_limit < LITTLE_MEMORY:
            return f"was lost while it was checked{limit}: start it {MORE_MEMORY}"
        return "was lost while it was checked: see its log, and start it again"
    if isinstance(error, BlobTransferError):
        return f"failed its check: {error}"
    return f"failed its check ({kind}: {text}): see its log"


def _install_there() -> str:
    here = version("blobtransfer")
    return f"install blobtransfer {here} there, with the same versions of its libraries"


def _warn_if_unencrypted(address: str, report: Callable[[str], None]) -> None:
    """Report if anybody on the network could run code on the workers and here."""
    url = urlsplit(address)
    if url.scheme != "tcp":
        return
    with suppress(ValueError):
        if ipaddress.ip_address(url.hostname or "").is_loopback:
            return
    report(
        f"warning: {address} is not encrypted, and whoever reaches it can run code on its workers "
        "and here; use it in a network you trust, or tls://"
    )


def _set_outcome(outer: "Future[Any]", result: Any, error: BaseException | None) -> None:
    """Set the result or error of a future; it may have been cancelled meanwhile."""
    with suppress(InvalidStateError):
        if error is None:
            outer.set_result(result)
        else:
            outer.set_exception(error)


def _translate_error(error: BaseException) -> BaseException:
    """Return the `MachineError` for an error of a worker; our errors and bugs stay as they are."""
    if isinstance(error, TableFileError):
        advice = "workers read it too; use its full path on a shared disk"
        return MachineError(f"on a worker: {error}; {advice}")
    if isinstance(error, BlobTransferError | AssertionError):
        return error
    if "deserialization of the task graph" in str(error):
        return MachineError(f"the scheduler lacks this version of blobtransfer: {_install_there()}")
    if type(error).__name__ == "KilledWorker":
        problem = f"its worker was lost {MAX_LOST} times; give workers more memory"
    else:
        problem = f"{type(error).__name__}: {_first_line(error)}; use the same version everywhere"
    translated = MachineError(f"a block failed on a worker ({problem})")
    translated.__cause__ = error
    return translated


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
