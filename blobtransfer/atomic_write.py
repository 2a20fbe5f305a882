"""The one way a file is written: whole or not at all, and never through a symbolic link.

A writer gets a temporary path beside the target; when it is done the file is synced and
renamed over the target. Whatever goes wrong before that, the old file is still there.
"""

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from blobtransfer.errors import MachineError

PREFIX = ".blobtransfer-"
"""Begins the name of every temporary file."""

TEMPORARY = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}(\.\w+)?")
"""The name of a temporary file, whole."""

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""Flag of `os.open` that refuses a symbolic link."""

LEFTOVER_S = 86_400.0
"""Age of a temporary file from which it counts as left by a process that was killed."""


@contextmanager
def write_atomic(path: Path, must_be_new: bool = False) -> Iterator[Path]:
    """Lend a temporary path whose file becomes `path` when the block ends well.

    Args:
        path: The target, not a symbolic link. Its directory must exist.
        must_be_new: Never replace a file, not even one that appears meanwhile.

    Yields:
        A path in the same directory with the same suffix; the block writes it.

    Raises:
        FileExistsError: There is a file, and it must be new.
        MachineError: The file cannot be written: disk full, no permission.
    """
    problem = why_not_writable(path)
    if problem is not None:
        raise MachineError(f"{path}: {problem}; nothing was changed")
    try:
        _remove_leftovers(path.parent)
        mode = stat.S_IMODE(path.lstat().st_mode) if path.exists() else None
        temporary = path.with_name(f"{PREFIX}{os.urandom(8).hex()}{path.suffix}")
        try:
            _create(temporary, mode)
            yield temporary
            _sync(temporary, mode)
            (_link if must_be_new else os.replace)(temporary, path)
        finally:
            _remove(temporary)
    except FileExistsError:
        raise
    except OSError as error:
        raise MachineError(
            f"{path}: cannot be written ({error.strerror or error}); nothing was changed"
        ) from error
    with suppress(OSError):  # some directories can be neither opened nor synced
        _sync(path.parent, None)


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write a text, given piece by piece, as UTF-8 with its own line ends; see `write_atomic`."""
    with (
        write_atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        file.writelines(pieces)


def why_not_writable(path: Path) -> str | None:
    """Find out before any work whether a file could be written.

    Returns:
        What stands in the way and what to do, or None.
    """
    try:
        target = Path(os.path.abspath(path))
        if target.is_symlink():
            return f"{symbolic_link(target)}; use another name"
        if target.is_dir():
            return "this is a directory; name a file in it"
        if target.exists() and not target.is_file():
            return "this is not a regular file; choose another name"
    except FileNotFoundError:
        return "the working directory is gone; name the file by its full path"
    except OSError as error:
        return f"{error.strerror}; choose another name"
    if not target.parent.is_dir():
        return f"the directory {target.parent} does not exist; make it first"
    if not os.access(target.parent, os.W_OK | os.X_OK):
        return f"no permission to write into {target.parent}; choose another directory"
    return None


def symbolic_link(path: Path) -> str:
    """Return the problem with a symbolic link in the place of an output file."""
    return f"this is a symbolic link to {os.readlink(path)}, which is not followed"


def open_without_waiting(path: str | Path, flags: int) -> int:
    """Open a file and return its descriptor, without waiting for the other end of a FIFO.

    Args:
        path: The file.
        flags: As for `os.open`. The umask sets the permissions of a new file.
    """
    others = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC")
    return os.open(path, flags | sum(getattr(os, name, 0) for name in others), 0o666)


def _create(temporary: Path, mode: int | None) -> None:
    """Make an empty file that no more people can read than the file it is to replace.

    A new file gets what the umask, or the directory's own rule, would give to any other.
    """
    wanted = 0o666 if mode is None else mode & 0o777 | stat.S_IRUSR | stat.S_IWUSR
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, wanted))


def _sync(path: Path, mode: int | None) -> None:
    """Give a file its mode and wait until it is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(temporary: Path, target: Path) -> None:
    """Give a file its name, which must be free."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: hold the name, then rename
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.replace(temporary, target)


def _remove(temporary: Path) -> None:
    with suppress(FileNotFoundError):
        temporary.unlink()


def _remove_leftovers(directory: Path) -> None:
    """Remove the temporary files that writers killed long ago have left in a directory."""
    for leftover in directory.glob(f"{PREFIX}*"):
        with suppress(OSError):  # an error for one file must not keep the others
            status = leftover.lstat()
            is_ours = TEMPORARY.fullmatch(leftover.name) and stat.S_ISREG(status.st_mode)
            if is_ours and time.time() - status.st_mtime > LEFTOVER_S:
                leftover.unlink()
