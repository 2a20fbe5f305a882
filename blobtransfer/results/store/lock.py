"""Lock file that allows one writer at a time; the system frees it when the process ends."""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blobtransfer.atomic_write import NO_FOLLOW, open_nonblocking
from blobtransfer.errors import MachineError, StoreError

SUFFIX = ".lock"
"""Suffix of the lock file beside the locked file."""

HOLDER = b"process "
"""Start of every lock file that names its writer."""


@contextmanager
def lock_for_writing(path: Path, name: Path | None = None) -> Iterator[None]:
    """Lock a file while the block runs.

    A killed process leaves the lock file, but no lock. On systems without such locks (Windows)
    nothing is locked. A file that is not a lock file of this program is never changed.

    Args:
        path: The file, which need not exist.
        name: Name of the file in errors; None: its path.

    Raises:
        MachineError: Another process holds the lock; the message names it.
        StoreError: The file at the path of the lock file is not a lock file of this program.
    """
    name = name or path
    try:
        import fcntl
    except ImportError:
        yield
        return
    lock = path.with_name(path.name + SUFFIX)
    try:
        descriptor = _open_lock(lock, name)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace")
                os.close(descriptor)
                raise MachineError(
                    f"{name}: in use by {holder or 'another process'}; wait until it ends, or name "
                    "another store"
                ) from error
            if _is_at(lock, descriptor):
                break
            os.close(descriptor)  # the last holder has removed the file in between
            descriptor = _open_lock(lock, name)
    except OSError as error:
        raise MachineError(
            f"{name}: cannot be locked ({error.strerror or error}); name a store on another disk"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        with suppress(OSError):  # on a full disk the file stays empty
            os.write(descriptor, HOLDER + f"{os.getpid()} on {socket.gethostname()}".encode())
        yield
    finally:
        with suppress(OSError):
            if _is_at(lock, descriptor):
                lock.unlink()
        os.close(descriptor)


def _open_lock(lock: Path, name: Path) -> int:
    """Open a lock file, and create it if it does not exist.

    Raises:
        StoreError: The file is not a lock file of this program and user.
    """
    problem = f"{lock.name} beside it is not a lock file of blobtransfer; move it away"
    try:
        if not stat.S_ISREG(lock.lstat().st_mode):  # opening a device may have effects
            raise StoreError(name, problem)
    except FileNotFoundError:
        pass
    descriptor = open_nonblocking(lock, os.O_RDWR | os.O_CREAT | NO_FOLLOW)
    status = os.fstat(descriptor)
    # The file is empty if its writer was killed before it wrote its name. A file with a second name
    # (a hard link) may belong to the user.
    content = os.pread(descriptor, len(HOLDER), 0)
    is_own = status.st_uid == os.geteuid() and status.st_nlink <= 1
    if not is_own or content not in (b"", HOLDER):
        os.close(descriptor)
        raise StoreError(name, problem)
    return descriptor


def _is_at(lock: Path, descriptor: int) -> bool:
    """Return whether the file at the path of a lock is still the one that was opened."""
    try:
        return os.path.samestat(lock.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
