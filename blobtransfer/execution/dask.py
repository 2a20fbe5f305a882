"""Run calls on a Dask cluster that somebody has started: workers may come, go and be lost.

Nothing is scattered or pinned, so that a call whose worker is lost runs again elsewhere. The
scheduler is no place to keep anything: where it is gone, so is what was on its way.
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
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError, wait
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

from blobtransfer.errors import BlobTransferError, MachineError, SettingError, TableFileError

T = TypeVar("T")

ADDRESS = re.compile(r"(tcp|tls|ws|wss|ucx)://([\w.-]+|\[[\da-fA-F:.%\w]+\]):\d{1,5}")
"""Of a scheduler: protocol, host and port."""

MAX_PORT = 65_535

MAX_FILE_BYTES = 2**20
"""Largest scheduler file; Dask writes about 1 kB."""

CONNECT_S = 10.0
"""Seconds to connect to a scheduler and to get its first answer."""

LOOK_S = 2.0
"""Seconds between two questions how many workers there are."""

ANSWER_S = 60.0
"""Seconds for workers to import what they need and to report their versions, and for a scheduler
that has answered before to answer again."""

LEAVE_S = 5.0
"""Seconds to cancel calls and to close the connection."""

POLL_S = 0.1
"""Seconds between two calls of `poll` while an answer is awaited."""

CALLS_A_SLOT = 3
"""Calls that are handed over for each that can run at a time."""

MAX_LOST = 3
"""Times that a call may be lost with its worker before it is given up."""


class DaskExecutor(Executor):
    """Runs calls on the workers of a scheduler.

    Args:
        place: Its address or its scheduler file; see `address_of`.
        tell: Told in a line what its user should know.
        poll: Called while the scheduler or workers are waited for; may raise to stop.

    Raises:
        SettingError: See `address_of`.
        MachineError: Dask is not installed, or no scheduler answers.
    """

    def __init__(self, place: str, tell: Callable[[str], None], poll: Callable[[], None]) -> None:
        self._place, self._tell, self._poll = place, tell, poll
        self._inner: set[Any] = set()
        self._lock = Lock()
        self._is_waiting = self._is_silent = False
        self._n_slots, self._last_look = 0, 0.0
        address = address_of(place)
        self._client = _client_of(address, poll)
        _warn_of_open_address(address, tell)
        while not self._n_slots:
            self.look()
            poll()
            time.sleep(0 if self._n_slots else POLL_S)

    @property
    def n_slots(self) -> int:
        """How many calls can run at a time, at the last look."""
        return max(1, self._n_slots)

    @property
    def window(self) -> int:
        """How many calls should be handed over before the first of them is done."""
        return CALLS_A_SLOT * self.n_slots

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Hand a call over; see `concurrent.futures.Executor.submit`.

        Raises:
            MachineError: The scheduler is gone.
        """
        outer: Future[T] = Future()
        try:
            self._send(outer, partial(fn, *args, **kwargs), MAX_LOST)
        except Exception as error:
            if self._is_connected():
                raise
            raise self._gone() from error
        return outer

    def everywhere(
        self, call: Callable[[], T], poll: Callable[[], None]
    ) -> dict[str, T | Exception]:
        """Call something on each worker that is there now, beside whatever it does.

        Args:
            call: Such as can be pickled.
            poll: Called while it works; may raise to stop.

        Returns:
            By the worker's address: what came back, or why nothing did. Nothing where some worker
            does not answer in time, which is said once.

        Raises:
            MachineError: The scheduler is gone.
        """
        if self._is_silent:
            return {}
        try:
            answers: dict[str, T | Exception] = _answer_of(
                partial(self._client.run, call, on_error="return"), ANSWER_S, poll
            )
            return answers
        except OSError:
            self.look()
            self._is_silent = True
            self._tell("some workers do not answer; they are asked again as their blocks come")
            return {}

    def look(self) -> None:
        """See from time to time whether the scheduler and any workers are there.

        Raises:
            MachineError: The scheduler is gone.
        """
        if not self._is_connected():
            raise self._gone()
        if time.monotonic() - self._last_look < LOOK_S and self._n_slots:
            return
        self._last_look = time.monotonic()
        try:
            n_workers, self._n_slots = _answer_of(
                partial(_count_workers, self._client), ANSWER_S, self._poll
            )
        except OSError as error:
            raise self._gone() from error
        if not n_workers and not self._is_waiting:
            self._tell(f"waiting for workers (0 connected to {self._place})")
        if n_workers and self._is_waiting:
            self._tell(f"{n_workers} {'worker' if n_workers == 1 else 'workers'} connected")
        self._is_waiting = not n_workers

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Drop what is on its way, and leave; the cluster stays."""
        with self._lock:
            inner, self._inner = list(self._inner), set()

        def leave() -> None:
            if self._is_connected():
                self._client.cancel(inner, force=True)
            self._client.close(timeout=1)

        with suppress(OSError):  # the scheduler may be gone
            _answer_of(leave, LEAVE_S, lambda: None)

    def _is_connected(self) -> bool:
        # The task reads the messages of the scheduler, and ends when it cannot decode one.
        reading = getattr(self._client, "_handle_report_task", None)
        return self._client.status == "running" and not (reading and reading.done())

    def _send(self, outer: "Future[Any]", call: Callable[[], Any], n_left: int) -> None:
        inner = self._client.submit(call, pure=False, retries=1)
        with self._lock:
            self._inner.add(inner)
        inner.add_done_callback(partial(self._ended, outer, call, n_left))

    def _ended(
        self, outer: "Future[Any]", call: Callable[[], Any], n_left: int, inner: Any
    ) -> None:
        """Pass on what became of a call; in a thread of Dask's."""
        with self._lock:
            self._inner.discard(inner)
        if outer.cancelled():
            return
        try:
            if inner.status == "finished":
                _settle(outer, inner.result(), None)
            elif inner.status == "error":
                error = inner.exception()
                if type(error).__name__ == "KilledWorker" and n_left > 1:
                    self._send(outer, call, n_left - 1)
                else:
                    _settle(outer, None, _ours(error))
            else:  # cancelled or lost: it is never said so of one call alone
                _settle(outer, None, self._gone())
            inner.release()
        except Exception as error:  # while the result was on its way, or the call sent again
            is_lost = isinstance(error, OSError | CancelledError)
            is_gone = is_lost or not self._is_connected()
            _settle(outer, None, self._gone() if is_gone else _ours(error))

    def _gone(self) -> MachineError:
        return MachineError(f"{self._place}: the scheduler is gone; start it and workers again")


