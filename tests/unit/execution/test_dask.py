"""What a cluster does with calls, by a client that does what the test says."""

import json
import os
import pickle
import struct
from concurrent.futures import CancelledError, Future, wait
from functools import partial
from threading import Event

import pytest
from helpers.errors import raises_setting
from helpers.texts import says_in_order

import blobtransfer.execution.dask
from blobtransfer.errors import (
    BlobTransferError,
    MachineError,
    ResultsFileError,
    SettingError,
    SourceFileError,
    StoreError,
    TableFileError,
)
from blobtransfer.execution.calls import run_calls
from blobtransfer.execution.dask import MAX_LOST, DaskExecutor, address_of


class KilledWorker(Exception):
    """As Dask calls it when a call was lost with its worker too often."""


class Inner:
    """A future of Dask's that has ended."""

    def __init__(self, status, result=None, error=None):
        self.status, self._result, self._error = status, result, error
        self.is_released = False

    def add_done_callback(self, call):
        call(self)

    def result(self):
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    def exception(self):
        return self._error

    def release(self):
        self.is_released = True


TWO_WORKERS = {"a": 1, "b": 2}
"""Threads by address."""


class Client:
    """Ends calls at once as `plan` says, which gives a status, a result and an error."""

    def __init__(self, plan=None, threads=(TWO_WORKERS,)):
        self.plan = plan or (lambda call: ("finished", call(), None))
        self.threads = list(threads)
        self.status = "running"
        self.workers, self.answers = {}, {}
        self._handle_report_task = Future()
        self.sent, self.cancelled = [], []
        self.is_closed = False

    def submit(self, call, pure, retries):
        assert not pure
        inner = Inner(*self.plan(call))
        self.sent.append(inner)
        return inner

    def nthreads(self):
        found = self.threads.pop(0) if len(self.threads) > 1 else self.threads[0]
        if isinstance(found, Exception):
            raise found
        return found

    def scheduler_info(self, n_workers):
        assert n_workers == -1  # all
        return {"workers": self.workers}

    def run(self, call, on_error):
        return self.answers or {"a": call(), "b": call()}

    def cancel(self, inner, force):
        self.cancelled += inner

    def close(self, timeout):
        self.is_closed = True


@pytest.fixture
def connected(monkeypatch):
    """Connect an executor with a client of the test; what it is told goes to `told`."""

    def make(client, place="tcp://127.0.0.1:8786", told=None, poll=lambda: None):
        monkeypatch.setattr(blobtransfer.execution.dask, "_connect", lambda *_: client)
        return DaskExecutor(place, ([] if told is None else told).append, poll)

    return make


def ended(executor):
    future = executor.submit(partial(pow, 2, 5))
    wait([future], 10)
    return future


def test_calls_give_what_they_return_and_what_is_kept_of_them_is_let_go(connected):
    client = Client()
    with connected(client) as executor:
        calls = [partial(pow, i, 2) for i in range(50)]
        assert sorted(run_calls(calls, executor, lambda: None)) == [i * i for i in range(50)]
        assert executor.n_slots == 3
    assert all(one.is_released for one in client.sent)
    assert client.is_closed and not client.cancelled


def test_no_more_is_handed_over_than_the_workers_can_soon_do(connected):
    class Silent(Inner):
        def add_done_callback(self, call):
            pass

    client = Client()
    client.submit = lambda call, pure, retries: (
        client.sent.append(Silent("pending")) or client.sent[-1]
    )
    executor = connected(client)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_calls([partial(int, i) for i in range(50)], executor, stop))
    assert len(client.sent) == 9
    executor.shutdown()
    assert len(client.cancelled) == 9


def test_a_call_that_was_lost_with_its_worker_is_sent_again_but_not_for_ever(connected):
    outcomes = ["error", "error", "finished"]
    client = Client(lambda call: (outcomes.pop(0), 7, KilledWorker("a")))
    assert ended(connected(client)).result() == 7
    client = Client(lambda call: ("error", None, KilledWorker("a")))
    with pytest.raises(MachineError, match=f"lost {MAX_LOST} times"):
        ended(connected(client)).result()
    assert len(client.sent) == MAX_LOST


