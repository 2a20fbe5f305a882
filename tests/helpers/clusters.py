"""A Dask cluster on the loopback address, of processes that a test may kill."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from helpers.commands import ENVIRONMENT

PATIENCE_S = 120.0


class Cluster:
    """A scheduler and its workers, of one thread each, in a folder of its own.

    Args:
        folder: Where they write.
        environment: Of the scheduler and all workers.
        protocol: That they speak.
    """

    def __init__(
        self, folder: Path, environment: Mapping[str, str] | None = None, protocol: str = "tcp"
    ) -> None:
        self._folder, self._environment = folder, dict(environment or {})
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers: list[subprocess.Popen[bytes]] = []
        self.file = folder / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--port", "0", "--protocol", protocol, "--scheduler-file", self.file
        )
        wait_until(self._is_there)

    @property
    def address(self) -> str:
        return str(json.loads(self.file.read_text())["address"])

    def add_worker(self, environment: Mapping[str, str] | None = None) -> None:
        """Start a worker, which connects by and by; none is started anew when it is killed."""
        self.workers.append(
            self._start(
                "worker", "--scheduler-file", self.file, "--nthreads", "1", "--no-nanny",
                environment=environment or {},
            )
        )  # fmt: skip

    def wait_for_workers(self, n: int) -> None:
        """Wait until `n` workers are connected to the scheduler."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(n, PATIENCE_S)

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def _start(
        self, kind: str, *options: object, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        log = (self._folder / f"{kind}-{len(self._processes)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1", "--no-dashboard",
                 *map(str, options)],
                cwd=self._folder, stdout=log, stderr=log,
                env=ENVIRONMENT | self._environment | dict(environment or {}),
            )  # fmt: skip
        self._processes.append(process)
        return process

    def _is_there(self) -> bool:
        assert self.scheduler.poll() is None
        try:
            return bool(self.address)
        except (OSError, ValueError):
            return False


@contextmanager
def service(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Run a service that handles each connection in a thread, and yield its address."""

    def handle(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            answer(connection)

    def serve() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                connection, _ = listener.accept()
                Thread(target=handle, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def wait_until(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
