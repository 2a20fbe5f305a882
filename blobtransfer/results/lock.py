"""One writer at a time: a lock file that the system frees when its process ends, however."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blobtransfer.errors import MachineError

SUFFIX = ".lock"
"""Of the file beside the one that is locked."""


@contextmanager
def only_writer(path: Path, name: object = None) -> Iterator[None]:
    """Hold a file as its one writer while the block runs.

    A process that is killed leaves the lock file, but no lock. Where the system has no such locks
    (Windows) nothing is held.

    Args:
        path: The file, which need not exist.
        name: What it is called where it is refused; None: as it is.

    Raises:
        MachineError: Another process holds it; the message says which.
    """
    name = name or path
    try:
        import fcntl
    except ImportError:
        yield
        return
    lock = path.with_name(path.name + SUFFIX)
    try:
        descriptor = _opened(lock)
        while True:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(lock, descriptor):
                break
            os.close(descriptor)  # the one before removed it in between
            descriptor = _opened(lock)
    except BlockingIOError as error:
        holder = os.read(descriptor, 200).decode("utf-8", "replace")
        os.close(descriptor)
        raise MachineError(
            f"{name}: in use by {holder or 'another process'}; wait for its end, or name another "
            "store"
        ) from error
    except OSError as error:
        raise MachineError(
            f"{name}: cannot be locked ({error.strerror or error}); name a store on another disk"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk nobody learns who it is
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _opened(lock: Path) -> int:
    return os.open(lock, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o666)


def _is_still(lock: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(lock), os.fstat(descriptor))
    except FileNotFoundError:
        return False