def address_of(place: str) -> str:
    """Give the address of a scheduler.

    Args:
        place: It, such as `tcp://host:8786` or `host:8786`, or a scheduler file.

    Raises:
        SettingError: There is no such file, and this is no address.
    """
    address = place if "://" in place else f"tcp://{place}"
    exists = os.path.exists(place)
    if exists:
        try:
            address = _address_in(Path(place))
        # RecursionError: JSON that is nested too deeply.
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            problem = "this is no scheduler file, which dask scheduler --scheduler-file writes"
            raise SettingError("scheduler", place, problem) from error
    if not ADDRESS.fullmatch(address) or int(address.rpartition(":")[2]) > MAX_PORT:
        found = "it names no" if exists else "there is no such file, nor is it an"
        raise SettingError("scheduler", place, f"{found} address such as tcp://HOST:8786")
    return address


def _address_in(path: Path) -> str:
    """Read the address from a scheduler file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a regular file, is too large, or is not JSON.
        KeyError, TypeError, RecursionError: Its JSON was not written by a scheduler.
    """
    if not path.is_file():
        raise ValueError("not a regular file")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ValueError("too large")
    return str(json.loads(content)["address"])


def _client_of(address: str, poll: Callable[[], None]) -> Any:
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
        parts = urlsplit(address)
        socket.getaddrinfo(parts.hostname, parts.port)
        client = make(address, timeout=CONNECT_S, name="blobtransfer", set_as_default=False)
        _count_workers(client)  # a service that is not a scheduler may accept connections too
        return client

    try:
        return _answer_of(connect, CONNECT_S, poll)
    except OSError as error:
        raise MachineError(
            f"{address}: no scheduler answers ({error}); start one with dask scheduler"
        ) from error


def _answer_of(call: Callable[[], T], seconds: float, poll: Callable[[], None]) -> T:
    """Run a call that may never end, such as one to a silent scheduler, and return its result.

    Args:
        call: Runs in a daemon thread, which does not hold up the end of the process.
        seconds: Longest time that it may take.
        poll: Called meanwhile; may raise to stop.

    Raises:
        OSError: The call raised any error, or took too long.
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


def _count_workers(client: Any) -> tuple[int, int]:
    """Return the number of workers of a scheduler, and of all their threads."""
    threads = client.nthreads().values()
    return len(threads), sum(threads)


def _warn_of_open_address(address: str, tell: Callable[[str], None]) -> None:
    """Say so where anybody on the way could run code on the workers and here."""
    parts = urlsplit(address)
    if parts.scheme != "tcp":
        return
    with suppress(ValueError):
        if ipaddress.ip_address(parts.hostname or "").is_loopback:
            return
    tell(
        f"warning: {address} is not encrypted, and whoever reaches it can run code on its workers "
        "and here; use it in a network you trust, or tls://"
    )


def _settle(outer: "Future[Any]", result: Any, error: BaseException | None) -> None:
    """Say what became of a call; nobody may wait for it any more."""
    with suppress(InvalidStateError):
        if error is None:
            outer.set_result(result)
        else:
            outer.set_exception(error)


def _ours(error: BaseException) -> BaseException:
    """Make an error of ours of what a worker raised, unless it is one, or a mistake of ours."""
    if isinstance(error, TableFileError):
        advice = "workers read it too: give its full path, on a disk that all share"
        return MachineError(f"on a worker: {error}; {advice}")
    if isinstance(error, BlobTransferError | AssertionError):
        return error
    if type(error).__name__ == "KilledWorker":
        problem = f"its worker was lost {MAX_LOST} times over; give workers more memory"
    else:
        problem = f"{type(error).__name__}: {_first_line(error)}; see that all have one version"
    found = MachineError(f"a block failed on a worker ({problem})")
    found.__cause__ = error
    return found


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