@pytest.mark.parametrize(
    "error, says",
    [
        (MachineError("short of memory"), "short of memory"),
        (TableFileError("a.csv", "no such file"), "on a worker: a.csv: no such file"),
        (ModuleNotFoundError("No module named 'x'"), "on a worker .ModuleNotFound"),
        (AttributeError("first\nsecond"), "AttributeError: first"),
        (MemoryError(), "MemoryError: MemoryError"),
        (OSError("no room"), "on a worker .OSError: no room"),
        (
            RuntimeError("Error during deserialization of the task graph. This\nmay"),
            "the scheduler lacks .* install",
        ),
    ],
)
def test_what_fails_on_a_worker_is_one_line(error, says, connected):
    future = ended(connected(Client(lambda call: ("error", None, error))))
    with pytest.raises(BlobTransferError, match=says) as found:
        future.result()
    assert "\n" not in str(found.value)


def test_a_mistake_of_ours_stays_one(connected):
    future = ended(connected(Client(lambda call: ("error", None, AssertionError("moved")))))
    with pytest.raises(AssertionError, match="moved"):
        future.result()


@pytest.mark.parametrize("status", ["cancelled", "lost"])
def test_what_ends_with_the_scheduler_says_so(status, connected):
    future = ended(connected(Client(lambda call: (status, None, None))))
    with pytest.raises(MachineError, match=r"^tcp://127.0.0.1:8786: "):
        future.result()


@pytest.mark.parametrize(
    "error", [OSError("Connection reset by peer"), TimeoutError(), CancelledError()]
)
def test_a_result_that_is_lost_on_its_way_is_lost_with_the_scheduler(error, connected):
    """The connection that asks for it may break before the client's own is known to be."""
    future = ended(connected(Client(lambda call: ("finished", error, None))))
    with pytest.raises(MachineError, match="the scheduler is gone"):
        future.result()


def test_a_result_that_cannot_be_read_is_an_error(connected):
    future = ended(connected(Client(lambda call: ("finished", AttributeError("no X"), None))))
    with pytest.raises(MachineError, match="AttributeError: no X"):
        future.result()


def test_a_call_that_cannot_be_sent_again_is_lost_with_the_scheduler(connected):
    client = Client()

    def close(call):
        client.status, client.plan = "connecting", lambda call: 1 / 0  # whatever it may raise
        return "error", None, KilledWorker("a")

    client.plan = close
    with pytest.raises(MachineError, match="the scheduler is gone"):
        ended(connected(client)).result()


def test_what_nobody_waits_for_any_more_is_dropped(connected):
    executor = connected(Client())
    outer = executor.submit(partial(pow, 2, 2))
    inner = Inner("finished", 5)
    executor._on_done(outer, None, 3, inner)  # told twice
    assert outer.result() == 4


def test_workers_are_waited_for_and_counted(connected):
    told, polled = [], []
    client = Client(threads=({}, {}, {"a": 1}))
    executor = connected(client, told=told, poll=lambda: polled.append(1))
    waiting, connected_one = told
    assert "0 connected" in waiting and "1 worker" in connected_one
    assert executor.n_slots == 1 and len(polled) == 3


def test_waiting_can_be_stopped(connected):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connected(Client(threads=({},)), poll=stop)


def test_a_look_finds_a_scheduler_gone(connected):
    client = Client()
    executor = connected(client)
    executor.check_connection()
    client.status = "connecting"
    with pytest.raises(MachineError, match="the scheduler is gone"):
        executor.check_connection()
    with pytest.raises(MachineError, match="the scheduler is gone"):
        connected(Client(threads=(OSError("closed"),)))


@pytest.mark.parametrize(
    "threads", [struct.error("unpack_from requires a buffer"), MemoryError(), {"a": "1"}, None]
)
def test_an_answer_that_cannot_be_read_is_a_scheduler_that_is_gone(threads, connected):
    with pytest.raises(MachineError, match="the scheduler is gone"):
        connected(Client(threads=(threads,)))


