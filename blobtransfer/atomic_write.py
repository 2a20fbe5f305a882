"""Atomic writing of files: completely or not at all, and never through a symbolic link.

A writer gets a temporary path beside the target. When it is done, the file is synced and renamed
over the target. If anything fails before that, the old file is unchanged.
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
"""Prefix of the name of every temporary file."""

TEMPORARY = re.compile(re.escape(PREFIX) + r"[0-9a-f]{16}(\.\w+)?")
"""Complete name of a temporary file."""

NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
"""Flag of `os.open` that refuses a symbolic link."""

LEFTOVER_S = 86_400.0
"""Age in seconds from which a temporary file counts as left by a killed process."""

_unfinished: set[Path] = set()
"""Temporary files that this process is writing."""


@contextmanager
def write_atomic(path: Path, must_be_new: bool = False) -> Iterator[Path]:
    """Yield a temporary path whose file replaces `path` when the block ends without error.

    Args:
        path: The target, not a symbolic link. Its directory must exist.
        must_be_new: Never replace a file, not even one that is created meanwhile.

    Yields:
        A path in the same directory with the same suffix; the block writes it.

    Raises:
        FileExistsError: `must_be_new`, and the file exists.
        MachineError: The file cannot be written: disk full, no permission.
    """
    problem = find_write_obstacle(path)
    if problem is not None:
        raise MachineError(f"{path}: {problem}; nothing was changed")
    try:
        _remove_leftovers(path.parent)
        mode = stat.S_IMODE(path.lstat().st_mode) if path.exists() else None
        temporary = path.with_name(f"{PREFIX}{os.urandom(8).hex()}{path.suffix}")
        try:
            _unfinished.add(temporary)
            _create(temporary, mode)
            yield temporary
            _sync(temporary, mode)
            (_link if must_be_new else os.replace)(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
            _unfinished.discard(temporary)
    except FileExistsError:
        raise
    except OSError as error:
        raise MachineError(
            f"{path}: cannot be written ({error.strerror or error}); nothing was changed"
        ) from error
    with suppress(OSError):  # some directories can be neither opened nor synced
        _sync(path.parent, None)


def remove_unfinished() -> None:
    """Remove the temporary files that this process is writing, before it exits at once."""
    for temporary in list(_unfinished):
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, pieces: Iterable[str]) -> None:
    """Write pieces of text as UTF-8, line ends unchanged; see `write_atomic`."""
    with (
        write_atomic(path) as temporary,
        open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        file.writelines(pieces)


def find_write_obstacle(path: Path) -> str | None:
    """Return why a file could not be written and what to do about it, or None.

    Call it before long work, so that the work is not lost.
    """
    try:
        target = Path(os.path.abspath(path))
        if target.is_symlink():
            return f"{explain_symbolic_link(target)}; use another name"
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


def explain_symbolic_link(path: Path) -> str:
    """Return the message for an output file that is a symbolic link."""
    return f"this is a symbolic link to {os.readlink(path)}, which is not followed"


def open_nonblocking(path: str | Path, flags: int) -> int:
    """Open a file without waiting for the other end of a FIFO, and return its descriptor.

    Args:
        path: The file.
        flags: As for `os.open`. The umask sets the permissions of a new file.

    Raises:
        OSError: As by `os.open`.
    """
    others = ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC")
    return os.open(path, flags | sum(getattr(os, name, 0) for name in others), 0o666)


def _create(temporary: Path, mode: int | None) -> None:
    """Create an empty file that is at most as readable as the file that it will replace.

    A new file gets the permissions that the umask, or the directory's default, gives.
    """
    permissions = 0o666 if mode is None else mode & 0o777 | stat.S_IRUSR | stat.S_IWUSR
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, permissions))


def _sync(path: Path, mode: int | None) -> None:
    """Set the mode of a file, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if mode is not None:
            os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(temporary: Path, target: Path) -> None:
    """Rename a file to a name that must be free."""
    try:
        os.link(temporary, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: reserve the name, then rename
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        os.replace(temporary, target)


def _remove_leftovers(directory: Path) -> None:
    """Remove the temporary files that writers killed long ago have left in a directory."""
    for leftover in directory.glob(f"{PREFIX}*"):
        with suppress(OSError):  # an error for one file must not stop the others
            status = leftover.lstat()
            is_ours = TEMPORARY.fullmatch(leftover.name) and stat.S_ISREG(status.st_mode)
            if is_ours and time.time() - status.st_mtime > LEFTOVER_S:
                leftover.unlink()
