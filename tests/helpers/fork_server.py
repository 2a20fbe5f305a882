"""A server that runs commands in forks of its process, which has imported what commands need.

`fork_server` starts `python -m helpers.fork_server FOLDER`, a program of one thread. It writes
FOLDER/blobtransfer, a program that has the server run its command line with its own streams,
working directory and environment, and ends with the exit code of the command. This saves a second
of imports and compilation per command. Commands run one after another, and signals do not reach
them.
"""

import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fuzz.__main__ import LIBRARIES
from fuzz.child import fork

from blobtransfer import __main__ as program
from blobtransfer.running.run import compare
from blobtransfer.specs.experiment import ExperimentSpec
from blobtransfer.specs.generated import BlobsSpec

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b"!"], [0, 1, 2])
    server.sendall(json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode())
    server.shutdown(socket.SHUT_WR)
    sys.exit(int(server.recv(9)))
"""


@contextmanager
def fork_server() -> Iterator[Path]:
    """Run a server; yield the folder of its program `blobtransfer`."""
    with tempfile.TemporaryDirectory() as name:  # short, as the address of a socket has to be
        server = subprocess.Popen(
            [sys.executable, "-m", "helpers.fork_server", name],
            cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},  # a process that forks has one thread
        )  # fmt: skip
        with server:
            assert server.stdout is not None and server.stdout.readline() == b"ready\n"
            yield Path(name)
            server.kill()


def main(folder: Path) -> None:
    """Import and compile what commands need, and serve until standard input is closed."""
    for library in LIBRARIES:
        importlib.import_module(library)
    compare(ExperimentSpec(source=BlobsSpec(1), target=BlobsSpec(2), n_repeats=1))
    path = folder / "blobtransfer"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/socket")
        listener.listen()
        path.write_text(CLIENT.format(python=sys.executable, address=f"{folder}/socket"))
        path.chmod(0o700)
        print("ready", flush=True)
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                answer(connection)


def answer(connection: socket.socket) -> None:
    """Run the command that a client sends, and send its exit code."""
    _, streams, *_ = socket.recv_fds(connection, 1, 3)
    with connection.makefile() as request:
        argv, folder, environment = json.load(request)

    def run() -> int:
        sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["blobtransfer", *argv]
        return program.run()

    child = fork(run, streams)
    for descriptor in streams:
        os.close(descriptor)  # or a pipe would stay open for its reader
    _, status = os.waitpid(child, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
