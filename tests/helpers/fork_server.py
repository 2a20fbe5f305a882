"""A server that runs commands in forks of its process, which has imported the libraries.

A forked command has streams, a working directory, an environment, a process ID and an exit code
like any other process, but takes a second of CPU time less. It skips the start of Python; a test of
that start uses `commands.start`, which starts a process.

`python -m helpers.fork_server FOLDER` listens on the socket FOLDER/socket for command lines, and
writes the program FOLDER/blobtransfer, which sends its own command line there.
"""

import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fuzz.__main__ import LIBRARIES
from fuzz.child import fork

from blobtransfer import __main__ as program
from blobtransfer.cli.app import COMMANDS, build_command
from blobtransfer.running.run import compare
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec
from helpers.commands import ENVIRONMENT, STARTED, Finished

BLOCKED_S = 300
"""Seconds after which a command ends by SIGALRM."""

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server, server.makefile() as answers:
    server.connect({address!r})
    socket.send_fds(server, [b"!"], [0, 1, 2])
    request = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)])
    server.sendall(request.encode() + b"\\n")
    process_id, code = answers
    sys.exit(int(code))
"""


class ForkedCommand:
    """A running command; has the methods of `subprocess.Popen` that tests use.

    Args:
        server: Connection on which the command was requested.
        stdout: Its standard output, if that is a pipe.
        stderr: Its standard error, if that is a pipe.
    """

    def __init__(
        self, server: socket.socket, stdout: IO[str] | None, stderr: IO[str] | None
    ) -> None:
        self._server, self._answers = server, server.makefile()
        self.stdout, self.stderr = stdout, stderr
        self.pid = int(self._answers.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while the command runs."""
        if self.returncode is None and select.select([self._server], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float = BLOCKED_S) -> int:
        """Wait for the end and return the exit code."""
        if self.returncode is None:
            assert select.select([self._server], [], [], timeout)[0]
            self.returncode = int(self._answers.readline())
        return self.returncode

    def communicate(self, timeout: float = BLOCKED_S) -> tuple[str, str]:
        """Read the pipes that the test has not closed to their end, wait, and return the texts."""
        with ThreadPoolExecutor(2) as pool:
            out, err = pool.map(_read, (self.stdout, self.stderr))
        self.wait(timeout)
        return out, err

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> "ForkedCommand":
        return self

    def __exit__(self, *error: object) -> None:
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()
        self._answers.close()
        self._server.close()


def _read(stream: IO[str] | None) -> str:
    if stream is None or stream.closed:
        return ""
    with stream:
        return stream.read()


@dataclass(frozen=True)
class ForkServer:
    """A running server.

    Args:
        folder: The folder of its socket and of the program `blobtransfer`.
    """

    folder: Path

    def start(
        self, *argv: object, cwd: Path, environment: Mapping[str, str] | None = None, **streams: Any
    ) -> ForkedCommand:
        """Start a command.

        Args:
            argv: Its command line.
            cwd: Its working directory.
            environment: Additional environment variables.
            streams: Files for `stdin`, `stdout` and `stderr`; by default the last two are pipes.
        """
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{self.folder}/socket")
        readers: dict[str, IO[str]] = {}
        with ExitStack() as stack:
            for name in ("stdout", "stderr"):
                if name not in streams:
                    reading, writing = os.pipe()
                    readers[name] = open(reading)
                    streams[name] = stack.enter_context(open(writing, "w"))
            stdin = streams.get("stdin") or stack.enter_context(open(os.devnull))
            files = (stdin, streams["stdout"], streams["stderr"])
            numbers = [file if isinstance(file, int) else file.fileno() for file in files]
            socket.send_fds(server, [b"!"], numbers)
            request = [[*map(str, argv)], str(cwd), ENVIRONMENT | dict(environment or {})]
            server.sendall(json.dumps(request).encode() + b"\n")
        command = ForkedCommand(server, readers.get("stdout"), readers.get("stderr"))
        STARTED.append(command)
        return command

    def run_process(self, *argv: object, cwd: Path, **settings: Any) -> Finished:
        """Run a command to its end; see `start`."""
        command = self.start(*argv, cwd=cwd, **settings)
        out, err = command.communicate()
        return Finished(command.wait(), out, err)


@contextmanager
def fork_server() -> Iterator[ForkServer]:
    """Run a server."""
    with tempfile.TemporaryDirectory() as name:  # a short path, as a socket address must be short
        server = subprocess.Popen(
            [sys.executable, "-m", "helpers.fork_server", name],
            cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a process that forks has one thread
        )  # fmt: skip
        with server:
            assert server.stdout is not None and server.stdout.readline() == b"ready\n"
            yield ForkServer(Path(name))
            server.kill()


def main(folder: Path) -> None:
    """Import and compile what commands need, and serve until standard input is closed."""
    for library in LIBRARIES:
        importlib.import_module(library)
    compare(ExperimentSpec(source=BlobsSpec(1), target=BlobsSpec(2), n_repeats=1))
    for name in COMMANDS:
        build_command(name)
    path = folder / "blobtransfer"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        path.write_text(CLIENT.format(python=sys.executable, address=f"{folder}/socket"))
        path.chmod(0o700)
        print("ready", flush=True)
        running: dict[int, tuple[int, socket.socket]] = {}
        while sys.stdin not in (ready := select.select([listener, sys.stdin, *running], [], [])[0]):
            for ended in running.keys() & set(ready):
                child, connection = running.pop(ended)
                os.close(ended)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                with connection, suppress(OSError):
                    connection.sendall(b"%d\n" % code)
            if listener in ready:
                connection, _ = listener.accept()
                child = run_forked(connection)
                running[os.pidfd_open(child)] = child, connection
                connection.sendall(b"%d\n" % child)


def run_forked(connection: socket.socket) -> int:
    """Start the command that a client requests and return its process ID."""
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    with connection.makefile() as requests:
        argv, folder, environment = json.loads(requests.readline())

    def run() -> int:
        for descriptor in streams:
            os.close(descriptor)  # `fork` has copied them to 0, 1 and 2
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        signal.alarm(BLOCKED_S)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["blobtransfer", *argv]
        return program.run()

    child = fork(run, streams)
    for descriptor in streams:
        os.close(descriptor)
    return child


if __name__ == "__main__":
    main(Path(sys.argv[1]))