def test_a_message_that_cannot_be_read_is_a_scheduler_that_is_gone(connected):
    client = Client()
    executor = connected(client)
    client._handle_report_task.set_result(None)  # it has ended; other calls still get answers
    with pytest.raises(MachineError, match="the scheduler is gone"):
        executor.check_connection()

    def submit(call, pure, retries):
        raise struct.error

    client.submit = submit
    with pytest.raises(MachineError, match="the scheduler is gone"):
        executor.submit(int)


class SilentClient(Client):
    """Answers nothing until the test is over."""

    def __init__(self):
        super().__init__()
        self.is_over = Event()

    def nthreads(self):
        self.is_over.wait(10)
        return {"a": 1}

    def close(self, timeout):
        self.is_over.wait(10)
        self.is_closed = True


def test_a_scheduler_that_becomes_silent_is_gone(connected, monkeypatch):
    executor = connected(Client())  # first, with all the time that an answer may take
    for name in ("ANSWER_S", "LEAVE_S"):
        monkeypatch.setattr(f"blobtransfer.execution.dask.{name}", 0.2)
    client = SilentClient()
    with pytest.raises(MachineError, match="the scheduler is gone"):
        connected(client)
    executor._client = client
    executor.shutdown()
    assert not client.is_closed
    client.is_over.set()


def test_waiting_for_a_scheduler_that_becomes_silent_can_be_stopped(connected):
    def stop():
        raise KeyboardInterrupt

    client = SilentClient()
    with pytest.raises(KeyboardInterrupt):
        connected(client, poll=stop)
    client.is_over.set()


def test_every_worker_is_asked(connected):
    found = connected(Client()).run_on_workers(partial(pow, 3, 2), lambda: None)
    assert found == {"a": 9, "b": 9}


class CommClosedError(OSError):
    """As Dask calls it when the connection to a worker ends."""


@pytest.mark.parametrize(
    ("error", "limit", "words"),
    [
        # As Dask returns an error of a worker that it cannot pass on.
        (
            Exception("ModuleNotFoundError(\"No module named 'blobtransfer'\")"),
            None,
            ("has no blobtransfer", "install blobtransfer"),
        ),
        (ModuleNotFoundError("No module named 'h5py'"), 0, ("has no h5py", "install")),
        (
            Exception("AttributeError(\"Can't get attribute 'x'\")"),
            0,
            ("another version", "install"),
        ),
        (CommClosedError("in <TCP>"), 150_000_000, ("was lost", "150 MB", "--memory-limit 2GB")),
        (CommClosedError("in <TCP>"), 8_000_000_000, ("was lost", "see its log")),
        (OSError("Timed out trying to connect"), None, ("was lost", "see its log")),
        (MemoryError(), 0, ("too little memory", "--memory-limit 2GB")),
        (Exception("MemoryError()"), 3e9, ("too little memory", "3,000 MB")),
        (MachineError("numba is missing"), 0, ("failed its check: numba is missing",)),
        (KeyError("a\nb"), 0, ("failed its check (KeyError: ", "see its log")),
    ],
)
def test_a_worker_that_fails_its_check_is_told_with_a_remedy(error, limit, words, connected):
    client = Client()
    client.workers = {address: {"memory_limit": limit} for address in "abcde"}
    client.answers = {"e": 9, **dict.fromkeys("abcd", error)}
    with pytest.raises(MachineError) as caught:
        connected(client).run_on_workers(partial(pow, 3, 2), lambda: None)
    message = str(caught.value)
    assert says_in_order(message, "worker a, b, c and 1 more ", *words)
    assert "--mixed" not in message and "\n" not in message


def test_workers_that_are_paused_for_lack_of_memory_are_told_once(connected, monkeypatch):
    monkeypatch.setattr("blobtransfer.execution.dask.CHECK_INTERVAL_S", 0.0)
    client, told = Client(), []
    client.workers = {"a": {"status": "paused"}, "b": {"status": "running"}}
    executor = connected(client, told=told)
    assert not told
    client.workers["b"]["status"] = "paused"
    executor.check_connection()
    executor.check_connection()
    assert len(told) == 1 and "--memory-limit" in told[0]


def test_a_worker_that_does_not_answer_is_not_waited_for_for_ever(connected, monkeypatch):
    monkeypatch.setattr("blobtransfer.execution.dask.ANSWER_S", 0.2)
    client, told, is_over = Client(), [], Event()
    client.run = lambda call, on_error: is_over.wait(10)
    executor = connected(client, told=told)
    assert executor.run_on_workers(partial(pow, 3, 2), lambda: None) == {}
    assert executor.run_on_workers(partial(pow, 3, 2), lambda: None) == {}
    assert len(told) == 1 and "do not answer" in told[0]

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        connected(client).run_on_workers(partial(pow, 3, 2), stop)
    is_over.set()


def test_where_the_scheduler_is_lost_no_worker_is_blamed(connected):
    client, told = Client(), []

    def lose(call, on_error):
        client.status = "connecting"
        raise OSError("closed")

    client.run = lose
    with pytest.raises(MachineError, match="the scheduler is gone"):
        connected(client, told=told).run_on_workers(partial(pow, 3, 2), lambda: None)
    assert not told


@pytest.mark.parametrize(
    "place, is_open",
    [
        ("tcp://127.0.0.1:8786", False), ("tcp://[::1]:8786", False), ("tls://10.0.0.5:1", False),
        ("tcp://10.0.0.5:8786", True), ("node7:8786", True),
    ],
)  # fmt: skip
def test_an_address_that_anybody_may_reach_is_warned_of(place, is_open, connected):
    told = []
    connected(Client(), place, told)
    assert len(told) == is_open
    assert not is_open or "is not encrypted" in told[0]


# ---------------------------------------------------------------- addresses


@pytest.mark.parametrize(
    "place, address",
    [
        ("tcp://10.0.0.5:8786", "tcp://10.0.0.5:8786"),
        ("tls://node-7.cluster.example:1", "tls://node-7.cluster.example:1"),
        ("node7:8786", "tcp://node7:8786"),
        ("tcp://[fe80::1%eth0]:8786", "tcp://[fe80::1%eth0]:8786"),
    ],
)
def test_an_address_may_leave_its_protocol_out(place, address):
    assert address_of(place) == address


def test_a_scheduler_file_says_the_address(tmp_path):
    path = tmp_path / "s.json"
    path.write_text(json.dumps({"type": "Scheduler", "address": "tcp://10.0.0.5:8786"}))
    assert address_of(str(path)) == "tcp://10.0.0.5:8786"


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "text", "\xff", '{"address": 5}', '{"address": ""}']
)
def test_a_file_that_names_no_scheduler_is_refused(text, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(text, "latin-1")
    with raises_setting("scheduler", path):
        address_of(str(path))


@pytest.mark.parametrize("text", ["[" * 200_000, '{"address": ' + "[" * 200_000])
def test_a_file_that_is_too_deep_is_refused(text, tmp_path):
    path = tmp_path / "s.json"
    path.write_text(text)
    with raises_setting("scheduler", path):
        address_of(str(path))


def test_a_file_that_is_too_large_is_refused(tmp_path):
    path = tmp_path / "s.json"
    path.write_text('{"address": "tcp://10.0.0.5:8786"}' + " " * 2**20)
    with raises_setting("scheduler", path):
        address_of(str(path))


def test_what_is_not_a_regular_file_is_refused_without_reading_it(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for place in (tmp_path / "fifo", tmp_path, "/dev/zero"):
        with raises_setting("scheduler", place):
            address_of(str(place))


@pytest.mark.parametrize(
    "place",
    ["", "a" * 5_000, "none.json", "http://x:1", "tcp://", "tcp://x", "x:y", "a b:1", "x:99999"],
)
def test_what_is_no_address_is_refused(place):
    with raises_setting("scheduler", key="tcp://HOST:8786"):
        address_of(place)


def test_without_dask_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(MachineError, match=r"install blobtransfer\[cluster\]"):
        DaskExecutor("tcp://127.0.0.1:1", print, lambda: None)


# ---------------------------------------------------------------- errors cross


@pytest.mark.parametrize(
    "error",
    [
        MachineError("a"), SettingError("epochs", 0, "use 1 or more"), SourceFileError("a", "b"),
        TableFileError("a", "b"), ResultsFileError("a", "b"), StoreError("a", "b"),
    ],
)  # fmt: skip
def test_an_error_crosses_from_one_process_to_another_as_it_is(error):
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))
